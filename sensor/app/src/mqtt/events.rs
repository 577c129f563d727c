//! What may be odd about messages and their order.

use crate::EventRow;

pub const MISSING_CONNECT: u16 = 1;
pub const MISSING_PUBLISH: u16 = 2;
pub const MISSING_SUBSCRIBE: u16 = 3;
pub const MISSING_UNSUBSCRIBE: u16 = 4;
pub const DOUBLE_CONNECT: u16 = 5;
pub const UNINTRODUCED_MESSAGE: u16 = 6;
pub const INVALID_QOS_LEVEL: u16 = 7;
/// Never raised: a message that must have an identifier and has none is malformed.
pub const MISSING_MSG_ID: u16 = 8;
pub const UNASSIGNED_MSG_TYPE: u16 = 9;
pub const TOO_MANY_TRANSACTIONS: u16 = 10;
pub const MALFORMED_TRAFFIC: u16 = 11;
pub const TOO_MANY_MESSAGES: u16 = 12;

const fn row(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

pub const EVENTS: &[EventRow] = &[
    row("missing_connect", MISSING_CONNECT),
    row("missing_publish", MISSING_PUBLISH),
    row("missing_subscribe", MISSING_SUBSCRIBE),
    row("missing_unsubscribe", MISSING_UNSUBSCRIBE),
    row("double_connect", DOUBLE_CONNECT),
    row("unintroduced_message", UNINTRODUCED_MESSAGE),
    row("invalid_qos_level", INVALID_QOS_LEVEL),
    row("missing_msg_id", MISSING_MSG_ID),
    row("unassigned_msg_type", UNASSIGNED_MSG_TYPE),
    row("too_many_transactions", TOO_MANY_TRANSACTIONS),
    row("malformed_traffic", MALFORMED_TRAFFIC),
    row("too_many_messages", TOO_MANY_MESSAGES),
];
