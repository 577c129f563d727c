//! Frames of a worker on their way to the evidence ring.
//!
//! A frame belongs to the flows of its packets: to several in a tunnel. Fragments before the one that completes their
//! datagram belong to none, as their ports are not known yet; full capture keeps them.

use arrayvec::ArrayVec;
use sensor_event::StatsTree;
use sensor_evidence::Tap;
use sensor_flow::{Entry, FlowId, FlowIndex, FlowTable};

use super::flow::Tracked;

/// Flows of one frame that are followed, from the outermost on.
const FLOWS: usize = 8;

pub struct Evidence {
    pub tap: Tap,
    /// Flows of the frame that is looked at.
    flows: ArrayVec<(FlowIndex, FlowId), FLOWS>,
}

impl Evidence {
    pub fn new(tap: Tap) -> Evidence {
        Evidence {
            tap,
            flows: ArrayVec::new(),
        }
    }

    /// The frame that is looked at has a packet of this flow.
    pub fn belongs(&mut self, index: FlowIndex, id: FlowId) {
        if !self.flows.contains(&(index, id)) {
            // Full: only tunnels in tunnels get here.
            let _ = self.flows.try_push((index, id));
        }
    }

    /// The flow has had an alert.
    pub fn alert(&mut self, entry: &mut Entry<Tracked>, now_ns: i64) {
        self.tap
            .alert(entry.flow.id.0, &mut entry.user.trail, now_ns);
    }

    /// Takes the frame that was looked at.
    pub fn frame(&mut self, frame: &sensor_capture::Frame<'_>, table: &mut FlowTable<Tracked>) {
        let frame = sensor_evidence::Frame {
            timestamp_ns: frame.timestamp_ns,
            link: frame.link,
            data: frame.data,
            wire_length: frame.wire_length,
        };
        if self.flows.is_empty() {
            self.tap.lone_frame(frame);
        }
        for (index, id) in self.flows.drain(..) {
            // A flow that this frame ended keeps nothing more.
            if let Some(entry) = table.entry(index).filter(|entry| entry.flow.id == id) {
                self.tap.frame(frame, id.0, &mut entry.user.trail);
            }
        }
    }

    pub fn count(&self, tree: &mut StatsTree) {
        let tapped = self.tap.tapped();
        tree.add("evidence.flows", tapped.flows);
        tree.add("evidence.frames", tapped.frames);
        tree.add("evidence.left_out", tapped.left_out);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::ControlFlow;
    use std::path::Path;
    use std::sync::Arc;

    use sensor_capture::CaptureFile;
    use sensor_event::Class;
    use sensor_evidence::{Cursor, Options, Query, Ring};
    use serde_json::Value;

    use crate::output::Output;
    use crate::ruleset;
    use crate::settings::{Checksums, Settings};
    use crate::worker::Worker;

    /// Flows of alerts, and packets of flows as their records count them.
    #[derive(Default)]
    struct Flows {
        alerted: Vec<u64>,
        packets: BTreeMap<u64, u64>,
    }

    impl Output for Flows {
        fn record(&mut self, class: Class, line: &[u8]) {
            let record: Value = serde_json::from_slice(line).expect("a record");
            let Some(id) = record["flow_id"].as_u64() else {
                return;
            };
            if class == Class::Alert {
                self.alerted.push(id);
            }
            if record["event_type"] == "flow" {
                let count = |side: &str| record["flow"][side].as_u64().expect("a count");
                let packets = count("pkts_toserver") + count("pkts_toclient");
                self.packets.insert(id, packets);
            }
        }
    }

    /// A capture of real traffic and a rule that fires in some of its flows: at their first packet, in their midst, or
    /// when they end. The ring has all packets of these flows, and none of others.
    #[test]
    fn whole_flows_of_alerts_are_kept_and_no_others() {
        for (capture, rule) in [
            (
                "web/browse",
                "alert tcp any any -> any 80 (flags:S; sid:1;)",
            ),
            (
                "web/browse",
                "alert http any any -> any any (http.stat_code; content:\"404\"; sid:1;)",
            ),
            ("dns/random-names", "alert dns any any -> any any (sid:1;)"),
            (
                "brute/ftp",
                "alert ftp any any -> any any (content:\"530 \"; sid:1;)",
            ),
        ] {
            let settings = Settings {
                checksums: Checksums::None,
                ..Settings::default()
            };
            let compiled = ruleset::of_text(rule, Path::new("."), &settings, None);
            let engine = compiled.expect("a sound rule").engine;
            let folder = tempfile::tempdir().expect("a folder");
            let ring = Ring::open(folder.path(), Options::default(), 1).expect("a ring");
            let mut worker =
                Worker::new(0, Arc::new(settings), Some(engine), None, Flows::default());
            worker.keep_evidence(ring.tap());
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../tests/pcap")
                .join(capture)
                .join("input.pcap");
            let mut input = CaptureFile::open(&path).expect("the capture is there");
            let mut captured = Vec::new();
            while let Ok(Some(frame)) = input.next_frame() {
                captured.push((frame.timestamp_ns, frame.data.to_vec()));
                worker.frame(&frame);
            }
            worker.finish();
            ring.flush();
            let seen = worker.into_output();
            let (mut alerted, mut kept) = (seen.alerted, BTreeMap::new());
            alerted.sort_unstable();
            alerted.dedup();
            assert!(!alerted.is_empty(), "{capture}: {rule}");
            for id in seen.packets.keys() {
                let query = Query {
                    flow: Some(*id),
                    from_ns: i64::MIN,
                    to_ns: i64::MAX,
                };
                let mut frames = 0;
                ring.scan(&query, Cursor::default(), ring.end(), &mut |_, frame| {
                    let as_captured = (frame.timestamp_ns, frame.data.to_vec());
                    assert!(captured.contains(&as_captured));
                    frames += 1;
                    ControlFlow::Continue(())
                })
                .expect("readable");
                if frames > 0 {
                    kept.insert(*id, frames);
                }
            }
            let mut expected = seen.packets;
            expected.retain(|id, _| alerted.binary_search(id).is_ok());
            assert_eq!(kept, expected, "{capture}: {rule}");
        }
    }
}
