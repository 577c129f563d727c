//! The ways to places: files, sockets, syslog.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Error, ErrorKind, Result, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{OutletPlan, Place};

/// Who takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// `local5`, as Suricata has it.
const FACILITY: u8 = 21;
/// Severities of syslog: an alert is a warning, the rest are for information.
const WARNING: u8 = 4;
const INFORMATION: u8 = 6;
const PROGRAM: &str = "matluoi-sensor";

/// What became of records, from the first of those that were given.
#[derive(Debug, Default)]
pub struct Delivered {
    pub written: usize,
    /// Will never be taken; counted after what is written.
    pub refused: usize,
    /// Why no more of them went; the way is to be opened again.
    pub fault: Option<Error>,
}

impl Delivered {
    fn fault(error: Error) -> Self {
        Delivered {
            fault: Some(error),
            ..Delivered::default()
        }
    }
}

/// An open way.
pub trait Way: Send {
    /// Delivers what it can of these records, in their order.
    fn deliver(&mut self, lines: &VecDeque<Box<[u8]>>) -> Delivered;
}

/// A socket that leads to one place for good; made while the sensor still may make any.
pub fn udp(address: SocketAddr) -> Result<UdpSocket> {
    let own: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0; 16], 0).into(),
    };
    let socket = UdpSocket::bind(own)?;
    socket.connect(address)?;
    Ok(socket)
}

/// Opens the way of a plan, again and again.
pub struct Opener {
    place: Place,
    file_bytes: u64,
    socket: Option<UdpSocket>,
    hostname: String,
}

impl Opener {
    pub fn new(plan: &OutletPlan, socket: Option<UdpSocket>, hostname: &str) -> Self {
        // RFC 5424 §6.2.4: printable, without spaces, 255 at most.
        let printable = |letter: &char| letter.is_ascii_graphic();
        let hostname: String = hostname.chars().filter(printable).take(255).collect();
        Opener {
            place: plan.place.clone(),
            file_bytes: plan.file_bytes,
            socket,
            hostname: match hostname.as_str() {
                "" => "-".to_owned(),
                _ => hostname,
            },
        }
    }

    pub fn open(&self) -> Result<Box<dyn Way>> {
        Ok(match &self.place {
            Place::File(path) => Box::new(FileWay::open(path, self.file_bytes)?),
            Place::Stream(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
                Box::new(StreamWay {
                    stream,
                    frame: |line: &[u8], out: &mut Vec<u8>| out.extend_from_slice(line),
                })
            }
            Place::SyslogTcp(address) => {
                let stream = TcpStream::connect_timeout(address, CONNECT_TIMEOUT)?;
                stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
                let hostname = self.hostname.clone();
                Box::new(StreamWay {
                    stream,
                    frame: move |line: &[u8], out: &mut Vec<u8>| {
                        let message = rfc5424(&hostname, line);
                        // A Vec takes any write.
                        let _ = write!(out, "{} ", message.len());
                        out.extend_from_slice(&message);
                    },
                })
            }
            Place::Datagram(path) => Box::new(DatagramWay {
                socket: datagram(path)?,
                frame: |line: &[u8]| text(line).to_vec(),
            }),
            Place::Syslog(path) => Box::new(DatagramWay {
                socket: datagram(path)?,
                frame: |line: &[u8]| local(line),
            }),
            Place::SyslogUdp(address) => {
                let socket = match &self.socket {
                    Some(socket) => socket.try_clone()?,
                    None => udp(*address)?,
                };
                let hostname = self.hostname.clone();
                Box::new(DatagramWay {
                    socket,
                    frame: move |line: &[u8]| rfc5424(&hostname, line),
                })
            }
        })
    }
}

fn datagram(path: &Path) -> Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
    Ok(socket)
}

/// A record without the line feed at its end.
fn text(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn priority(line: &[u8]) -> u8 {
    // The type stands among the first fields of every record.
    let head = &line[..line.len().min(256)];
    let alert = b"\"event_type\":\"alert\"";
    let severity = match head.windows(alert.len()).any(|part| part == alert) {
        true => WARNING,
        false => INFORMATION,
    };
    FACILITY * 8 + severity
}

/// The time of a record as RFC 5424 wants it, or none.
fn time(line: &[u8]) -> Option<String> {
    // `{"timestamp":"2026-11-24T17:30:00.123456+0000"`
    let rest = line.strip_prefix(b"{\"timestamp\":\"")?;
    let written = std::str::from_utf8(rest.get(..26)?).ok()?;
    let fits = written.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        19 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    (fits && rest[26..].starts_with(b"+0000\"")).then(|| format!("{written}Z"))
}

/// RFC 5424 §6: the record is the message.
fn rfc5424(hostname: &str, line: &[u8]) -> Vec<u8> {
    let at = time(line);
    let at = at.as_deref().unwrap_or("-");
    let head = format!(
        "<{}>1 {at} {hostname} {PROGRAM} {} eve - ",
        priority(line),
        std::process::id()
    );
    [head.as_bytes(), text(line)].concat()
}

/// As the machine's own syslog takes it: it adds time and host itself.
fn local(line: &[u8]) -> Vec<u8> {
    let head = format!("<{}>{PROGRAM}[{}]: ", priority(line), std::process::id());
    [head.as_bytes(), text(line)].concat()
}

/// A connection.
struct StreamWay<S, F> {
    stream: S,
    frame: F,
}

impl<S: Write + Send, F: FnMut(&[u8], &mut Vec<u8>) + Send> Way for StreamWay<S, F> {
    fn deliver(&mut self, lines: &VecDeque<Box<[u8]>>) -> Delivered {
        let mut bytes = Vec::new();
        for line in lines {
            (self.frame)(line, &mut bytes);
        }
        match self.stream.write_all(&bytes) {
            Ok(()) => Delivered {
                written: lines.len(),
                ..Delivered::default()
            },
            Err(error) => Delivered::fault(error),
        }
    }
}

/// Sends a message as a whole.
trait Messages: Send {
    fn send_one(&mut self, message: &[u8]) -> Result<usize>;
}

impl Messages for UnixDatagram {
    fn send_one(&mut self, message: &[u8]) -> Result<usize> {
        self.send(message)
    }
}

impl Messages for UdpSocket {
    fn send_one(&mut self, message: &[u8]) -> Result<usize> {
        self.send(message)
    }
}

struct DatagramWay<S, F> {
    socket: S,
    frame: F,
}

impl<S: Messages, F: FnMut(&[u8]) -> Vec<u8> + Send> Way for DatagramWay<S, F> {
    fn deliver(&mut self, lines: &VecDeque<Box<[u8]>>) -> Delivered {
        let mut delivered = Delivered::default();
        for line in lines {
            match self.socket.send_one(&(self.frame)(line)) {
                Ok(_) => delivered.written += 1,
                Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                    // What comes after it is for the next time: the written ones are counted first.
                    delivered.refused = 1;
                    return delivered;
                }
                Err(error) => {
                    delivered.fault = Some(error);
                    return delivered;
                }
            }
        }
        delivered
    }
}

/// A file that grows up to a size and then makes room, once.
struct FileWay {
    path: PathBuf,
    file: File,
    bytes: u64,
    max_bytes: u64,
}

impl FileWay {
    fn open(path: &Path, max_bytes: u64) -> Result<FileWay> {
        let mut options = File::options();
        let file = options.append(true).create(true).mode(0o640).open(path);
        let file = file.map_err(|error| Error::new(error.kind(), format!("open: {error}")))?;
        let about = file.metadata()?;
        if !about.is_file() {
            let reason = "is no file; for a socket write unix: or unix-datagram:";
            return Err(Error::new(ErrorKind::InvalidInput, reason));
        }
        let mut way = FileWay {
            path: path.to_owned(),
            file,
            bytes: about.len(),
            max_bytes,
        };
        way.mend()?;
        Ok(way)
    }

    /// Ends what a crash has left in the middle of a line, so that the next record stands alone.
    fn mend(&mut self) -> Result<()> {
        use std::os::unix::fs::FileExt;
        let Some(last) = self.bytes.checked_sub(1) else {
            return Ok(());
        };
        let mut byte = [0];
        File::open(&self.path)?.read_exact_at(&mut byte, last)?;
        if byte != *b"\n" {
            self.file.write_all(b"\n")?;
            self.bytes += 1;
        }
        Ok(())
    }

    /// Another program may have moved the file away (logrotate), or removed it.
    fn is_in_place(&self) -> bool {
        match (self.file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
            _ => false,
        }
    }

    fn make_room(&mut self) -> Result<()> {
        if self.bytes > 0 && self.bytes >= self.max_bytes && self.is_in_place() {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            std::fs::rename(&self.path, old)?;
        }
        if !self.is_in_place() {
            *self = FileWay::open(&self.path, self.max_bytes)?;
        }
        Ok(())
    }
}

impl Way for FileWay {
    fn deliver(&mut self, lines: &VecDeque<Box<[u8]>>) -> Delivered {
        if let Err(error) = self.make_room() {
            return Delivered::fault(error);
        }
        let lines_in_order: Vec<&[u8]> = lines.iter().map(|line| &**line).collect();
        let bytes = lines_in_order.concat();
        if let Err(error) = self.file.write_all(&bytes) {
            // A disk that is full takes a part; the record is written as a whole later.
            let _ = self.file.set_len(self.bytes);
            return Delivered::fault(error);
        }
        self.bytes += bytes.len() as u64;
        Delivered {
            written: lines.len(),
            ..Delivered::default()
        }
    }
}
