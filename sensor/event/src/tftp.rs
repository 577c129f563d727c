//! `tftp`: a request for a file.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Tftp<'a> {
    /// `read`, `write` or `error`.
    pub packet: &'static str,
    pub file: Text<'a>,
    pub mode: &'static str,
}
