//! Messages of SMB 1 (MS-CIFS §2.2, MS-SMB §2.2). Bodies are read as far as something is made of them.

use sensor_bytes::{Reader, Short};

use super::number::{Command1, NtStatus, Status};
use super::text::{read_bytes, read_utf16, utf16};

pub const HEADER_BYTES: usize = 32;
pub const MAGIC: &[u8; 4] = b"\xffSMB";

/// A handle of the server.
pub type Fid = [u8; 2];

/// One message; several commands may be chained in it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub command: Command1,
    pub status: Status,
    pub is_response: bool,
    pub has_unicode: bool,
    pub tree_id: u16,
    pub user_id: u16,
    pub multiplex_id: u16,
    /// Behind the header.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    pub fn read(data: &'a [u8]) -> Result<Message<'a>, Short> {
        const RESPONSE: u8 = 0x80;
        const NT_STATUS: u16 = 0x4000;
        const UNICODE: u16 = 0x8000;
        let mut reader = Reader::new(data);
        reader.skip(MAGIC.len())?;
        let command = Command1(reader.u8()?);
        let status = reader.u32_le()?;
        let flags = reader.u8()?;
        let flags2 = reader.u16_le()?;
        reader.skip(12)?;
        let tree_id = reader.u16_le()?;
        reader.skip(2)?;
        let user_id = reader.u16_le()?;
        let multiplex_id = reader.u16_le()?;
        Ok(Message {
            command,
            status: if flags2 & NT_STATUS != 0 {
                Status::Nt(NtStatus(status))
            } else {
                let [class, _, code @ ..] = status.to_le_bytes();
                Status::Dos {
                    class,
                    code: u16::from_le_bytes(code),
                }
            },
            is_response: flags & RESPONSE != 0,
            has_unicode: flags2 & UNICODE != 0,
            tree_id,
            user_id,
            multiplex_id,
            body: reader.rest(),
        })
    }

    /// The request has succeeded.
    pub fn is_success(&self) -> bool {
        matches!(
            self.status,
            Status::Nt(NtStatus::SUCCESS) | Status::Dos { class: 0, code: 0 }
        )
    }

    /// The part of the body from an offset on, which counts from the start of the header.
    pub fn from(&self, offset: usize) -> &'a [u8] {
        self.body
            .get(offset.saturating_sub(HEADER_BYTES)..)
            .unwrap_or_default()
    }

    /// A string, which begins at an even place when it is of UTF-16.
    fn text(&self, reader: &mut Reader<'_>, place: usize) -> Result<Vec<u8>, Short> {
        if self.has_unicode {
            reader.skip(place % 2)?;
            read_utf16(reader)
        } else {
            read_bytes(reader).map(<[u8]>::to_vec)
        }
    }

    /// Up to three strings one after another, as far as they are there.
    fn texts<const N: usize>(&self, reader: &mut Reader<'_>) -> [Vec<u8>; N] {
        let place = self.body.len() - reader.remaining().min(self.body.len());
        if self.has_unicode && reader.remaining() > 1 {
            let _ = reader.skip(place % 2);
        }
        let mut texts = [const { Vec::new() }; N];
        for text in &mut texts {
            match self.text(reader, 0) {
                Ok(read) => *text = read,
                Err(_) => break,
            }
        }
        texts
    }
}

/// The next command of a chain, and where it begins.
pub fn next_command(body: &[u8]) -> Option<(Command1, usize)> {
    let mut reader = Reader::new(body);
    reader.skip(1).ok()?;
    let command = Command1(reader.u8().ok()?);
    reader.skip(1).ok()?;
    let offset = usize::from(reader.u16_le().ok()?);
    (command != Command1::NONE).then_some((command, offset))
}

/// Dialects, each with the byte of its format in front.
pub fn negotiate_request(body: &[u8]) -> Result<Vec<&[u8]>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(3)?;
    let mut dialects = vec![read_bytes(&mut reader)?];
    while let Ok(dialect) = read_bytes(&mut reader) {
        dialects.push(dialect);
    }
    Ok(dialects)
}

/// Number of the chosen dialect, and the server's identifier if it gives one.
pub fn negotiate_response(body: &[u8]) -> Result<(u16, Option<[u8; 16]>), Short> {
    let mut reader = Reader::new(body);
    if reader.u8()? == 0 {
        reader.skip(2)?;
        return Ok((0, None));
    }
    let dialect = reader.u16_le()?;
    reader.skip(1 + 16 + 4 + 8 + 2 + 1)?;
    let server = if reader.u16_le()? >= 16 {
        Some(reader.array()?)
    } else {
        None
    };
    Ok((dialect, server))
}

/// A client that sets up a session.
#[derive(Debug, Clone)]
pub struct SessionSetup<'a> {
    pub blob: &'a [u8],
    /// Operating system, LAN manager.
    pub native: [Vec<u8>; 2],
}

pub fn session_setup_request<'a>(
    message: &Message<'a>,
    body: &'a [u8],
) -> Result<SessionSetup<'a>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(15)?;
    let bytes = usize::from(reader.u16_le()?);
    reader.skip(8 + 2)?;
    let blob = reader.take(bytes)?;
    let native = message.texts(&mut reader);
    Ok(SessionSetup { blob, native })
}

/// Operating system and LAN manager of the server.
pub fn session_setup_response(message: &Message<'_>, body: &[u8]) -> Result<[Vec<u8>; 2], Short> {
    let mut reader = Reader::new(body);
    match body.first() {
        Some(0) => reader.skip(3)?,
        Some(3) => reader.skip(7 + 2)?,
        _ => {
            reader.skip(7)?;
            let blob = usize::from(reader.u16_le()?);
            reader.skip(2 + blob)?;
        }
    }
    Ok(message.texts(&mut reader))
}

#[derive(Debug, Clone)]
pub struct TreeConnect<'a> {
    pub path: Vec<u8>,
    pub service: &'a [u8],
}

pub fn tree_connect_request<'a>(
    message: &Message<'_>,
    body: &'a [u8],
) -> Result<TreeConnect<'a>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(7)?;
    let password = usize::from(reader.u16_le()?);
    reader.skip(2 + password)?;
    let place = reader.position();
    Ok(TreeConnect {
        path: message.text(&mut reader, place)?,
        service: read_bytes(&mut reader)?,
    })
}

/// The service.
pub fn tree_connect_response(body: &[u8]) -> Result<&[u8], Short> {
    let mut reader = Reader::new(body);
    let words = reader.u8()?;
    reader.skip(4)?;
    reader.skip(match words {
        7 => 10,
        3.. => 2,
        _ => 0,
    })?;
    reader.skip(2)?;
    read_bytes(&mut reader)
}

#[derive(Debug, Clone)]
pub struct CreateRequest {
    pub disposition: u32,
    pub options: u32,
    pub name: Vec<u8>,
}

pub fn create_request(message: &Message<'_>, body: &[u8]) -> Result<CreateRequest, Short> {
    let mut reader = Reader::new(body);
    reader.skip(6)?;
    let name_bytes = reader.u16_le()?;
    reader.skip(28)?;
    let disposition = reader.u32_le()?;
    let options = reader.u32_le()?;
    reader.skip(5)?;
    let bytes = reader.u16_le()?;
    let name = match bytes.checked_sub(name_bytes) {
        Some(padding) => message.text(&mut reader, usize::from(padding))?,
        None => Vec::new(),
    };
    Ok(CreateRequest {
        disposition,
        options,
        name,
    })
}

#[derive(Debug, Clone, Copy)]
pub struct CreateResponse {
    pub fid: Fid,
    /// Created, accessed, written, changed: 100 ns since 1601.
    pub times: [u64; 4],
    pub size: u64,
}

pub fn create_response(body: &[u8]) -> Result<CreateResponse, Short> {
    let mut reader = Reader::new(body);
    let words = reader.u8()?;
    reader.skip(5)?;
    let fid = reader.array()?;
    reader.skip(4)?;
    let times = [
        reader.u64_le()?,
        reader.u64_le()?,
        reader.u64_le()?,
        reader.u64_le()?,
    ];
    reader.skip(4)?;
    let size = reader.u64_le()?;
    reader.skip(8 + 2 + 2 + 1)?;
    reader.skip(if words == 42 { 32 } else { 0 })?;
    reader.skip(2)?;
    Ok(CreateResponse { fid, times, size })
}

pub fn close_request(body: &[u8]) -> Result<Fid, Short> {
    let mut reader = Reader::new(body);
    reader.skip(1)?;
    reader.array()
}

#[derive(Debug, Clone, Copy)]
pub struct ReadRequest {
    pub fid: Fid,
    pub offset: u64,
}

pub fn read_request(body: &[u8]) -> Result<ReadRequest, Short> {
    let mut reader = Reader::new(body);
    let words = reader.u8()?;
    reader.skip(4)?;
    let fid = reader.array()?;
    let low = reader.u32_le()?;
    reader.skip(2 + 2 + 4 + 2)?;
    let offset = if words == 12 {
        u64::from(reader.u32_le()?) << 32 | u64::from(low)
    } else {
        u64::from(low)
    };
    Ok(ReadRequest { fid, offset })
}

/// Bytes of a file, of which the end may still be to come.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Bytes announced.
    pub bytes: u32,
    /// As many of them as are here.
    pub here: &'a [u8],
}

pub fn read_response(body: &[u8]) -> Result<Data<'_>, Short> {
    let mut reader = Reader::new(body);
    let words = reader.u8()?;
    reader.skip(4 + 6)?;
    let low = reader.u16_le()?;
    let offset = reader.u16_le()?;
    let high = reader.u16_le()?;
    reader.skip(2 + 6)?;
    let count = reader.u16_le()?;
    reader.skip(usize::from(count.saturating_sub(low)))?;
    // Padding that the offset tells of and the count does not.
    let padding = usize::from(offset).saturating_sub(36 + 2 * usize::from(words));
    reader.skip(padding)?;
    let bytes = u32::from(high) << 16 | u32::from(low);
    let here = reader.take(reader.remaining().min(bytes as usize))?;
    Ok(Data { bytes, here })
}

#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    pub fid: Fid,
    pub offset: u64,
    pub data: Data<'a>,
}

/// `WRITE_ANDX`; `place` is where its part of the body begins, from the header on.
pub fn write_andx_request(body: &[u8], place: usize) -> Result<Write<'_>, Short> {
    let mut reader = Reader::new(body);
    let words = reader.u8()?;
    reader.skip(4)?;
    let fid = reader.array()?;
    let low = reader.u32_le()?;
    reader.skip(4 + 2 + 2)?;
    let bytes_high = reader.u16_le()?;
    let bytes_low = reader.u16_le()?;
    let data_offset = usize::from(reader.u16_le()?);
    let high = if words == 14 { reader.u32_le()? } else { 0 };
    reader.skip(2)?;
    let bytes = u32::from(bytes_high) << 16 | u32::from(bytes_low);
    let mut data = Reader::new(body);
    // The data cannot begin within the numbers before it.
    let skipped = match data_offset.checked_sub(place) {
        Some(skipped) if data_offset >= 0x3c => skipped,
        _ => body.len() + 1,
    };
    data.skip(skipped)?;
    let here = data.take(data.remaining().min(bytes as usize))?;
    Ok(Write {
        fid,
        offset: u64::from(high) << 32 | u64::from(low),
        data: Data { bytes, here },
    })
}

pub fn write_request(body: &[u8]) -> Result<Write<'_>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(1)?;
    let fid = reader.array()?;
    reader.skip(2)?;
    let offset = reader.u32_le()?;
    reader.skip(2 + 2 + 1)?;
    let bytes = reader.u16_le()?;
    write_of(fid, offset, reader.take(usize::from(bytes))?)
}

pub fn write_and_close_request(body: &[u8]) -> Result<Write<'_>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(1)?;
    let fid = reader.array()?;
    let bytes = reader.u16_le()?;
    let offset = reader.u32_le()?;
    reader.skip(4)?;
    let count = reader.u16_le()?;
    reader.skip(usize::from(count.saturating_sub(bytes)))?;
    write_of(fid, offset, reader.take(usize::from(bytes))?)
}

fn write_of(fid: Fid, offset: u32, here: &[u8]) -> Result<Write<'_>, Short> {
    Ok(Write {
        fid,
        offset: u64::from(offset),
        data: Data {
            bytes: here.len() as u32,
            here,
        },
    })
}

/// A message through a pipe.
#[derive(Debug, Clone, Copy)]
pub struct Trans<'a> {
    /// Handle of the pipe, in a request to it.
    pub pipe: Option<Fid>,
    pub data: &'a [u8],
}

pub fn trans_request<'a>(message: &Message<'a>) -> Result<Trans<'a>, Short> {
    let mut reader = Reader::new(message.body);
    let words = reader.u8()?;
    reader.skip(2 + 2 + 2 + 2 + 1 + 1 + 2 + 4 + 2)?;
    let parameter_bytes = usize::from(reader.u16_le()?);
    let parameter_offset = usize::from(reader.u16_le()?);
    let data_bytes = usize::from(reader.u16_le()?);
    let data_offset = usize::from(reader.u16_le()?);
    let setups = reader.u8()?;
    reader.skip(1)?;
    let pipe = if words == 16 && setups == 2 && data_bytes > 0 {
        reader.skip(2)?;
        Some(reader.array()?)
    } else {
        None
    };
    reader.skip(2)?;
    let place = HEADER_BYTES + reader.position();
    message.text(&mut reader, place)?;
    let data = if data_bytes > 0 {
        // Padding is meant to reach a multiple of four; often there is none.
        let pad = |place: usize| {
            if place == parameter_offset || place == data_offset {
                0
            } else {
                place % 4
            }
        };
        let place = HEADER_BYTES + reader.position();
        reader.skip(pad(place) + parameter_bytes)?;
        let place = HEADER_BYTES + reader.position();
        reader.skip(if place == data_offset { 0 } else { place % 4 })?;
        reader.take(data_bytes)?
    } else {
        &[]
    };
    Ok(Trans { pipe, data })
}

/// The data.
pub fn trans_response(body: &[u8]) -> Result<&[u8], Short> {
    let mut reader = Reader::new(body);
    let words = reader.u8()?;
    if words == 0 {
        reader.skip(2)?;
        return Ok(&[]);
    }
    reader.skip(2 + 2 + 2 + 2 + 2 + 2)?;
    let bytes = usize::from(reader.u16_le()?);
    let offset = usize::from(reader.u16_le()?);
    reader.skip(2 + 1 + 1 + 2 + 1)?;
    reader.skip(offset.saturating_sub(36 + 2 * usize::from(words)))?;
    reader.take(bytes)
}

pub fn rename_request(body: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Short> {
    let mut reader = Reader::new(body);
    reader.skip(1 + 2 + 2 + 1)?;
    let from = read_utf16(&mut reader)?;
    // The format's byte leaves the new name at an odd place.
    reader.skip(2)?;
    Ok((from, read_utf16(&mut reader)?))
}

/// What TRANS2 does to a file.
#[derive(Debug, Clone)]
pub struct SetInfo {
    pub subcommand: u16,
    pub level: u16,
    /// By its handle, or by its path.
    pub fid: Option<Fid>,
    pub path: Vec<u8>,
    pub change: Change,
}

#[derive(Debug, Clone)]
pub enum Change {
    Rename(Vec<u8>),
    Disposition { delete: bool },
}

/// Sets of file information by path and handle; none for everything else.
pub fn trans2_request(body: &[u8]) -> Result<Option<SetInfo>, Short> {
    const SET_PATH_INFO: u16 = 6;
    const SET_FILE_INFO: u16 = 8;
    const RENAME: u16 = 1010;
    const DISPOSITION: u16 = 1013;
    let mut reader = Reader::new(body);
    reader.skip(1 + 2 + 2 + 2 + 2 + 1 + 1 + 2 + 4 + 2)?;
    let parameter_bytes = usize::from(reader.u16_le()?);
    let parameter_offset = usize::from(reader.u16_le()?);
    let data_bytes = usize::from(reader.u16_le()?);
    let data_offset = usize::from(reader.u16_le()?);
    reader.skip(2)?;
    let subcommand = reader.u16_le()?;
    reader.skip(2 + 3)?;
    let mut parameters = reader.sub(parameter_bytes)?;
    reader.skip(data_offset.saturating_sub(parameter_offset + parameter_bytes))?;
    let mut data = reader.sub(data_bytes)?;
    let (level, fid, path) = match subcommand {
        SET_PATH_INFO => {
            let level = parameters.u16_le()?;
            parameters.skip(4)?;
            (level, None, read_utf16(&mut parameters)?)
        }
        SET_FILE_INFO => {
            let fid = parameters.array()?;
            (parameters.u16_le()?, Some(fid), Vec::new())
        }
        _ => return Ok(None),
    };
    let change = match level {
        RENAME => {
            data.skip(8)?;
            let bytes = data.u32_le()?;
            Change::Rename(utf16(data.take(bytes as usize)?))
        }
        DISPOSITION => Change::Disposition {
            delete: data.u8()? & 1 != 0,
        },
        _ => return Ok(None),
    };
    Ok(Some(SetInfo {
        subcommand,
        level,
        fid,
        path,
        change,
    }))
}
