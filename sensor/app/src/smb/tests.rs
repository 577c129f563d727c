//! Whole sessions.

use proptest::prelude::*;
use sensor_flow::Direction::{self, ToClient, ToServer};

use super::state::State;
use crate::file::{FileState, Hashes};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Context, Limits};

const CONTEXT: Context = Context {
    now_ns: 0,
    server_port: 445,
    client_port: 1024,
};

fn limits() -> Limits {
    Limits {
        hashes: Hashes {
            md5: true,
            ..Hashes::default()
        },
        ..Limits::default()
    }
}

fn record(message: Vec<u8>) -> Vec<u8> {
    let mut bytes = (message.len() as u32).to_be_bytes().to_vec();
    bytes.extend(message);
    bytes
}

/// A message of SMB 2 with its number.
fn message2(direction: Direction, command: u16, number: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xfeSMB\x40\0\0\0\0\0\0\0".to_vec();
    bytes.extend(command.to_le_bytes());
    bytes.extend([0, 0, u8::from(direction == ToClient), 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([5, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([0; 16]);
    bytes.extend(body);
    record(bytes)
}

const HANDLE: [u8; 16] = [7; 16];

/// A file is created, written in two pieces and closed.
fn upload() -> Vec<(Direction, Vec<u8>)> {
    let mut create = vec![0; 36];
    create.extend([2, 0, 0, 0, 0, 0, 0, 0, 0x78, 0, 6, 0]);
    create.extend([0; 8]);
    create.extend(b"a\0.\0b\0");
    let mut created = vec![0; 64];
    created.extend(HANDLE);
    created.extend([0; 8]);
    let write = |offset: u32, data: &[u8]| {
        let mut body = vec![49, 0, 0x70, 0];
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(u64::from(offset).to_le_bytes());
        body.extend(HANDLE);
        body.extend([0; 16]);
        body.extend(data);
        body
    };
    let mut close = vec![24, 0, 0, 0, 0, 0, 0, 0];
    close.extend(HANDLE);
    vec![
        (ToServer, message2(ToServer, 5, 1, &create)),
        (ToClient, message2(ToClient, 5, 1, &created)),
        (ToServer, message2(ToServer, 9, 2, &write(2_000, &[2; 100]))),
        (ToServer, message2(ToServer, 9, 3, &write(0, &[1; 2_000]))),
        (ToServer, message2(ToServer, 6, 4, &close)),
        (ToClient, message2(ToClient, 6, 4, &[0; 60])),
    ]
}

/// SMB 1 negotiates and connects to a share.
fn connect1() -> Vec<(Direction, Vec<u8>)> {
    let message1 = |command: u8, flags: u8, body: &[u8]| {
        let mut bytes = b"\xffSMB".to_vec();
        bytes.extend([command, 0, 0, 0, 0, flags, 0, 0x40]);
        bytes.extend([0; 12]);
        bytes.extend([1, 0, 0, 0, 2, 0, 3, 0]);
        bytes.extend(body);
        record(bytes)
    };
    let mut agreed = vec![17, 0, 0];
    agreed.extend([0; 34]);
    vec![
        (ToServer, message1(0x72, 0, b"\0\x0c\0\x02NT LM 0.12\0")),
        (ToClient, message1(0x72, 0x80, &agreed)),
        (
            ToServer,
            message1(0x75, 0, b"\x04\xff\0\0\0\0\0\0\0\0\0\\\\H\\S\0?????\0"),
        ),
        (
            ToClient,
            message1(0x75, 0x80, b"\x03\xff\0\0\0\0\0\0\0A:\0\0"),
        ),
    ]
}

fn run(pieces: &[(Direction, Vec<u8>)], cuts: &[usize]) -> Vec<String> {
    let (mut state, mut transactions) = (State::default(), Transactions::default());
    let mut cuts = cuts.iter().cycle();
    for (direction, bytes) in pieces {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let count = (*cuts.next().unwrap_or(&usize::MAX)).min(rest.len());
            let (chunk, after) = rest.split_at(count);
            if state.chunk(*direction, chunk, &mut transactions, &CONTEXT, &limits())
                == Step::Failed
            {
                return vec!["failed".to_owned()];
            }
            rest = after;
        }
    }
    describe(&transactions)
}

fn describe(transactions: &Transactions) -> Vec<String> {
    let of_file = |tx: &crate::Transaction| {
        tx.files
            .iter()
            .map(|file| format!("{} {:?} {:?}", file.size, file.state, file.md5))
            .collect::<String>()
    };
    transactions
        .live()
        .iter()
        .map(|tx| {
            let record = serde_json::to_string(&tx.record()).expect("a record serialises");
            format!("{record}{}", of_file(tx))
        })
        .collect()
}

#[test]
fn an_uploaded_file() {
    let records = run(&upload(), &[]);
    let [create, write, close] = records.as_slice() else {
        panic!("{records:?}");
    };
    for (record, part) in [
        (create, r#""status":"STATUS_SUCCESS""#),
        (create, r#""filename":"a.b","disposition":"FILE_CREATE""#),
        (create, r#""fuid":"07070707-0707-0707-0707-070707070707""#),
        (write, r#""command":"SMB2_COMMAND_WRITE""#),
        (write, r#""filename":"a.b""#),
        (write, "2100 Closed Some"),
        (
            close,
            r#""command":"SMB2_COMMAND_CLOSE","status":"STATUS_SUCCESS","status_code":"0x0","session_id":9,"tree_id":5"#,
        ),
    ] {
        assert!(record.contains(part), "{part} in {record}");
    }
}

#[test]
fn a_share_of_smb1() {
    assert_eq!(
        run(&connect1(), &[]),
        [
            r#"{"smb":{"id":1,"dialect":"NT LM 0.12","command":"SMB1_COMMAND_NEGOTIATE_PROTOCOL","status":"STATUS_SUCCESS","status_code":"0x0","session_id":0,"tree_id":0,"client_dialects":["NT LM 0.12"],"server_guid":""}}"#,
            r#"{"smb":{"id":2,"dialect":"NT LM 0.12","command":"SMB1_COMMAND_TREE_CONNECT_ANDX","status":"STATUS_SUCCESS","status_code":"0x0","session_id":2,"tree_id":1,"share":"\\H\\S","service":{"request":"?????","response":"A:"}}}"#,
        ]
    );
}

#[test]
fn a_gap_in_a_file_and_in_between() {
    let pieces = upload();
    let mut state = State::default();
    let mut transactions = Transactions::default();
    for (at, (direction, bytes)) in pieces.iter().enumerate() {
        let gap = if at == 3 { 300 } else { 0 };
        let (head, tail) = bytes.split_at(bytes.len() - gap);
        state.chunk(*direction, head, &mut transactions, &CONTEXT, &limits());
        if gap > 0 {
            state.gap(*direction, 300, &mut transactions, &CONTEXT, &limits());
        } else {
            state.chunk(*direction, tail, &mut transactions, &CONTEXT, &limits());
        }
        if at == 2 {
            // Part of a record is lost: the next one is found.
            state.chunk(
                ToServer,
                b"\0\0\0\x50\xfeSM",
                &mut transactions,
                &CONTEXT,
                &limits(),
            );
            state.gap(ToServer, 40, &mut transactions, &CONTEXT, &limits());
            state.chunk(ToServer, b"junk", &mut transactions, &CONTEXT, &limits());
        }
    }
    let file = transactions
        .live()
        .iter()
        .find_map(|tx| tx.files.first())
        .expect("a file");
    assert_eq!(
        (file.size, file.gaps, file.state),
        (2_100, true, FileState::Truncated)
    );
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..900, 1..20)) {
        for session in [upload(), connect1()] {
            prop_assert_eq!(run(&session, &cuts), run(&session, &[]));
        }
    }

    #[test]
    fn no_bytes_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        command in any::<u8>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for mut session in [upload(), connect1()] {
            for direction in Direction::BOTH {
                session.push((direction, message2(direction, u16::from(command % 20), 9, &body)));
                let mut one = b"\xffSMB".to_vec();
                one.extend([command, 0, 0, 0, 0, if direction == ToClient { 0x80 } else { 0 }, 0, body.first().copied().unwrap_or(0)]);
                one.extend([0; 20]);
                one.extend(&body);
                session.push((direction, record(one)));
            }
            for (place, value) in &changes {
                let piece = place.index(session.len());
                let bytes = &mut session[piece].1;
                let at = place.index(bytes.len());
                bytes[at] = *value;
            }
            run(&session, &[]);
            run(&session, &[513]);
        }
    }
}
