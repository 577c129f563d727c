//! Fields that every event has.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::ascii::Ascii;

/// Nanoseconds since the epoch, written with microseconds in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl Time {
    fn text(self) -> Ascii<31> {
        let micros = self.0.div_euclid(1_000);
        let mut text = Ascii::new();
        DateTime(micros.div_euclid(1_000_000)).write(&mut text);
        text.push(b'.')
            .digits(micros.rem_euclid(1_000_000) as u32, 6);
        for byte in *b"+0000" {
            text.push(byte);
        }
        text
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

/// Seconds since the epoch, written as `2026-11-24T17:30:00` in UTC. Of years beyond four digits the last four are
/// written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub i64);

impl DateTime {
    fn write<const SIZE: usize>(self, text: &mut Ascii<SIZE>) {
        let (days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400) as u32);
        // Civil date of a day number: the year is counted from March, so that leap days end years.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097) as u32;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = i64::from(year_of_era) + era * 400 + i64::from(month <= 2);
        text.digits(year.rem_euclid(10_000) as u32, 4)
            .push(b'-')
            .digits(month, 2)
            .push(b'-')
            .digits(day, 2)
            .push(b'T')
            .digits(second / 3_600, 2)
            .push(b':')
            .digits(second / 60 % 60, 2)
            .push(b':')
            .digits(second % 60, 2);
    }

    fn text(self) -> Ascii<19> {
        let mut text = Ascii::new();
        self.write(&mut text);
        text
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

/// An address as records write it: all eight groups of IPv6 in full.
pub(crate) fn address<S: Serializer>(address: &IpAddr, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = Ascii::<39>::new();
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            text.decimal(a).push(b'.').decimal(b).push(b'.');
            text.decimal(c).push(b'.').decimal(d);
        }
        IpAddr::V6(v6) => {
            for (index, group) in v6.segments().iter().enumerate() {
                if index > 0 {
                    text.push(b':');
                }
                let [high, low] = group.to_be_bytes();
                text.hex(high).hex(low);
            }
        }
    }
    serializer.serialize_str(text.as_str())
}

/// [`address`] of a field that may be absent.
pub(crate) fn some_address<S: Serializer>(
    field: &Option<IpAddr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match field {
        Some(known) => address(known, serializer),
        None => serializer.serialize_none(),
    }
}

/// A link-layer address of six bytes, written as `00:1a:2b:3c:4d:5e`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Ascii::<17>::new();
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(b':');
            }
            text.hex(*byte);
        }
        serializer.serialize_str(text.as_str())
    }
}

/// Link-layer addresses: of the packet (`src_mac`, `dest_mac`), or of a whole flow (lists).
#[derive(Debug, Clone, Default, Serialize)]
pub struct Ether {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ether_type: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_mac: Option<Mac>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dest_mac: Option<Mac>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub src_macs: Vec<Mac>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dest_macs: Vec<Mac>,
}

/// Fields at the top of every record.
#[derive(Debug, Clone, Serialize)]
pub struct Common<'a> {
    pub timestamp: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_iface: Option<&'a str>,
    /// Number of the frame in the capture, from 1; absent at the end of a flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcap_cnt: Option<u64>,
    pub event_type: &'static str,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    pub vlan: &'a [u16],
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_address"
    )]
    pub src_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_port: Option<u16>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_address"
    )]
    pub dest_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dest_port: Option<u16>,
    /// `TCP`, `UDP`, `ICMP`, `IPv6-ICMP`, … or the number in three digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proto: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_v: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkt_src: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ether: Option<Ether>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community_id: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::{Mac, Time, address};

    #[test]
    fn addresses_are_written_in_full() {
        let written = |text: &str| {
            let mut out = Vec::new();
            address(
                &text.parse().expect("an address"),
                &mut serde_json::Serializer::new(&mut out),
            )
            .expect("an address serialises");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(written("10.0.0.1"), r#""10.0.0.1""#);
        assert_eq!(written("255.99.100.9"), r#""255.99.100.9""#);
        assert_eq!(
            written("2001:db8::1"),
            r#""2001:0db8:0000:0000:0000:0000:0000:0001""#
        );
    }

    #[test]
    fn link_layer_addresses_are_written_in_hexadecimal() {
        let written = serde_json::to_string(&Mac([0, 0x1a, 0x2b, 0xff, 0x4d, 9]));
        assert_eq!(written.expect("text"), r#""00:1a:2b:ff:4d:09""#);
    }

    #[test]
    fn times_are_written_in_utc() {
        let rows = [
            (0, "1970-01-01T00:00:00.000000+0000"),
            (1_255_711_456_083_524_000, "2009-10-16T16:44:16.083524+0000"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000+0000"),
            (-1_000, "1969-12-31T23:59:59.999999+0000"),
        ];
        for (nanoseconds, text) in rows {
            assert_eq!(Time(nanoseconds).to_string(), text);
        }
    }
}
