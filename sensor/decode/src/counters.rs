//! Counts of what passed the decoder, by the names of EVE `stats`.

use crate::{DecodeEvent, EventSet};

macro_rules! counters {
    ($($field:ident),* $(,)?) => {
        /// Packets by layer; `event` counts decoder events.
        #[derive(Debug, Clone, Default)]
        pub struct Counters {
            pub pkts: u64,
            pub bytes: u64,
            pub max_pkt_size: u64,
            pub invalid: u64,
            $(pub $field: u64,)*
            pub tcp_syn: u64,
            pub tcp_synack: u64,
            pub tcp_rst: u64,
            pub tcp_urg: u64,
            events: Vec<u64>,
        }

        impl Counters {
            /// Counters by name below `decoder.`.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
                let average = self.bytes.checked_div(self.pkts).unwrap_or(0);
                [
                    ("pkts", self.pkts),
                    ("bytes", self.bytes),
                    ("invalid", self.invalid),
                    ("avg_pkt_size", average),
                    ("max_pkt_size", self.max_pkt_size),
                    $((stringify!($field), self.$field),)*
                ]
                .into_iter()
            }
        }
    };
}

counters! {
    ipv4, ipv6, ethernet, arp, unknown_ethertype, chdlc, raw, null, sll, sll2, tcp, udp, sctp, esp, icmpv4,
    icmpv6, ppp, pppoe, geneve, gre, vlan, vlan_qinq, vlan_qinqinq, vxlan, vntag, etag, ieee8021ah, teredo,
    ipv4_in_ipv4, ipv6_in_ipv4, ipv4_in_ipv6, ipv6_in_ipv6, mpls, erspan, nsh, too_many_layers,
}

impl Counters {
    pub(crate) fn frame(&mut self, bytes: usize) {
        self.pkts += 1;
        self.bytes += bytes as u64;
        self.max_pkt_size = self.max_pkt_size.max(bytes as u64);
    }

    pub(crate) fn note(&mut self, events: &EventSet<DecodeEvent>, invalid: bool) {
        self.invalid += u64::from(invalid);
        if !events.is_empty() {
            self.events.resize(DecodeEvent::ALL.len(), 0);
            self.too_many_layers += u64::from(events.contains(DecodeEvent::TooManyLayers));
            for event in events.iter() {
                self.events[usize::from(event.number())] += 1;
            }
        }
    }

    /// An event that was found behind the decoder (reassembly of fragments).
    pub fn note_event(&mut self, event: DecodeEvent) {
        let mut events = EventSet::default();
        events.insert(event);
        self.note(&events, false);
    }

    /// Events by name below `decoder.event.`.
    pub fn events(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        DecodeEvent::ALL.iter().map(|event| {
            (
                event.name(),
                self.events
                    .get(usize::from(event.number()))
                    .copied()
                    .unwrap_or(0),
            )
        })
    }

    /// Adds another worker's counts.
    pub fn add(&mut self, other: &Counters) {
        macro_rules! each {
            ($($field:ident),*) => { $(self.$field += other.$field;)* };
        }
        each!(
            pkts,
            bytes,
            invalid,
            ipv4,
            ipv6,
            ethernet,
            arp,
            unknown_ethertype,
            chdlc,
            raw,
            null,
            sll,
            sll2,
            tcp,
            udp,
            sctp,
            esp,
            icmpv4,
            icmpv6,
            ppp,
            pppoe,
            geneve,
            gre,
            vlan,
            vlan_qinq,
            vlan_qinqinq,
            vxlan,
            vntag,
            etag,
            ieee8021ah,
            teredo,
            ipv4_in_ipv4,
            ipv6_in_ipv4,
            ipv4_in_ipv6,
            ipv6_in_ipv6,
            mpls,
            erspan,
            nsh,
            too_many_layers,
            tcp_syn,
            tcp_synack,
            tcp_rst,
            tcp_urg
        );
        self.max_pkt_size = self.max_pkt_size.max(other.max_pkt_size);
        self.events.resize(DecodeEvent::ALL.len(), 0);
        for (mine, theirs) in self.events.iter_mut().zip(&other.events) {
            *mine += theirs;
        }
    }
}
