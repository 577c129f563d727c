//! Transaction → the `pgsql` object.

use std::borrow::Cow;

use sensor_event::{
    Pgsql, PgsqlColumns, PgsqlCopyIn, PgsqlCopyOut, PgsqlError, PgsqlParameter, PgsqlRequest,
    PgsqlResponse, PgsqlStartup, Text,
};

use super::transaction::{PgsqlTransaction, Request, Response};
use super::wire::Mechanism;

/// The object of the transaction with this number, counted from 0.
pub fn record(tx: &PgsqlTransaction, number: u64) -> Pgsql<'_> {
    Pgsql {
        tx_id: number + 1,
        request: tx.request.as_ref().map(request),
        response: tx.response.as_ref().map(response),
    }
}

fn request(request: &Request) -> PgsqlRequest<'_> {
    PgsqlRequest {
        protocol_version: request
            .startup
            .as_ref()
            .map(|startup| format!("{}.{}", startup.version.0, startup.version.1)),
        startup_parameters: request.startup.as_ref().map(|startup| PgsqlStartup {
            user: Text(&startup.user),
            optional_parameters: startup.others.iter().map(parameter).collect(),
        }),
        message: request.message,
        sasl_authentication_mechanism: request.mechanism.map(|mechanism| match mechanism {
            Mechanism::ScramSha256 => "scram_SHA256",
            Mechanism::ScramSha256Plus => "scram_SHA256_plus",
        }),
        sasl_param: text(&request.sasl_parameter),
        sasl_response: text(&request.sasl_response),
        password_redacted: request.password,
        simple_query: text(&request.query),
        copy_data_in: request.copied.map(|copied| PgsqlCopyIn {
            msg_count: copied.count,
            data_size: copied.bytes,
        }),
        copy_fail: text(&request.copy_fail),
        process_id: request.cancels.map(|(process, _)| process),
        secret_key: request.cancels.map(|(_, key)| key),
    }
}

fn response(response: &Response) -> PgsqlResponse<'_> {
    PgsqlResponse {
        ssl_accepted: response.tls_accepted,
        authentication_md5_password: text(&response.md5_salt),
        authentication_sasl_final: text(&response.sasl_final),
        message: text(&response.message),
        error: PgsqlError(
            response
                .error
                .iter()
                .filter_map(|(kind, value)| Some((error_field(*kind)?, Text(value))))
                .collect(),
        ),
        parameter_status: response.parameters.iter().map(parameter).collect(),
        process_id: response.backend_key.map(|(process, _)| process),
        secret_key: response.backend_key.map(|(_, key)| key),
        field_count: response.fields,
        data_rows: response.rows.map(|rows| rows.count),
        data_size: response.rows.map(|rows| rows.bytes),
        copy_out_response: response.copy_out.map(|columns| PgsqlColumns { columns }),
        copy_in_response: response.copy_in.map(|columns| PgsqlColumns { columns }),
        copy_data_out: response.copied.map(|copied| PgsqlCopyOut {
            row_count: copied.count,
            data_size: copied.bytes,
        }),
        command_completed: text(&response.command),
    }
}

fn text(bytes: &Option<Vec<u8>>) -> Option<Text<'_>> {
    bytes.as_deref().map(Text)
}

fn parameter((name, value): &(Vec<u8>, Vec<u8>)) -> PgsqlParameter<'_> {
    PgsqlParameter {
        name: match name.as_slice() {
            b"DateStyle" => Cow::Borrowed("date_style"),
            b"IntervalStyle" => Cow::Borrowed("interval_style"),
            b"TimeZone" => Cow::Borrowed("time_zone"),
            other => Cow::Borrowed(std::str::from_utf8(other).unwrap_or("unknown_parameter")),
        },
        value: Text(value),
    }
}

/// Name of an error's field (“Error and Notice Message Fields”); its text is told elsewhere, and what has no
/// name is not told.
fn error_field(kind: u8) -> Option<&'static str> {
    Some(match kind {
        b'S' => "severity_localizable",
        b'V' => "severity_non_localizable",
        b'C' => "code",
        b'D' => "detail",
        b'H' => "hint",
        b'P' => "position",
        b'p' => "internal_position",
        b'q' => "internal_query",
        b'W' => "where",
        b's' => "schema_name",
        b't' => "table_name",
        b'c' => "column_name",
        b'd' => "data_type",
        b'n' => "constraint_name",
        b'F' => "file",
        b'L' => "line",
        b'R' => "routine",
        b'M' => return None,
        _ => "unknown_field_type",
    })
}
