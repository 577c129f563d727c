//! Messages of SMB 2 and 3 (MS-SMB2 §2.2). Bodies are read as far as something is made of them.

use sensor_bytes::{Reader, Short};

use super::number::{Command2, NtStatus};

pub const HEADER_BYTES: usize = 64;
pub const MAGIC: &[u8; 4] = b"\xfeSMB";

/// A handle of 16 bytes.
pub type Guid = [u8; 16];

/// One message of a compound, with what follows it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub status: NtStatus,
    pub command: Command2,
    pub is_response: bool,
    pub message_id: u64,
    /// 0 in asynchronous responses, which have none.
    pub tree_id: u32,
    pub session_id: u64,
    /// Another message follows in the compound.
    pub is_chained: bool,
    /// Behind the header.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads one message; the second value is what follows it in the compound.
    pub fn read(data: &'a [u8]) -> Result<(Message<'a>, &'a [u8]), Short> {
        const RESPONSE: u32 = 1;
        const ASYNCHRONOUS: u32 = 2;
        let mut reader = Reader::new(data);
        reader.skip(8)?;
        let status = NtStatus(reader.u32_le()?);
        let command = Command2(reader.u16_le()?);
        reader.skip(2)?;
        let flags = reader.u32_le()?;
        let next = reader.u32_le()? as usize;
        let message_id = reader.u64_le()?;
        reader.skip(4)?;
        let tree_id = reader.u32_le()?;
        let session_id = reader.u64_le()?;
        reader.skip(16)?;
        let is_response = flags & RESPONSE != 0;
        let is_chained = next > HEADER_BYTES;
        let body = if is_chained {
            reader.take(next - HEADER_BYTES)?
        } else {
            reader.take(reader.remaining())?
        };
        let asynchronous = is_response && flags & ASYNCHRONOUS != 0;
        Ok((
            Message {
                status,
                command,
                is_response,
                message_id,
                tree_id: if asynchronous { 0 } else { tree_id },
                session_id,
                is_chained,
                body,
            },
            reader.rest(),
        ))
    }
}

/// Dialects and identifier of the client.
pub fn negotiate_request(body: &[u8]) -> Result<(Vec<u16>, Guid), Short> {
    let mut reader = Reader::new(body);
    reader.skip(2)?;
    let count = reader.u16_le()?;
    reader.skip(8)?;
    let client = reader.array()?;
    reader.skip(8)?;
    let mut dialects = Vec::with_capacity(usize::from(count).min(16));
    for _ in 0..count {
        dialects.push(reader.u16_le()?);
    }
    Ok((dialects, client))
}

#[derive(Debug, Clone, Copy)]
pub struct NegotiateResponse {
    pub dialect: u16,
    pub server: Guid,
    pub max_read: u32,
    pub max_write: u32,
}

pub fn negotiate_response(body: &[u8]) -> Result<NegotiateResponse, Short> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    let dialect = reader.u16_le()?;
    reader.skip(2)?;
    let server = reader.array()?;
    reader.skip(8)?;
    Ok(NegotiateResponse {
        dialect,
        server,
        max_read: reader.u32_le()?,
        max_write: reader.u32_le()?,
    })
}

/// The security blob.
pub fn session_setup_request(body: &[u8]) -> Result<&[u8], Short> {
    let mut reader = Reader::new(body);
    reader.skip(24)?;
    Ok(reader.rest())
}

/// The path, in UTF-16.
pub fn tree_connect_request(body: &[u8]) -> Result<&[u8], Short> {
    let mut reader = Reader::new(body);
    reader.skip(6)?;
    let bytes = usize::from(reader.u16_le()?);
    reader.take(bytes.min(reader.remaining()))
}

/// Type of the share.
pub fn tree_connect_response(body: &[u8]) -> Result<u8, Short> {
    let mut reader = Reader::new(body);
    reader.skip(2)?;
    let kind = reader.u8()?;
    reader.skip(12)?;
    Ok(kind)
}

#[derive(Debug, Clone, Copy)]
pub struct CreateRequest<'a> {
    pub disposition: u32,
    pub options: u32,
    /// In UTF-16.
    pub name: &'a [u8],
}

pub fn create_request(body: &[u8]) -> Result<CreateRequest<'_>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(36)?;
    let disposition = reader.u32_le()?;
    let options = reader.u32_le()?;
    reader.skip(2)?;
    let bytes = reader.u16_le()?;
    reader.skip(8)?;
    Ok(CreateRequest {
        disposition,
        options,
        name: reader.take(usize::from(bytes))?,
    })
}

/// What a server says of a file it has opened.
#[derive(Debug, Clone, Copy)]
pub struct CreateResponse {
    /// Created, accessed, written, changed: 100 ns since 1601.
    pub times: [u64; 4],
    pub size: u64,
    pub handle: Guid,
}

pub fn create_response(body: &[u8]) -> Result<CreateResponse, Short> {
    let mut reader = Reader::new(body);
    reader.skip(8)?;
    let times = [
        reader.u64_le()?,
        reader.u64_le()?,
        reader.u64_le()?,
        reader.u64_le()?,
    ];
    reader.skip(8)?;
    let size = reader.u64_le()?;
    reader.skip(8)?;
    let handle = reader.array()?;
    reader.skip(8)?;
    Ok(CreateResponse {
        times,
        size,
        handle,
    })
}

/// The handle.
pub fn close_request(body: &[u8]) -> Result<Guid, Short> {
    let mut reader = Reader::new(body);
    reader.skip(8)?;
    reader.array()
}

#[derive(Debug, Clone, Copy)]
pub struct ReadRequest {
    pub bytes: u32,
    pub offset: u64,
    pub handle: Guid,
}

pub fn read_request(body: &[u8]) -> Result<ReadRequest, Short> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    let bytes = reader.u32_le()?;
    let offset = reader.u64_le()?;
    let handle = reader.array()?;
    reader.skip(16)?;
    Ok(ReadRequest {
        bytes,
        offset,
        handle,
    })
}

/// Bytes of a file in a message of which the end may still be to come.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Bytes announced.
    pub bytes: u32,
    /// As many of them as are here.
    pub here: &'a [u8],
}

impl<'a> Data<'a> {
    fn read(reader: &mut Reader<'a>, bytes: u32) -> Result<Data<'a>, Short> {
        let here = reader.take(reader.remaining().min(bytes as usize))?;
        Ok(Data { bytes, here })
    }
}

pub fn read_response(body: &[u8]) -> Result<Data<'_>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    let bytes = reader.u32_le()?;
    reader.skip(8)?;
    Data::read(&mut reader, bytes)
}

#[derive(Debug, Clone, Copy)]
pub struct WriteRequest<'a> {
    pub offset: u64,
    pub handle: Guid,
    pub data: Data<'a>,
}

pub fn write_request(body: &[u8]) -> Result<WriteRequest<'_>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    let bytes = reader.u32_le()?;
    let offset = reader.u64_le()?;
    let handle = reader.array()?;
    reader.skip(16)?;
    Ok(WriteRequest {
        offset,
        handle,
        data: Data::read(&mut reader, bytes)?,
    })
}

/// A control function with its input or output.
#[derive(Debug, Clone, Copy)]
pub struct Ioctl<'a> {
    pub function: u32,
    pub handle: Guid,
    pub data: &'a [u8],
}

impl Ioctl<'_> {
    /// A message through a pipe, and the answer to it.
    pub fn is_pipe(&self) -> bool {
        self.function == 0x0011_c017
    }
}

pub fn ioctl_request(body: &[u8]) -> Result<Ioctl<'_>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    let function = reader.u32_le()?;
    let handle = reader.array()?;
    reader.skip(4)?;
    let bytes = reader.u32_le()?;
    reader.skip(24)?;
    Ok(Ioctl {
        function,
        handle,
        data: reader.take(bytes as usize)?,
    })
}

pub fn ioctl_response(body: &[u8]) -> Result<Ioctl<'_>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    let function = reader.u32_le()?;
    let handle = reader.array()?;
    reader.skip(4)?;
    let input = reader.u32_le()?;
    reader.skip(4)?;
    let output = reader.u32_le()?;
    reader.skip(8)?;
    reader.skip(input as usize)?;
    Ok(Ioctl {
        function,
        handle,
        data: reader.take(output as usize)?,
    })
}

/// What SET_INFO changes.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// The new name, in UTF-16.
    Rename(&'a [u8]),
    Disposition {
        delete: bool,
    },
    Other,
}

#[derive(Debug, Clone, Copy)]
pub struct SetInfo<'a> {
    pub class: u8,
    pub level: u8,
    pub handle: Guid,
    pub change: Change<'a>,
}

pub fn set_info_request(body: &[u8]) -> Result<SetInfo<'_>, Short> {
    const FILE: u8 = 1;
    const RENAME: u8 = 10;
    const DISPOSITION: u8 = 13;
    let mut reader = Reader::new(body);
    reader.skip(2)?;
    let class = reader.u8()?;
    let level = reader.u8()?;
    let bytes = reader.u32_le()?;
    reader.skip(8)?;
    let handle = reader.array()?;
    let mut data = reader.sub(bytes as usize)?;
    let change = match (class, level) {
        (FILE, RENAME) => {
            data.skip(16)?;
            let bytes = data.u32_le()?;
            Change::Rename(data.take(bytes as usize)?)
        }
        (FILE, DISPOSITION) => Change::Disposition {
            delete: data.u8()? & 1 != 0,
        },
        _ => Change::Other,
    };
    Ok(SetInfo {
        class,
        level,
        handle,
        change,
    })
}
