//! Remote procedure calls (RFC 5531): records of a stream, calls, replies; and values as XDR writes them (RFC 4506).

use sensor_bytes::{Reader, Short};

/// Bytes of a client's name for its machine (RFC 5531 appendix A).
const MAX_MACHINE_BYTES: usize = 255;
/// Bytes of credentials, and of a verifier.
const MAX_AUTH_BYTES: usize = 4_095;
/// Bytes of a file's handle (RFC 7530 §2.1).
const MAX_HANDLE_BYTES: usize = 128;
/// Bytes of a name.
const MAX_NAME_BYTES: usize = 4_096;
/// Length of a record, and number and kind of its message.
const HEADER_BYTES: usize = 12;
/// The shortest messages: a call without arguments, a refusal.
const MIN_CALL_BYTES: usize = 24;
const MIN_REPLY_BYTES: usize = 20;

/// Why something could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It ends before its end.
    Short,
    /// A value that cannot be.
    Wrong,
}

impl From<Short> for Malformed {
    fn from(_: Short) -> Self {
        Malformed::Short
    }
}

/// The beginning of a record of a stream (RFC 5531 §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Bytes of the message, without the record's length.
    pub bytes: usize,
    /// As many of them as are here, and what follows the record.
    pub here: &'a [u8],
    pub rest: &'a [u8],
    pub xid: u32,
    pub is_reply: bool,
}

impl<'a> Record<'a> {
    /// None while too little is here to tell.
    pub fn read(data: &'a [u8]) -> Result<Option<Self>, Malformed> {
        const LAST_FRAGMENT: u32 = 1 << 31;
        if data.len() < HEADER_BYTES {
            return Ok(None);
        }
        let mut reader = Reader::new(data);
        let bytes = (reader.u32()? & !LAST_FRAGMENT) as usize;
        let message = reader.rest();
        let xid = reader.u32()?;
        let is_reply = flag(&mut reader)?;
        let shortest = if is_reply {
            MIN_REPLY_BYTES
        } else {
            MIN_CALL_BYTES
        };
        if bytes < shortest {
            return Err(Malformed::Wrong);
        }
        let (here, rest) = message.split_at(bytes.min(message.len()));
        Ok(Some(Record {
            bytes,
            here,
            rest,
            xid,
            is_reply,
        }))
    }

    pub fn is_whole(&self) -> bool {
        self.here.len() == self.bytes
    }
}

/// Kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthFlavor(pub u32);

impl AuthFlavor {
    const UNIX: AuthFlavor = AuthFlavor(1);
    const GSS: AuthFlavor = AuthFlavor(6);
    const NAMES: [&str; 7] = ["NULL", "UNIX", "SHORT", "DH", "KERB", "RSA", "GSS"];

    pub fn name(self) -> String {
        usize::try_from(self.0)
            .ok()
            .and_then(|at| Self::NAMES.get(at))
            .map_or_else(|| self.0.to_string(), |name| (*name).to_owned())
    }
}

/// Whom a client says to act for (RFC 5531 appendix A).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixCredentials {
    pub machine: Vec<u8>,
    pub uid: u32,
    pub gid: u32,
}

/// What GSS does to the arguments of a call (RFC 2203 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gss {
    procedure: u32,
    service: u32,
}

impl Gss {
    /// Arguments are readable, with a checksum behind them.
    pub fn is_integrity(self) -> bool {
        self.procedure == 0 && self.service == 2
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    pub flavor: AuthFlavor,
    pub unix: Option<UnixCredentials>,
    pub gss: Option<Gss>,
}

impl Auth {
    pub fn is_known(&self) -> bool {
        self.flavor.0 <= AuthFlavor::GSS.0
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flavor = AuthFlavor(reader.u32()?);
        let mut body = Reader::new(short_opaque(reader)?);
        let mut auth = Auth {
            flavor,
            ..Auth::default()
        };
        // What these hold is all here: when it is not, it is wrong.
        let wrong = |_| Malformed::Wrong;
        match flavor {
            AuthFlavor::UNIX => {
                body.u32().map_err(wrong)?;
                let machine = body.u32().map_err(wrong)? as usize;
                if machine > MAX_MACHINE_BYTES {
                    return Err(Malformed::Wrong);
                }
                let machine = body.take(machine).map_err(wrong)?;
                // The padding of the name is taken for numbers, as other sensors take it: what they tell of a
                // machine can be compared.
                auth.unix = Some(UnixCredentials {
                    machine: machine.to_vec(),
                    uid: body.u32().map_err(wrong)?,
                    gid: body.u32().map_err(wrong)?,
                });
            }
            AuthFlavor::GSS => {
                body.u32().map_err(wrong)?;
                let procedure = body.u32().map_err(wrong)?;
                body.u32().map_err(wrong)?;
                let service = body.u32().map_err(wrong)?;
                auth.gss = Some(Gss { procedure, service });
            }
            _ => {}
        }
        Ok(auth)
    }
}

/// A call, of which the arguments may be cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    pub xid: u32,
    pub rpc_version: u32,
    pub program: u32,
    pub version: u32,
    pub procedure: u32,
    pub auth: Auth,
    pub arguments: &'a [u8],
}

impl<'a> Call<'a> {
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        let xid = reader.u32()?;
        if flag(&mut reader)? {
            return Err(Malformed::Wrong);
        }
        let rpc_version = reader.u32()?;
        let program = reader.u32()?;
        let version = reader.u32()?;
        let procedure = reader.u32()?;
        let auth = Auth::read(&mut reader)?;
        // The verifier.
        reader.u32()?;
        short_opaque(&mut reader)?;
        Ok(Call {
            xid,
            rpc_version,
            program,
            version,
            procedure,
            auth,
            arguments: reader.rest(),
        })
    }
}

/// A reply, of which the results may be cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    pub xid: u32,
    pub is_denied: bool,
    /// Why an accepted call was not carried out; 0 when it was.
    accept_status: u32,
    pub results: &'a [u8],
}

impl<'a> Reply<'a> {
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        let xid = reader.u32()?;
        if !flag(&mut reader)? {
            return Err(Malformed::Wrong);
        }
        if flag(&mut reader)? {
            return Ok(Reply {
                xid,
                is_denied: true,
                accept_status: 0,
                results: &[],
            });
        }
        // The verifier.
        reader.u32()?;
        short_opaque(&mut reader)?;
        let accept_status = reader.u32()?;
        Ok(Reply {
            xid,
            is_denied: false,
            accept_status,
            results: reader.rest(),
        })
    }

    pub fn is_success(&self) -> bool {
        !self.is_denied && self.accept_status == 0
    }
}

/// What stands in front of the checksum of arguments and results (RFC 2203 §5.3.2.2).
pub fn without_checksum(data: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(data);
    let bytes = reader.u32()? as usize;
    let mut body = reader.sub(bytes)?;
    body.u32()?;
    Ok(body.rest())
}

/// A boolean.
pub fn flag(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    match reader.u32()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::Wrong),
    }
}

/// Bytes of credentials or of a verifier.
fn short_opaque<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    limited(reader, MAX_AUTH_BYTES)
}

/// The handle of a file.
pub fn handle<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    limited(reader, MAX_HANDLE_BYTES)
}

/// The name of a file.
pub fn name<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    limited(reader, MAX_NAME_BYTES)
}

/// Bytes of any length.
pub fn opaque<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    limited(reader, usize::MAX)
}

fn limited<'a>(reader: &mut Reader<'a>, limit: usize) -> Result<&'a [u8], Malformed> {
    let bytes = reader.u32()? as usize;
    if bytes > limit {
        return Err(Malformed::Wrong);
    }
    let value = reader.take(bytes)?;
    pad(reader, bytes);
    Ok(value)
}

/// Passes over the bytes that fill a value up to four; those at the end of a message may be missing.
fn pad(reader: &mut Reader<'_>, bytes: usize) {
    let count = (4 - bytes % 4) % 4;
    let _ = reader.skip(count.min(reader.remaining()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_tell_their_length() {
        let reply = [0x80, 0, 0, 24, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0];
        let record = Record::read(&reply).expect("sound").expect("enough");
        assert_eq!((record.bytes, record.xid, record.is_reply), (24, 7, true));
        assert!(!record.is_whole());
        assert_eq!(Record::read(&reply[..11]), Ok(None));
        for (at, value) in [(3, 8), (11, 2)] {
            let mut odd = reply;
            odd[at] = value;
            assert_eq!(Record::read(&odd), Err(Malformed::Wrong));
        }
    }

    #[test]
    fn credentials_are_read() {
        let words: [u32; 9] = [9, 0, 2, 100_003, 3, 1, 1, 24, 5];
        let mut message = words.map(u32::to_be_bytes).concat();
        message.extend(5u32.to_be_bytes());
        message.extend(b"werrm\0\0\0\0\0\x03\xe8\0\0\0\x64");
        message.extend([0; 8]);
        for length in 0..message.len() {
            assert_eq!(Call::read(&message[..length]), Err(Malformed::Short));
        }
        message.extend(b"args");
        let call = Call::read(&message).expect("sound");
        let unix = call.auth.unix.expect("told");
        assert_eq!((unix.uid, unix.gid), (0, 0x0003_e800));
        assert_eq!(unix.machine, b"werrm");
        assert_eq!(call.arguments, b"args");
        assert_eq!(call.auth.flavor.name(), "UNIX");
        assert_eq!(AuthFlavor(390_003).name(), "390003");
    }

    proptest! {
        #[test]
        fn nothing_panics(data: Vec<u8>) {
            let _ = Record::read(&data);
            let _ = Call::read(&data);
            let _ = Reply::read(&data);
            let _ = without_checksum(&data);
        }
    }
}
