//! Bencode (BEP 3) → messages of the table (BEP 5).

/// Lists and dictionaries within one another.
const MAX_DEPTH: usize = 3;
/// Nodes and peers kept of one response; a datagram of 1500 bytes has room for fewer.
const MAX_ADDRESSES: usize = 64;
const ID_BYTES: usize = 20;
const PORT_BYTES: usize = 2;

/// Any bencoded value, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Integer(&'a str),
    Bytes(&'a [u8]),
    /// What stands between the letters of a list or a dictionary.
    List(&'a [u8]),
    Dictionary(&'a [u8]),
}

/// Not what the encoding or the protocol asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Takes the value at the front of `bytes`.
fn value<'a>(bytes: &mut &'a [u8], depth: usize) -> Result<Value<'a>, Malformed> {
    let all = *bytes;
    match all.first() {
        Some(b'i') => {
            let end = all.iter().position(|&byte| byte == b'e').ok_or(Malformed)?;
            let text = std::str::from_utf8(&all[1..end]).map_err(|_| Malformed)?;
            let digits = text.strip_prefix('-').unwrap_or(text);
            let padded = digits.starts_with('0') && text != "0";
            if padded || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Malformed);
            }
            *bytes = &all[end + 1..];
            Ok(Value::Integer(text))
        }
        Some(b'0'..=b'9') => string(bytes).map(Value::Bytes),
        Some(&letter @ (b'l' | b'd')) => {
            if depth >= MAX_DEPTH {
                return Err(Malformed);
            }
            let inner = &all[1..];
            let mut rest = inner;
            let mut last: Option<&[u8]> = None;
            while rest.first().ok_or(Malformed)? != &b'e' {
                if letter == b'd' {
                    // Names stand in their order, each once.
                    let name = string(&mut rest)?;
                    if last.replace(name).is_some_and(|last| last >= name) {
                        return Err(Malformed);
                    }
                }
                value(&mut rest, depth + 1)?;
            }
            let content = &inner[..inner.len() - rest.len()];
            *bytes = &rest[1..];
            Ok(match letter {
                b'l' => Value::List(content),
                _ => Value::Dictionary(content),
            })
        }
        _ => Err(Malformed),
    }
}

fn string<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let colon = bytes
        .iter()
        .take(6)
        .position(|&byte| byte == b':')
        .ok_or(Malformed)?;
    let (digits, rest) = bytes.split_at(colon);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    let length: usize = text.parse().map_err(|_| Malformed)?;
    let rest = &rest[1..];
    let found = rest.get(..length).ok_or(Malformed)?;
    *bytes = &rest[length..];
    Ok(found)
}

impl<'a> Value<'a> {
    fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    fn text(self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| Malformed)
    }

    fn number<N: std::str::FromStr>(self) -> Result<N, Malformed> {
        match self {
            Value::Integer(text) => text.parse().map_err(|_| Malformed),
            _ => Err(Malformed),
        }
    }

    /// Names with their values.
    fn pairs(self) -> Result<Vec<(&'a [u8], Value<'a>)>, Malformed> {
        let Value::Dictionary(mut rest) = self else {
            return Err(Malformed);
        };
        let mut pairs = Vec::new();
        while !rest.is_empty() {
            let name = string(&mut rest)?;
            pairs.push((name, value(&mut rest, 0)?));
        }
        Ok(pairs)
    }

    fn items(self) -> Result<Vec<Value<'a>>, Malformed> {
        let Value::List(mut rest) = self else {
            return Err(Malformed);
        };
        let mut items = Vec::new();
        while !rest.is_empty() {
            items.push(value(&mut rest, 0)?);
        }
        Ok(items)
    }
}

/// A datagram.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub transaction: Vec<u8>,
    pub client: Option<Vec<u8>>,
    pub kind: Option<Kind>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    Query { method: String, arguments: Query },
    Response(Response),
    Error { number: u16, text: String },
}

/// The arguments of a query.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub id: Vec<u8>,
    pub target: Option<Vec<u8>>,
    pub info_hash: Option<Vec<u8>>,
    pub token: Option<Vec<u8>>,
    pub implied_port: Option<u8>,
    pub port: Option<u16>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub id: Vec<u8>,
    pub nodes: Vec<Node>,
    pub nodes6: Vec<Node>,
    pub values: Vec<Peer>,
    pub token: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    pub id: Vec<u8>,
    pub peer: Peer,
}

/// Four or sixteen bytes of address.
#[derive(Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: Vec<u8>,
    pub port: u16,
}

impl Message {
    pub fn read(bytes: &[u8]) -> Result<Message, Malformed> {
        let mut rest = bytes;
        let all = value(&mut rest, 0)?;
        let mut message = Message::default();
        let mut transaction = None;
        let (mut kind, mut method, mut query, mut response, mut error) =
            (None, None, None, None, None);
        for (name, value) in all.pairs()? {
            match name {
                b"y" => kind = Some(value.text()?),
                b"q" => method = Some(value.text()?),
                b"a" => query = Some(Query::read(value)?),
                b"r" => response = Some(Response::read(value)?),
                b"e" => error = Some(self::error(value)?),
                b"t" => transaction = Some(value.bytes()?.to_vec()),
                b"v" => message.client = Some(value.bytes()?.to_vec()),
                _ => {}
            }
        }
        message.kind = Some(match kind.as_deref() {
            Some("q") => Kind::Query {
                method: method.ok_or(Malformed)?,
                arguments: query.ok_or(Malformed)?,
            },
            Some("r") => Kind::Response(response.ok_or(Malformed)?),
            Some("e") => error.ok_or(Malformed)?,
            _ => return Err(Malformed),
        });
        message.transaction = transaction.ok_or(Malformed)?;
        Ok(message)
    }
}

impl Query {
    fn read(value: Value<'_>) -> Result<Query, Malformed> {
        let mut query = Query::default();
        let mut id = None;
        for (name, value) in value.pairs()? {
            match name {
                b"id" => id = Some(value.bytes()?.to_vec()),
                b"target" => query.target = Some(value.bytes()?.to_vec()),
                b"info_hash" => query.info_hash = Some(value.bytes()?.to_vec()),
                b"token" => query.token = Some(value.bytes()?.to_vec()),
                b"implied_port" => query.implied_port = Some(value.number()?),
                b"port" => query.port = Some(value.number()?),
                _ => {}
            }
        }
        query.id = id.ok_or(Malformed)?;
        Ok(query)
    }
}

impl Response {
    fn read(value: Value<'_>) -> Result<Response, Malformed> {
        let mut response = Response::default();
        let mut id = None;
        for (name, value) in value.pairs()? {
            match name {
                b"id" => id = Some(value.bytes()?.to_vec()),
                b"nodes" => response.nodes = nodes(value.bytes()?, 4),
                b"nodes6" => response.nodes6 = nodes(value.bytes()?, 16),
                b"values" if matches!(value, Value::List(_)) => {
                    for item in value.items()?.into_iter().take(MAX_ADDRESSES) {
                        let bytes = item.bytes()?;
                        let length = if bytes.len() < 16 + PORT_BYTES { 4 } else { 16 };
                        response.values.push(peer(bytes, length).ok_or(Malformed)?);
                    }
                }
                b"token" => response.token = Some(value.bytes()?.to_vec()),
                _ => {}
            }
        }
        response.id = id.ok_or(Malformed)?;
        Ok(response)
    }
}

fn error(value: Value<'_>) -> Result<Kind, Malformed> {
    let (mut number, mut text) = (None, None);
    for item in value.items()? {
        match item {
            Value::Integer(_) => number = Some(item.number()?),
            Value::Bytes(_) => text = Some(item.text()?),
            _ => {}
        }
    }
    Ok(Kind::Error {
        number: number.ok_or(Malformed)?,
        text: text.ok_or(Malformed)?,
    })
}

/// An address and a port at the front.
fn peer(bytes: &[u8], address_bytes: usize) -> Option<Peer> {
    let port = bytes.get(address_bytes..address_bytes + PORT_BYTES)?;
    Some(Peer {
        address: bytes[..address_bytes].to_vec(),
        port: u16::from_be_bytes([port[0], port[1]]),
    })
}

fn nodes(bytes: &[u8], address_bytes: usize) -> Vec<Node> {
    bytes
        .chunks_exact(ID_BYTES + address_bytes + PORT_BYTES)
        .take(MAX_ADDRESSES)
        .filter_map(|node| {
            Some(Node {
                id: node[..ID_BYTES].to_vec(),
                peer: peer(&node[ID_BYTES..], address_bytes)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read() {
        let message = Message::read(b"d1:ad2:id2:abe1:q4:ping1:t2:aa1:v2:XY1:y1:qe");
        let Ok(message) = message else {
            panic!("it is a query");
        };
        assert_eq!(message.transaction, b"aa");
        assert!(matches!(message.kind, Some(Kind::Query { ref method, .. }) if method == "ping"));
        let error = Message::read(b"d1:eli201e5:Uh-ohe1:t1:a1:y1:ee");
        assert_eq!(
            error.map(|message| message.kind),
            Ok(Some(Kind::Error {
                number: 201,
                text: "Uh-oh".to_owned()
            }))
        );
        for bad in [
            &b"d1:ad2:id2:abe1:q4:ping1:t2:aae"[..],
            b"d1:q4:ping1:t2:aa1:y1:qe",
            b"d1:rd2:id2:ab6:valuesl3:abcee1:t1:a1:y1:re",
            b"dllllleeeeee",
            b"d1:t1:a1:q4:pinge",
            b"d1:ti01ee",
            b"d1:",
            b"99:",
        ] {
            assert_eq!(
                Message::read(bad),
                Err(Malformed),
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(
            prop_oneof![Just(b'd'), Just(b'l'), Just(b'i'), Just(b'e'), Just(b':'), Just(b'1'), any::<u8>()],
            0..60,
        )) {
            let _ = Message::read(&bytes);
        }
    }
}
