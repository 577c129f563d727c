//! Where an outlet leads, as a person writes it: `file:/var/log/matluoi-sensor/eve.json`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file, a record a line.
    File(PathBuf),
    /// A Unix socket that somebody listens at; a record a line.
    Stream(PathBuf),
    /// A Unix datagram socket; a record a datagram.
    Datagram(PathBuf),
    /// The machine's own syslog, mostly `/dev/log`.
    Syslog(PathBuf),
    /// RFC 5424 over UDP (RFC 5426).
    SyslogUdp(SocketAddr),
    /// RFC 5424 over TCP, with octet counts (RFC 6587 §3.4.1).
    SyslogTcp(SocketAddr),
}

/// What may be written, for messages.
const FORMS: &str = "file:/PATH, unix:/PATH, unix-datagram:/PATH, syslog:/dev/log, syslog+udp://ADDRESS:PORT or \
                     syslog+tcp://ADDRESS:PORT";

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let wrong = || format!("{text:?} is no place for records; write {FORMS}");
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        let path = || match rest {
            path if path.starts_with('/') && !path.ends_with('/') => Ok(PathBuf::from(path)),
            path => Err(format!("{text:?}: {path:?} is no whole path of a file")),
        };
        let address = || {
            let written = rest.strip_prefix("//").ok_or_else(wrong)?;
            written.parse().map_err(|_| {
                format!(
                    "{text:?}: {written:?} is not ADDRESS:PORT; a name is not looked up, as the confined sensor reaches \
                     no resolver for it"
                )
            })
        };
        match kind {
            "file" => path().map(Place::File),
            "unix" => path().map(Place::Stream),
            "unix-datagram" => path().map(Place::Datagram),
            "syslog" => path().map(Place::Syslog),
            "syslog+udp" => address().map(Place::SyslogUdp),
            "syslog+tcp" => address().map(Place::SyslogTcp),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::File(path) => write!(f, "file:{}", path.display()),
            Place::Stream(path) => write!(f, "unix:{}", path.display()),
            Place::Datagram(path) => write!(f, "unix-datagram:{}", path.display()),
            Place::Syslog(path) => write!(f, "syslog:{}", path.display()),
            Place::SyslogUdp(address) => write!(f, "syslog+udp://{address}"),
            Place::SyslogTcp(address) => write!(f, "syslog+tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in [
            "file:/var/log/eve.json",
            "unix:/run/eve.sock",
            "unix-datagram:/run/eve.sock",
            "syslog:/dev/log",
            "syslog+udp://192.0.2.1:514",
            "syslog+tcp://[2001:db8::1]:601",
        ] {
            let place: Place = text.parse().expect(text);
            assert_eq!(place.to_string(), text);
        }
        for (text, told) in [
            ("eve.json", "file:/PATH"),
            ("ftp:/x", "file:/PATH"),
            ("file:eve.json", "whole path"),
            ("file:/var/log/", "whole path"),
            ("syslog+udp:192.0.2.1:514", "file:/PATH"),
            ("syslog+tcp://log.example.vn:601", "not looked up"),
        ] {
            let error = text.parse::<Place>().expect_err(text);
            assert!(error.contains(told), "{error}");
        }
    }
}
