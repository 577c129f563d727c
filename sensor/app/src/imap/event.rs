//! Transaction → the `imap` object.

use sensor_event::{AppRecord, Imap, ImapAuth, ImapRequest, ImapResponse, Text};

use super::state::ImapTransaction;

impl ImapTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Imap(Box::new(Imap {
            request: self.request.as_ref().map(|request| ImapRequest {
                tag: Text(&request.tag),
                command: &request.command,
                args: request.arguments.iter().map(|word| Text(word)).collect(),
            }),
            auth: self.auth.as_ref().map(|auth| ImapAuth {
                mechanism: &auth.mechanism,
                user: auth.user.as_deref().map(Text),
                password_in_clear: auth.clear,
            }),
            response: self.response.as_ref().map(|response| ImapResponse {
                status: response.status,
                code: response.code.as_deref().map(Text),
                text: Text(&response.text),
            }),
            data: self.data.iter().map(|line| Text(line)).collect(),
        }))
    }
}
