//! What a caller gives to parsers besides bytes.

use std::sync::Arc;

use crate::WantedFrames;
use crate::file::Hashes;
use crate::ranges::Ranges;

/// What a parser may need besides bytes.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Nanoseconds since the epoch, of the packet that caused the call.
    pub now_ns: i64,
    pub server_port: u16,
    pub client_port: u16,
}

/// Limits that configuration may change (names and defaults as Suricata's configuration).
#[derive(Debug, Clone)]
pub struct Limits {
    /// 0 is no limit.
    pub http_request_body_bytes: u64,
    /// 0 is no limit.
    pub http_response_body_bytes: u64,
    /// Bytes of a body that wait for its end before rules look into it.
    pub http_request_inspect_bytes: u64,
    /// As `http_request_inspect_bytes`, of replies.
    pub http_response_inspect_bytes: u64,
    pub http_decompress_layers: usize,
    /// Output of one decompressed body at which its input is weighed against it.
    pub http_compression_bomb_bytes: u64,
    pub http_double_decode_path: bool,
    pub http_double_decode_query: bool,
    /// Hashes to compute over files.
    pub hashes: Hashes,
    /// Flows may be met midway: their sides may be the wrong way round.
    pub midstream: bool,
    /// Bytes of a file or body that stay readable behind the newest one.
    pub window_bytes: usize,
    /// Parts of streams and datagrams that rules or records ask for.
    pub frames: WantedFrames,
    /// Files that come in ranges, put together by all workers.
    pub ranges: Arc<Ranges>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            http_request_body_bytes: 100 * 1024,
            http_response_body_bytes: 100 * 1024,
            http_request_inspect_bytes: 32 * 1024,
            http_response_inspect_bytes: 40 * 1024,
            http_decompress_layers: 2,
            http_compression_bomb_bytes: 1024 * 1024,
            http_double_decode_path: false,
            http_double_decode_query: false,
            hashes: Hashes::default(),
            midstream: false,
            window_bytes: 100 * 1024,
            frames: WantedFrames::default(),
            ranges: Arc::default(),
        }
    }
}
