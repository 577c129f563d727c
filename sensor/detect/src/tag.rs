//! `tag`: packets that follow a match are logged too.

use std::collections::HashMap;
use std::net::IpAddr;

use rules::signature::{Tag, TagMetric, TagScope};

use crate::compile::Compiled;
use crate::inspect::Inspector;
use crate::state::FlowState;
use crate::subject::Traffic;

/// Tags on one flow or host.
const TAG_LIMIT: usize = 50;
/// Hosts with tags.
const HOST_LIMIT: usize = 1 << 16;
/// Matches that lengthen a tag.
const MATCH_LIMIT: u32 = 10;

/// A tag that runs.
#[derive(Debug, Clone, Copy)]
struct Running {
    gid: u32,
    sid: u32,
    tag: Tag,
    first_ns: i64,
    packets: u64,
    bytes: u64,
    matches: u32,
    /// The packet that began it is told by its alert.
    begun: bool,
}

impl Running {
    /// Counts a packet; whether it is to be logged, and whether the tag goes on.
    fn packet(&mut self, bytes: usize, now_ns: i64) -> (bool, bool) {
        self.packets += 1;
        self.bytes += bytes as u64;
        if !std::mem::replace(&mut self.begun, true) {
            return (false, true);
        }
        let seconds = |ns: i64| ns.div_euclid(1_000_000_000);
        let spent = match self.tag.metric {
            TagMetric::Packets => self.packets,
            TagMetric::Bytes => self.bytes,
            TagMetric::Seconds => {
                u64::try_from(seconds(now_ns) - seconds(self.first_ns)).unwrap_or(0)
            }
        };
        let goes_on = spent <= u64::from(self.tag.count);
        (goes_on, goes_on)
    }
}

/// Tags of one flow.
#[derive(Debug, Default)]
pub(crate) struct FlowTags(Vec<Running>);

/// Tags of hosts, for all workers together.
#[derive(Debug, Default)]
pub(crate) struct HostTags(HashMap<IpAddr, Vec<Running>>);

fn install(tags: &mut Vec<Running>, fresh: Running) {
    let same = |tag: &Running| (tag.gid, tag.sid) == (fresh.gid, fresh.sid);
    match tags.iter().position(same) {
        Some(at) => {
            let tag = &mut tags[at];
            tag.matches += 1;
            if tag.matches < MATCH_LIMIT {
                tag.first_ns = fresh.first_ns;
                tag.packets = 0;
                tag.bytes = 0;
            }
        }
        None if tags.len() < TAG_LIMIT => tags.push(fresh),
        None => {}
    }
}

/// Counts a packet for all tags; whether one of them wants it logged.
fn packet(tags: &mut Vec<Running>, bytes: usize, now_ns: i64) -> bool {
    let mut logged = false;
    tags.retain_mut(|tag| {
        let (wanted, goes_on) = tag.packet(bytes, now_ns);
        logged |= wanted;
        goes_on
    });
    logged
}

impl Inspector {
    /// Begins or lengthens the tag of a signature that alerts.
    pub(crate) fn install_tag(&self, one: &Compiled, traffic: &Traffic<'_>, state: &mut FlowState) {
        let Some(tag) = one.signature.tag else { return };
        let fresh = Running {
            gid: one.signature.gid,
            sid: one.signature.sid,
            tag,
            first_ns: traffic.now_ns,
            packets: 0,
            bytes: 0,
            matches: 0,
            begun: false,
        };
        if tag.scope == TagScope::Session {
            if traffic.flow.is_some() {
                install(&mut state.tags.0, fresh);
            }
            return;
        }
        let Some((source, destination)) = traffic.packet.addresses() else {
            return;
        };
        let host = if tag.scope == TagScope::HostSource {
            source
        } else {
            destination
        };
        let engine = self.engine();
        let mut hosts = engine
            .host_tags
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if hosts.0.len() < HOST_LIMIT || hosts.0.contains_key(&host) {
            install(hosts.0.entry(host).or_default(), fresh);
        }
    }

    /// Whether a tag wants the packet logged.
    pub(crate) fn is_tagged(&self, traffic: &Traffic<'_>, state: &mut FlowState) -> bool {
        let bytes = traffic.packet.frame.len();
        let mut logged = packet(&mut state.tags.0, bytes, traffic.now_ns);
        let engine = self.engine();
        if engine.tags_hosts
            && let Some((source, destination)) = traffic.packet.addresses()
        {
            let mut hosts = engine
                .host_tags
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            for host in [source, destination] {
                if let Some(tags) = hosts.0.get_mut(&host) {
                    logged |= packet(tags, bytes, traffic.now_ns);
                    if tags.is_empty() {
                        hosts.0.remove(&host);
                    }
                }
            }
        }
        logged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(count: u32, metric: TagMetric) -> Running {
        Running {
            gid: 1,
            sid: 1,
            tag: Tag {
                scope: TagScope::Session,
                count,
                metric,
            },
            first_ns: 0,
            packets: 0,
            bytes: 0,
            matches: 0,
            begun: false,
        }
    }

    #[test]
    fn tags_end() {
        let rows = [
            (3, TagMetric::Packets, "-LL."),
            (250, TagMetric::Bytes, "-L.."),
            (2, TagMetric::Seconds, "-LL."),
        ];
        for (count, metric, expected) in rows {
            let mut tags = vec![running(count, metric)];
            let told: String = (0..4)
                .map(|second| {
                    let begun = tags.first().is_some_and(|tag| tag.begun);
                    match packet(&mut tags, 100, second * 1_000_000_000) {
                        true => 'L',
                        false if begun || tags.is_empty() => '.',
                        false => '-',
                    }
                })
                .collect();
            assert_eq!(told, expected, "{metric:?}");
        }
    }

    #[test]
    fn a_match_lengthens_a_tag() {
        let mut tags = vec![running(2, TagMetric::Packets)];
        assert!(!packet(&mut tags, 1, 0));
        assert!(packet(&mut tags, 1, 0));
        install(&mut tags, running(2, TagMetric::Packets));
        assert_eq!(tags.len(), 1);
        assert!(packet(&mut tags, 1, 0));
        assert!(packet(&mut tags, 1, 0));
        assert!(!packet(&mut tags, 1, 0));
        assert!(tags.is_empty());
    }
}
