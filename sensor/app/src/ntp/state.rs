//! Datagrams → transactions, one each.

use sensor_bytes::Reader;
use sensor_event::{AppRecord, ColonHex, Ntp};
use sensor_flow::Direction;

use super::MALFORMED_DATA;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Bytes of a header (RFC 5905 §7.3).
const HEADER_BYTES: usize = 48;

/// One datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NtpTransaction {
    pub version: u8,
    pub mode: u8,
    pub stratum: u8,
    pub reference_id: [u8; 4],
}

impl NtpTransaction {
    /// Reads a header of version 3 or 4.
    pub fn read(bytes: &[u8]) -> Option<NtpTransaction> {
        let mut reader = Reader::new(bytes.get(..HEADER_BYTES)?);
        let first = reader.u8().ok()?;
        let stratum = reader.u8().ok()?;
        // Poll, precision, delay, dispersion.
        reader.skip(10).ok()?;
        let header = NtpTransaction {
            version: (first >> 3) & 0x07,
            mode: first & 0x07,
            stratum,
            reference_id: reader.array().ok()?,
        };
        matches!(header.version, 3 | 4).then_some(header)
    }

    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Ntp(Box::new(Ntp {
            version: self.version,
            mode: self.mode,
            stratum: self.stratum,
            reference_id: ColonHex(&self.reference_id),
        }))
    }
}

#[derive(Debug)]
pub struct State;

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let Some(header) = NtpTransaction::read(data) else {
            if let Some(last) = transactions.last() {
                last.raise(MALFORMED_DATA);
            }
            return Step::Failed;
        };
        if let Some(transaction) = transactions.begin(Body::Ntp(Box::new(header))) {
            transaction.only = Some(direction);
            for side in Direction::BOTH {
                transaction.advance(side, Transaction::COMPLETE);
            }
        }
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::More
    }

    fn close(&mut self, _: Direction, _: &mut Transactions, _: &Context, _: &Limits) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers() {
        let mut bytes = [0; 50];
        bytes[..2].copy_from_slice(&[0x24, 2]);
        bytes[12..16].copy_from_slice(&[192, 0, 2, 1]);
        let header = NtpTransaction::read(&bytes).expect("a header");
        assert_eq!((header.version, header.mode, header.stratum), (4, 4, 2));
        assert_eq!(
            serde_json::to_string(&header.record()).expect("a record serialises"),
            r#"{"ntp":{"version":4,"mode":4,"stratum":2,"reference_id":"c0:00:02:01"}}"#
        );
        assert_eq!(NtpTransaction::read(&bytes[..47]), None);
        // Version 2.
        bytes[0] = 0x17;
        assert_eq!(NtpTransaction::read(&bytes), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            NtpTransaction::read(&bytes);
        }
    }
}
