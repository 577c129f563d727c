//! Transaction → the `syslog` object.

use sensor_event::{AppRecord, Syslog, Text};

use super::state::SyslogTransaction;
use super::wire::{facility, severity};

impl SyslogTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        let message = self.message();
        AppRecord::Syslog(Box::new(Syslog {
            facility: facility(message.priority),
            severity: severity(message.priority),
            version: message.version,
            timestamp: message.timestamp.map(Text),
            hostname: message.host.map(Text),
            app_name: message.app.map(Text),
            proc_id: message.process.map(Text),
            msg_id: message.id.map(Text),
            structured_data: message.structured.map(Text),
            message: Text(message.text),
        }))
    }
}
