//! Stream events: what was odd about a TCP session. Names are those of `stream-event` rules.

macro_rules! events {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// An oddity, by the name that the rule language gives it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum StreamEvent { $($variant),* }

        impl StreamEvent {
            pub const ALL: &[StreamEvent] = &[$(StreamEvent::$variant),*];

            /// Full name, as in EVE: `stream.…`.
            pub fn full_name(self) -> &'static str {
                match self { $(StreamEvent::$variant => concat!("stream.", $name)),* }
            }

            /// Name without `stream.`, as in rules.
            pub fn name(self) -> &'static str {
                match self { $(StreamEvent::$variant => $name),* }
            }

            /// Number by which rules refer to it.
            pub fn number(self) -> u16 {
                self as u16
            }
        }
    };
}

events! {
    ThreewhsAckInWrongDir = "3whs_ack_in_wrong_dir",
    ThreewhsAsyncWrongSeq = "3whs_async_wrong_seq",
    ThreewhsRightSeqWrongAckEvasion = "3whs_right_seq_wrong_ack_evasion",
    ThreewhsSynackInWrongDirection = "3whs_synack_in_wrong_direction",
    ThreewhsSynackResendWithDiffAck = "3whs_synack_resend_with_diff_ack",
    ThreewhsSynackResendWithDiffSeq = "3whs_synack_resend_with_diff_seq",
    ThreewhsSynackToserverOnSynRecv = "3whs_synack_toserver_on_syn_recv",
    ThreewhsSynackWithWrongAck = "3whs_synack_with_wrong_ack",
    ThreewhsSynackFlood = "3whs_synack_flood",
    ThreewhsSynackTfoDataIgnored = "3whs_synack_tfo_data_ignored",
    ThreewhsSynResendDiffSeqOnSynRecv = "3whs_syn_resend_diff_seq_on_syn_recv",
    ThreewhsSynToclientOnSynRecv = "3whs_syn_toclient_on_syn_recv",
    ThreewhsSynFlood = "3whs_syn_flood",
    ThreewhsWrongSeqWrongAck = "3whs_wrong_seq_wrong_ack",
    ThreewhsAckDataInject = "3whs_ack_data_inject",
    FourwhsSynackWithWrongAck = "4whs_synack_with_wrong_ack",
    FourwhsSynackWithWrongSyn = "4whs_synack_with_wrong_syn",
    FourwhsWrongSeq = "4whs_wrong_seq",
    FourwhsInvalidAck = "4whs_invalid_ack",
    ClosewaitAckOutOfWindow = "closewait_ack_out_of_window",
    ClosewaitFinOutOfWindow = "closewait_fin_out_of_window",
    ClosewaitPktBeforeLastAck = "closewait_pkt_before_last_ack",
    ClosewaitInvalidAck = "closewait_invalid_ack",
    ClosingAckWrongSeq = "closing_ack_wrong_seq",
    ClosingInvalidAck = "closing_invalid_ack",
    EstPacketOutOfWindow = "est_packet_out_of_window",
    EstPktBeforeLastAck = "est_pkt_before_last_ack",
    EstSynackResend = "est_synack_resend",
    EstSynackResendWithDiffAck = "est_synack_resend_with_diff_ack",
    EstSynackResendWithDiffSeq = "est_synack_resend_with_diff_seq",
    EstSynackToserver = "est_synack_toserver",
    EstSynResend = "est_syn_resend",
    EstSynResendDiffSeq = "est_syn_resend_diff_seq",
    EstSynToclient = "est_syn_toclient",
    EstInvalidAck = "est_invalid_ack",
    EstAckZwpData = "est_ack_zwp_data",
    FinInvalidAck = "fin_invalid_ack",
    Fin1AckWrongSeq = "fin1_ack_wrong_seq",
    Fin1FinWrongSeq = "fin1_fin_wrong_seq",
    Fin1InvalidAck = "fin1_invalid_ack",
    Fin2AckWrongSeq = "fin2_ack_wrong_seq",
    Fin2FinWrongSeq = "fin2_fin_wrong_seq",
    Fin2InvalidAck = "fin2_invalid_ack",
    FinButNoSession = "fin_but_no_session",
    FinOutOfWindow = "fin_out_of_window",
    FinSyn = "fin_syn",
    LastackAckWrongSeq = "lastack_ack_wrong_seq",
    LastackInvalidAck = "lastack_invalid_ack",
    RstButNoSession = "rst_but_no_session",
    TimewaitAckWrongSeq = "timewait_ack_wrong_seq",
    TimewaitInvalidAck = "timewait_invalid_ack",
    ShutdownSynResend = "shutdown_syn_resend",
    PktInvalidTimestamp = "pkt_invalid_timestamp",
    PktInvalidAck = "pkt_invalid_ack",
    PktBrokenAck = "pkt_broken_ack",
    RstInvalidAck = "rst_invalid_ack",
    RstWithData = "rst_with_data",
    PktRetransmission = "pkt_retransmission",
    PktSpuriousRetransmission = "pkt_spurious_retransmission",
    PktBadWindowUpdate = "pkt_bad_window_update",
    SuspectedRstInject = "suspected_rst_inject",
    WrongThread = "wrong_thread",
    ReassemblySegmentBeforeBaseSeq = "reassembly_segment_before_base_seq",
    ReassemblyNoSegment = "reassembly_no_segment",
    ReassemblySeqGap = "reassembly_seq_gap",
    ReassemblyOverlapDifferentData = "reassembly_overlap_different_data",
    ReassemblyDepthReached = "reassembly_depth_reached",
    ReassemblyInsertMemcap = "reassembly_insert_memcap",
    ReassemblyInsertLimit = "reassembly_insert_limit",
    ReassemblyInsertInvalid = "reassembly_insert_invalid",
    ReassemblyUrgentOobLimitReached = "reassembly_urgent_oob_limit_reached",
}

/// A set of [`StreamEvent`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventSet([u64; 3]);

impl EventSet {
    pub fn insert(&mut self, event: StreamEvent) {
        let number = usize::from(event.number());
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub fn contains(&self, event: StreamEvent) -> bool {
        self.has_number(event.number())
    }

    /// Whether the event with this number is in the set; unknown numbers are not.
    pub fn has_number(&self, number: u16) -> bool {
        let number = usize::from(number);
        self.0
            .get(number / 64)
            .is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        self.0 == [0; 3]
    }

    pub fn iter(&self) -> impl Iterator<Item = StreamEvent> + '_ {
        StreamEvent::ALL
            .iter()
            .copied()
            .filter(|&event| self.contains(event))
    }
}

const _: () = assert!(StreamEvent::ALL.len() <= 192);
