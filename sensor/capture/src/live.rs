//! Live capture through libpcap, one handle a worker.

use std::os::fd::AsRawFd;

use pcap::{Active, Capture};

use crate::{Error, FRAME_LIMIT, Frame};

/// How an interface is opened.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    pub interface: String,
    /// Filter in libpcap's language (pcap-filter(7)).
    pub filter: Option<String>,
    /// Kernel ring, in bytes.
    pub ring_bytes: u32,
    /// Bytes kept of a frame.
    pub snap_bytes: u32,
    /// Longest wait for a frame, in milliseconds.
    pub timeout_ms: u16,
    /// Handles with the same group share the traffic of the interface by a hash of the flow
    /// (packet(7), PACKET_FANOUT_HASH).
    pub fanout_group: Option<u16>,
}

impl LiveOptions {
    /// Defaults fit a gateway with 512 MB of memory.
    pub fn new(interface: &str) -> Self {
        LiveOptions {
            interface: interface.to_owned(),
            filter: None,
            ring_bytes: 16 << 20,
            snap_bytes: FRAME_LIMIT as u32,
            timeout_ms: 100,
            fanout_group: None,
        }
    }
}

/// Frames that did not arrive, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DropCounts {
    pub received: u64,
    /// No room in the kernel's ring.
    pub ring: u64,
    /// Dropped by the network card or its driver.
    pub interface: u64,
}

/// What waiting for a frame gave.
pub enum Received<'a> {
    Frame(Frame<'a>),
    /// None was there: the time-out has passed, or one has come meanwhile.
    Quiet,
}

/// An open interface.
pub struct LiveCapture {
    interface: String,
    capture: Capture<Active>,
    link: u16,
    timeout_ms: u16,
}

impl LiveCapture {
    /// # Errors
    /// When the interface does not exist, rights are missing (root or CAP_NET_RAW), or the filter is wrong.
    pub fn open(options: &LiveOptions) -> Result<Self, Error> {
        let live = |source| Error::Live {
            interface: options.interface.clone(),
            source,
        };
        let capture = Capture::from_device(options.interface.as_str()).map_err(live)?;
        let mut capture = capture
            .promisc(true)
            .immediate_mode(false)
            .snaplen(i32::try_from(options.snap_bytes).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.ring_bytes).unwrap_or(i32::MAX))
            .timeout(i32::from(options.timeout_ms))
            .precision(pcap::Precision::Nano)
            .open()
            .map_err(live)?
            // libpcap's own wait has no end on an interface where nothing is sent (TPACKET_V3); the wait is here.
            .setnonblock()
            .map_err(live)?;
        if let Some(filter) = &options.filter {
            capture.filter(filter, true).map_err(live)?;
        }
        if let Some(group) = options.fanout_group {
            join_fanout(&capture, group).map_err(|source| Error::Fanout {
                interface: options.interface.clone(),
                source,
            })?;
        }
        let link = u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX);
        Ok(LiveCapture {
            interface: options.interface.clone(),
            capture,
            link: linktype(link),
            timeout_ms: options.timeout_ms,
        })
    }

    /// The next frame. Without one it waits, [`LiveOptions::timeout_ms`] at most, and says so.
    ///
    /// # Errors
    /// When the interface is gone.
    pub fn receive(&mut self) -> Result<Received<'_>, Error> {
        let descriptor = self.capture.as_raw_fd();
        match self.capture.next_packet() {
            Ok(packet) => Ok(Received::Frame(Frame {
                // With nanosecond precision libpcap counts nanoseconds where the type says microseconds.
                timestamp_ns: packet.header.ts.tv_sec * 1_000_000_000 + packet.header.ts.tv_usec,
                link: self.link,
                data: packet.data,
                wire_length: packet.header.len,
            })),
            Err(pcap::Error::TimeoutExpired) => {
                wait_readable(descriptor, self.timeout_ms);
                Ok(Received::Quiet)
            }
            Err(source) => Err(Error::Live {
                interface: self.interface.clone(),
                source,
            }),
        }
    }

    /// Drop counters of this handle; zeros where the system does not tell.
    pub fn drops(&mut self) -> DropCounts {
        self.capture.stats().map_or_else(
            |_| DropCounts::default(),
            |stats| DropCounts {
                received: u64::from(stats.received),
                ring: u64::from(stats.dropped),
                interface: u64::from(stats.if_dropped),
            },
        )
    }
}

/// libpcap's DLT numbers differ from the numbers in files for a few types (pcap-linktype(7)).
fn linktype(dlt: u16) -> u16 {
    match dlt {
        12 => 101,
        other => other,
    }
}

/// Waits until there is something to read, or the time-out has passed. A failing wait shows in the next read.
#[allow(unsafe_code)]
fn wait_readable(descriptor: std::os::fd::RawFd, timeout_ms: u16) {
    let mut wanted = libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one `pollfd` of this frame is passed, and their number says one.
    unsafe {
        libc::poll(&raw mut wanted, 1, libc::c_int::from(timeout_ms));
    }
}

#[allow(unsafe_code)]
fn join_fanout(capture: &Capture<Active>, group: u16) -> std::io::Result<()> {
    const PACKET_FANOUT: libc::c_int = 18;
    const PACKET_FANOUT_HASH: u32 = 0;
    const PACKET_FANOUT_FLAG_DEFRAG: u32 = 0x8000;
    let value: u32 = u32::from(group) | ((PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16);
    // SAFETY: the descriptor belongs to `capture`, which outlives the call; the option value is a u32 of
    // this frame and its size is given.
    let result = unsafe {
        libc::setsockopt(
            capture.as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_FANOUT,
            std::ptr::from_ref(&value).cast(),
            size_of::<u32>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}
