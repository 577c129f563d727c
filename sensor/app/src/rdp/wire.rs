//! Messages of the connection setup.

use sensor_bytes::{Reader, Short};

/// First byte of a message (RFC 1006 §6).
pub const TPKT_VERSION: u8 = 3;
const TPKT_HEADER_BYTES: usize = 4;
/// Channels that a client may ask for (MS-RDPBCGR §2.2.1.3.4).
const MAX_CHANNELS: u32 = 31;

/// What a client asks for first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRequest {
    /// The user's name, cut short by the client.
    pub cookie: Option<String>,
    pub flags: u8,
}

/// What a server agrees to, or why it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negotiation {
    Agreed { flags: u8, protocol: u32 },
    Failed { code: u32 },
}

/// What a client says of itself. What stands in later versions only is none in older ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    pub version: u32,
    pub width: u16,
    pub height: u16,
    pub color_depth: Option<u16>,
    pub keyboard_layout: u32,
    pub build: u32,
    pub name: String,
    pub keyboard_type: u32,
    pub keyboard_subtype: u32,
    pub function_keys: u32,
    pub ime: String,
    pub product_id: Option<u16>,
    pub serial_number: Option<u32>,
    pub capabilities: Option<u16>,
    pub id: Option<String>,
    pub connection_hint: Option<u8>,
    /// Millimetres.
    pub physical_width: Option<u32>,
    pub physical_height: Option<u32>,
    pub orientation: Option<u16>,
    pub scale_factor: Option<u32>,
    pub device_scale_factor: Option<u32>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    ConnectionRequest(ConnectionRequest),
    ConnectionConfirm(Option<Negotiation>),
    ConnectRequest {
        client: Option<Box<Client>>,
        channels: Vec<String>,
    },
    ConnectResponse,
    Other,
}

/// Length of the message that begins here; `Ok(None)` when more bytes are needed, an error when it is none.
pub fn message_bytes(data: &[u8]) -> Result<Option<usize>, NoMessage> {
    match data {
        [TPKT_VERSION, _, high, low, ..] => match usize::from(u16::from_be_bytes([*high, *low])) {
            bytes @ TPKT_HEADER_BYTES.. => Ok(Some(bytes)),
            _ => Err(NoMessage),
        },
        [TPKT_VERSION, ..] | [] => Ok(None),
        _ => Err(NoMessage),
    }
}

/// The bytes are no message of the setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMessage;

/// Reads a whole message.
pub fn read(message: &[u8]) -> Message {
    let body = message.get(TPKT_HEADER_BYTES..).unwrap_or_default();
    connection(body)
        .or_else(|| connect(body))
        .unwrap_or(Message::Other)
}

/// X.224 connection request or confirm (X.224 §13.3, §13.4).
fn connection(body: &[u8]) -> Option<Message> {
    const REQUEST: u8 = 0xe0;
    const CONFIRM: u8 = 0xd0;
    let mut reader = Reader::new(body);
    let length = usize::from(reader.u8().ok()?).checked_sub(6)?;
    let [kind, 0, 0, _, _, 0] = reader.array().ok()? else {
        return None;
    };
    let variable = reader.take(length).ok()?;
    match (kind & 0xf0, kind & 0x0f) {
        (REQUEST, 0 | 1) => Some(Message::ConnectionRequest(request(variable))),
        (CONFIRM, 0 | 1) => Some(Message::ConnectionConfirm(negotiation(variable))),
        _ => None,
    }
}

fn request(variable: &[u8]) -> ConnectionRequest {
    const COOKIE: &[u8] = b"Cookie: mstshash=";
    const REQUEST: u8 = 1;
    let mut rest = variable;
    let mut cookie = None;
    if let Some(value) = variable.strip_prefix(COOKIE)
        && let Some(end) = value.windows(2).position(|window| window == b"\r\n")
        && let Ok(name) = std::str::from_utf8(&value[..end])
    {
        cookie = Some(name.to_owned());
        rest = &value[end + 2..];
    }
    let flags = match rest {
        [REQUEST, flags, 8, 0, ..] if flags & !0x0b == 0 => *flags,
        _ => 0,
    };
    ConnectionRequest { cookie, flags }
}

fn negotiation(variable: &[u8]) -> Option<Negotiation> {
    const RESPONSE: u8 = 2;
    const FAILURE: u8 = 3;
    let mut reader = Reader::new(variable);
    let [kind, flags, 8, 0] = reader.array().ok()? else {
        return None;
    };
    match (kind, reader.u32_le().ok()?) {
        (RESPONSE, protocol @ (0 | 1 | 2 | 4 | 8)) if flags & !0x1f == 0 => {
            Some(Negotiation::Agreed { flags, protocol })
        }
        (FAILURE, code @ 1..=6) => Some(Negotiation::Failed { code }),
        _ => None,
    }
}

/// MCS connect-initial or connect-response within X.224 data (T.125 §11.1, §11.2).
fn connect(body: &[u8]) -> Option<Message> {
    const INITIAL: u8 = 0x65;
    const RESPONSE: u8 = 0x66;
    match body {
        [0x02, 0xf0, 0x80, 0x7f, INITIAL, data @ ..] => initial(data),
        [0x02, 0xf0, 0x80, 0x7f, RESPONSE, ..] => Some(Message::ConnectResponse),
        _ => None,
    }
}

fn initial(data: &[u8]) -> Option<Message> {
    /// Key of the client's data within the conference's request (MS-RDPBCGR §2.2.1.3).
    const KEY: &[u8] = b"Duca";
    const CORE: u16 = 0xc001;
    const NETWORK: u16 = 0xc003;
    let at = data.windows(KEY.len()).position(|window| window == KEY)?;
    let mut reader = Reader::new(&data[at + KEY.len()..]);
    // A length of packed encoding (X.691 §10.9): one byte or two.
    let length = match reader.u8().ok()? {
        short @ 0..=0x7f => usize::from(short),
        long => usize::from(long & 0x3f) << 8 | usize::from(reader.u8().ok()?),
    };
    let mut blocks = reader.sub(length.min(reader.remaining())).ok()?;
    let (mut client, mut channels) = (None, Vec::new());
    while let (Ok(kind), Ok(bytes)) = (blocks.u16_le(), blocks.u16_le()) {
        let Ok(block) = blocks.take(usize::from(bytes).saturating_sub(4)) else {
            break;
        };
        match kind {
            CORE => client = core(block).ok().map(Box::new),
            NETWORK => channels = network(block).unwrap_or_default(),
            _ => {}
        }
        if bytes < 4 {
            break;
        }
    }
    Some(Message::ConnectRequest { client, channels })
}

/// A string of UTF-16 in a field of this many bytes.
fn wide(reader: &mut Reader<'_>, bytes: usize) -> Result<String, Short> {
    let units = reader
        .take(bytes)?
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|unit| *unit != 0);
    Ok(char::decode_utf16(units)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect())
}

fn core(block: &[u8]) -> Result<Client, Short> {
    let mut reader = Reader::new(block);
    let mut client = Client {
        version: reader.u32_le()?,
        width: reader.u16_le()?,
        height: reader.u16_le()?,
        ..Client::default()
    };
    let old_depth = reader.u16_le()?;
    reader.skip(2)?;
    client.keyboard_layout = reader.u32_le()?;
    client.build = reader.u32_le()?;
    client.name = wide(&mut reader, 32)?;
    client.keyboard_type = reader.u32_le()?;
    client.keyboard_subtype = reader.u32_le()?;
    client.function_keys = reader.u32_le()?;
    client.ime = wide(&mut reader, 64)?;
    client.color_depth = palette(old_depth).filter(|depth| *depth <= 8);
    // The rest came version by version; it ends where the client's version does.
    let _ = newer(&mut reader, &mut client);
    Ok(client)
}

/// Bits a pixel of a colour depth by number.
fn palette(depth: u16) -> Option<u16> {
    match depth {
        0xca00 => Some(4),
        0xca01 => Some(8),
        0xca02 => Some(15),
        0xca03 => Some(16),
        0xca04 => Some(24),
        _ => None,
    }
}

fn newer(reader: &mut Reader<'_>, client: &mut Client) -> Result<(), Short> {
    let depth = reader.u16_le()?;
    client.color_depth = palette(depth).or(client.color_depth);
    client.product_id = Some(reader.u16_le()?);
    client.serial_number = Some(reader.u32_le()?);
    let depth = reader.u16_le()?;
    if matches!(depth, 4 | 8 | 15 | 16 | 24) {
        client.color_depth = Some(depth);
    }
    reader.skip(2)?;
    client.capabilities = Some(reader.u16_le()?);
    client.id = Some(wide(reader, 64)?);
    client.connection_hint = Some(reader.u8()?);
    reader.skip(1 + 4)?;
    let sound = |bounds: std::ops::RangeInclusive<u32>, value: u32| {
        Some(value).filter(|value| bounds.contains(value))
    };
    client.physical_width = sound(10..=10_000, reader.u32_le()?);
    client.physical_height = sound(10..=10_000, reader.u32_le()?);
    client.orientation = Some(reader.u16_le()?).filter(|angle| matches!(angle, 0 | 90 | 180 | 270));
    client.scale_factor = sound(100..=500, reader.u32_le()?);
    client.device_scale_factor =
        Some(reader.u32_le()?).filter(|factor| matches!(factor, 100 | 140 | 180));
    Ok(())
}

fn network(block: &[u8]) -> Result<Vec<String>, Short> {
    let mut reader = Reader::new(block);
    let count = reader.u32_le()?.min(MAX_CHANNELS);
    let mut channels = Vec::new();
    for _ in 0..count {
        let name = reader.take(8)?;
        reader.skip(4)?;
        let end = name
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(name.len());
        channels.push(String::from_utf8_lossy(&name[..end]).into_owned());
    }
    Ok(channels)
}
