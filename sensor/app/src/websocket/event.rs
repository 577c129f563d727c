//! Frame → the `websocket` object.

use sensor_event::{AppRecord, Websocket};

use super::WebsocketTransaction;
use super::wire::FIN;

impl WebsocketTransaction {
    /// The EVE object.
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Websocket(Websocket {
            fin: self.header.has(FIN),
            mask: self.header.mask.map(u32::from_be_bytes),
            opcode: self.header.opcode.name(),
        })
    }
}
