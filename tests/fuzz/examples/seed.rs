//! Captures → conversations to begin fuzzing with: `seed CORPUS CAPTURE...`, one file a flow, in a folder a protocol.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use matluoi_tests::conversations;
use matluoi_tests::pieces::{Piece, write};
use sensor_app::{AppLayer, Limits};

/// Conversations longer than this teach a fuzzer nothing but patience.
const MAX_BYTES: usize = 8 * 1024;
/// Conversations kept of one protocol and capture.
const MAX_FLOWS: usize = 4;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let corpus = arguments.next().expect("usage: seed CORPUS CAPTURE...");
    for capture in arguments {
        seed(&corpus, &capture);
    }
}

fn seed(corpus: &Path, capture: &Path) {
    let mut kept: HashMap<&str, usize> = HashMap::new();
    for conversation in conversations::of_capture(capture) {
        let mut layer = AppLayer::default();
        conversation.feed(&mut layer, conversation.borrowed(), &Limits::default());
        let protocol = layer.protocol();
        let count = kept.entry(protocol.name()).or_default();
        if !protocol.is_known() || *count >= MAX_FLOWS || conversation.bytes() > MAX_BYTES {
            continue;
        }
        *count += 1;
        let pieces: Vec<Piece> = conversation
            .borrowed()
            .map(|(direction, data)| Piece::Chunk(direction, data))
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
