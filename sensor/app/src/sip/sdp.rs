//! Lines → session description (RFC 4566 §5). The order of lines is the RFC's; what stands in them is taken
//! as it is, with runs of spaces made one.

/// Lines that one list of a description may have.
pub const MAX_LIST: usize = 256;
/// Media, and times, that one description may have.
pub const MAX_GROUPS: usize = 64;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    pub origin: String,
    pub session_name: String,
    pub session_info: Option<String>,
    pub uri: Option<String>,
    pub email: Option<String>,
    pub phone_number: Option<String>,
    pub connection_data: Option<String>,
    pub bandwidths: Vec<String>,
    pub times: Vec<Time>,
    pub time_zone: Option<String>,
    pub encryption_key: Option<String>,
    pub attributes: Vec<String>,
    pub media: Vec<Media>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Time {
    pub time: String,
    pub repeat_time: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Media {
    pub media: String,
    pub media_info: Option<String>,
    pub connection_data: Option<String>,
    pub bandwidths: Vec<String>,
    pub encryption_key: Option<String>,
    pub attributes: Vec<String>,
}

/// What is left of the text, a `key=value` line at a time.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The value of the next line, if it has this key.
    fn take(&mut self, key: u8) -> Option<&'a [u8]> {
        let value = self.rest.strip_prefix(&[key, b'='])?;
        let end = value.iter().position(|&byte| byte == b'\n')?;
        let (line, rest) = value.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The value as text.
    fn text(&mut self, key: u8) -> Option<String> {
        self.take(key)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The value with single spaces between its words.
    fn words(&mut self, key: u8) -> Option<String> {
        self.text(key).map(|text| {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            words.join(" ")
        })
    }

    fn list(&mut self, key: u8) -> Vec<String> {
        let mut list = Vec::new();
        while let Some(value) = self.text(key) {
            if list.len() < MAX_LIST {
                list.push(value);
            }
        }
        list
    }

    /// Network, kind and address, the address as it is usually written.
    fn connection(&mut self) -> Option<String> {
        let text = self.words(b'c')?;
        let Some((kind, address)) = text.rsplit_once(' ') else {
            return Some(text);
        };
        let (address, suffix) = address
            .find('/')
            .map_or((address, ""), |at| address.split_at(at));
        Some(match address.parse::<std::net::IpAddr>() {
            Ok(address) => format!("{kind} {address}{suffix}"),
            Err(_) => text,
        })
    }
}

/// Reads a description from the start of `bytes`; with it, how many bytes it has. `None` when there is none.
pub fn read(bytes: &[u8]) -> Option<(Description, usize)> {
    let mut lines = Lines { rest: bytes };
    if lines.take(b'v')? != b"0" {
        return None;
    }
    let mut description = Description {
        origin: lines.words(b'o')?,
        session_name: lines.text(b's')?,
        session_info: lines.text(b'i'),
        uri: lines.text(b'u'),
        email: lines.text(b'e'),
        phone_number: lines.text(b'p'),
        connection_data: lines.connection(),
        bandwidths: lines.list(b'b'),
        ..Description::default()
    };
    while let Some(time) = lines.words(b't') {
        let repeat_time = lines.words(b'r');
        while lines.take(b'r').is_some() {}
        if description.times.len() < MAX_GROUPS {
            description.times.push(Time { time, repeat_time });
        }
    }
    if description.times.is_empty() {
        return None;
    }
    description.time_zone = lines.words(b'z');
    description.encryption_key = lines.text(b'k');
    description.attributes = lines.list(b'a');
    while let Some(media) = lines.words(b'm') {
        let one = Media {
            media,
            media_info: lines.text(b'i'),
            connection_data: lines.connection(),
            bandwidths: lines.list(b'b'),
            encryption_key: lines.text(b'k'),
            attributes: lines.list(b'a'),
        };
        if description.media.len() < MAX_GROUPS {
            description.media.push(one);
        }
    }
    Some((description, bytes.len() - lines.rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptions() {
        let text = b"v=0\r\no=a  1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP6 FF15::0101/3\r\nb=AS:64\r\n\
            t=0 0\r\nr=7d 1h 0 25h\r\na=sendrecv\r\nm=audio 49170 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\nrest";
        let (description, used) = read(text).expect("a description");
        assert_eq!(&text[used..], b"rest");
        assert_eq!(description.origin, "a 1 2 IN IP4 192.0.2.1");
        assert_eq!(
            description.connection_data.as_deref(),
            Some("IN IP6 ff15::101/3")
        );
        assert_eq!(
            description.times,
            [Time {
                time: "0 0".to_owned(),
                repeat_time: Some("7d 1h 0 25h".to_owned())
            }]
        );
        assert_eq!(description.attributes, ["sendrecv"]);
        assert_eq!(description.media[0].media, "audio 49170 RTP/AVP 0 8");
        assert_eq!(description.media[0].attributes, ["rtpmap:0 PCMU/8000"]);
        for text in [&b""[..], b"v=1\r\n", b"v=0\r\no=x\r\n", b"v=0\no=x\ns=y\n"] {
            assert_eq!(read(text), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
            read(&[b"v=0\no=x\ns=y\nt=0 0\n", bytes.as_slice()].concat());
        }
    }
}
