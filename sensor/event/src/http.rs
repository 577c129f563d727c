//! `http`: the object of a http transaction.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Http<'a> {
    pub version: Text<'a>,
}
