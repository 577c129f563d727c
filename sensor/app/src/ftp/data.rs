//! The data connection of a transfer: one transaction, one file.

use sensor_flow::Direction;

use super::wire::Command;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, File, FileId, FileState, Limits, Transaction};

/// What the control connection said of a data connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub command: Command,
    /// None for lists of names.
    pub file_name: Option<Vec<u8>>,
}

/// One transfer.
#[derive(Debug)]
pub struct FtpDataTransaction {
    pub transfer: Transfer,
}

/// One data connection.
#[derive(Debug)]
pub struct State {
    /// None when nothing told of the connection.
    transfer: Option<Transfer>,
    direction: Direction,
    transaction: Option<u64>,
}

impl State {
    pub fn new(transfer: Option<Transfer>, direction: Direction) -> Self {
        State {
            transfer,
            direction,
            transaction: None,
        }
    }

    fn begin<'a>(
        &mut self,
        transactions: &'a mut Transactions,
        limits: &Limits,
    ) -> Option<&'a mut Transaction> {
        if let Some(transfer) = self.transfer.take() {
            let name = transfer.file_name.clone();
            let body = Body::FtpData(Box::new(FtpDataTransaction { transfer }));
            let transaction = transactions.begin(body)?;
            self.transaction = Some(transaction.id);
            transaction.advance(self.direction.opposite(), Transaction::COMPLETE);
            if let Some(name) = name {
                let file = File::open(FileId(0), self.direction, &name, limits.hashes);
                transaction.files.push(file);
            }
        }
        transactions.with_id(self.transaction?)
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        limits: &Limits,
    ) -> Step {
        if direction == self.direction
            && let Some(transaction) = self.begin(transactions, limits)
            && let Some(file) = transaction.files.first_mut()
        {
            file.append(data, limits.window_bytes);
        }
        Step::More
    }

    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        transactions: &mut Transactions,
        _: &Context,
        limits: &Limits,
    ) -> Step {
        if direction == self.direction
            && let Some(transaction) = self.begin(transactions, limits)
            && let Some(file) = transaction.files.first_mut()
        {
            file.gap(bytes);
        }
        Step::More
    }

    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) {
        if direction == self.direction
            && let Some(transaction) = self.transaction.and_then(|id| transactions.with_id(id))
        {
            for file in &mut transaction.files {
                file.close(FileState::Closed);
            }
            transaction.advance(direction, Transaction::COMPLETE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    #[test]
    fn a_connection_is_a_file() {
        let context = Context {
            now_ns: 0,
            server_port: 20_000,
            client_port: 1024,
        };
        let limits = Limits::default();
        let mut transactions = Transactions::default();
        let transfer = Transfer {
            command: Command::RETR,
            file_name: Some(b"a.txt".to_vec()),
        };
        let mut state = State::new(Some(transfer), ToClient);
        state.chunk(ToServer, b"other way", &mut transactions, &context, &limits);
        assert_eq!(transactions.live().len(), 0);
        state.chunk(ToClient, b"abc", &mut transactions, &context, &limits);
        state.gap(ToClient, 4, &mut transactions, &context, &limits);
        state.chunk(ToClient, b"de", &mut transactions, &context, &limits);
        state.close(ToServer, &mut transactions, &context, &limits);
        assert!(!transactions.live()[0].is_complete(ToClient));
        state.close(ToClient, &mut transactions, &context, &limits);
        let transaction = &transactions.live()[0];
        assert!(transaction.is_complete(ToServer) && transaction.is_complete(ToClient));
        let file = &transaction.files[0];
        assert_eq!((file.size, file.gaps), (9, true));
        assert_eq!(
            serde_json::to_string(&transaction.record()).expect("a record serialises"),
            r#"{"ftp_data":{"filename":"a.txt","command":"RETR"}}"#
        );
    }
}
