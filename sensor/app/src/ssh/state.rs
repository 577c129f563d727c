//! Banners and key exchange → the one transaction of a connection. It is complete when both sides have sent
//! NEWKEYS; nothing behind that can be read.

use md5::{Digest, Md5};
use sensor_event::{AppRecord, Hex, Limited, Ssh, SshHassh, SshSide, Text};
use sensor_flow::Direction;

use super::midway;
use super::wire::{Banner, HEADER_BYTES, MessageCode, NoRecord, RecordHeader, hassh, line_end};
use super::{INVALID_BANNER, INVALID_RECORD, LONG_BANNER, LONG_KEX_RECORD};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// A banner without end is read as it stands when it has so many bytes; RFC 4253 §4.2 allows 255.
pub const MAX_BANNER_BYTES: usize = 256;
/// Longer offers of algorithms are passed over.
pub const MAX_KEXINIT_BYTES: u32 = 65_535;

/// Progress of a side whose banner is there; it is complete when both have sent NEWKEYS.
pub const BANNER_DONE: u8 = 1;

/// The one transaction of a connection.
#[derive(Debug, Default)]
pub struct SshTransaction {
    pub sides: [Told; 2],
}

/// What one side has told.
#[derive(Debug, Default)]
pub struct Told {
    pub protocol: Vec<u8>,
    pub software: Vec<u8>,
    /// The offer, and its MD5 in hexadecimal.
    pub hassh: Option<(Vec<u8>, String)>,
}

impl SshTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        let side = |direction: Direction| {
            let told = &self.sides[direction.index()];
            (!told.protocol.is_empty()).then(|| SshSide {
                proto_version: Limited(&told.protocol, MAX_BANNER_BYTES),
                software_version: (!told.software.is_empty())
                    .then_some(Limited(&told.software, MAX_BANNER_BYTES)),
                hassh: told.hassh.as_ref().map(|(offer, hash)| SshHassh {
                    hash,
                    string: Text(offer),
                }),
            })
        };
        AppRecord::Ssh(Box::new(Ssh {
            client: side(Direction::ToServer),
            server: side(Direction::ToClient),
        }))
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Banner,
    /// The banner was too long: its end is looked for.
    BannerEnd,
    Records,
    /// NEWKEYS is through.
    Encrypted,
}

#[derive(Debug, Default)]
struct Side {
    stage: Stage,
    held: Vec<u8>,
    /// Bytes of a record's data still to be passed over.
    skip: u32,
    /// The record that is awaited was announced as frames.
    announced: bool,
}

#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
    /// One side has told its banner: the other one has to.
    has_banner: bool,
    /// Number of the transaction once it has begun.
    transaction: Option<u64>,
}

/// Whether there was something to read.
enum Progress {
    /// So many bytes are used up.
    Used(usize),
    More,
    Failed(u16),
}

impl State {
    /// Reads on at the start of `bytes`.
    fn read(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        transactions: &mut Transactions,
    ) -> Progress {
        let has_banner = self.has_banner;
        let side = &mut self.sides[direction.index()];
        match side.stage {
            // The beginning of the flow was not seen: the key exchange is.
            Stage::Banner if !has_banner && matches!(midway::code(bytes), Ok(Some(_))) => {
                side.stage = Stage::Records;
                self.record(direction, bytes, transactions)
            }
            Stage::Banner => {
                let (end, next) = match line_end(bytes) {
                    Some(found) => found,
                    None if bytes.len() < MAX_BANNER_BYTES => return Progress::More,
                    None => {
                        side.stage = Stage::BannerEnd;
                        (bytes.len(), bytes.len())
                    }
                };
                if side.stage == Stage::Banner {
                    side.stage = Stage::Records;
                }
                self.has_banner = true;
                let line = bytes.get(..end).unwrap_or_default();
                let Some(banner) = Banner::read(line) else {
                    return Progress::Failed(INVALID_BANNER);
                };
                let Some(transaction) = self.transaction(transactions) else {
                    return Progress::Failed(INVALID_BANNER);
                };
                if line.len() >= MAX_BANNER_BYTES {
                    transaction.raise(LONG_BANNER);
                }
                transaction.silent = false;
                transaction.advance(direction, BANNER_DONE);
                if let Some(told) = told(transaction, direction) {
                    told.protocol = banner.protocol.to_vec();
                    told.software = banner.software.to_vec();
                }
                Progress::Used(next)
            }
            Stage::BannerEnd => match line_end(bytes) {
                Some((_, next)) => {
                    side.stage = Stage::Records;
                    Progress::Used(next)
                }
                // A CR may be half of the end.
                None if bytes == b"\r" => Progress::More,
                None => Progress::Used(bytes.len() - usize::from(bytes.ends_with(b"\r"))),
            },
            Stage::Records => self.record(direction, bytes, transactions),
            // Until the other side follows, cipher is cut into frames as if it were records, as in Suricata 8.0.6.
            Stage::Encrypted => match RecordHeader::read(bytes) {
                Ok(header) => {
                    side.skip = header.data_bytes;
                    self.announce(direction, bytes.len(), header.data_bytes, transactions);
                    Progress::Used(HEADER_BYTES)
                }
                Err(_) => Progress::Used(bytes.len()),
            },
        }
    }

    fn record(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        transactions: &mut Transactions,
    ) -> Progress {
        let side = &mut self.sides[direction.index()];
        let header = match RecordHeader::read(bytes) {
            Ok(header) => header,
            Err(NoRecord::Short) => return Progress::More,
            Err(NoRecord::Invalid) => return Progress::Failed(INVALID_RECORD),
        };
        let long = header.data_bytes >= MAX_KEXINIT_BYTES;
        if header.code != MessageCode::KEXINIT || long {
            side.skip = header.data_bytes;
            if header.code == MessageCode::NEWKEYS {
                side.stage = Stage::Encrypted;
            }
            if header.code == MessageCode::KEXINIT
                && let Some(transaction) = self.transaction(transactions)
            {
                transaction.raise(LONG_KEX_RECORD);
            }
            self.announce(direction, bytes.len(), header.data_bytes, transactions);
            return Progress::Used(HEADER_BYTES);
        }
        let end = HEADER_BYTES + header.data_bytes as usize;
        let data = bytes.get(HEADER_BYTES..end);
        if !std::mem::replace(&mut side.announced, data.is_none()) {
            self.announce(direction, bytes.len(), header.data_bytes, transactions);
        }
        let Some(data) = data else {
            return Progress::More;
        };
        if let Some(transaction) = self.transaction(transactions)
            && let Some(told) = told(transaction, direction)
            && let Ok(offer) = hassh(data, direction)
        {
            let hash = Hex(&Md5::digest(&offer)).to_string();
            told.hassh = Some((offer, hash));
        }
        Progress::Used(end)
    }

    /// The frames of a record that began `rest` bytes before the end.
    fn announce(
        &self,
        direction: Direction,
        rest: usize,
        data_bytes: u32,
        transactions: &mut Transactions,
    ) {
        let header = HEADER_BYTES as u64;
        let data = u64::from(data_bytes);
        for (name, rest, length) in [
            ("record.hdr", rest, header),
            ("record.data", rest - HEADER_BYTES, data),
            ("record.pdu", rest, header + data),
        ] {
            let frame = transactions.frames.add(direction, name, rest, Some(length));
            if let Some(id) = self.transaction {
                transactions.assign_frame(direction, frame, id);
            }
        }
    }

    /// The transaction, begun on first use. It has no record until a banner was read.
    fn transaction<'t>(
        &mut self,
        transactions: &'t mut Transactions,
    ) -> Option<&'t mut Transaction> {
        if let Some(id) = self.transaction {
            return transactions.with_id(id);
        }
        let transaction = transactions.begin(Body::Ssh(Box::default()))?;
        transaction.silent = true;
        self.transaction = Some(transaction.id);
        Some(transaction)
    }
}

fn told(transaction: &mut Transaction, direction: Direction) -> Option<&mut Told> {
    match &mut transaction.body {
        Body::Ssh(ssh) => Some(&mut ssh.sides[direction.index()]),
        _ => None,
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        // At most a record of algorithms is held.
        let mut held = std::mem::take(&mut self.sides[direction.index()].held);
        held.extend_from_slice(data);
        let mut at = 0;
        let step = loop {
            let side = &mut self.sides[direction.index()];
            let skipped = (side.skip as usize).min(held.len() - at);
            side.skip -= skipped as u32;
            at += skipped;
            if at == held.len() {
                break Step::More;
            }
            match self.read(direction, &held[at..], transactions) {
                Progress::Used(bytes) => at += bytes,
                Progress::More => break Step::More,
                Progress::Failed(event) => {
                    if let Some(transaction) = self.transaction(transactions) {
                        transaction.raise(event);
                    }
                    break Step::Failed;
                }
            }
        };
        held.drain(..at);
        self.sides[direction.index()].held = held;
        if self.sides.iter().all(|side| side.stage == Stage::Encrypted) {
            if let Some(transaction) = self.transaction(transactions) {
                for side in Direction::BOTH {
                    transaction.advance(side, Transaction::COMPLETE);
                }
            }
            return Step::Finished;
        }
        step
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::Failed
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()].held = Vec::new();
    }

    fn is_encrypted(&self) -> bool {
        let mut sides = self.sides.iter();
        sides.all(|side| side.stage == Stage::Encrypted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 22,
        client_port: 40_000,
    };
    const NEWKEYS: &[u8] = b"\0\0\0\x0c\x0a\x15..........";

    fn kexinit() -> Vec<u8> {
        let mut data = vec![0; 16];
        for name in ["kex", "key", "e>", "e<", "m>", "m<", "c>", "c<", "", ""] {
            data.extend((name.len() as u32).to_be_bytes());
            data.extend(name.as_bytes());
        }
        data.extend([0; 5]);
        let mut record = (data.len() as u32 + 2).to_be_bytes().to_vec();
        record.extend([0, 20]);
        record.extend(data);
        record
    }

    #[test]
    fn banners_and_offers_end() {
        let banner = [b"SSH-2.0-".to_vec(), vec![b'x'; 4 * MAX_BANNER_BYTES]].concat();
        let (transactions, step) = run(&[(ToServer, &banner)]);
        assert_eq!(step, Step::More);
        let tx = transactions.live().front().expect("there is one");
        assert_eq!(tx.events, [LONG_BANNER]);
        let record = serde_json::to_string(&tx.record()).expect("a record serialises");
        assert!(record.len() < 2 * MAX_BANNER_BYTES, "{record}");

        // An offer that claims more than is held is passed over as it comes.
        let mut offer = (MAX_KEXINIT_BYTES + 2).to_be_bytes().to_vec();
        offer.extend([4, 20]);
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let limits = Limits::default();
        let all = [b"SSH-2.0-x\r\n".to_vec(), offer, vec![0; 60_000]].concat();
        state.chunk(ToServer, &all, &mut transactions, &CONTEXT, &limits);
        assert_eq!(state.sides[0].held, b"");
        let tx = transactions.live().front().expect("there is one");
        assert_eq!(tx.events, [LONG_KEX_RECORD]);
    }

    fn run(pieces: &[(Direction, &[u8])]) -> (Transactions, Step) {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let mut step = Step::More;
        for (direction, bytes) in pieces {
            step = state.chunk(
                *direction,
                bytes,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
        }
        (transactions, step)
    }

    fn json(transactions: &Transactions) -> String {
        let record = transactions.live().front().map(Transaction::record);
        serde_json::to_string(&record).expect("a record serialises")
    }

    #[test]
    fn a_connection_is_one_transaction() {
        let side = [b"SSH-2.0-x y\r\n".as_slice(), &kexinit(), NEWKEYS].concat();
        let (transactions, step) = run(&[(ToClient, &side), (ToServer, &side), (ToServer, b"?")]);
        assert_eq!(step, Step::Finished);
        assert_eq!(transactions.live().len(), 1);
        assert!(transactions.live()[0].is_complete(ToServer));
        let side = |string: &str, hash: &str| {
            format!(
                r#"{{"proto_version":"2.0","software_version":"x","hassh":{{"hash":"{hash}","string":"{string}"}}}}"#
            )
        };
        let md5 = |text: &str| Hex(&Md5::digest(text)).to_string();
        let (client, server) = ("kex;e>;m>;c>", "kex;e<;m<;c<");
        assert_eq!(
            json(&transactions),
            format!(
                r#"{{"ssh":{{"client":{},"server":{}}}}}"#,
                side(client, &md5(client)),
                side(server, &md5(server))
            )
        );
    }

    #[test]
    fn oddities() {
        let long = [b"SSH-2.0-".as_slice(), &[b'x'; 300]].concat();
        let rows: &[(&[&[u8]], Step, &[u16])] = &[
            (&[b"SSH-2.0\n"], Step::Failed, &[INVALID_BANNER]),
            (
                &[&long, b"xx\r", b"\n", NEWKEYS],
                Step::More,
                &[LONG_BANNER],
            ),
            (&[b"SSH-2.0-x\n\0\0\0\0"], Step::Failed, &[INVALID_RECORD]),
            (
                &[b"SSH-2.0-x\n\0\x01\0\x02\x08\x14", NEWKEYS],
                Step::More,
                &[LONG_KEX_RECORD],
            ),
        ];
        for (chunks, expected, events) in rows {
            let pieces: Vec<_> = chunks.iter().map(|chunk| (ToServer, *chunk)).collect();
            let (transactions, step) = run(&pieces);
            assert_eq!(step, *expected, "{chunks:?}");
            assert_eq!(transactions.live()[0].events, *events, "{chunks:?}");
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transaction(cuts in proptest::collection::vec(1usize..40, 1..20)) {
            let stream = [b"SSH-2.0-x\r\n".as_slice(), &kexinit(), NEWKEYS].concat();
            let whole = json(&run(&[(ToServer, &stream)]).0);
            let mut pieces = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push((ToServer, piece));
                rest = after;
            }
            prop_assert_eq!(json(&run(&pieces).0), whole);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            run(&[(ToServer, &bytes), (ToClient, &bytes)]);
            run(&[(ToServer, b"SSH-2.0-x\n"), (ToServer, &bytes), (ToServer, &bytes)]);
        }
    }
}
