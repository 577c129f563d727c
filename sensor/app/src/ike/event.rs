//! Message → the `ike` object.

use std::collections::BTreeSet;

use sensor_event::{
    Hex, Ike, IkeAlgorithms, IkeAttribute, IkeParticipant, IkeRaw, IkeTransform, IkeV1, IkeV2,
};
use sensor_flow::Direction;

use super::IkeTransaction;
use super::names::{ATTRIBUTES, PAYLOADS, value_name};
use super::state::{One, Participant, Version};
use super::wire::Transform;

pub fn record(tx: &IkeTransaction) -> Ike<'_> {
    let header = &tx.header;
    let mut ike = Ike {
        version_major: header.major,
        version_minor: header.minor,
        init_spi: tx.initiator.clone(),
        resp_spi: tx.responder.clone(),
        message_id: header.message_id,
        exchange_type: header.exchange,
        chosen: IkeTransform::default(),
        server_proposals: Vec::new(),
        role: None,
        algorithms: None,
        payload: Vec::new(),
        ikev1: None,
        ikev2: None,
    };
    match &tx.version {
        Version::One(one) => {
            ike.chosen = transform(&one.participants[1].transform);
            if tx.direction == Direction::ToClient && one.payloads.transforms.len() > 1 {
                ike.server_proposals = one.payloads.transforms.iter().map(transform).collect();
            }
            ike.payload = one
                .payloads
                .kinds
                .iter()
                .filter_map(|kind| PAYLOADS.iter().find(|row| row.1 == *kind))
                .map(|row| row.0.to_owned())
                .collect();
            ike.ikev1 = Some(version_one(tx, one));
        }
        Version::Two(two) => {
            if header.is_of_initiator() {
                ike.role = Some("initiator");
            } else {
                let chosen = &two.algorithms;
                ike.role = Some("responder");
                ike.algorithms = Some(IkeAlgorithms {
                    alg_enc: format!("{:?}", chosen.encryption),
                    alg_auth: format!("{:?}", chosen.integrity),
                    alg_prf: format!("{:?}", chosen.random),
                    alg_dh: format!("{:?}", chosen.group),
                    alg_esn: format!("{:?}", chosen.sequence),
                });
            }
            ike.payload = two
                .payloads
                .iter()
                .map(|kind| format!("{kind:?}"))
                .collect();
            ike.ikev2 = Some(IkeV2 {
                errors: two.errors,
                notify: two
                    .notifications
                    .iter()
                    .map(|kind| format!("{kind:?}"))
                    .collect(),
            });
        }
    }
    ike
}

fn version_one<'a>(tx: &'a IkeTransaction, one: &'a One) -> IkeV1<'a> {
    let encrypted = tx.header.is_encrypted();
    let [client, server] = &one.participants;
    let mut client = participant(client);
    if tx.direction == Direction::ToServer {
        client.proposals = one.payloads.transforms.iter().map(transform).collect();
    }
    IkeV1 {
        doi: one.domain,
        encrypted_payloads: encrypted,
        client: (!encrypted).then_some(client),
        server: (!encrypted).then(|| participant(server)),
        vendor_ids: one
            .payloads
            .vendors
            .iter()
            .map(|vendor| Hex(vendor))
            .collect(),
    }
}

fn participant(participant: &Participant) -> IkeParticipant<'_> {
    let hex = |bytes| Some(Hex(bytes)).filter(|_| !bytes.is_empty());
    let length = |bytes: &[u8]| Some(bytes.len()).filter(|length| *length > 0);
    IkeParticipant {
        key_exchange_payload: hex(&participant.key_exchange),
        key_exchange_payload_length: length(&participant.key_exchange),
        nonce_payload: hex(&participant.nonce),
        nonce_payload_length: length(&participant.nonce),
        proposals: Vec::new(),
    }
}

/// The attributes of a transform, the first of each kind.
fn transform(transform: &Transform) -> IkeTransform<'_> {
    let mut told = BTreeSet::new();
    IkeTransform(
        transform
            .iter()
            .filter_map(|attribute| {
                let name = ATTRIBUTES
                    .iter()
                    .find(|row| row.1 == attribute.kind)
                    .map_or("unknown", |row| row.0);
                told.insert(name).then(|| IkeAttribute {
                    name,
                    value: value_name(attribute.kind, attribute.short),
                    raw: match attribute.number {
                        Some(number) => Some(IkeRaw::Number(number)),
                        None => Some(IkeRaw::Bytes(Hex(&attribute.bytes))),
                    },
                })
            })
            .collect(),
    )
}
