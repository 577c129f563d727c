//! Transactions → the `ftp` and `ftp_data` objects.

use sensor_event::{Ftp, FtpData, Text};

use super::data::FtpDataTransaction;
use super::state::{FtpTransaction, Mode};
use super::wire::Command;

impl FtpTransaction {
    pub fn record(&self) -> Ftp<'_> {
        let arguments = self.arguments();
        let names_port = matches!(
            self.command,
            Some(Command::PORT | Command::EPRT | Command::PASV | Command::EPSV)
        );
        Ftp {
            command: self.command.map(Command::name),
            command_data: arguments.map(Text),
            command_truncated: arguments.map(|_| self.request_cut),
            completion_code: self.texts(|reply| &reply.code),
            reply: self.texts(|reply| &reply.text),
            dynamic_port: self.dynamic_port,
            mode: names_port.then_some(match self.mode {
                Some(Mode::Active) => "active",
                Some(Mode::Passive) | None => "passive",
            }),
            reply_received: if self.answered { "yes" } else { "no" },
            reply_truncated: self.reply_cut,
        }
    }

    fn texts(&self, part: fn(&super::state::Reply) -> &Vec<u8>) -> Vec<Text<'_>> {
        self.replies
            .iter()
            .map(part)
            .filter(|text| !text.is_empty())
            .map(|text| Text(text))
            .collect()
    }
}

impl FtpDataTransaction {
    pub fn record(&self) -> FtpData<'_> {
        FtpData {
            filename: self.transfer.file_name.as_deref().map(Text),
            command: self.transfer.command.name(),
        }
    }
}
