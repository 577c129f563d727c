//! Bytes → messages (PostgreSQL documentation, “Message Formats”). Pure: no state.

use sensor_bytes::{Reader, Short};

/// Parameters of one start-up message that are kept.
const MAX_PARAMETERS: usize = 64;
/// Fields of one error that are kept.
const MAX_ERROR_FIELDS: usize = 32;

/// How a message begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A tag, or none in the first messages of a connection.
    OfClient,
    /// A tag.
    OfServer,
    /// One letter and nothing else: whether TLS follows.
    Letter,
}

/// The length of a message cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidLength;

/// Where a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    pub tag: Option<u8>,
    pub header_bytes: usize,
    pub body_bytes: u64,
}

impl Framing {
    /// Reads the tag and the length. `None` when more bytes are needed.
    pub fn read(opening: Opening, bytes: &[u8]) -> Result<Option<Framing>, InvalidLength> {
        /// The length counts itself.
        const LENGTH_BYTES: u32 = 4;
        let mut reader = Reader::new(bytes);
        let tag = match (opening, bytes.first()) {
            (_, None) => return Ok(None),
            (Opening::Letter, Some(&letter)) => {
                return Ok(Some(Framing {
                    tag: Some(letter),
                    header_bytes: 1,
                    body_bytes: 0,
                }));
            }
            (Opening::OfClient, Some(0)) => None,
            (_, Some(&tag)) => Some(tag),
        };
        if tag.is_some() && reader.u8().is_err() {
            return Ok(None);
        }
        let Ok(length) = reader.u32() else {
            return Ok(None);
        };
        let (shortest, longest) = bounds(opening, tag);
        if length < shortest || length > longest {
            return Err(InvalidLength);
        }
        Ok(Some(Framing {
            tag,
            header_bytes: reader.position(),
            body_bytes: u64::from(length.saturating_sub(LENGTH_BYTES)),
        }))
    }
}

/// Shortest and longest length of a kind of message.
fn bounds(opening: Opening, tag: Option<u8>) -> (u32, u32) {
    const ANY: u32 = u32::MAX;
    match (opening, tag) {
        (Opening::OfClient, None) => (8, ANY),
        (Opening::OfClient, Some(b'X' | b'c')) | (Opening::OfServer, Some(b'c')) => (4, 4),
        (_, Some(b'd')) | (Opening::OfClient, Some(b'f')) => (5, ANY),
        (Opening::OfServer, Some(b'K')) => (12, 12),
        (Opening::OfServer, Some(b'Z')) => (5, 5),
        (Opening::OfServer, Some(b'R' | b'H' | b'G')) => (8, ANY),
        (Opening::OfServer, Some(b'T' | b'D')) => (6, ANY),
        (Opening::OfServer, Some(b'E' | b'N')) => (11, ANY),
        (Opening::OfServer, Some(b'A')) => (10, ANY),
        _ => (4, ANY),
    }
}

/// Why a message says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A kind that does not exist.
    Kind,
    Content,
}

impl From<Short> for Malformed {
    fn from(_: Short) -> Self {
        Malformed::Content
    }
}

/// Name and value.
pub type Parameter<'a> = (&'a [u8], &'a [u8]);

/// A message of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    Startup {
        major: u16,
        minor: u16,
        user: &'a [u8],
        others: Vec<Parameter<'a>>,
    },
    Tls,
    Cancel {
        process: u32,
        key: u32,
    },
    SaslInitial {
        mechanism: Mechanism,
        parameter: &'a [u8],
    },
    SaslResponse(&'a [u8]),
    Password,
    Query(&'a [u8]),
    CopyData,
    CopyDone,
    CopyFail(&'a [u8]),
    Terminate,
    Other,
}

/// What a message tagged `p` is: the server asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    Password,
    SaslInitial,
    SaslResponse,
}

/// RFC 7677.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    ScramSha256,
    ScramSha256Plus,
}

/// Version numbers of requests in the place of a start-up message.
const REQUEST_MAJOR: u16 = 1234;
const CANCEL_MINOR: u16 = 5678;
const TLS_MINOR: u16 = 5679;

/// Whether the body of an untagged message has a version that exists, as far as it is there.
pub fn begins_startup(body: &[u8]) -> bool {
    let mut reader = Reader::new(body);
    match (reader.u16(), reader.u16()) {
        (Ok(1..=3), _) | (Err(_), _) => true,
        (Ok(REQUEST_MAJOR), minor) => {
            minor.is_err() || minor == Ok(CANCEL_MINOR) || minor == Ok(TLS_MINOR)
        }
        (Ok(_), _) => false,
    }
}

impl<'a> Request<'a> {
    /// The untagged message that opens a connection.
    pub fn startup(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (major, minor) = (reader.u16()?, reader.u16()?);
        match (major, minor) {
            (1..=3, _) => {
                let mut user: &[u8] = &[];
                let mut others = Vec::new();
                while let Some(name) = zero_terminated(&mut reader) {
                    if name.is_empty() {
                        break;
                    }
                    let value = zero_terminated(&mut reader).ok_or(Malformed::Content)?;
                    if name == b"user" {
                        user = value;
                    } else if others.len() < MAX_PARAMETERS {
                        others.push((name, value));
                    }
                }
                if user.is_empty() {
                    return Err(Malformed::Content);
                }
                Ok(Request::Startup {
                    major,
                    minor,
                    user,
                    others,
                })
            }
            (REQUEST_MAJOR, TLS_MINOR) => Ok(Request::Tls),
            (REQUEST_MAJOR, CANCEL_MINOR) => Ok(Request::Cancel {
                process: reader.u32()?,
                key: reader.u32()?,
            }),
            _ => Err(Malformed::Kind),
        }
    }

    pub fn read(tag: u8, body: &'a [u8], asked: Asked) -> Result<Self, Malformed> {
        Ok(match (tag, asked) {
            (b'Q', _) => Request::Query(text(body)?),
            (b'X', _) => Request::Terminate,
            (b'd', _) => Request::CopyData,
            (b'c', _) => Request::CopyDone,
            (b'f', _) => Request::CopyFail(body),
            (b'p', Asked::Password) => {
                text(body)?;
                Request::Password
            }
            (b'p', Asked::SaslInitial) => {
                let mut reader = Reader::new(body);
                let mechanism = match zero_terminated(&mut reader) {
                    Some(b"SCRAM-SHA-256") => Mechanism::ScramSha256,
                    Some(b"SCRAM-SHA-256-PLUS") => Mechanism::ScramSha256Plus,
                    _ => return Err(Malformed::Content),
                };
                let length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
                Request::SaslInitial {
                    mechanism,
                    parameter: reader.take(length)?,
                }
            }
            (b'p', Asked::SaslResponse) => Request::SaslResponse(body),
            _ => Request::Other,
        })
    }
}

/// A message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<'a> {
    AuthenticationOk,
    CleartextPassword,
    Md5Password { salt: &'a [u8] },
    Sasl,
    SaslContinue,
    SaslFinal(&'a [u8]),
    ParameterStatus(Parameter<'a>),
    BackendKey { process: u32, key: u32 },
    CommandComplete(&'a [u8]),
    CopyOut { columns: u16 },
    CopyIn { columns: u16 },
    CopyData,
    CopyDone,
    Ready,
    RowDescription { fields: u16 },
    DataRow { columns: u16 },
    Error(Vec<(u8, &'a [u8])>),
    Other,
}

impl<'a> Response<'a> {
    pub fn read(tag: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        Ok(match tag {
            b'R' => match reader.u32()? {
                0 => Response::AuthenticationOk,
                3 => Response::CleartextPassword,
                5 => Response::Md5Password {
                    salt: reader.take(4)?,
                },
                9 => Response::Other,
                10 => Response::Sasl,
                11 => Response::SaslContinue,
                12 => Response::SaslFinal(reader.rest()),
                _ => return Err(Malformed::Kind),
            },
            b'S' => {
                let name = zero_terminated(&mut reader).filter(|name| !name.is_empty());
                let value = zero_terminated(&mut reader);
                Response::ParameterStatus(name.zip(value).ok_or(Malformed::Content)?)
            }
            b'K' => Response::BackendKey {
                process: reader.u32()?,
                key: reader.u32()?,
            },
            b'C' => {
                Response::CommandComplete(zero_terminated(&mut reader).ok_or(Malformed::Content)?)
            }
            b'H' | b'G' => {
                reader.u8()?;
                let columns = reader.u16()?;
                if tag == b'H' {
                    Response::CopyOut { columns }
                } else {
                    Response::CopyIn { columns }
                }
            }
            b'd' => Response::CopyData,
            b'c' => Response::CopyDone,
            b'Z' => match reader.u8()? {
                b'I' | b'T' | b'E' => Response::Ready,
                _ => return Err(Malformed::Content),
            },
            b'T' => Response::RowDescription {
                fields: reader.u16()?,
            },
            b'D' => Response::DataRow {
                columns: reader.u16()?,
            },
            b'E' => Response::Error(error_fields(&mut reader)?),
            _ => Response::Other,
        })
    }
}

fn error_fields<'a>(reader: &mut Reader<'a>) -> Result<Vec<(u8, &'a [u8])>, Malformed> {
    let mut fields = Vec::new();
    loop {
        match reader.u8()? {
            0 => return Ok(fields),
            kind => {
                let value = zero_terminated(reader).ok_or(Malformed::Content)?;
                if fields.len() < MAX_ERROR_FIELDS {
                    fields.push((kind, value));
                }
            }
        }
    }
}

/// Bytes up to a zero, which is taken too.
fn zero_terminated<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.rest().iter().position(|byte| *byte == 0)?;
    let text = reader.take(length).ok()?;
    reader.skip(1).ok()?;
    Some(text)
}

/// A body that is one text, not empty. The zero at its end may be beyond what was kept.
fn text(body: &[u8]) -> Result<&[u8], Malformed> {
    let end = body
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(body.len());
    match &body[..end] {
        [] => Err(Malformed::Content),
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests() {
        let rows: &[(&[u8], Result<Request<'_>, Malformed>)] = &[
            (
                b"\0\x03\0\0user\0me\0database\0it\0\0",
                Ok(Request::Startup {
                    major: 3,
                    minor: 0,
                    user: b"me",
                    others: vec![(b"database", b"it")],
                }),
            ),
            (b"\0\x03\0\0database\0it\0\0", Err(Malformed::Content)),
            (b"\x04\xd2\x16\x2f", Ok(Request::Tls)),
            (
                b"\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02",
                Ok(Request::Cancel { process: 1, key: 2 }),
            ),
            (b"\x04\xd2\x16\x30", Err(Malformed::Kind)),
            (b"\0\x09\0\0", Err(Malformed::Kind)),
        ];
        for (body, expected) in rows {
            assert_eq!(&Request::startup(body), expected, "{body:?}");
        }
        assert_eq!(
            Request::read(b'p', b"SCRAM-SHA-256\0\0\0\0\x02n,", Asked::SaslInitial),
            Ok(Request::SaslInitial {
                mechanism: Mechanism::ScramSha256,
                parameter: b"n,",
            })
        );
    }

    #[test]
    fn responses() {
        let rows: &[(u8, &[u8], Result<Response<'_>, Malformed>)] = &[
            (b'R', b"\0\0\0\0", Ok(Response::AuthenticationOk)),
            (b'R', b"\0\0\0\x63", Err(Malformed::Kind)),
            (b'S', b"a\0b\0", Ok(Response::ParameterStatus((b"a", b"b")))),
            (b'Z', b"I", Ok(Response::Ready)),
            (b'Z', b"?", Err(Malformed::Content)),
            (b'D', b"\0\x02rest", Ok(Response::DataRow { columns: 2 })),
            (
                b'E',
                b"SERROR\0Mno\0\0",
                Ok(Response::Error(vec![(b'S', b"ERROR"), (b'M', b"no")])),
            ),
            (b'1', b"", Ok(Response::Other)),
        ];
        for (tag, body, expected) in rows {
            assert_eq!(&Response::read(*tag, body), expected, "{tag} {body:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tag in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Request::startup(&body);
            let _ = Response::read(tag, &body);
            for asked in [Asked::Nothing, Asked::Password, Asked::SaslInitial, Asked::SaslResponse] {
                let _ = Request::read(tag, &body, asked);
            }
            for opening in [Opening::OfClient, Opening::OfServer, Opening::Letter] {
                let _ = Framing::read(opening, &body);
            }
        }
    }
}
