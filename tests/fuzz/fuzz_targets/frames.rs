//! Frames of any link type, through decoding and the reassembly of fragments.
//!
//! Input: the link type (two octets, little-endian), then frames, each with its length before it in the same form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor_decode::{Counters, LinkType};
use sensor_defrag::{Defragmenter, HostPolicies};

fuzz_target!(|input: &[u8]| {
    let [low, high, rest @ ..] = input else {
        return;
    };
    let link = LinkType(u16::from_le_bytes([*low, *high]));
    let mut rest = rest;
    let mut counters = Counters::default();
    let mut defrag = Defragmenter::new(HostPolicies::default());
    let mut now_ns = 0;
    while let [low, high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (frame, after) = after.split_at(length.min(after.len()));
        rest = after;
        now_ns += 1_000_000;
        sensor_decode::decode(link, frame, &mut counters, &mut |packet| {
            packet.addresses();
            packet.ports();
            packet.transport_checksum_valid();
            packet.ipv4_checksum_valid();
            if let Some(tcp) = packet.tcp() {
                tcp.sack_blocks().count();
            }
            defrag.push(packet, now_ns);
        });
    }
});
