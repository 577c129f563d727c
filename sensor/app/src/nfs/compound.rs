//! Compounds of NFS 4: several operations in one call (RFC 7530 §15.2, §16; RFC 8881 §18).
//!
//! Every operation has to be read for the next one to be found. An operation that is not known here, or does
//! not end where it should, spoils the compound as a whole.

use sensor_bytes::Reader;

use super::number::v4;
use super::rpc::{self, Malformed, flag};

/// Operations in one compound.
const MAX_OPERATIONS: u32 = 64;
/// Words in a bitmap of attributes.
const MAX_BITMAP_WORDS: u32 = 8;
const STATE_BYTES: usize = 16;
const SESSION_BYTES: usize = 16;
const CHANGE_BYTES: usize = 20;

/// What a client asks for, as far as something comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// The file that the next operations are about.
    PutHandle(&'a [u8]),
    Open {
        name: &'a [u8],
    },
    Lookup {
        name: &'a [u8],
    },
    Read {
        offset: u64,
    },
    Write {
        offset: u64,
        stable: u32,
        data: &'a [u8],
    },
    /// COMMIT and CLOSE.
    End,
    Create {
        name: &'a [u8],
    },
    Remove {
        name: &'a [u8],
    },
}

/// What a server answers, as far as something comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response<'a> {
    Opened,
    Handle(&'a [u8]),
    Read {
        eof: bool,
        data: &'a [u8],
    },
    /// Of what makes a transaction: CREATE and REMOVE.
    Status(u32),
}

/// The operations of a call.
pub fn requests(data: &[u8]) -> Result<Vec<Request<'_>>, Malformed> {
    let mut reader = Reader::new(data);
    rpc::opaque(&mut reader)?;
    reader.u32()?;
    let mut requests = Vec::new();
    for _ in 0..count(&mut reader, MAX_OPERATIONS)? {
        requests.extend(request(&mut reader)?);
    }
    Ok(requests)
}

/// The operations of a reply.
pub fn responses(data: &[u8]) -> Result<Vec<Response<'_>>, Malformed> {
    let mut reader = Reader::new(data);
    reader.u32()?;
    rpc::opaque(&mut reader)?;
    let mut responses = Vec::new();
    for _ in 0..count(&mut reader, MAX_OPERATIONS)? {
        responses.extend(response(&mut reader)?);
    }
    Ok(responses)
}

fn request<'a>(reader: &mut Reader<'a>) -> Result<Option<Request<'a>>, Malformed> {
    let operation = reader.u32()?;
    match operation {
        v4::PUTFH => return Ok(Some(Request::PutHandle(rpc::handle(reader)?))),
        v4::OPEN => return open(reader),
        v4::LOOKUP => {
            return Ok(Some(Request::Lookup {
                name: rpc::name(reader)?,
            }));
        }
        v4::READ => {
            reader.skip(STATE_BYTES)?;
            let offset = reader.u64()?;
            reader.u32()?;
            return Ok(Some(Request::Read { offset }));
        }
        v4::WRITE => {
            reader.skip(STATE_BYTES)?;
            return Ok(Some(Request::Write {
                offset: reader.u64()?,
                stable: reader.u32()?,
                data: rpc::opaque(reader)?,
            }));
        }
        v4::COMMIT => {
            reader.skip(12)?;
            return Ok(Some(Request::End));
        }
        v4::CLOSE => {
            reader.skip(4 + STATE_BYTES)?;
            return Ok(Some(Request::End));
        }
        v4::CREATE => {
            match reader.u32()? {
                // Devices have numbers, links a target.
                3 | 4 => reader.skip(8)?,
                5 => {
                    rpc::name(reader)?;
                }
                _ => {}
            }
            let name = rpc::name(reader)?;
            attributes(reader)?;
            return Ok(Some(Request::Create { name }));
        }
        v4::REMOVE => {
            return Ok(Some(Request::Remove {
                name: rpc::name(reader)?,
            }));
        }
        v4::GETFH | v4::SAVEFH | v4::PUTROOTFH => {}
        v4::ACCESS | v4::RECLAIM_COMPLETE | v4::SECINFO_NO_NAME => reader.skip(4)?,
        v4::RENEW | v4::DESTROY_CLIENTID => reader.skip(8)?,
        v4::DELEGRETURN => reader.skip(STATE_BYTES)?,
        v4::OPEN_CONFIRM => reader.skip(STATE_BYTES + 4)?,
        v4::DESTROY_SESSION => reader.skip(SESSION_BYTES)?,
        v4::SETCLIENTID_CONFIRM => reader.skip(16)?,
        v4::SEQUENCE => reader.skip(SESSION_BYTES + 16)?,
        v4::LAYOUTGET => reader.skip(40 + STATE_BYTES)?,
        v4::GETATTR => bitmap(reader)?,
        v4::SETATTR => {
            reader.skip(STATE_BYTES)?;
            attributes(reader)?;
        }
        v4::READDIR => {
            reader.skip(24)?;
            bitmap(reader)?;
        }
        v4::RENAME => {
            rpc::name(reader)?;
            rpc::name(reader)?;
        }
        v4::SETCLIENTID => {
            reader.skip(8)?;
            rpc::opaque(reader)?;
            reader.u32()?;
            rpc::opaque(reader)?;
            rpc::opaque(reader)?;
            reader.u32()?;
        }
        v4::EXCHANGE_ID => {
            reader.skip(8)?;
            rpc::opaque(reader)?;
            reader.u32()?;
            without_state_protection(reader)?;
            implementation(reader)?;
        }
        // How the server may call back stands at its end, and may be long: nothing follows a new session.
        v4::CREATE_SESSION => {
            reader.skip(16)?;
            channel(reader)?;
            channel(reader)?;
            reader.skip(reader.remaining())?;
        }
        v4::GETDEVICEINFO => {
            reader.skip(24)?;
            bitmap(reader)?;
        }
        v4::LAYOUTRETURN => {
            const OF_FILE: u32 = 1;
            reader.skip(12)?;
            if reader.u32()? == OF_FILE {
                reader.skip(16 + STATE_BYTES)?;
                rpc::opaque(reader)?;
            }
        }
        _ => return Err(Malformed::Wrong),
    }
    Ok(None)
}

/// RFC 7530 §16.16.1, RFC 8881 §18.16.1.
fn open<'a>(reader: &mut Reader<'a>) -> Result<Option<Request<'a>>, Malformed> {
    const CREATES: u32 = 1;
    reader.skip(20)?;
    rpc::opaque(reader)?;
    if reader.u32()? == CREATES {
        match reader.u32()? {
            0 | 1 => attributes(reader)?,
            2 => reader.skip(8)?,
            3 => {
                reader.skip(8)?;
                attributes(reader)?;
            }
            _ => return Err(Malformed::Wrong),
        }
    }
    // By what the client claims the file: some claims have its name.
    let name = match reader.u32()? {
        0 | 3 => rpc::name(reader)?,
        1 => {
            reader.u32()?;
            &[]
        }
        2 => {
            reader.skip(STATE_BYTES)?;
            rpc::name(reader)?
        }
        4 | 6 => &[],
        5 => {
            reader.skip(STATE_BYTES)?;
            &[]
        }
        _ => return Err(Malformed::Wrong),
    };
    Ok(Some(Request::Open { name }))
}

fn response<'a>(reader: &mut Reader<'a>) -> Result<Option<Response<'a>>, Malformed> {
    let operation = reader.u32()?;
    let status = reader.u32()?;
    let of_transaction = matches!(operation, v4::CREATE | v4::REMOVE);
    if status != 0 {
        return Ok(of_transaction.then_some(Response::Status(status)));
    }
    match operation {
        v4::GETFH => return Ok(Some(Response::Handle(rpc::handle(reader)?))),
        v4::READ => {
            return Ok(Some(Response::Read {
                eof: flag(reader)?,
                data: rpc::opaque(reader)?,
            }));
        }
        v4::OPEN => {
            opened(reader)?;
            return Ok(Some(Response::Opened));
        }
        v4::REMOVE => reader.skip(CHANGE_BYTES)?,
        v4::CREATE => {
            reader.skip(CHANGE_BYTES)?;
            bitmap(reader)?;
        }
        v4::PUTFH
        | v4::PUTROOTFH
        | v4::LOOKUP
        | v4::SAVEFH
        | v4::RENEW
        | v4::DELEGRETURN
        | v4::SETCLIENTID_CONFIRM
        | v4::RECLAIM_COMPLETE
        | v4::DESTROY_SESSION
        | v4::DESTROY_CLIENTID => {}
        v4::ACCESS | v4::COMMIT => reader.skip(8)?,
        v4::WRITE | v4::SETCLIENTID => reader.skip(16)?,
        v4::OPEN_CONFIRM | v4::CLOSE => reader.skip(STATE_BYTES)?,
        v4::RENAME => reader.skip(2 * CHANGE_BYTES)?,
        v4::SEQUENCE => reader.skip(SESSION_BYTES + 20)?,
        v4::GETATTR => attributes(reader)?,
        v4::SETATTR => bitmap(reader)?,
        v4::READDIR => {
            reader.skip(8)?;
            while flag(reader)? {
                reader.skip(8)?;
                rpc::name(reader)?;
                attributes(reader)?;
            }
            flag(reader)?;
        }
        v4::EXCHANGE_ID => {
            reader.skip(16)?;
            without_state_protection(reader)?;
            reader.skip(8)?;
            rpc::opaque(reader)?;
            rpc::opaque(reader)?;
            implementation(reader)?;
        }
        v4::CREATE_SESSION => {
            reader.skip(SESSION_BYTES + 8)?;
            channel(reader)?;
            channel(reader)?;
        }
        v4::SECINFO_NO_NAME => {
            const GSS: u32 = 6;
            for _ in 0..count(reader, MAX_OPERATIONS)? {
                if reader.u32()? == GSS {
                    rpc::opaque(reader)?;
                    reader.skip(8)?;
                }
            }
        }
        v4::LAYOUTGET => {
            flag(reader)?;
            reader.skip(STATE_BYTES)?;
            for _ in 0..count(reader, MAX_OPERATIONS)? {
                reader.skip(24)?;
                rpc::opaque(reader)?;
            }
        }
        v4::GETDEVICEINFO => {
            reader.u32()?;
            rpc::opaque(reader)?;
            bitmap(reader)?;
        }
        v4::LAYOUTRETURN => {
            if flag(reader)? {
                reader.skip(STATE_BYTES)?;
            }
        }
        _ => return Err(Malformed::Wrong),
    }
    Ok(of_transaction.then_some(Response::Status(status)))
}

/// What a server says of an opened file; it may leave the file to the client for a while.
fn opened(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    reader.skip(STATE_BYTES + CHANGE_BYTES + 4)?;
    bitmap(reader)?;
    match reader.u32()? {
        0 => {}
        delegation @ (1 | 2) => {
            const OF_WRITES: u32 = 2;
            reader.skip(STATE_BYTES + 4)?;
            if delegation == OF_WRITES {
                reader.skip(12)?;
            }
            reader.skip(12)?;
            rpc::opaque(reader)?;
        }
        // Why there is none; with two of the reasons, whether there will be.
        3 => {
            if matches!(reader.u32()?, 1 | 2) {
                flag(reader)?;
            }
        }
        _ => return Err(Malformed::Wrong),
    }
    Ok(())
}

fn count(reader: &mut Reader<'_>, limit: u32) -> Result<u32, Malformed> {
    let count = reader.u32()?;
    if count > limit {
        return Err(Malformed::Wrong);
    }
    Ok(count)
}

fn bitmap(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    for _ in 0..count(reader, MAX_BITMAP_WORDS)? {
        reader.u32()?;
    }
    Ok(())
}

fn attributes(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    bitmap(reader)?;
    rpc::opaque(reader)?;
    Ok(())
}

/// Attributes of a session's channel (RFC 8881 §18.36.1).
fn channel(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    reader.skip(24)?;
    for _ in 0..count(reader, 1)? {
        reader.u32()?;
    }
    Ok(())
}

/// Protection of state has parts of its own, which nobody is known to use (RFC 8881 §18.35.1).
fn without_state_protection(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    match reader.u32()? {
        0 => Ok(()),
        _ => Err(Malformed::Wrong),
    }
}

/// Who made the program (RFC 8881 §18.35.1).
fn implementation(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    for _ in 0..count(reader, 1)? {
        rpc::opaque(reader)?;
        rpc::opaque(reader)?;
        reader.skip(12)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn operations_are_read_in_turn() {
        let mut call = words(&[0, 1, 3, v4::PUTFH, 4]);
        call.extend(b"hand");
        call.extend(words(&[v4::WRITE, 0, 0, 0, 0, 0, 8, 2, 5]));
        call.extend(b"hello\0\0\0");
        call.extend(words(&[v4::GETATTR, 2, 1, 1]));
        assert_eq!(
            requests(&call),
            Ok(vec![
                Request::PutHandle(b"hand"),
                Request::Write {
                    offset: 8,
                    stable: 2,
                    data: b"hello",
                },
            ])
        );
        assert_eq!(requests(&call[..call.len() - 4]), Err(Malformed::Short));
        let reply = words(&[0, 0, 2, v4::PUTFH, 0, v4::REMOVE, 2]);
        assert_eq!(responses(&reply), Ok(vec![Response::Status(2)]));
    }

    #[test]
    fn what_is_not_known_spoils_all() {
        assert_eq!(requests(&words(&[0, 1, 1, 77])), Err(Malformed::Wrong));
        assert_eq!(requests(&words(&[0, 1, 65])), Err(Malformed::Wrong));
    }

    proptest! {
        #[test]
        fn nothing_panics(data: Vec<u8>, operation in 0u32..60, status in 0u32..2) {
            let _ = requests(&data);
            let _ = responses(&data);
            let mut call = words(&[0, 1, 2, operation]);
            call.extend(&data);
            let _ = requests(&call);
            let mut reply = words(&[0, 0, 2, operation, status]);
            reply.extend(&data);
            let _ = responses(&reply);
        }
    }
}
