//! Ids, times and addresses as the store keeps them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    pub const SECOND: i64 = 1_000;
    pub const HOUR: i64 = 3_600_000;
    pub const DAY: i64 = 24 * Self::HOUR;

    /// Hours since 1970.
    pub fn hour(self) -> i64 {
        self.0.div_euclid(Self::HOUR)
    }

    pub fn plus(self, milliseconds: i64) -> UnixMillis {
        UnixMillis(self.0.saturating_add(milliseconds))
    }
}

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    };
}

numeric_id!(
    /// A unit of the organisation; the root is 1.
    UnitId
);
numeric_id!(UserId);
numeric_id!(
    /// A stored alert group: unit, signature, source, destination.
    GroupId
);

impl UnitId {
    pub const ROOT: UnitId = UnitId(1);
}

/// Sixteen bytes in network order, IPv4 as `::ffff:a.b.c.d`, so that byte order is address order.
pub(crate) fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address of sixteen bytes; anything else is the unspecified address.
pub(crate) fn address_from(bytes: &[u8]) -> IpAddr {
    let octets: [u8; 16] = bytes.try_into().unwrap_or([0; 16]);
    Ipv6Addr::from(octets).to_canonical()
}
