//! Messages → transactions.

use asn1_rs::FromDer;
use kerberos_parser::krb5::{
    EncryptionType, ErrorCode, KdcRep, KdcReq, KrbError, MessageType, PrincipalName,
};
use kerberos_parser::krb5_parser::{parse_as_rep, parse_as_req, parse_tgs_rep, parse_tgs_req};
use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::{MALFORMED_DATA, MAX_MESSAGE_BYTES, WEAK_ENCRYPTION, event, kind};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Bytes of the length in front of a message over TCP (RFC 4120 §7.2.2).
const LENGTH_BYTES: usize = 4;

/// One message.
#[derive(Debug)]
pub struct Krb5Transaction {
    pub kind: MessageType,
    /// What the request was, in a reply to it.
    pub request: Option<MessageType>,
    pub error: Option<ErrorCode>,
    pub client: Option<PrincipalName>,
    pub realm: Option<String>,
    pub service: Option<PrincipalName>,
    /// Of the reply, and of the ticket in it.
    pub encryption: Option<EncryptionType>,
    pub ticket_encryption: Option<EncryptionType>,
}

impl Krb5Transaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Krb5(Box::new(event::record(self)))
    }

    fn of_request(kind: MessageType, request: KdcReq<'_>) -> Self {
        Krb5Transaction {
            kind,
            request: None,
            error: None,
            client: request.req_body.cname,
            realm: Some(request.req_body.realm.0),
            service: request.req_body.sname,
            encryption: None,
            ticket_encryption: None,
        }
    }

    fn of_reply(kind: MessageType, reply: KdcRep<'_>) -> Self {
        Krb5Transaction {
            kind,
            request: None,
            error: None,
            client: Some(reply.cname),
            realm: Some(reply.crealm.0),
            service: Some(reply.ticket.sname),
            encryption: Some(reply.enc_part.etype),
            ticket_encryption: Some(reply.ticket.enc_part.etype),
        }
    }

    fn of_error(error: KrbError<'_>) -> Self {
        Krb5Transaction {
            kind: MessageType::KRB_ERROR,
            request: None,
            error: Some(error.error_code),
            client: error.cname,
            realm: error.crealm.map(|realm| realm.0),
            service: Some(error.sname),
            encryption: None,
            ticket_encryption: None,
        }
    }
}

/// All but AES and Camellia.
pub fn is_weak(encryption: EncryptionType) -> bool {
    !matches!(
        encryption,
        EncryptionType::AES128_CTS_HMAC_SHA1_96
            | EncryptionType::AES256_CTS_HMAC_SHA1_96
            | EncryptionType::AES128_CTS_HMAC_SHA256_128
            | EncryptionType::AES256_CTS_HMAC_SHA384_192
            | EncryptionType::CAMELLIA128_CTS_CMAC
            | EncryptionType::CAMELLIA256_CTS_CMAC
    )
}

#[derive(Debug)]
pub struct State {
    transport: Transport,
    held: [Vec<u8>; 2],
    /// Bytes were missed: where the next message begins is not known.
    lost: [bool; 2],
    /// The last request, until its reply.
    request: Option<MessageType>,
}

impl State {
    pub fn new(transport: Transport) -> Self {
        State {
            transport,
            held: Default::default(),
            lost: [false; 2],
            request: None,
        }
    }

    fn message(
        &mut self,
        direction: Direction,
        message: &[u8],
        transactions: &mut Transactions,
    ) -> Step {
        let Some(kind) = kind(message).map(MessageType) else {
            if let Some(tx) = transactions.last() {
                tx.raise(MALFORMED_DATA);
            }
            return Step::Failed;
        };
        let of_request = |request| Krb5Transaction::of_request(kind, request);
        let of_reply = |reply| Krb5Transaction::of_reply(kind, reply);
        let request = self.request;
        let (read, next) = match kind {
            MessageType::KRB_AS_REQ => (
                parse_as_req(message).ok().map(|read| of_request(read.1)),
                Some(kind),
            ),
            MessageType::KRB_TGS_REQ => (
                parse_tgs_req(message).ok().map(|read| of_request(read.1)),
                Some(kind),
            ),
            MessageType::KRB_AS_REP => (
                parse_as_rep(message).ok().map(|read| of_reply(read.1)),
                None,
            ),
            MessageType::KRB_TGS_REP => (
                parse_tgs_rep(message).ok().map(|read| of_reply(read.1)),
                None,
            ),
            MessageType::KRB_ERROR => (
                KrbError::from_der(message)
                    .ok()
                    .map(|read| Krb5Transaction::of_error(read.1)),
                None,
            ),
            MessageType::KRB_AP_REQ => (None, Some(kind)),
            MessageType::KRB_AP_REP => (None, None),
            _ => return Step::More,
        };
        self.request = next;
        let Some(mut krb5) = read else {
            return Step::More;
        };
        if krb5.kind != MessageType::KRB_AS_REQ && krb5.kind != MessageType::KRB_TGS_REQ {
            krb5.request = request;
        }
        let weak = krb5.encryption.is_some_and(is_weak);
        let Some(tx) = transactions.begin(Body::Krb5(Box::new(krb5))) else {
            return Step::Failed;
        };
        tx.only = Some(direction);
        for side in Direction::BOTH {
            tx.advance(side, Transaction::COMPLETE);
        }
        if weak {
            tx.raise(WEAK_ENCRYPTION);
        }
        Step::More
    }

    fn stream(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
    ) -> Step {
        let side = direction.index();
        if std::mem::take(&mut self.lost[side]) {
            // A chunk that does not begin with a message is passed over.
            let sound = data
                .split_first_chunk::<LENGTH_BYTES>()
                .is_some_and(|(_, message)| kind(message).is_some());
            if !sound {
                self.lost[side] = true;
                return Step::More;
            }
        }
        let mut held = std::mem::take(&mut self.held[side]);
        held.extend_from_slice(data);
        let mut rest = held.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<LENGTH_BYTES>() {
            let length = u32::from_be_bytes(*length) as usize;
            if length > MAX_MESSAGE_BYTES {
                return Step::Failed;
            }
            let Some(message) = after.get(..length) else {
                break;
            };
            rest = &after[length..];
            if self.message(direction, message, transactions) == Step::Failed {
                return Step::Failed;
            }
        }
        // At most one message is held.
        self.held[side] = rest.to_vec();
        Step::More
    }
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
        match self.transport {
            Transport::Tcp => self.stream(direction, data, transactions),
            Transport::Udp => self.message(direction, data, transactions),
        }
    }

    fn gap(
        &mut self,
        direction: Direction,
        _: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        self.held[direction.index()].clear();
        self.lost[direction.index()] = true;
        Step::More
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.held[direction.index()] = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 88,
        client_port: 1024,
    };

    /// An element of DER.
    fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
        let contents = contents.concat();
        let mut bytes = vec![tag, 0x81, contents.len() as u8];
        bytes.extend(contents);
        bytes
    }

    fn name(parts: &[&str]) -> Vec<u8> {
        let parts: Vec<Vec<u8>> = parts
            .iter()
            .map(|part| element(0x1b, &[part.as_bytes()]))
            .collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        element(
            0x30,
            &[
                &element(0xa0, &[b"\x02\x01\x01"]),
                &element(0xa1, &[&element(0x30, &parts)]),
            ],
        )
    }

    fn as_request() -> Vec<u8> {
        let body = element(
            0x30,
            &[
                &element(0xa0, &[b"\x03\x05\0\0\0\0\0"]),
                &element(0xa1, &[&name(&["user"])]),
                &element(0xa2, &[&element(0x1b, &[b"REALM"])]),
                &element(0xa3, &[&name(&["krbtgt", "REALM"])]),
                &element(0xa5, &[&element(0x18, &[b"20370913024805Z"])]),
                &element(0xa7, &[b"\x02\x01\x07"]),
                &element(0xa8, &[&element(0x30, &[b"\x02\x01\x17"])]),
            ],
        );
        let request = element(
            0x30,
            &[
                &element(0xa1, &[b"\x02\x01\x05"]),
                &element(0xa2, &[b"\x02\x01\x0a"]),
                &element(0xa4, &[&body]),
            ],
        );
        element(0x6a, &[&request])
    }

    fn error() -> Vec<u8> {
        let fields = element(
            0x30,
            &[
                &element(0xa0, &[b"\x02\x01\x05"]),
                &element(0xa1, &[b"\x02\x01\x1e"]),
                &element(0xa4, &[&element(0x18, &[b"20370913024805Z"])]),
                &element(0xa5, &[b"\x02\x01\x07"]),
                &element(0xa6, &[b"\x02\x01\x19"]),
                &element(0xa9, &[&element(0x1b, &[b"REALM"])]),
                &element(0xaa, &[&name(&["krbtgt", "REALM"])]),
            ],
        );
        element(0x7e, &[&fields])
    }

    fn prefixed(message: &[u8]) -> Vec<u8> {
        let mut bytes = (message.len() as u32).to_be_bytes().to_vec();
        bytes.extend(message);
        bytes
    }

    fn feed(
        state: &mut State,
        transactions: &mut Transactions,
        direction: Direction,
        data: &[u8],
    ) -> Step {
        state.chunk(direction, data, transactions, &CONTEXT, &Limits::default())
    }

    fn records(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
            .collect()
    }

    #[test]
    fn an_error_names_its_request() {
        let mut state = State::new(Transport::Udp);
        let mut transactions = Transactions::default();
        feed(
            &mut state,
            &mut transactions,
            Direction::ToServer,
            &as_request(),
        );
        feed(&mut state, &mut transactions, Direction::ToClient, &error());
        assert_eq!(
            records(&transactions),
            [
                r#"{"krb5":{"msg_type":"KRB_AS_REQ","cname":"user","realm":"REALM","sname":"krbtgt/REALM","encryption":"<none>","weak_encryption":false}}"#,
                r#"{"krb5":{"msg_type":"KRB_ERROR","failed_request":"KRB_AS_REQ","error_code":"KDC_ERR_PREAUTH_REQUIRED","cname":"<empty>","realm":"<empty>","sname":"krbtgt/REALM","encryption":"<none>","weak_encryption":false}}"#,
            ]
        );
    }

    #[test]
    fn after_a_gap_the_next_message_is_found() {
        let mut state = State::new(Transport::Tcp);
        let mut transactions = Transactions::default();
        let message = prefixed(&as_request());
        feed(
            &mut state,
            &mut transactions,
            Direction::ToServer,
            &message[..9],
        );
        state.gap(
            Direction::ToServer,
            100,
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
        for data in [b"rest of it".as_slice(), &message] {
            feed(&mut state, &mut transactions, Direction::ToServer, data);
        }
        assert_eq!(records(&transactions).len(), 1);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..60, 1..20)) {
            let stream = [prefixed(&as_request()), prefixed(&error())].concat();
            let mut state = State::new(Transport::Tcp);
            let mut transactions = Transactions::default();
            let mut rest = stream.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                feed(&mut state, &mut transactions, Direction::ToClient, chunk);
                rest = after;
            }
            prop_assert_eq!(records(&transactions).len(), 2);
        }

        #[test]
        fn no_bytes_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            kind in 10u8..31,
            at in any::<prop::sample::Index>(),
            tcp in any::<bool>(),
        ) {
            let mut changed = as_request();
            let at = at.index(changed.len());
            changed[at] = bytes.first().copied().unwrap_or(0);
            for data in [&bytes, &element(0x60 | kind, &[&element(0x30, &[&bytes])]), &changed] {
                let transport = if tcp { Transport::Tcp } else { Transport::Udp };
                let data = if tcp { prefixed(data) } else { data.clone() };
                let mut transactions = Transactions::default();
                feed(&mut State::new(transport), &mut transactions, Direction::ToClient, &data);
                records(&transactions);
            }
        }
    }
}
