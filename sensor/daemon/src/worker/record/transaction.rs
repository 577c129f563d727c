//! Transactions → records, with their files and the facts derived from them.

use std::sync::Arc;

use sensor_app::{File, FileState, Transaction};
use sensor_decode::{Packet, PacketSource};
use sensor_detect::{FlowState, Inspector, Traffic};
use sensor_event::{
    Anomaly, AnomalyKind, AppRecord, Body, Class, Fact, FactObject, FactRecord, FileInfo,
    FileInfoRecord, Record, TransactionRecord,
};
use sensor_flow::{Direction, Entry, Flow};

use super::common::{common, file_info, known, record_ends, variables, with_packet_variables};
use super::{AnomalyFacts, Ends, Moment, Recording, Stamp};
use crate::output::Output;
use crate::settings::DnsVersion;
use crate::worker::flow::Tracked;

impl<O: Output> Recording<O> {
    /// Variables that rules took from a packet.
    pub fn metadata(
        &mut self,
        inspector: &Inspector,
        traffic: &Traffic<'_>,
        state: &FlowState,
        stamp: Stamp,
    ) {
        let variables = variables(state, inspector.engine());
        let Some(metadata) = with_packet_variables(variables, inspector.packet_variables()) else {
            return;
        };
        let mut flow = traffic.flow.cloned();
        let community = flow
            .as_mut()
            .map(|flow| flow.community_id(self.settings.community_seed).to_owned());
        let interface = self.interface.clone();
        let packet = traffic.packet;
        let mut common = common(
            packet,
            traffic.flow,
            "metadata",
            Ends::Packet(packet),
            stamp,
        );
        common.in_iface = interface.as_deref();
        common.community_id = community.as_deref();
        let body = Body::Metadata(Box::new(metadata));
        self.write(Class::Record, &Record { common, body });
    }

    /// Records what transactions have come to: their records, events and files; then forgets those that are done.
    pub fn transactions(
        &mut self,
        entry: &mut Entry<Tracked>,
        packet: &Packet<'_>,
        direction: Direction,
        inspector: Option<&Inspector>,
        stamp: Stamp,
        moment: Moment,
    ) {
        let Entry { flow, user, .. } = entry;
        let flow_events = user.app.take_events();
        if user.app.transactions().is_empty() && flow_events.is_empty() {
            return;
        }
        if flow_events.is_empty() && !has_news(user, direction, moment) {
            retire(user, inspector);
            return;
        }
        if moment == Moment::FlowEnd {
            let open = user.app.transactions_mut().iter_mut();
            open.for_each(|tx| tx.files.iter_mut().for_each(File::abandon));
        }
        let settings = Arc::clone(&self.settings);
        let community = flow.community_id(settings.community_seed).to_owned();
        let interface = self.interface.clone();
        let protocol = user.app.protocol();
        let bits = inspector.and_then(|inspector| variables(&user.detect, inspector.engine()));
        for event in flow_events {
            let label = event.to_ascii_uppercase();
            let anomaly = Anomaly {
                app_proto: known(protocol),
                kind: AnomalyKind::AppLayer,
                event: &label,
                layer: Some("proto_detect"),
            };
            let facts = AnomalyFacts {
                flow: Some(flow),
                community: Some(&community),
                metadata: bits.clone(),
                tx_id: None,
            };
            self.anomaly(packet, anomaly, facts, stamp);
        }
        let class = if user.alerted {
            Class::Context
        } else {
            Class::Record
        };
        let over = moment != Moment::Packet || user.app.is_ended();
        // A file is told with a packet of its side, as it is inspected with one.
        let is_due = |file: &File| {
            !file.logged && (over || file.direction == direction) && file.state != FileState::Open
        };
        let original = user.app.original_protocol();
        for at in 0..user.app.transactions().len() {
            let Some(transaction) = user.app.transactions().get(at) else {
                break;
            };
            let id = transaction.id;
            let tx_id = transaction.number;
            let mark = *crate::worker::flow::mark(&mut user.recorded, id);
            for number in transaction.events.iter().skip(mark.events) {
                let row = transaction.protocol().row();
                let event = row
                    .and_then(|row| row.events.iter().find(|event| event.number == *number))
                    .map_or("unknown", |event| event.name);
                let event = transaction.protocol().event_label(event);
                let anomaly = Anomaly {
                    app_proto: known(transaction.protocol()),
                    kind: AnomalyKind::AppLayer,
                    event: &event,
                    layer: Some("proto_parser"),
                };
                let facts = AnomalyFacts {
                    flow: Some(flow),
                    community: Some(&community),
                    metadata: bits.clone(),
                    tx_id: Some(tx_id),
                };
                self.anomaly(packet, anomaly, facts, stamp);
            }
            let due = !mark.record && (transaction.is_due() || over);
            if due && transaction.is_recorded() {
                let mut common = common(
                    packet,
                    Some(flow),
                    transaction.event_type(),
                    record_ends(transaction, packet, settings.dns_version),
                    stamp,
                );
                common.in_iface = interface.as_deref();
                common.community_id = Some(&community);
                for mut app in app_records(transaction, settings.dns_version) {
                    if let AppRecord::Tls(tls) = &mut app {
                        tls.from_proto = original.map(|protocol| protocol.name());
                    }
                    let body = TransactionRecord {
                        tx_id: Some(tx_id).filter(|_| app.has_transaction_number()),
                        metadata: bits.clone(),
                        app,
                    };
                    self.write(
                        class,
                        &Record {
                            common: common.clone(),
                            body: Body::Transaction(Box::new(body)),
                        },
                    );
                }
            }
            if due && let Some(facts) = &mut self.facts {
                let found = facts.of_transaction(transaction, flow, original, stamp.at_ns);
                self.write_facts(found, flow, &community, stamp);
            }
            for file in transaction.files.iter().filter(|file| is_due(file)) {
                let side = file.direction.index();
                let wanted = transaction.stores[side] || user.stores[side];
                let content = transaction.content(file);
                let stored = self.store.take(file, wanted, content);
                self.output.file(content);
                let mut common = common(
                    packet,
                    Some(flow),
                    "fileinfo",
                    Ends::Flow(file.direction),
                    stamp,
                );
                common.in_iface = interface.as_deref();
                common.community_id = Some(&community);
                let body = FileInfoRecord {
                    app: transaction.alert_record(),
                    metadata: bits.clone(),
                    app_proto: transaction.protocol().name(),
                    fileinfo: FileInfo {
                        stored: stored.is_some(),
                        file_id: stored,
                        ..file_info(file, transaction, &settings)
                    },
                };
                self.write(
                    class,
                    &Record {
                        common,
                        body: Body::FileInfo(Box::new(body)),
                    },
                );
            }
            let events = transaction.events.len();
            if let Some(transaction) = user.app.transactions_mut().get_mut(at) {
                for file in &mut transaction.files {
                    file.logged |= is_due(file);
                }
            }
            let mark = crate::worker::flow::mark(&mut user.recorded, id);
            mark.record |= due;
            mark.events = events;
        }
        retire(user, inspector);
    }

    /// Facts that a flow has told.
    pub(super) fn write_facts(
        &mut self,
        found: Vec<Fact>,
        flow: &Flow,
        community: &str,
        stamp: Stamp,
    ) {
        if found.is_empty() {
            return;
        }
        let interface = self.interface.clone();
        let (from, to) = flow.ends(Direction::ToServer);
        let packet = Packet::of_flow(from, to, flow.protocol, PacketSource::FlowTimeout);
        for fact in found {
            let ends = Ends::Flow(Direction::ToServer);
            let mut common = common(&packet, Some(flow), "fact", ends, stamp);
            common.pkt_src = None;
            common.ether = None;
            common.in_iface = interface.as_deref();
            common.community_id = Some(community);
            let body = Body::Fact(Box::new(FactRecord {
                matluoi: FactObject { fact },
            }));
            self.write(Class::Record, &Record { common, body });
        }
    }
}

/// Whether any transaction has something to record, so that it is worth gathering what records need.
pub(super) fn has_news(user: &Tracked, direction: Direction, moment: Moment) -> bool {
    let over = moment != Moment::Packet || user.app.is_ended();
    user.app.transactions().iter().any(|transaction| {
        let mark = user
            .recorded
            .binary_search_by_key(&transaction.id, |mark| mark.id)
            .map(|at| user.recorded[at])
            .unwrap_or_default();
        transaction.events.len() > mark.events
            || !mark.record && (transaction.is_due() || over)
            || transaction
                .files
                .iter()
                .any(|file| !file.logged && (over || file.direction == direction))
    })
}

/// Forgets transactions that are told and inspected.
fn retire(user: &mut Tracked, inspector: Option<&Inspector>) {
    let Tracked {
        app,
        detect,
        recorded,
        ..
    } = user;
    app.retire(|transaction| {
        let complete = Direction::BOTH
            .iter()
            .all(|side| transaction.is_complete(*side));
        let told = recorded
            .binary_search_by_key(&transaction.id, |mark| mark.id)
            .is_ok_and(|at| recorded[at].record);
        let inspected = inspector.is_none_or(|inspector| {
            !inspector.engine().inspects(transaction.protocol())
                || Direction::BOTH.iter().all(|side| {
                    !transaction.has_side(*side)
                        || inspector.engine().is_done(
                            detect,
                            transaction.protocol(),
                            transaction.id,
                            *side,
                        )
                })
        });
        complete && told && inspected && transaction.files.iter().all(|file| file.logged)
    });
    let oldest = app
        .transactions()
        .front()
        .map_or(u64::MAX, |transaction| transaction.id);
    while recorded.front().is_some_and(|mark| mark.id < oldest) {
        recorded.pop_front();
    }
}

/// The objects that a transaction is recorded as; the older format of DNS has several.
pub(super) fn app_records(
    transaction: &Transaction,
    dns_version: DnsVersion,
) -> Vec<AppRecord<'_>> {
    match (&transaction.body, dns_version) {
        (sensor_app::Body::Dns(dns), DnsVersion::Two) => dns.records_v2(transaction.id),
        _ => vec![transaction.record()],
    }
}
