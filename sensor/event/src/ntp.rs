//! `ntp`: the object of a ntp transaction.

use serde::Serialize;

use crate::ColonHex;

#[derive(Debug, Clone, Serialize)]
pub struct Ntp<'a> {
    pub version: u8,
    pub mode: u8,
    pub stratum: u8,
    pub reference_id: ColonHex<'a>,
}
