//! What may be odd about messages.

use crate::EventRow;

pub const NO_ENCRYPTION: u16 = 2;
pub const WEAK_CRYPTO_ENC: u16 = 3;
pub const WEAK_CRYPTO_PRF: u16 = 4;
pub const WEAK_CRYPTO_DH: u16 = 5;
pub const WEAK_CRYPTO_AUTH: u16 = 6;
pub const WEAK_CRYPTO_NO_DH: u16 = 7;
pub const WEAK_CRYPTO_NO_AUTH: u16 = 8;
pub const INVALID_PROPOSAL: u16 = 9;
pub const UNKNOWN_PROPOSAL: u16 = 10;
pub const PAYLOAD_EXTRA_DATA: u16 = 11;
pub const MULTIPLE_SERVER_PROPOSAL: u16 = 12;

const fn row(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

pub const EVENTS: &[EventRow] = &[
    row("no_encryption", NO_ENCRYPTION),
    row("weak_crypto_enc", WEAK_CRYPTO_ENC),
    row("weak_crypto_prf", WEAK_CRYPTO_PRF),
    row("weak_crypto_dh", WEAK_CRYPTO_DH),
    row("weak_crypto_auth", WEAK_CRYPTO_AUTH),
    row("weak_crypto_no_dh", WEAK_CRYPTO_NO_DH),
    row("weak_crypto_no_auth", WEAK_CRYPTO_NO_AUTH),
    row("invalid_proposal", INVALID_PROPOSAL),
    row("unknown_proposal", UNKNOWN_PROPOSAL),
    row("payload_extra_data", PAYLOAD_EXTRA_DATA),
    row("multiple_server_proposal", MULTIPLE_SERVER_PROPOSAL),
];
