//! The ring as workers and readers meet it: on a real disk, closed, torn, full.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use sensor_evidence::{Cursor, Frame, Mode, Options, Query, Ring, Tap, Trail};

const SECOND: i64 = 1_000_000_000;

fn frame(at_ns: i64, data: &[u8]) -> Frame<'_> {
    Frame {
        timestamp_ns: at_ns,
        link: 1,
        data,
        wire_length: data.len() as u32,
    }
}

fn of(flow: u64) -> Query {
    Query {
        flow: Some(flow),
        from_ns: i64::MIN,
        to_ns: i64::MAX,
    }
}

/// Times and bytes of the frames.
fn read(ring: &Ring, query: Query) -> Vec<(i64, Vec<u8>)> {
    let mut found = Vec::new();
    let scanned = ring
        .scan(&query, Cursor::default(), ring.end(), &mut |_, frame| {
            found.push((frame.timestamp_ns, frame.data.to_vec()));
            ControlFlow::Continue(())
        })
        .expect("readable");
    assert!(scanned.done);
    found
}

fn left_out(ring: &Ring, reason: &str) -> u64 {
    let counts = ring.counts().left_out();
    let found = counts.iter().find(|(name, _)| *name == reason);
    found.expect("a known reason").1
}

/// The newest segment file.
fn newest(folder: &Path) -> std::path::PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|file| file.expect("a file").path())
        .collect();
    files.sort();
    files.pop().expect("a segment")
}

fn fill(tap: &mut Tap, flows: std::ops::Range<u64>) {
    for flow in flows {
        let data = [flow as u8; 1_000];
        let mut trail = Trail::default();
        tap.alert(flow, &mut trail, 0);
        for at in 0..10 {
            tap.frame(frame(flow as i64 * SECOND + at, &data), flow, &mut trail);
        }
    }
}

#[test]
fn an_alert_keeps_what_came_before_and_what_follows_of_its_flow_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        before: Duration::from_secs(10),
        ..Options::default()
    };
    let ring = Ring::open(folder.path(), options, 1).expect("a ring");
    let mut tap = ring.tap();
    let (mut one, mut other) = (Trail::default(), Trail::default());
    for second in 0..20 {
        tap.frame(frame(second * SECOND, b"one"), 1, &mut one);
        tap.frame(frame(second * SECOND, b"other"), 2, &mut other);
    }
    tap.alert(1, &mut one, 19 * SECOND);
    tap.frame(frame(20 * SECOND, b"after"), 1, &mut one);
    tap.alert(1, &mut one, 20 * SECOND);
    tap.flush();
    ring.flush();
    let found = read(&ring, of(1));
    let times: Vec<i64> = found.iter().map(|(at, _)| at / SECOND).collect();
    assert_eq!(times, (9..=20).collect::<Vec<_>>());
    assert_eq!(found[11].1, b"after");
    assert_eq!(read(&ring, of(2)), []);
    let status = ring.status();
    assert_eq!((status.frames, status.rotated), (12, false));
    assert_eq!(status.oldest_ns, Some(9 * SECOND));
    assert_eq!(ring.counts().kept().0, 12);
}

#[test]
fn a_flow_has_a_share_and_what_is_beyond_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        flow_bytes: 1_000,
        ..Options::default()
    };
    let ring = Ring::open(folder.path(), options, 1).expect("a ring");
    let mut tap = ring.tap();
    let mut trail = Trail::default();
    for at in 0..8 {
        tap.frame(frame(at, &[0; 200]), 1, &mut trail);
    }
    tap.alert(1, &mut trail, 8);
    tap.frame(frame(9, &[0; 200]), 1, &mut trail);
    drop(tap);
    ring.flush();
    let times: Vec<i64> = read(&ring, of(1)).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [3, 4, 5, 6, 7]);
    assert_eq!(left_out(&ring, "flow_cap"), 4);
}

#[test]
fn full_capture_keeps_all_and_is_searched_by_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        mode: Mode::Full,
        ..Options::default()
    };
    let ring = Ring::open(folder.path(), options, 1).expect("a ring");
    let mut tap = ring.tap();
    for at in 0..100 {
        tap.frame(frame(at, b"x"), at as u64 % 7 + 1, &mut Trail::default());
        tap.lone_frame(frame(at, b"lone"));
    }
    tap.lone_frame(frame(100, &vec![0; sensor_evidence::FRAME_LIMIT + 1]));
    drop(tap);
    ring.flush();
    assert_eq!(left_out(&ring, "too_long"), 1);
    let query = Query {
        flow: None,
        from_ns: 10,
        to_ns: 19,
    };
    assert_eq!(read(&ring, query).len(), 20);
    assert_eq!(read(&ring, of(1)).len(), 15);
}

#[test]
fn the_oldest_goes_when_the_budget_is_used_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        disk_bytes: Options::LEAST_DISK_BYTES,
        ..Options::default()
    };
    let ring = Ring::open(folder.path(), options, 1).expect("a ring");
    let mut tap = ring.tap();
    for round in 0..60u64 {
        fill(&mut tap, round * 50..(round + 1) * 50);
        tap.flush();
        ring.flush();
        assert!(ring.status().bytes <= Options::LEAST_DISK_BYTES);
    }
    let on_disk: u64 = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|file| {
            file.and_then(|file| file.metadata())
                .map_or(0, |of| of.len())
        })
        .sum();
    let status = ring.status();
    assert_eq!(on_disk, status.bytes);
    assert!(status.rotated && status.bytes > Options::LEAST_DISK_BYTES / 2);
    assert_eq!(read(&ring, of(1)), []);
    assert_eq!(read(&ring, of(2_999)).len(), 10);
    // What is left is the newest stretch, without holes.
    let oldest = status.oldest_ns.expect("not empty") / SECOND;
    for flow in oldest + 1..3_000 {
        assert_eq!(read(&ring, of(flow as u64)).len(), 10, "{flow}");
    }
    // Who was reading is told.
    let stale = Cursor {
        segment: 1,
        offset: 40,
        entry: 1,
    };
    let scanned = ring.scan(&of(1), stale, ring.end(), &mut |_, _| {
        ControlFlow::Continue(())
    });
    assert!(scanned.expect("readable").rotated);
}

#[test]
fn a_torn_segment_is_cut_and_counted_and_the_rest_is_kept() {
    // Cut so many bytes, or change one so far from the end; frames that are left.
    for (cut, flip, expected) in [(0, None, 40), (1, None, 30), (0, Some(100), 30)] {
        let folder = tempfile::tempdir().expect("a folder");
        {
            let ring = Ring::open(folder.path(), Options::default(), 1).expect("a ring");
            let mut tap = ring.tap();
            for flow in 1..5 {
                fill(&mut tap, flow..flow + 1);
                tap.flush();
            }
            ring.flush();
            // As it lies on disk when the power goes.
            let path = newest(folder.path());
            let mut bytes = std::fs::read(&path).expect("a segment");
            bytes.truncate(bytes.len() - cut);
            if let Some(flip) = flip {
                let at = bytes.len() - flip;
                bytes[at] ^= 0xff;
            }
            ring.close();
            std::fs::write(&path, bytes).expect("written");
        }
        let ring = Ring::open(folder.path(), Options::default(), 1).expect("a ring");
        let status = ring.status();
        assert_eq!(status.torn_segments, u64::from(expected < 40));
        assert_eq!(status.frames, expected);
        assert_eq!(read(&ring, of(3)).len(), 10);
        // It goes on behind.
        let mut tap = ring.tap();
        fill(&mut tap, 9..10);
        tap.flush();
        ring.flush();
        assert_eq!(read(&ring, of(9)).len(), 10);
        ring.close();
        let again = Ring::open(folder.path(), Options::default(), 1).expect("a ring");
        assert_eq!(again.status().frames, expected + 10);
        assert_eq!(again.status().torn_segments, 0);
    }
}

#[test]
fn reading_in_pieces_gives_what_reading_at_once_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        disk_bytes: Options::LEAST_DISK_BYTES,
        flow_bytes: 4 << 20,
        ..Options::default()
    };
    let ring = Ring::open(folder.path(), options, 1).expect("a ring");
    let mut tap = ring.tap();
    let mut trails = [Trail::default(); 2];
    for flow in 0..2 {
        tap.alert(flow, &mut trails[flow as usize], 0);
    }
    for at in 0..3_000 {
        let flow = at % 2;
        let data = [at as u8; 1_000];
        tap.frame(frame(at, &data), flow as u64, &mut trails[flow as usize]);
        if at % 64 == 0 {
            tap.flush();
            ring.flush();
        }
    }
    tap.flush();
    ring.flush();
    assert!(ring.status().segments > 1);
    let whole = read(&ring, of(1));
    assert_eq!(whole.len(), 1_500);
    let (mut pieces, mut place, until) = (Vec::new(), Cursor::default(), ring.end());
    loop {
        let mut taken = 0;
        let scanned = ring
            .scan(&of(1), place, until, &mut |_, frame| {
                pieces.push((frame.timestamp_ns, frame.data.to_vec()));
                taken += 1;
                if taken == 7 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .expect("readable");
        assert!(scanned.next > place);
        place = scanned.next;
        if scanned.done {
            break;
        }
    }
    assert_eq!(pieces, whole);
}
