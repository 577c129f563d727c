//! Captures → conversations: what each side of a flow says, piece by piece.
//!
//! Payloads are taken in the order of the capture, which is good enough for captures of a quiet wire: what is sent
//! again is left out, and nothing is put in order. Left out as well: fragments of IP.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use sensor_app::{AppLayer, Context, Limits, Transport};
use sensor_capture::CaptureFile;
use sensor_decode::{Counters, LinkType, Packet};
use sensor_flow::Direction;

/// Time of the first piece, in nanoseconds since the epoch.
const BEGIN_NS: i64 = 1_700_000_000_000_000_000;
/// Time from one piece to the next.
const STEP_NS: i64 = 1_000_000;

/// What two hosts say to each other over one flow. Who sends the first packet is the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub transport: Transport,
    pub server_port: u16,
    pub client_port: u16,
    /// Segments or datagrams, none of them empty.
    pub pieces: Vec<(Direction, Vec<u8>)>,
}

impl Conversation {
    pub fn bytes(&self) -> usize {
        self.pieces.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    pub fn borrowed(&self) -> impl Iterator<Item = (Direction, &[u8])> {
        self.pieces
            .iter()
            .map(|(side, bytes)| (*side, bytes.as_slice()))
    }

    /// Feeds a layer with pieces of this conversation, or with what has been made of them.
    pub fn feed<'a>(
        &self,
        layer: &mut AppLayer,
        pieces: impl IntoIterator<Item = (Direction, &'a [u8])>,
        limits: &Limits,
    ) {
        let mut context = Context {
            now_ns: BEGIN_NS,
            server_port: self.server_port,
            client_port: self.client_port,
        };
        for (direction, bytes) in pieces {
            match self.transport {
                Transport::Tcp => layer.chunk(direction, bytes, &context, limits),
                Transport::Udp => layer.datagram(direction, bytes, &context, limits),
            }
            context.now_ns += STEP_NS;
        }
    }

    /// Says that nothing more comes.
    pub fn close(&self, layer: &mut AppLayer, limits: &Limits) {
        let context = Context {
            now_ns: BEGIN_NS,
            server_port: self.server_port,
            client_port: self.client_port,
        };
        for direction in Direction::BOTH {
            layer.close(direction, &context, limits);
        }
    }
}

/// The captures of `tests/pcap`, in the order of their names.
pub fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcap");
    let mut found = Vec::new();
    look(&folder, &mut found);
    found.sort();
    found
}

fn look(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the captures are there") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            look(&path, found);
        } else if path.file_name().is_some_and(|name| name == "input.pcap") {
            found.push(path);
        }
    }
}

/// Conversations that no parser gives up, by the name of their protocol: a few from each capture, since those of one
/// resemble each other, and none of more than `bytes`.
pub fn by_protocol(bytes: usize) -> BTreeMap<&'static str, Vec<Conversation>> {
    const OF_A_CAPTURE: usize = 2;
    const OF_A_PROTOCOL: usize = 8;
    let mut found: BTreeMap<&'static str, Vec<Conversation>> = BTreeMap::new();
    for capture in captures() {
        let mut counts: HashMap<&'static str, usize> = HashMap::new();
        for conversation in of_capture(&capture) {
            let mut layer = AppLayer::default();
            conversation.feed(&mut layer, conversation.borrowed(), &Limits::default());
            let protocol = layer.protocol();
            if !protocol.is_known() || conversation.bytes() > bytes {
                continue;
            }
            let count = counts.entry(protocol.name()).or_default();
            *count += 1;
            let known = found.entry(protocol.name()).or_default();
            if *count <= OF_A_CAPTURE && known.len() < OF_A_PROTOCOL {
                known.push(conversation);
            }
        }
    }
    found
}

/// The conversations of a capture, in the order in which they begin; some say nothing.
pub fn of_capture(capture: &Path) -> Vec<Conversation> {
    let mut flows = Flows::default();
    let mut file = CaptureFile::open(capture).expect("the capture can be read");
    while let Ok(Some(frame)) = file.next_frame() {
        let (link, data) = (LinkType(frame.link), frame.data);
        sensor_decode::decode(link, data, &mut Counters::default(), &mut |packet| {
            flows.take(packet);
        });
    }
    flows.conversations
}

#[derive(Default)]
struct Flows {
    known: HashMap<Key, Flow>,
    conversations: Vec<Conversation>,
}

/// Both ends in the order of their addresses, and the transport's number.
type Key = ([(IpAddr, u16); 2], u8);

struct Flow {
    at: usize,
    client: (IpAddr, u16),
    next_sequence: [Option<u32>; 2],
}

impl Flows {
    fn take(&mut self, packet: &Packet<'_>) {
        let (Some((source, destination)), Some((from, to))) = (packet.addresses(), packet.ports())
        else {
            return;
        };
        let transport = match packet.transport {
            sensor_decode::Transport::Tcp(_) => Transport::Tcp,
            sensor_decode::Transport::Udp(_) => Transport::Udp,
            _ => return,
        };
        let mut ends = [(source, from), (destination, to)];
        ends.sort_unstable();
        let key = (ends, u8::from(transport == Transport::Udp));
        let conversations = &mut self.conversations;
        let flow = self.known.entry(key).or_insert_with(|| {
            conversations.push(Conversation {
                transport,
                server_port: to,
                client_port: from,
                pieces: Vec::new(),
            });
            Flow {
                at: conversations.len() - 1,
                client: (source, from),
                next_sequence: [None; 2],
            }
        });
        let direction = match flow.client == (source, from) {
            true => Direction::ToServer,
            false => Direction::ToClient,
        };
        if packet.payload.is_empty() {
            return;
        }
        if let Some(tcp) = packet.tcp() {
            let next = &mut flow.next_sequence[direction.index()];
            if next.is_some_and(|next| tcp.sequence.wrapping_sub(next) > u32::MAX / 2) {
                return;
            }
            let bytes = u32::try_from(packet.payload.len()).expect("a packet is shorter");
            *next = Some(tcp.sequence.wrapping_add(bytes));
        }
        let pieces = &mut self.conversations[flow.at].pieces;
        pieces.push((direction, packet.payload.to_vec()));
    }
}
