//! `dns`: the object of a dns transaction.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Dns<'a> {
    pub version: Text<'a>,
}
