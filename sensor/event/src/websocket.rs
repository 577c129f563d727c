//! `websocket`: the object of a frame of WebSocket.

use std::borrow::Cow;

use serde::Serialize;

/// One frame.
#[derive(Debug, Clone, Serialize)]
pub struct Websocket {
    pub fin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<u32>,
    pub opcode: Cow<'static, str>,
}
