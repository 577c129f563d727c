//! What a network card does to frames before they reach the sensor (ethtool(8), `linux/ethtool.h`).

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::Error;

/// `SIOCETHTOOL`, the request that all questions to a card go through.
pub const ETHTOOL_REQUEST: u64 = 0x8946;

/// Commands and flags of `linux/ethtool.h`.
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETHTOOL_GGRO: u32 = 0x2b;
const ETH_FLAG_LRO: u32 = 1 << 15;

/// Work that the card, or the kernel for it, does on frames that come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offloads {
    /// Segments of a stream are joined by the kernel.
    pub gro: bool,
    /// Segments of a stream are joined by the card.
    pub lro: bool,
}

impl Offloads {
    /// Names as `ethtool -K` takes them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [("gro", self.gro), ("lro", self.lro)]
            .into_iter()
            .filter_map(|(name, on)| on.then_some(name))
    }
}

/// A way to ask a card; it stays open where no new one can be made.
#[derive(Debug)]
pub struct Card {
    interface: String,
    socket: OwnedFd,
}

impl Card {
    /// # Errors
    /// When no socket can be made.
    #[allow(unsafe_code)]
    pub fn open(interface: &str) -> Result<Card, Error> {
        // SAFETY: no memory is passed; a descriptor that is not negative is new, and nobody else's.
        let socket = unsafe {
            let descriptor = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
            (descriptor >= 0).then(|| OwnedFd::from_raw_fd(descriptor))
        };
        match socket {
            Some(socket) => Ok(Card {
                interface: interface.to_owned(),
                socket,
            }),
            None => Err(Error::Card {
                interface: interface.to_owned(),
                source: std::io::Error::last_os_error(),
            }),
        }
    }

    /// What is on now; a card that does not answer a question does not have it on.
    pub fn offloads(&self) -> Offloads {
        Offloads {
            gro: self.ask(ETHTOOL_GGRO).is_some_and(|value| value != 0),
            lro: self
                .ask(ETHTOOL_GFLAGS)
                .is_some_and(|flags| flags & ETH_FLAG_LRO != 0),
        }
    }

    /// The answer to a command that gives one number.
    #[allow(unsafe_code)]
    fn ask(&self, command: u32) -> Option<u32> {
        /// `struct ethtool_value`
        #[repr(C)]
        struct Value {
            command: u32,
            data: u32,
        }
        let mut value = Value { command, data: 0 };
        // SAFETY: all zeros is a valid `ifreq`.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        let name = self.interface.as_bytes();
        // The last byte stays zero: the kernel reads a C string.
        if name.len() >= request.ifr_name.len() {
            return None;
        }
        for (place, byte) in request.ifr_name.iter_mut().zip(name) {
            // `c_char` has a sign here and none there.
            *place = libc::c_char::from_ne_bytes([*byte]);
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request names a `Value` of this frame, which is what these two commands read and write.
        let result = unsafe {
            libc::ioctl(
                self.socket.as_raw_fd(),
                ETHTOOL_REQUEST as _,
                &raw mut request,
            )
        };
        (result == 0).then_some(value.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_card_has_nothing_on() {
        for interface in ["no-such-card", "a-name-longer-than-any-interface"] {
            let card = Card::open(interface).expect("a socket");
            assert_eq!(card.offloads(), Offloads::default(), "{interface}");
        }
        let on = Offloads {
            gro: true,
            lro: true,
        };
        assert_eq!(on.names().collect::<Vec<_>>(), ["gro", "lro"]);
    }
}
