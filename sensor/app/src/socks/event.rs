//! Transaction → the `socks` object.

use sensor_event::{AppRecord, Socks, SocksPlace, Text};

use super::state::SocksTransaction;
use super::wire::{Host, Place, reply_name};

impl SocksTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Socks(Box::new(Socks {
            version: self.version,
            methods: self.methods.iter().map(|method| method.name()).collect(),
            method: self.method.map(|method| method.name()),
            user: self.user.as_deref().map(Text),
            password_in_clear: self.password,
            authenticated: self.authenticated,
            command: self.command.map(|command| command.name()),
            destination: self.destination.as_ref().map(place),
            reply: self.reply.map(|number| reply_name(self.version, number)),
            bound: self.bound.as_ref().map(place),
        }))
    }
}

fn place(place: &Place) -> SocksPlace<'_> {
    let (ip, name) = match &place.host {
        Host::Address(address) => (Some(*address), None),
        Host::Name(name) => (None, Some(Text(name))),
    };
    SocksPlace {
        ip,
        name,
        port: place.port,
    }
}
