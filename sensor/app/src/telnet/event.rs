//! Transaction → the `telnet` object.

use sensor_event::{AppRecord, Telnet, TelnetVariable, Text};

use super::state::{Login, TelnetTransaction};

impl TelnetTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        let [client, server] = self.options.each_ref().map(|options| {
            options
                .iter()
                .map(|(verb, option)| match option.name() {
                    Some(name) => format!("{} {name}", verb.name()),
                    None => format!("{} {}", verb.name(), option.0),
                })
                .collect()
        });
        AppRecord::Telnet(Box::new(Telnet {
            client,
            server,
            terminal: self.terminal.as_deref().map(Text),
            environ: self
                .environ
                .iter()
                .map(|(name, value)| TelnetVariable {
                    name: Text(name),
                    value: Text(value),
                })
                .collect(),
            user: self.user.as_deref().map(Text),
            password_in_clear: self.password,
            login: self.login.map(|login| match login {
                Login::Success => "success",
                Login::Failure => "failure",
            }),
        }))
    }
}
