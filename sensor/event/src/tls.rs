//! `tls`: the object of a tls transaction.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Tls<'a> {
    pub version: Text<'a>,
}
