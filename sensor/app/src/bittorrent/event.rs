//! Transaction → the `bittorrent_dht` object.

use sensor_event::{
    AppRecord, BittorrentDht, BittorrentError, BittorrentNode, BittorrentPeer, BittorrentRequest,
    BittorrentResponse, Hex,
};

use super::state::BittorrentTransaction;
use super::wire::{Kind, Node, Peer};

impl BittorrentTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        let message = &self.message;
        let mut record = BittorrentDht {
            transaction_id: Hex(&message.transaction),
            client_version: message.client.as_deref().map(Hex),
            request_type: None,
            error: None,
            request: None,
            response: None,
        };
        match &message.kind {
            Some(Kind::Query { method, arguments }) => {
                record.request_type = Some(method);
                record.request = Some(BittorrentRequest {
                    id: Hex(&arguments.id),
                    target: arguments.target.as_deref().map(Hex),
                    info_hash: arguments.info_hash.as_deref().map(Hex),
                    token: arguments.token.as_deref().map(Hex),
                    implied_port: arguments.implied_port,
                    port: arguments.port,
                });
            }
            Some(Kind::Response(response)) => {
                record.response = Some(BittorrentResponse {
                    id: Hex(&response.id),
                    nodes: response.nodes.iter().map(node).collect(),
                    nodes6: response.nodes6.iter().map(node).collect(),
                    values: response.values.iter().map(peer).collect(),
                    token: response.token.as_deref().map(Hex),
                });
            }
            Some(Kind::Error { number, text }) => {
                record.error = Some(BittorrentError {
                    num: *number,
                    msg: text,
                });
            }
            None => {}
        }
        AppRecord::BittorrentDht(Box::new(record))
    }
}

fn node(node: &Node) -> BittorrentNode<'_> {
    BittorrentNode {
        id: Hex(&node.id),
        peer: peer(&node.peer),
    }
}

/// Addresses of IPv6 are written out in full.
fn peer(peer: &Peer) -> BittorrentPeer {
    let ip = match peer.address.as_slice() {
        [a, b, c, d] => format!("{a}.{b}.{c}.{d}"),
        address => {
            let groups: Vec<String> = address
                .chunks(2)
                .map(|group| Hex(group).to_string())
                .collect();
            groups.join(":")
        }
    };
    BittorrentPeer {
        ip,
        port: peer.port,
    }
}
