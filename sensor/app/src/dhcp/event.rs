//! Message → the `dhcp` object.

use sensor_bytes::Reader;
use sensor_event::{ColonHex, Dhcp, DhcpAddresses, DhcpOption, DnsAddress, Text};

use super::wire::{Code, Message, Operation};

/// Names of message types (RFC 2132 §9.6), by number.
const TYPES: [&str; 9] = [
    "unknown", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform",
];

/// Names of the parameters that are told of a request for them.
const PARAMETERS: [(u8, &str); 8] = [
    (1, "subnet_mask"),
    (3, "router"),
    (6, "dns_server"),
    (15, "domain"),
    (35, "arp_timeout"),
    (42, "ntp_server"),
    (66, "tftp_server_name"),
    (150, "tftp_server_ip"),
];

pub fn record(message: &Message) -> Dhcp<'_> {
    let header = &message.header;
    let reply = header.operation == Operation::REPLY;
    let mut seen = [false; 256];
    Dhcp {
        kind: match header.operation {
            Operation::REQUEST => "request",
            Operation::REPLY => "reply",
            _ => "<unknown>",
        },
        id: header.id,
        client_mac: ColonHex(header.hardware()),
        assigned_ip: DnsAddress(&header.your_ip),
        client_ip: DnsAddress(&header.client_ip),
        relay_ip: reply.then_some(DnsAddress(&header.relay_ip)),
        next_server_ip: reply.then_some(DnsAddress(&header.server_ip)),
        // A name stands once, whatever the sender repeats.
        options: message
            .options()
            .filter(|(code, _)| !std::mem::replace(&mut seen[usize::from(code.0)], true))
            .filter_map(|(code, data)| option(code, data))
            .collect(),
    }
}

fn option(code: Code, data: &[u8]) -> Option<(&'static str, DhcpOption<'_>)> {
    let seconds = || Some(DhcpOption::Seconds(Reader::new(data).u32().ok()?));
    let address = || Some(DhcpOption::Address(DnsAddress(data)));
    let addresses = || Some(DhcpOption::Addresses(DhcpAddresses(data)));
    let text = || (!data.is_empty()).then_some(DhcpOption::Text(Text(data)));
    let (name, value) = match code {
        Code::CLIENT_ID => {
            // The first byte tells the kind of identifier.
            let (_, identifier) = data.split_first()?;
            (
                "client_id",
                (!identifier.is_empty()).then_some(DhcpOption::Hex(ColonHex(identifier))),
            )
        }
        Code::LEASE_TIME => ("lease_time", seconds()),
        Code::REBINDING_TIME => ("rebinding_time", seconds()),
        Code::RENEWAL_TIME => ("renewal_time", seconds()),
        Code::SUBNET_MASK => ("subnet_mask", address()),
        Code::REQUESTED_IP => ("requested_ip", address()),
        Code::DNS_SERVERS => ("dns_servers", addresses()),
        Code::ROUTERS => ("routers", addresses()),
        Code::HOST_NAME => ("hostname", text()),
        Code::VENDOR_CLASS => ("vendor_class_identifier", text()),
        Code::MESSAGE_TYPE => {
            let kind = usize::from(*data.first()?);
            let name = TYPES.get(kind).copied().unwrap_or("unknown");
            ("dhcp_type", Some(DhcpOption::Name(name)))
        }
        Code::PARAMETERS => {
            let names = data.iter().filter_map(|wanted| {
                PARAMETERS
                    .iter()
                    .find(|(number, _)| number == wanted)
                    .map(|(_, name)| *name)
            });
            ("params", Some(DhcpOption::Names(names.collect())))
        }
        _ => return None,
    };
    Some((name, value?))
}
