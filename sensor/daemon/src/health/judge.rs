//! Figures → findings. Nothing here looks at the system, so that every finding can be made in a test.

use super::finding::{Code, Finding};
use super::status::Status;
use super::words::time;

/// Without a packet for so long, the mirror is suspect.
const QUIET_MS: u64 = 30_000;
/// Flows below which shares say nothing.
const ENOUGH_FLOWS: u64 = 20;
const ENOUGH_HOME_FLOWS: u64 = 100;
/// Share of one-sided flows, in percent, that is no chance.
const ONE_WAY_PERCENT: u64 = 20;
/// Packets without a tag after which tags count as missing.
const ENOUGH_UNTAGGED: u64 = 1_000;
/// Time without a tag after which tags have stopped; before, one packet in so many had one.
const UNTAGGED_MS: u64 = 60_000;
const TAGGED_ONE_IN: u64 = 10;
const ENOUGH_SEGMENTS: u64 = 100;
const WRONG_CHECKSUM_PERCENT: u64 = 1;
/// Lost packets of all, one in so many, that matter.
const DROPPED_ONE_IN: u64 = 1_000;
/// A clock that is further off makes records of sensors fall apart.
pub const CLOCK_MS: u64 = 5_000;
/// Mean of a write.
const SLOW_WRITE_US: u64 = 500_000;
const ENOUGH_WRITES: u64 = 5;
/// Free share in percent below which a disk is nearly full, unless there is so much left all the same; and what is too
/// little on any disk.
const FREE_PERCENT: u64 = 5;
const AMPLE_BYTES: u64 = 5 << 30;
const FREE_BYTES: u64 = 512 << 20;
const CERTIFICATE_MS: i64 = 30 * DAY_MS;
const DAY_MS: i64 = 86_400_000;
/// A link that is down for less is being set up.
const LINK_GRACE_MS: u64 = 15_000;
/// Records that wait before a link counts as thin, and the time over which it is measured.
const THIN_RECORDS: u64 = 1_000;
const THIN_MS: u64 = 60_000;
const MINUTE_MS: u64 = 60_000;
/// For so long after a record was lost on the way to an output, it is told.
const LOSS_TOLD_MS: u64 = 5 * MINUTE_MS;
/// Bytes of a reason that are told.
const REASON_BYTES: usize = 300;

/// What is wrong; the worst first. `since_ms` is now: whoever keeps findings knows better.
pub fn judge(status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    wire(status, &mut findings);
    drops(status, &mut findings);
    machine(status, &mut findings);
    delivery(status, &mut findings);
    detection(status, &mut findings);
    findings.sort_by_key(|finding| (finding.severity, finding.code));
    findings
}

/// Percent of a part, rounded up: what is there is never zero.
fn percent(part: u64, whole: u64) -> u64 {
    (part.saturating_mul(100)).div_ceil(whole.max(1))
}

/// The mirror: whether everything comes, and comes whole.
fn wire(status: &Status, findings: &mut Vec<Finding>) {
    let Some(interface) = &status.interface else {
        return;
    };
    let name = interface.name.as_str();
    let new = |code| Finding::new(code, status.now_ms).with("interface", name);
    if !interface.exists {
        findings.push(new(Code::InterfaceMissing));
        return;
    }
    let traffic = &status.counts.traffic;
    let lately = &status.lately.traffic;
    if interface.carrier == Some(false) {
        findings.push(new(Code::InterfaceDown));
    } else {
        let heard_ms = traffic.last_packet_ms.max(status.started_ms);
        let quiet_ms = status.now_ms.saturating_sub(heard_ms);
        if quiet_ms >= QUIET_MS {
            findings.push(new(Code::NoPackets).with("seconds", quiet_ms / 1_000));
        }
    }
    let flows = lately.one_way + lately.two_way;
    let one_way = percent(lately.one_way, flows);
    if flows >= ENOUGH_FLOWS && one_way >= ONE_WAY_PERCENT {
        findings.push(
            new(Code::OneDirection)
                .with("flows", flows)
                .with("one_way", lately.one_way)
                .with("percent", one_way),
        );
    }
    // Tags that were common and have stopped while packets went on, or that ought to come by what lies on the interface.
    let untagged_ms = traffic
        .last_packet_ms
        .saturating_sub(traffic.last_tagged_ms);
    let expected = if traffic.tagged > 0 {
        let stopped = untagged_ms >= UNTAGGED_MS
            && traffic.tagged.saturating_mul(TAGGED_ONE_IN) >= traffic.packets;
        stopped.then(|| format!("≤ {}", time(traffic.last_tagged_ms)))
    } else {
        Some(interface.vlans.join(", ")).filter(|names| !names.is_empty())
    };
    if let Some(expected) = expected
        && lately.packets >= ENOUGH_UNTAGGED
    {
        findings.push(
            new(Code::VlanStripped)
                .with("packets", lately.packets.saturating_sub(lately.tagged))
                .with("expected", expected),
        );
    }
    if !interface.offloads.is_empty() || lately.oversized > 0 {
        let offloads = if interface.offloads.is_empty() {
            "–".to_owned()
        } else {
            interface.offloads.join(", ")
        };
        findings.push(
            new(Code::OffloadsOn)
                .with("offloads", offloads)
                .with("oversized", lately.oversized)
                .with("longest", traffic.longest_frame),
        );
    }
    // A worker that has given up looking reckons no more: what it found stays.
    let checked = if traffic.checksums_off > 0 {
        traffic
    } else {
        lately
    };
    let wrong = percent(checked.checksums_wrong, checked.checksums_checked);
    if checked.checksums_wrong > 0
        && checked.checksums_checked >= ENOUGH_SEGMENTS
        && checked.checksums_wrong * 100 >= checked.checksums_checked * WRONG_CHECKSUM_PERCENT
    {
        findings.push(
            new(Code::ChecksumsBad)
                .with("checked", checked.checksums_checked)
                .with("wrong", checked.checksums_wrong)
                .with("percent", wrong),
        );
    }
}

/// What was lost, and where.
fn drops(status: &Status, findings: &mut Vec<Finding>) {
    let lately = &status.lately;
    let minutes = status.lately_ms.div_ceil(MINUTE_MS);
    let new = |code| Finding::new(code, status.now_ms).with("minutes", minutes);
    let name = status
        .interface
        .as_ref()
        .map_or("–", |one| one.name.as_str());
    for (code, dropped) in [
        (Code::DropsRing, lately.ring_drops),
        (Code::DropsCard, lately.card_drops),
    ] {
        let all = lately.traffic.packets + lately.ring_drops + lately.card_drops;
        if dropped > 0 && dropped.saturating_mul(DROPPED_ONE_IN) >= all {
            findings.push(
                new(code)
                    .with("interface", name)
                    .with("dropped", dropped)
                    .with("percent", percent(dropped, all)),
            );
        }
    }
    let shed = lately.traffic.all_shed();
    if shed > 0 {
        findings.push(
            new(Code::DropsShed)
                .with("packets", shed)
                .with("percent", percent(shed, lately.traffic.packets))
                .with("long", lately.traffic.shed_long)
                .with("encrypted", lately.traffic.shed_encrypted)
                .with("sampled", lately.traffic.shed_sampled),
        );
    }
    if lately.traffic.evicted > 0 {
        findings.push(new(Code::DropsFlows).with("evicted", lately.traffic.evicted));
    }
    for (code, records) in [
        (Code::DropsQueue, lately.records_queue_full),
        (Code::DropsSpool, lately.records_given_up),
    ] {
        if records > 0 {
            findings.push(new(code).with("records", records));
        }
    }
    for output in &status.outputs {
        let lately = output.lost_ago_ms.is_some_and(|ago| ago <= LOSS_TOLD_MS);
        if let (true, Some(reason)) = (lately, &output.reason) {
            findings.push(
                Finding::new(Code::DropsOutput, status.now_ms)
                    .with("output", output.name.as_str())
                    .with("records", output.lost)
                    .with("reason", cut(reason)),
            );
        }
    }
}

/// The disk.
fn machine(status: &Status, findings: &mut Vec<Finding>) {
    let new = |code| Finding::new(code, status.now_ms);
    let folder = status.state_dir.as_str();
    let lately = &status.lately;
    if let Some(mean_us) = lately.commit_us.checked_div(lately.commits)
        && lately.commits >= ENOUGH_WRITES
        && mean_us >= SLOW_WRITE_US
    {
        findings.push(
            new(Code::DiskSlow)
                .with("folder", folder)
                .with("milliseconds", mean_us / 1_000),
        );
    }
    if let Some(disk) = &status.disk
        && disk.total_bytes > 0
    {
        let share = disk.free_bytes.saturating_mul(100) / disk.total_bytes;
        let scarce = share < FREE_PERCENT && disk.free_bytes < AMPLE_BYTES;
        if scarce || disk.free_bytes < FREE_BYTES {
            findings.push(
                new(Code::DiskFull)
                    .with("folder", folder)
                    .with("megabytes", disk.free_bytes >> 20)
                    .with("percent", share),
            );
        }
    }
}

/// Certificate, clock and link.
fn delivery(status: &Status, findings: &mut Vec<Finding>) {
    let new = |code| Finding::new(code, status.now_ms);
    if let Some(ends_ms) = status.certificate_ends_ms {
        let left_ms = ends_ms.saturating_sub(status.now_ms.cast_signed());
        let days = left_ms.unsigned_abs() / DAY_MS.unsigned_abs();
        if left_ms <= 0 {
            findings.push(new(Code::CertificateEnded).with("days", days));
        } else if left_ms < CERTIFICATE_MS {
            findings.push(new(Code::CertificateEnds).with("days", days));
        }
    }
    let Some(link) = &status.link else { return };
    if let Some(ahead_ms) = link.ahead_ms
        && ahead_ms.unsigned_abs() >= CLOCK_MS
    {
        let code = if ahead_ms > 0 {
            Code::ClockAhead
        } else {
            Code::ClockBehind
        };
        findings.push(new(code).with("seconds", ahead_ms.unsigned_abs() / 1_000));
    }
    let waiting = status.spool.as_ref().map_or(0, |spool| spool.records());
    let running_ms = status.now_ms.saturating_sub(status.started_ms);
    if !link.connected {
        if running_ms >= LINK_GRACE_MS {
            findings.push(
                new(Code::LinkDown)
                    .with("address", link.address.as_str())
                    .with("reason", cut(link.failure.as_deref().unwrap_or("–")))
                    .with("records", waiting),
            );
        }
        return;
    }
    let lately = &status.lately;
    if status.lately_ms >= THIN_MS
        && waiting >= THIN_RECORDS
        && lately.records_acked.saturating_mul(5) < lately.records_made.saturating_mul(4)
    {
        let a_minute = |records: u64| records.saturating_mul(MINUTE_MS) / status.lately_ms;
        findings.push(
            new(Code::LinkThin)
                .with("made", a_minute(lately.records_made))
                .with("sent", a_minute(lately.records_acked))
                .with("records", waiting),
        );
    }
}

/// Rules and HOME_NET.
fn detection(status: &Status, findings: &mut Vec<Finding>) {
    let new = |code| Finding::new(code, status.now_ms);
    let rules = &status.rules;
    if rules.loaded == 0 {
        findings.push(new(Code::RulesNone));
    }
    if rules.failed > 0 {
        findings.push(
            new(Code::RulesFailing)
                .with("failed", rules.failed)
                .with("loaded", rules.loaded),
        );
    }
    if let Some(reason) = &rules.refusal {
        findings.push(new(Code::RulesRefused).with("reason", cut(reason)));
    }
    let lately = &status.lately.traffic;
    if status.home_net.any {
        findings.push(new(Code::HomeNetAny));
    } else if lately.flows >= ENOUGH_HOME_FLOWS && lately.home_flows == 0 {
        findings.push(
            new(Code::HomeNetUnseen)
                .with("flows", lately.flows)
                .with("home_net", cut(&status.home_net.text)),
        );
    }
}

/// The beginning of a reason.
fn cut(text: &str) -> &str {
    match text.char_indices().find(|(at, _)| *at >= REASON_BYTES) {
        Some((at, _)) => &text[..at],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Figure;
    use super::super::interface::Interface;
    use super::super::status::{Disk, HomeNetState, Link, OutputState, RulesState, SpoolState};
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    /// A sensor that is well.
    fn well() -> Status {
        let mut status = Status {
            now_ms: NOW_MS,
            started_ms: NOW_MS - 600_000,
            interface: Some(Interface {
                name: "eth0".to_owned(),
                exists: true,
                carrier: Some(true),
                mtu: Some(1_500),
                ..Interface::default()
            }),
            lately_ms: 300_000,
            rules: RulesState {
                loaded: 100,
                ..RulesState::default()
            },
            home_net: HomeNetState {
                text: "[10.0.0.0/8]".to_owned(),
                any: false,
            },
            link: Some(Link {
                connected: true,
                ahead_ms: Some(20),
                ..Link::default()
            }),
            spool: Some(SpoolState::default()),
            disk: Some(Disk {
                free_bytes: 50 << 30,
                total_bytes: 100 << 30,
            }),
            certificate_ends_ms: Some(NOW_MS.cast_signed() + 300 * DAY_MS),
            ..Status::default()
        };
        let traffic = &mut status.lately.traffic;
        traffic.packets = 100_000;
        traffic.flows = 1_000;
        traffic.home_flows = 900;
        traffic.two_way = 500;
        traffic.checksums_checked = 90_000;
        status.lately.records_made = 5_000;
        status.lately.records_acked = 5_000;
        status.lately.commits = 100;
        status.lately.commit_us = 1_000_000;
        status.counts = status.lately;
        status.counts.traffic.last_packet_ms = NOW_MS - 1_000;
        status
    }

    #[track_caller]
    fn check(what: &str, change: impl Fn(&mut Status), expected: Option<(Code, &[(&str, u64)])>) {
        let mut status = well();
        change(&mut status);
        let findings = judge(&status);
        let codes: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
        let Some((code, figures)) = expected else {
            assert_eq!(codes, [], "{what}");
            return;
        };
        assert_eq!(codes, [code], "{what}");
        for (name, number) in figures {
            assert_eq!(
                findings[0].figures.get(*name),
                Some(&Figure::Number(*number)),
                "{what}: {name}"
            );
        }
    }

    #[test]
    fn what_is_well_is_left_alone() {
        check("well", |_| {}, None);
        check("a scan", |s| s.lately.traffic.one_way = 19, None);
        check("one drop in a million", |s| s.lately.ring_drops = 1, None);
        check("a sensor without a collector", |s| s.link = None, None);
        check(
            "tags come",
            |s| {
                s.counts.traffic.tagged = 90_000;
                s.counts.traffic.last_tagged_ms = NOW_MS - 2_000;
            },
            None,
        );
        check("tags were rare", |s| s.counts.traffic.tagged = 9, None);
        check(
            "the link is being set up",
            |s| {
                s.started_ms = NOW_MS - 5_000;
                s.link = Some(Link::default());
            },
            None,
        );
    }

    #[test]
    fn the_wire() {
        let interface = |s: &mut Status, change: &dyn Fn(&mut Interface)| {
            change(s.interface.as_mut().expect("it has one"));
        };
        check(
            "missing",
            |s| interface(s, &|i| i.exists = false),
            Some((Code::InterfaceMissing, &[])),
        );
        check(
            "down",
            |s| {
                interface(s, &|i| i.carrier = Some(false));
                s.counts.traffic.last_packet_ms = 0;
            },
            Some((Code::InterfaceDown, &[])),
        );
        check(
            "quiet",
            |s| s.counts.traffic.last_packet_ms = NOW_MS - 40_000,
            Some((Code::NoPackets, &[("seconds", 40)])),
        );
        check(
            "quiet since the start",
            |s| s.counts.traffic.last_packet_ms = 0,
            Some((Code::NoPackets, &[("seconds", 600)])),
        );
        check(
            "one direction",
            |s| s.lately.traffic.one_way = 500,
            Some((
                Code::OneDirection,
                &[("flows", 1_000), ("one_way", 500), ("percent", 50)],
            )),
        );
        check(
            "no tags where VLANs are",
            |s| interface(s, &|i| i.vlans = vec!["eth0.10".to_owned()]),
            Some((Code::VlanStripped, &[("packets", 100_000)])),
        );
        check(
            "tags no longer",
            |s| {
                s.counts.traffic.tagged = 90_000;
                s.counts.traffic.last_tagged_ms = NOW_MS - 70_000;
            },
            Some((Code::VlanStripped, &[("packets", 100_000)])),
        );
        check(
            "offloads",
            |s| interface(s, &|i| i.offloads = vec!["gro".to_owned()]),
            Some((Code::OffloadsOn, &[("oversized", 0)])),
        );
        check(
            "long frames",
            |s| s.lately.traffic.oversized = 3,
            Some((Code::OffloadsOn, &[("oversized", 3)])),
        );
        check(
            "checksums",
            |s| s.lately.traffic.checksums_wrong = 9_000,
            Some((Code::ChecksumsBad, &[("wrong", 9_000), ("percent", 10)])),
        );
        check(
            "checksums that are no longer looked at",
            |s| {
                s.lately.traffic.checksums_checked = 0;
                s.counts.traffic.checksums_checked = 1_000;
                s.counts.traffic.checksums_wrong = 500;
                s.counts.traffic.checksums_off = 1;
            },
            Some((Code::ChecksumsBad, &[("checked", 1_000), ("wrong", 500)])),
        );
    }

    #[test]
    fn drops_and_where() {
        check(
            "ring",
            |s| s.lately.ring_drops = 25_000,
            Some((
                Code::DropsRing,
                &[("dropped", 25_000), ("percent", 20), ("minutes", 5)],
            )),
        );
        check(
            "card",
            |s| s.lately.card_drops = 1_000,
            Some((Code::DropsCard, &[("dropped", 1_000)])),
        );
        check(
            "shed",
            |s| s.lately.traffic.shed_sampled = 25_000,
            Some((
                Code::DropsShed,
                &[("packets", 25_000), ("sampled", 25_000), ("long", 0)],
            )),
        );
        check(
            "flows",
            |s| s.lately.traffic.evicted = 7,
            Some((Code::DropsFlows, &[("evicted", 7)])),
        );
        check(
            "queue",
            |s| s.lately.records_queue_full = 7,
            Some((Code::DropsQueue, &[("records", 7)])),
        );
        check(
            "spool",
            |s| s.lately.records_given_up = 7,
            Some((Code::DropsSpool, &[("records", 7)])),
        );
        check(
            "output",
            |s| {
                s.outputs = vec![OutputState {
                    name: "syslog".to_owned(),
                    lost: 4,
                    reason: Some("nobody".to_owned()),
                    lost_ago_ms: Some(1_000),
                    ..OutputState::default()
                }];
            },
            Some((Code::DropsOutput, &[("records", 4)])),
        );
        check(
            "output that has recovered",
            |s| {
                s.outputs = vec![OutputState {
                    lost: 4,
                    reason: Some("nobody".to_owned()),
                    lost_ago_ms: Some(LOSS_TOLD_MS + 1),
                    ..OutputState::default()
                }];
            },
            None,
        );
    }

    #[test]
    fn machine_and_delivery() {
        check(
            "slow",
            |s| s.lately.commit_us = 100 * 700_000,
            Some((Code::DiskSlow, &[("milliseconds", 700)])),
        );
        check(
            "full",
            |s| {
                s.disk = Some(Disk {
                    free_bytes: 3 << 30,
                    total_bytes: 100 << 30,
                })
            },
            Some((Code::DiskFull, &[("megabytes", 3_072), ("percent", 3)])),
        );
        check(
            "certificate",
            |s| s.certificate_ends_ms = Some(NOW_MS.cast_signed() + 9 * DAY_MS),
            Some((Code::CertificateEnds, &[("days", 9)])),
        );
        check(
            "old certificate",
            |s| s.certificate_ends_ms = Some(NOW_MS.cast_signed() - 2 * DAY_MS),
            Some((Code::CertificateEnded, &[("days", 2)])),
        );
        for (ahead_ms, code) in [
            (3_600_000_i64, Code::ClockAhead),
            (-7_000, Code::ClockBehind),
        ] {
            check(
                "clock",
                |s| s.link.as_mut().expect("a link").ahead_ms = Some(ahead_ms),
                Some((code, &[("seconds", ahead_ms.unsigned_abs() / 1_000)])),
            );
        }
        check(
            "no link",
            |s| s.link.as_mut().expect("a link").connected = false,
            Some((Code::LinkDown, &[("records", 0)])),
        );
        check(
            "thin",
            |s| {
                s.lately.records_acked = 1_000;
                s.spool.as_mut().expect("a spool").waiting = vec![("flow".to_owned(), 4_000)];
            },
            Some((
                Code::LinkThin,
                &[("made", 1_000), ("sent", 200), ("records", 4_000)],
            )),
        );
    }

    #[test]
    fn rules_and_home_net() {
        check("none", |s| s.rules.loaded = 0, Some((Code::RulesNone, &[])));
        check(
            "failing",
            |s| s.rules.failed = 3,
            Some((Code::RulesFailing, &[("failed", 3), ("loaded", 100)])),
        );
        check(
            "refused",
            |s| s.rules.refusal = Some("ớ".repeat(400)),
            Some((Code::RulesRefused, &[])),
        );
        check(
            "unseen",
            |s| s.lately.traffic.home_flows = 0,
            Some((Code::HomeNetUnseen, &[("flows", 1_000)])),
        );
        check(
            "any",
            |s| s.home_net.any = true,
            Some((Code::HomeNetAny, &[])),
        );
    }
}
