//! Transaction → the `ldap` object.

use std::borrow::Cow;

use ldap_parser::filter::{Attribute, Filter, PartialAttribute};
use ldap_parser::ldap::{
    AuthenticationChoice, Control, LdapMessage, LdapResult, Operation, ProtocolOp,
};
use sensor_event::{
    Hex, Ldap, LdapAttribute, LdapAttributeValue, LdapChange, LdapControl, LdapFilter,
    LdapModification, LdapOperation, LdapRequest, LdapResponse, LdapResultFields, LdapSasl,
    LdapTypedAttribute, Text,
};

use super::LdapTransaction;
use super::number::{OPERATIONS, RESULTS, name};

pub fn record(ldap: &LdapTransaction) -> Ldap<'_> {
    Ldap {
        request: ldap.request.as_ref().map(|request| LdapRequest {
            message_id: request.message_id.0,
            operation: operation_name(request),
            body: operation(&request.protocol_op),
            controls: controls(request.controls.as_deref()),
        }),
        responses: ldap
            .responses
            .iter()
            .map(|response| LdapResponse {
                operation: operation_name(response),
                message_id: ldap.request.is_none().then_some(response.message_id.0),
                body: operation(&response.protocol_op),
                controls: controls(response.controls.as_deref()),
            })
            .collect(),
    }
}

fn operation_name(message: &LdapMessage<'_>) -> &'static str {
    name(OPERATIONS, message.protocol_op.tag().0).unwrap_or("unknown")
}

fn operation<'a>(operation: &'a ProtocolOp<'static>) -> Option<LdapOperation<'a>> {
    Some(match operation {
        ProtocolOp::SearchRequest(search) => LdapOperation::SearchRequest {
            base_object: &search.base_object.0,
            scope: search.scope.0,
            deref_alias: search.deref_aliases.0,
            size_limit: search.size_limit,
            time_limit: search.time_limit,
            types_only: search.types_only,
            filter: match &search.filter {
                Filter::Present(value) => Some(LdapFilter {
                    kind: "present",
                    value: &value.0,
                }),
                _ => None,
            },
            attributes: search.attributes.iter().map(|name| &*name.0).collect(),
        },
        ProtocolOp::BindRequest(bind) => LdapOperation::BindRequest {
            version: bind.version,
            name: &bind.name.0,
            sasl: match &bind.authentication {
                AuthenticationChoice::Sasl(sasl) => Some(LdapSasl {
                    mechanism: &sasl.mechanism.0,
                    credentials: sasl.credentials.as_deref().map(Hex),
                }),
                AuthenticationChoice::Simple(_) => None,
            },
        },
        ProtocolOp::ModifyRequest(modify) => LdapOperation::ModifyRequest {
            object: &modify.object.0,
            changes: modify
                .changes
                .iter()
                .map(|change| LdapChange {
                    operation: change_name(change.operation),
                    modification: LdapModification {
                        attribute_type: &change.modification.attr_type.0,
                        attribute_values: values(&change.modification),
                    },
                })
                .collect(),
        },
        ProtocolOp::AddRequest(add) => LdapOperation::AddRequest {
            entry: &add.entry.0,
            attributes: add.attributes.iter().map(attribute).collect(),
        },
        ProtocolOp::DelRequest(name) => LdapOperation::DelRequest { dn: &name.0 },
        ProtocolOp::ModDnRequest(rename) => LdapOperation::ModDnRequest {
            entry: &rename.entry.0,
            new_rdn: &rename.newrdn.0,
            delete_old_rdn: rename.deleteoldrdn,
            new_superior: rename.newsuperior.as_ref().map(|name| &*name.0),
        },
        ProtocolOp::CompareRequest(compare) => LdapOperation::CompareRequest {
            entry: &compare.entry.0,
            attribute_value_assertion: LdapAttributeValue {
                description: &compare.ava.attribute_desc.0,
                value: Text(&compare.ava.assertion_value),
            },
        },
        ProtocolOp::ExtendedRequest(request) => LdapOperation::ExtendedRequest {
            name: &request.request_name.0,
            value: request.request_value.as_deref().map(Text),
        },
        ProtocolOp::SearchResultEntry(entry) => LdapOperation::SearchResultEntry {
            base_object: &entry.object_name.0,
            attributes: entry
                .attributes
                .iter()
                .map(|attribute| LdapTypedAttribute {
                    kind: &attribute.attr_type.0,
                    values: values(attribute),
                })
                .collect(),
        },
        ProtocolOp::SearchResultDone(done) => LdapOperation::SearchResultDone(result(done)),
        ProtocolOp::BindResponse(response) => LdapOperation::BindResponse {
            result: result(&response.result),
            server_sasl_creds: response.server_sasl_creds.as_deref().map(Hex),
        },
        ProtocolOp::ModifyResponse(response) => {
            LdapOperation::ModifyResponse(result(&response.result))
        }
        ProtocolOp::AddResponse(response) => LdapOperation::AddResponse(result(response)),
        ProtocolOp::DelResponse(response) => LdapOperation::DelResponse(result(response)),
        ProtocolOp::ModDnResponse(response) => LdapOperation::ModDnResponse(result(response)),
        ProtocolOp::CompareResponse(response) => LdapOperation::CompareResponse(result(response)),
        ProtocolOp::ExtendedResponse(response) => LdapOperation::ExtendedResponse {
            result: result(&response.result),
            name: response.response_name.as_ref().map(|name| &*name.0),
            value: response.response_value.as_deref().map(Text),
        },
        ProtocolOp::IntermediateResponse(response) => LdapOperation::IntermediateResponse {
            name: response.response_name.as_ref().map(|name| &*name.0),
            value: response.response_value.as_deref().map(Text),
        },
        ProtocolOp::UnbindRequest
        | ProtocolOp::AbandonRequest(_)
        | ProtocolOp::SearchResultReference(_) => return None,
    })
}

fn change_name(operation: Operation) -> Cow<'static, str> {
    match operation {
        Operation::Add => "add".into(),
        Operation::Delete => "delete".into(),
        Operation::Replace => "replace".into(),
        Operation(other) => other.to_string().into(),
    }
}

fn attribute<'a>(attribute: &'a Attribute<'static>) -> LdapAttribute<'a> {
    LdapAttribute {
        name: &attribute.attr_type.0,
        values: attribute
            .attr_vals
            .iter()
            .map(|value| Text(&value.0))
            .collect(),
    }
}

fn values<'a>(attribute: &'a PartialAttribute<'static>) -> Vec<Text<'a>> {
    attribute
        .attr_vals
        .iter()
        .map(|value| Text(&value.0))
        .collect()
}

fn result<'a>(result: &'a LdapResult<'static>) -> LdapResultFields<'a> {
    let code = result.result_code.0;
    LdapResultFields {
        result_code: match name(RESULTS, code) {
            Some(name) => name.into(),
            None => format!("unknown-{code}").into(),
        },
        matched_dn: &result.matched_dn.0,
        message: &result.diagnostic_message.0,
    }
}

fn controls<'a>(controls: Option<&'a [Control<'static>]>) -> Option<Vec<LdapControl<'a>>> {
    let control = |control: &'a Control<'static>| LdapControl {
        control_type: &control.control_type.0,
        criticality: control.criticality,
        control_value: control.control_value.as_deref().map(Hex),
    };
    controls.map(|controls| controls.iter().map(control).collect())
}
