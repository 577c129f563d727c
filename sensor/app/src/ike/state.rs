//! Messages → transactions, each of the side that has sent it. What both sides have agreed so far is kept for
//! the records of later messages.

use std::sync::Arc;

use ipsec_parser::{
    IkePayloadType, IkeTransformAuthType, IkeTransformDHType, IkeTransformESNType,
    IkeTransformEncType, IkeTransformPRFType, IkeV2PayloadContent, IkeV2Transform, NotifyType,
    ProtocolID, parse_ikev2_payload_list,
};
use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::wire::{Header, Payloads, Transform, payload};
use super::{event, events};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};
use sensor_bytes::Reader;

/// Payloads and notifications of one message of version 2 that are told.
const MAX_TOLD: usize = 64;

/// One message.
#[derive(Debug)]
pub struct IkeTransaction {
    pub direction: Direction,
    pub header: Header,
    /// The header's identifiers as rules look for them.
    pub initiator: String,
    pub responder: String,
    pub version: Version,
}

#[derive(Debug)]
pub enum Version {
    One(Box<One>),
    Two(Box<Two>),
}

/// A message of version 1, and what the flow has said up to it.
#[derive(Debug, Default)]
pub struct One {
    pub payloads: Payloads,
    /// Identifiers of vendors in hexadecimal.
    pub vendors: Vec<String>,
    pub domain: Option<u32>,
    pub participants: [Arc<Participant>; 2],
}

#[derive(Debug, Default, Clone)]
pub struct Participant {
    pub key_exchange: Vec<u8>,
    pub nonce: Vec<u8>,
    /// The first transform that it has named.
    pub transform: Transform,
    pub transforms: usize,
}

/// A message of version 2.
#[derive(Debug, Default)]
pub struct Two {
    pub payloads: Vec<IkePayloadType>,
    pub notifications: Vec<NotifyType>,
    pub errors: u32,
    /// The transforms that the responder names.
    pub chosen: Vec<IkeV2Transform>,
    pub algorithms: Algorithms,
}

/// What the responder has chosen last.
#[derive(Debug, Clone, Copy)]
pub struct Algorithms {
    pub encryption: IkeTransformEncType,
    pub integrity: IkeTransformAuthType,
    pub random: IkeTransformPRFType,
    pub group: IkeTransformDHType,
    pub sequence: IkeTransformESNType,
}

impl Default for Algorithms {
    fn default() -> Self {
        Algorithms {
            encryption: IkeTransformEncType::ENCR_NULL,
            integrity: IkeTransformAuthType::NONE,
            random: IkeTransformPRFType::PRF_NULL,
            group: IkeTransformDHType::None,
            sequence: IkeTransformESNType::NoESN,
        }
    }
}

impl IkeTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Ike(Box::new(event::record(self)))
    }
}

#[derive(Debug, Default)]
pub struct State {
    /// The identifier of who has begun last.
    initiator: u64,
    domain: Option<u32>,
    participants: [Arc<Participant>; 2],
    algorithms: Algorithms,
}

impl State {
    /// Gateways talk from port 500 to port 500, so that one flow carries all that they ever agree on: what was said
    /// before goes when somebody begins anew.
    fn begin(&mut self, header: &Header) {
        if header.responder == 0 && header.initiator != self.initiator {
            *self = State {
                initiator: header.initiator,
                ..State::default()
            };
        }
    }

    fn one(
        &mut self,
        direction: Direction,
        header: &Header,
        body: &[u8],
    ) -> Option<(One, Vec<u16>)> {
        let mut raised = Vec::new();
        let mut payloads = Payloads::default();
        payloads.kinds.insert(header.next_payload);
        if !header.is_encrypted() {
            payloads = Payloads::read(header.next_payload, body).ok()?;
            self.domain = payloads.domain.or(self.domain);
            if payloads.has_extra {
                raised.push(events::PAYLOAD_EXTRA_DATA);
            }
            let participant = Arc::make_mut(&mut self.participants[direction.index()]);
            if payloads.kinds.contains(&payload::ASSOCIATION) {
                *participant = Participant::default();
            }
            let before = participant.transforms;
            let named = payloads.transforms.len();
            if direction == Direction::ToClient && before <= 1 && before + named > 1 {
                raised.push(events::MULTIPLE_SERVER_PROPOSAL);
            }
            participant.key_exchange.clone_from(&payloads.key_exchange);
            participant.nonce.clone_from(&payloads.nonce);
            if let (0, Some(first)) = (before, payloads.transforms.first()) {
                participant.transform.clone_from(first);
            }
            participant.transforms += named;
        }
        let one = One {
            vendors: payloads
                .vendors
                .iter()
                .map(|vendor| sensor_event::Hex(vendor).to_string())
                .collect(),
            payloads,
            domain: self.domain,
            participants: self.participants.clone(),
        };
        Some((one, raised))
    }

    fn two(&mut self, direction: Direction, header: &Header, body: &[u8]) -> (Two, Vec<u16>) {
        let mut two = Two::default();
        let mut raised = Vec::new();
        let first = IkePayloadType(header.next_payload);
        let payloads = match parse_ikev2_payload_list(body, first) {
            Ok((_, Ok(payloads))) => payloads,
            _ => Vec::new(),
        };
        for payload in payloads.iter().take(MAX_TOLD) {
            two.payloads.push(payload.hdr.next_payload_type);
            match &payload.content {
                IkeV2PayloadContent::SA(proposals) => {
                    for proposal in proposals {
                        let transforms: Vec<IkeV2Transform> = proposal
                            .transforms
                            .iter()
                            .map(IkeV2Transform::from)
                            .collect();
                        judge(&transforms, proposal.protocol_id, &mut raised);
                        if direction == Direction::ToClient {
                            self.choose(&transforms);
                            two.chosen.extend(transforms);
                        }
                    }
                }
                IkeV2PayloadContent::Notify(notification) => {
                    two.errors += u32::from(notification.notify_type.is_error());
                    two.notifications.push(notification.notify_type);
                }
                _ => {}
            }
        }
        two.algorithms = self.algorithms;
        (two, raised)
    }

    fn choose(&mut self, transforms: &[IkeV2Transform]) {
        for transform in transforms {
            match *transform {
                IkeV2Transform::Encryption(chosen) => self.algorithms.encryption = chosen,
                IkeV2Transform::Auth(chosen) => self.algorithms.integrity = chosen,
                IkeV2Transform::PRF(chosen) => self.algorithms.random = chosen,
                IkeV2Transform::DH(chosen) => self.algorithms.group = chosen,
                IkeV2Transform::ESN(chosen) => self.algorithms.sequence = chosen,
                IkeV2Transform::Unknown(..) => {}
            }
        }
    }
}

/// What is weak in a proposal of version 2 (RFC 8247).
fn judge(transforms: &[IkeV2Transform], protocol: ProtocolID, raised: &mut Vec<u16>) {
    use IkeTransformAuthType as Auth;
    use IkeTransformDHType as Group;
    use IkeTransformEncType as Enc;
    use IkeTransformPRFType as Prf;
    for transform in transforms {
        let event = match *transform {
            IkeV2Transform::Encryption(
                Enc::ENCR_DES_IV64
                | Enc::ENCR_DES
                | Enc::ENCR_3DES
                | Enc::ENCR_RC5
                | Enc::ENCR_IDEA
                | Enc::ENCR_CAST
                | Enc::ENCR_BLOWFISH
                | Enc::ENCR_3IDEA
                | Enc::ENCR_DES_IV32
                | Enc::ENCR_NULL,
            ) => events::WEAK_CRYPTO_ENC,
            IkeV2Transform::PRF(Prf::PRF_NULL) | IkeV2Transform::DH(Group::None) => {
                events::INVALID_PROPOSAL
            }
            IkeV2Transform::PRF(Prf::PRF_HMAC_MD5 | Prf::PRF_HMAC_SHA1) => events::WEAK_CRYPTO_PRF,
            IkeV2Transform::Auth(
                Auth::AUTH_HMAC_MD5_96
                | Auth::AUTH_HMAC_SHA1_96
                | Auth::AUTH_DES_MAC
                | Auth::AUTH_KPDK_MD5
                | Auth::AUTH_AES_XCBC_96
                | Auth::AUTH_HMAC_MD5_128
                | Auth::AUTH_HMAC_SHA1_160,
            ) => events::WEAK_CRYPTO_AUTH,
            IkeV2Transform::DH(
                Group::Modp768 | Group::Modp1024 | Group::Modp1024s160 | Group::Modp1536,
            ) => events::WEAK_CRYPTO_DH,
            IkeV2Transform::Unknown(..) => events::UNKNOWN_PROPOSAL,
            _ => continue,
        };
        raised.push(event);
    }
    let has = |is: fn(&IkeV2Transform) -> bool| transforms.iter().any(is);
    if !has(|one| matches!(one, IkeV2Transform::DH(_))) {
        raised.push(events::WEAK_CRYPTO_NO_DH);
    }
    // The authentication header hides nothing (RFC 7296 §3.3.1).
    if protocol == ProtocolID::AH {
        raised.push(events::NO_ENCRYPTION);
    }
    let protects = |one: &IkeV2Transform| match one {
        IkeV2Transform::Auth(kind) => *kind != Auth::NONE,
        IkeV2Transform::Encryption(kind) => kind.is_aead(),
        _ => false,
    };
    if !transforms.iter().any(protects) {
        raised.push(events::WEAK_CRYPTO_NO_AUTH);
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
        let mut reader = Reader::new(data);
        let Ok(header) = Header::read(&mut reader) else {
            return Step::More;
        };
        let body = reader.rest();
        self.begin(&header);
        let (version, raised) = match header.major {
            1 => match self.one(direction, &header, body) {
                Some((one, raised)) => (Version::One(Box::new(one)), raised),
                None => return Step::More,
            },
            2 => {
                let (two, raised) = self.two(direction, &header, body);
                (Version::Two(Box::new(two)), raised)
            }
            _ => return Step::More,
        };
        let ike = IkeTransaction {
            direction,
            header,
            initiator: format!("{:016x}", header.initiator),
            responder: format!("{:016x}", header.responder),
            version,
        };
        if let Some(transaction) = transactions.begin(Body::Ike(Box::new(ike))) {
            transaction.only = Some(direction);
            for event in raised {
                transaction.raise(event);
            }
            for side in Direction::BOTH {
                transaction.advance(side, Transaction::COMPLETE);
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
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 500,
        client_port: 500,
    };

    fn message(version: u8, first: u8, exchange: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        bytes[7] = 1;
        bytes[15] = 2;
        bytes.extend([first, version, exchange, flags, 0, 0, 0, 0]);
        bytes.extend((body.len() as u32 + 28).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn run(messages: &[(Direction, Vec<u8>)]) -> Transactions {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        for (direction, bytes) in messages {
            state.chunk(
                *direction,
                bytes,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
        }
        transactions
    }

    fn records(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
            .collect()
    }

    #[test]
    fn nonces_of_both_sides_are_told() {
        let seen = run(&[
            (ToServer, message(0x10, 10, 2, 0, b"\0\0\0\x06ab")),
            (ToClient, message(0x10, 10, 2, 0, b"\0\0\0\x06cd")),
            (ToServer, message(0x10, 5, 2, 1, b"encrypted")),
        ]);
        let records = records(&seen);
        assert_eq!(
            records[1],
            concat!(
                r#"{"ike":{"version_major":1,"version_minor":0,"init_spi":"0000000000000001","#,
                r#""resp_spi":"0000000000000002","message_id":0,"exchange_type":2,"payload":["Nonce"],"#,
                r#""ikev1":{"encrypted_payloads":false,"client":{"nonce_payload":"6162","nonce_payload_length":2},"#,
                r#""server":{"nonce_payload":"6364","nonce_payload_length":2}}}}"#
            )
        );
        assert!(
            records[2]
                .ends_with(r#""payload":["Identification"],"ikev1":{"encrypted_payloads":true}}}"#)
        );
    }

    /// An answer that chooses DES, MD5 and the second group.
    fn weak_answer() -> Vec<u8> {
        let mut transforms = Vec::new();
        for (last, kind, id) in [(3u8, 1u8, 2u8), (3, 2, 1), (3, 3, 1), (0, 4, 2)] {
            transforms.extend([last, 0, 0, 8, kind, 0, 0, id]);
        }
        let mut proposal = vec![0, 0, 0, transforms.len() as u8 + 8, 1, 1, 0, 4];
        proposal.extend(transforms);
        let mut body = vec![0, 0, 0, proposal.len() as u8 + 4];
        body.extend(proposal);
        message(0x20, 33, 34, 0x20, &body)
    }

    #[test]
    fn what_begins_anew_knows_nothing_of_what_was_before() {
        let mut other = message(0x20, 41, 34, 8, b"");
        other[..16].copy_from_slice(b"another.\0\0\0\0\0\0\0\0");
        // Sent again, without an answer yet.
        let again = other.clone();
        let mut refusal = message(0x20, 41, 34, 0x20, b"");
        refusal[..16].copy_from_slice(b"another.\0\0\0\0\0\0\0\0");
        let seen = run(&[
            (ToClient, weak_answer()),
            (ToServer, message(0x20, 41, 36, 8, b"")),
            (ToServer, other),
            (ToServer, again),
            (ToClient, refusal),
        ]);
        let chosen: Vec<_> = seen
            .live()
            .iter()
            .map(|tx| match &tx.body {
                Body::Ike(ike) => match &ike.version {
                    Version::Two(two) => two.algorithms.encryption,
                    Version::One(_) => panic!("another version"),
                },
                _ => panic!("another protocol"),
            })
            .collect();
        let (weak, none) = (
            IkeTransformEncType::ENCR_DES,
            IkeTransformEncType::ENCR_NULL,
        );
        assert_eq!(chosen, [weak, weak, none, none, none]);
    }

    #[test]
    fn weak_proposals_are_told() {
        let seen = run(&[(ToClient, weak_answer())]);
        assert_eq!(
            seen.live()[0].events,
            [
                events::WEAK_CRYPTO_ENC,
                events::WEAK_CRYPTO_PRF,
                events::WEAK_CRYPTO_AUTH,
                events::WEAK_CRYPTO_DH,
            ]
        );
        let record = &records(&seen)[0];
        assert!(
            record.contains(r#""role":"responder","alg_enc":"ENCR_DES","#),
            "{record}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(version in 0u8..0x30, first in 0u8..60, flags in any::<u8>(), client in any::<bool>(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let side = if client { ToServer } else { ToClient };
            records(&run(&[(side, message(version, first, 34, flags, &body)), (side, body)]));
        }
    }
}
