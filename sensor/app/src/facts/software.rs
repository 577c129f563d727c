//! What each side of a transaction says that it runs.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use sensor_flow::Direction;

use crate::dhcp::wire::Code;
use crate::sip::wire::HeaderName;
use crate::{Body, Protocol, Transaction};

/// What one side says.
pub(super) struct Said<'a> {
    pub protocol: Protocol,
    /// As it was sent: never checked, and anybody may say anything.
    pub text: Cow<'a, [u8]>,
    /// Who says it, where the packet's own address does not tell.
    pub ip: Option<IpAddr>,
}

pub(super) fn of(transaction: &Transaction, side: Direction) -> Option<Said<'_>> {
    let is_server = side == Direction::ToClient;
    let is_sender = transaction.only == Some(side);
    // RFC 9110 §10.1.5, §10.2.4.
    let field: &[u8] = if is_server { b"server" } else { b"user-agent" };
    let mut own_ip = None;
    let text: Cow<'_, [u8]> = match &transaction.body {
        Body::Http1(http) => http.message(side).headers.value(field)?.into(),
        Body::Http2(http2) => http2.side(side).first(field)?.into(),
        Body::Ssh(ssh) => ssh.sides[side.index()].software.as_slice().into(),
        Body::Mysql(mysql) if is_server => mysql.session.version.as_deref()?.into(),
        Body::Pgsql(pgsql) if is_server => {
            let parameters = &pgsql.response.as_ref()?.parameters;
            let version = parameters
                .iter()
                .find(|(name, _)| name == b"server_version");
            version?.1.as_slice().into()
        }
        Body::Pgsql(pgsql) => {
            let others = &pgsql.request.as_ref()?.startup.as_ref()?.others;
            let program = others.iter().find(|(name, _)| name == b"application_name");
            program?.1.as_slice().into()
        }
        Body::Smb(smb) => smb.lan_manager(side)?.into(),
        // RFC 959 §5.4: 220 greets.
        Body::Ftp(ftp) if is_server && ftp.command.is_none() => {
            let greeting = ftp.replies.first().filter(|reply| reply.code == b"220")?;
            banner(&greeting.text).into()
        }
        Body::Smtp(smtp) if is_server => banner(smtp.greeting.as_deref()?).into(),
        Body::Smtp(smtp) => {
            let mail = smtp.message.as_deref()?;
            let fields = [&b"x-mailer"[..], b"user-agent"];
            let mut values = fields.into_iter().flat_map(|field| mail.values(field));
            values.next()?.into()
        }
        // RFC 3501 §7.1: what comes first greets.
        Body::Imap(imap) if is_server && transaction.number == 0 && imap.request.is_none() => {
            let greeting = imap.response.as_ref()?;
            matches!(greeting.status, "OK" | "PREAUTH").then(|| banner(&greeting.text).into())?
        }
        Body::Pop3(pop3) if is_server && transaction.number == 0 && pop3.request.is_none() => {
            let greeting = pop3.response.as_ref().filter(|response| response.good)?;
            banner(&greeting.header).into()
        }
        // RFC 3261 §20.35, §20.41: requests and replies may have either.
        Body::Sip(sip) if is_sender => {
            let names = [HeaderName::USER_AGENT, HeaderName::SERVER];
            let mut values = names.iter().filter_map(|name| sip.message.header(name, 0));
            values.next()?.into()
        }
        Body::Dhcp(dhcp) if is_sender => {
            let option = |wanted| dhcp.message.options().find(|(code, _)| *code == wanted);
            if !is_server {
                let asked = option(Code::REQUESTED_IP).and_then(|(_, ip)| ip.try_into().ok());
                let ips = [Some(dhcp.message.header.client_ip), asked];
                let mut ips = ips.into_iter().flatten().map(Ipv4Addr::from);
                // Who has no address yet cannot be told from others.
                own_ip = Some(ips.find(|ip| !ip.is_unspecified())?.into());
            }
            option(Code::VENDOR_CLASS)?.1.into()
        }
        Body::Rfb(rfb) => {
            let version = match is_server {
                true => rfb.server_version?,
                false => rfb.client_version?,
            };
            [b"RFB ", &version.major[..], b".", &version.minor]
                .concat()
                .into()
        }
        Body::Redis(redis) if is_server && redis.command == "INFO" => {
            let text = &redis.reply.as_ref()?.text;
            let version = text
                .split(|byte| matches!(byte, b'\r' | b'\n'))
                .find_map(|line| {
                    let version = line.strip_prefix(b"redis_version:")?;
                    Some([b"Redis ", version].concat())
                });
            version?.into()
        }
        Body::Snmp(snmp) if is_sender => snmp.pdu.as_ref()?.description.as_deref()?.into(),
        _ => return None,
    };
    (!text.is_empty()).then_some(Said {
        protocol: transaction.protocol(),
        text,
        ip: own_ip,
    })
}

/// A greeting without what is other each time it is said: a time (RFC 5322 §3.3) and what follows it, and the stamp
/// of APOP (RFC 1939 §7).
fn banner(text: &[u8]) -> &[u8] {
    const DAYS: [&[u8]; 7] = [
        b"Mon, ", b"Tue, ", b"Wed, ", b"Thu, ", b"Fri, ", b"Sat, ", b"Sun, ",
    ];
    let time = text.windows(5).position(|bytes| DAYS.contains(&bytes));
    let stamp = text.iter().position(|&byte| byte == b'<');
    let end = time.into_iter().chain(stamp).min().unwrap_or(text.len());
    let kept = text[..end].trim_ascii_end();
    match end == text.len() {
        true => kept,
        false => {
            let kept = kept.strip_suffix(b" at").unwrap_or(kept);
            kept.strip_suffix(b";").unwrap_or(kept).trim_ascii_end()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppLayer, Context, Limits};
    use Direction::{ToClient, ToServer};

    /// What the datagrams of a flow say: the side that says it, the text, and an address of its own.
    fn said(
        server_port: u16,
        datagrams: &[(Direction, Vec<u8>)],
    ) -> Vec<(Direction, String, Option<IpAddr>)> {
        let context = Context {
            now_ns: 0,
            server_port,
            client_port: server_port + 1,
        };
        let mut layer = AppLayer::default();
        for (side, bytes) in datagrams {
            layer.datagram(*side, bytes, &context, &Limits::default());
        }
        let mut found = Vec::new();
        for transaction in layer.transactions() {
            for side in Direction::BOTH {
                if let Some(said) = of(transaction, side) {
                    assert_eq!(said.protocol, layer.protocol());
                    let text = String::from_utf8_lossy(&said.text).into_owned();
                    found.push((side, text, said.ip));
                }
            }
        }
        found
    }

    #[test]
    fn phones_and_their_servers_name_themselves() {
        let request =
            b"REGISTER sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nUser-Agent: Zoiper v5\r\n\
            Content-Length: 0\r\n\r\n";
        let response = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nServer: Asterisk PBX 18\r\n\
            Content-Length: 0\r\n\r\n";
        let found = said(
            5060,
            &[(ToServer, request.to_vec()), (ToClient, response.to_vec())],
        );
        assert_eq!(
            found,
            [
                (ToServer, "Zoiper v5".to_owned(), None),
                (ToClient, "Asterisk PBX 18".to_owned(), None)
            ]
        );
    }

    #[test]
    fn who_asks_for_an_address_is_known_by_it() {
        let request = |kind: u8, asked: &[u8]| {
            let mut message = vec![1, 1, 6, 0, 1, 2, 3, 4];
            message.resize(236, 0);
            message.extend(b"\x63\x82\x53\x63");
            message.extend([53, 1, kind]);
            message.extend(asked);
            message.extend(b"\x3c\x08MSFT 5.0\xff");
            (ToServer, message)
        };
        let found = said(67, &[request(3, &[50, 4, 10, 0, 0, 9])]);
        let address = IpAddr::from([10, 0, 0, 9]);
        assert_eq!(found, [(ToServer, "MSFT 5.0".to_owned(), Some(address))]);
        // Who has none yet cannot be told from others.
        assert_eq!(said(67, &[request(1, &[])]), []);
    }

    #[test]
    fn devices_describe_themselves() {
        let variable = |value: &[u8]| {
            let name = b"\x06\x08\x2b\x06\x01\x02\x01\x01\x01\0";
            let length = |bytes: usize| u8::try_from(bytes).expect("it is short");
            let one = [&[0x30, length(name.len() + value.len())], &name[..], value].concat();
            let list = [&[0x30, length(one.len())], &one[..]].concat();
            let numbers = b"\x02\x01\x07\x02\x01\0\x02\x01\0";
            (
                length(numbers.len() + list.len()),
                [&numbers[..], &list].concat(),
            )
        };
        let message = |kind: u8, value: &[u8]| {
            let (bytes, pdu) = variable(value);
            let content = [b"\x02\x01\x01\x04\x06public", &[kind, bytes][..], &pdu].concat();
            let length = u8::try_from(content.len()).expect("it is short");
            [&[0x30, length], &content[..]].concat()
        };
        let found = said(
            161,
            &[
                (ToServer, message(0xa0, b"\x05\0")),
                (ToClient, message(0xa2, b"\x04\x0aRouterOS 7")),
            ],
        );
        assert_eq!(found, [(ToClient, "RouterOS 7".to_owned(), None)]);
    }

    #[test]
    fn a_greeting_is_the_same_every_time() {
        for (said, kept) in [
            (
                "mail.tinh.example ESMTP Postfix (Debian/GNU)",
                "mail.tinh.example ESMTP Postfix (Debian/GNU)",
            ),
            (
                "a ESMTP Sendmail 8.17.1/8.17.1; Sat, 28 Nov 2026 10:00:00 +0700",
                "a ESMTP Sendmail 8.17.1/8.17.1",
            ),
            (
                "a Microsoft ESMTP MAIL Service ready at Sat, 28 Nov 2026 10:00:00 +0700",
                "a Microsoft ESMTP MAIL Service ready",
            ),
            (
                "POP3 server ready <1896.697170952@tinh.example>",
                "POP3 server ready",
            ),
            ("<x", ""),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(banner(said.as_bytes())), kept);
        }
    }
}
