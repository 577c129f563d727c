//! Messages → transactions.

use std::net::IpAddr;

use asn1_rs::FromBer;
use sensor_event::{AppRecord, Snmp};
use sensor_flow::Direction;
use snmp_parser::{
    NetworkAddress, ObjectSyntax, PduType, ScopedPduData, SecurityParameters, SnmpGenericMessage,
    SnmpPdu, TrapType, VarBindValue,
};

use super::{MALFORMED_DATA, UNKNOWN_SECURITY_MODEL, VERSION_MISMATCH, version};
use crate::facts::MAX_TEXT_BYTES;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// One message.
#[derive(Debug)]
pub struct SnmpTransaction {
    pub version: u32,
    /// None when it is encrypted.
    pub pdu: Option<Pdu>,
    pub community: Option<String>,
    /// The user, in version 3.
    pub user: Option<String>,
}

#[derive(Debug)]
pub struct Pdu {
    pub kind: PduType,
    error: Option<String>,
    pub trap: Option<Trap>,
    /// Identifiers of variables.
    variables: Vec<String>,
    /// What an answer says of its system (`sysDescr`, RFC 3418 §2), its beginning.
    pub description: Option<Vec<u8>>,
}

#[derive(Debug)]
pub struct Trap {
    pub kind: TrapType,
    enterprise: String,
    address: IpAddr,
}

impl Pdu {
    fn new(pdu: &SnmpPdu<'_>) -> Self {
        Pdu {
            kind: pdu.pdu_type(),
            error: match pdu {
                SnmpPdu::Generic(pdu) if pdu.err.0 != 0 => Some(format!("{:?}", pdu.err)),
                _ => None,
            },
            trap: match pdu {
                SnmpPdu::TrapV1(trap) => Some(Trap {
                    kind: trap.generic_trap,
                    enterprise: trap.enterprise.to_string(),
                    address: match trap.agent_addr {
                        NetworkAddress::IPv4(address) => address.into(),
                    },
                }),
                _ => None,
            },
            variables: pdu
                .vars_iter()
                .map(|variable| variable.oid.to_string())
                .collect(),
            description: description(pdu),
        }
    }

    fn name(&self) -> String {
        match self.kind {
            PduType::GetRequest => "get_request",
            PduType::GetNextRequest => "get_next_request",
            PduType::Response => "response",
            PduType::SetRequest => "set_request",
            PduType::TrapV1 => "trap_v1",
            PduType::GetBulkRequest => "get_bulk_request",
            PduType::InformRequest => "inform_request",
            PduType::TrapV2 => "trap_v2",
            PduType::Report => "report",
            PduType(other) => return format!("Unknown(0x{other:x})"),
        }
        .to_owned()
    }
}

fn description(pdu: &SnmpPdu<'_>) -> Option<Vec<u8>> {
    if pdu.pdu_type() != PduType::Response {
        return None;
    }
    pdu.vars_iter().find_map(|variable| match &variable.val {
        VarBindValue::Value(ObjectSyntax::String(text))
            if variable.oid.to_string() == "1.3.6.1.2.1.1.1.0" =>
        {
            Some(text[..text.len().min(MAX_TEXT_BYTES)].to_vec())
        }
        _ => None,
    })
}

impl SnmpTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        let Some(pdu) = &self.pdu else {
            return AppRecord::Snmp(Box::new(Snmp {
                version: self.version,
                pdu_type: "encrypted".to_owned(),
                ..Snmp::default()
            }));
        };
        let trap = pdu.trap.as_ref();
        AppRecord::Snmp(Box::new(Snmp {
            version: self.version,
            pdu_type: pdu.name(),
            error: pdu.error.as_deref(),
            trap_type: trap.map(|trap| format!("{:?}", trap.kind)),
            trap_oid: trap.map(|trap| trap.enterprise.as_str()),
            trap_address: trap.map(|trap| trap.address),
            vars: &pdu.variables,
            community: self.community.as_deref(),
            usm: self.user.as_deref(),
        }))
    }
}

#[derive(Debug, Default)]
pub struct State {
    /// Of the first message that told it.
    version: Option<u32>,
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let agreed = match self.version.or_else(|| version(data)) {
            Some(version) => *self.version.insert(version),
            None => 0,
        };
        let (snmp, version, odd) = match SnmpGenericMessage::from_ber(data) {
            Ok((_, SnmpGenericMessage::V1(message) | SnmpGenericMessage::V2(message))) => {
                let snmp = SnmpTransaction {
                    version: agreed,
                    pdu: Some(Pdu::new(&message.pdu)),
                    community: Some(message.community),
                    user: None,
                };
                (snmp, message.version + 1, false)
            }
            Ok((_, SnmpGenericMessage::V3(message))) => {
                let user = match message.security_params {
                    SecurityParameters::USM(usm) => Some(usm.msg_user_name),
                    SecurityParameters::Raw(_) => None,
                };
                let odd = user.is_none();
                let snmp = SnmpTransaction {
                    version: agreed,
                    pdu: match &message.data {
                        ScopedPduData::Plaintext(scoped) => Some(Pdu::new(&scoped.data)),
                        ScopedPduData::Encrypted(_) => None,
                    },
                    community: None,
                    user,
                };
                (snmp, message.version, odd)
            }
            Err(_) => {
                if let Some(tx) = transactions.last() {
                    tx.raise(MALFORMED_DATA);
                }
                return Step::Failed;
            }
        };
        let Some(tx) = transactions.begin(Body::Snmp(Box::new(snmp))) else {
            return Step::Failed;
        };
        tx.only = Some(direction);
        for side in Direction::BOTH {
            tx.advance(side, Transaction::COMPLETE);
        }
        for (odd, event) in [
            (version != agreed, VERSION_MISMATCH),
            (odd, UNKNOWN_SECURITY_MODEL),
        ] {
            if odd {
                tx.raise(event);
            }
        }
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::More
    }

    fn close(&mut self, _: Direction, _: &mut Transactions, _: &Context, _: &Limits) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 161,
        client_port: 1024,
    };

    const GET: &[u8] = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x07\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x05\x00";

    fn feed(state: &mut State, transactions: &mut Transactions, data: &[u8]) -> Step {
        state.chunk(
            Direction::ToServer,
            data,
            transactions,
            &CONTEXT,
            &Limits::default(),
        )
    }

    #[test]
    fn a_message_and_one_of_another_version() {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        feed(&mut state, &mut transactions, GET);
        let mut other = GET.to_vec();
        other[4] = 0;
        feed(&mut state, &mut transactions, &other);
        let records: Vec<String> = transactions
            .live()
            .iter()
            .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
            .collect();
        let expected = r#"{"snmp":{"version":2,"pdu_type":"get_request","vars":["1.3.6.1.2.1.1.1.0"],"community":"public"}}"#;
        assert_eq!(records, [expected, expected]);
        let events: Vec<_> = transactions.live().iter().map(|tx| &tx.events).collect();
        assert_eq!(events, [&Vec::new(), &vec![VERSION_MISMATCH]]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            changes in proptest::collection::vec((0usize..40, any::<u8>()), 0..6),
        ) {
            let mut changed = GET.to_vec();
            for (at, value) in changes {
                changed[at] = value;
            }
            for data in [&bytes, &changed] {
                let mut transactions = Transactions::default();
                feed(&mut State::default(), &mut transactions, data);
                for tx in transactions.live() {
                    serde_json::to_string(&tx.record()).expect("a record serialises");
                }
            }
        }
    }
}
