//! Captures → conversations to begin fuzzing with: `seed CORPUS CAPTURE...`, one file a flow, in a folder a protocol.
//!
//! Payloads are taken in the order of the capture, which is good enough for captures of a quiet wire.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use matluoi_fuzz::{Piece, write};
use sensor_app::{AppLayer, Context, Limits};
use sensor_capture::CaptureFile;
use sensor_decode::{Counters, LinkType, Packet, Transport};
use sensor_flow::Direction;

/// Conversations longer than this teach a fuzzer nothing but patience.
const MAX_BYTES: usize = 8 * 1024;
/// Conversations kept of one protocol and capture.
const MAX_FLOWS: usize = 4;

type Key = [(IpAddr, u16); 2];

#[derive(Default)]
struct Flow {
    layer: AppLayer,
    client: Option<(IpAddr, u16)>,
    next_sequence: [Option<u32>; 2],
    pieces: Vec<(Direction, Vec<u8>)>,
    bytes: usize,
}

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let corpus = arguments.next().expect("usage: seed CORPUS CAPTURE...");
    for capture in arguments {
        seed(&corpus, &capture);
    }
}

fn seed(corpus: &Path, capture: &Path) {
    let mut file = CaptureFile::open(capture).expect("the capture can be read");
    let mut flows: HashMap<Key, Flow> = HashMap::new();
    let mut order = Vec::new();
    while let Ok(Some(frame)) = file.next_frame() {
        let (link, data) = (LinkType(frame.link), frame.data);
        sensor_decode::decode(link, data, &mut Counters::default(), &mut |packet| {
            take(packet, &mut flows, &mut order);
        });
    }
    let mut kept: HashMap<&str, usize> = HashMap::new();
    for key in order {
        let flow = &flows[&key];
        let protocol = flow.layer.protocol();
        let count = kept.entry(protocol.name()).or_default();
        if !protocol.is_known() || *count >= MAX_FLOWS || flow.bytes > MAX_BYTES {
            continue;
        }
        *count += 1;
        let pieces: Vec<Piece> = flow
            .pieces
            .iter()
            .map(|(direction, data)| Piece::Chunk(*direction, data))
            .collect();
        let input = write(&pieces);
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let folder = corpus.join(protocol.name());
        std::fs::create_dir_all(&folder).expect("the corpus can be written");
        let path = folder.join(format!("{:016x}", hasher.finish()));
        std::fs::write(path, input).expect("the corpus can be written");
    }
}

fn take(packet: &Packet<'_>, flows: &mut HashMap<Key, Flow>, order: &mut Vec<Key>) {
    let (Some((source, destination)), Some((from, to))) = (packet.addresses(), packet.ports())
    else {
        return;
    };
    let mut key = [(source, from), (destination, to)];
    key.sort_unstable();
    let flow = flows.entry(key).or_insert_with(|| {
        order.push(key);
        Flow::default()
    });
    let client = *flow.client.get_or_insert((source, from));
    let direction = match client == (source, from) {
        true => Direction::ToServer,
        false => Direction::ToClient,
    };
    if packet.payload.is_empty() {
        return;
    }
    let server_port = if direction == Direction::ToServer {
        to
    } else {
        from
    };
    let context = Context {
        now_ns: 1_700_000_000_000_000_000,
        server_port,
        client_port: client.1,
    };
    let limits = Limits::default();
    match packet.transport {
        Transport::Tcp(_) => {
            let sequence = packet.tcp().map_or(0, |tcp| tcp.sequence);
            let next = &mut flow.next_sequence[direction.index()];
            // Sent again.
            if next.is_some_and(|next| sequence.wrapping_sub(next) as i32 >= 0) || next.is_none() {
                *next = Some(sequence.wrapping_add(packet.payload.len() as u32));
            } else {
                return;
            }
            flow.layer
                .chunk(direction, packet.payload, &context, &limits);
        }
        Transport::Udp(_) => flow
            .layer
            .datagram(direction, packet.payload, &context, &limits),
        _ => return,
    }
    flow.bytes += packet.payload.len();
    if flow.bytes <= MAX_BYTES {
        flow.pieces.push((direction, packet.payload.to_vec()));
    }
}
