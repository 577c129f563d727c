//! Record types and response codes with their names (IANA DNS parameters).

use std::borrow::Cow;

/// Type of a record (IANA DNS parameters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RrType(pub u16);

/// Response code, the low four bits of the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rcode(pub u16);

/// Lower-case names of types; rules use them as they are, EVE in upper case.
pub const RR_TYPES: &[(&str, u64)] = &[
    ("a", 1),
    ("ns", 2),
    ("md", 3),
    ("mf", 4),
    ("cname", 5),
    ("soa", 6),
    ("mb", 7),
    ("mg", 8),
    ("mr", 9),
    ("null", 10),
    ("wks", 11),
    ("ptr", 12),
    ("hinfo", 13),
    ("minfo", 14),
    ("mx", 15),
    ("txt", 16),
    ("rp", 17),
    ("afsdb", 18),
    ("x25", 19),
    ("isdn", 20),
    ("rt", 21),
    ("nsap", 22),
    ("nsapptr", 23),
    ("sig", 24),
    ("key", 25),
    ("px", 26),
    ("gpos", 27),
    ("aaaa", 28),
    ("loc", 29),
    ("nxt", 30),
    ("srv", 33),
    ("atma", 34),
    ("naptr", 35),
    ("kx", 36),
    ("cert", 37),
    ("a6", 38),
    ("dname", 39),
    ("opt", 41),
    ("apl", 42),
    ("ds", 43),
    ("sshfp", 44),
    ("ipseckey", 45),
    ("rrsig", 46),
    ("nsec", 47),
    ("dnskey", 48),
    ("dhcid", 49),
    ("nsec3", 50),
    ("nsec3param", 51),
    ("tlsa", 52),
    ("hip", 55),
    ("cds", 59),
    ("cdnskey", 60),
    ("https", 65),
    ("spf", 99),
    ("tkey", 249),
    ("tsig", 250),
    ("maila", 254),
    ("any", 255),
    ("uri", 256),
];

/// Lower-case names of response codes (RFC 1035 §4.1.1, RFC 2136, RFC 6895 §2.3).
pub const RCODES: &[(&str, u64)] = &[
    ("noerror", 0),
    ("formerr", 1),
    ("servfail", 2),
    ("nxdomain", 3),
    ("notimp", 4),
    ("refused", 5),
    ("yxdomain", 6),
    ("yxrrset", 7),
    ("nxrrset", 8),
    ("notauth", 9),
    ("notzone", 10),
    ("badvers", 16),
    ("badkey", 17),
    ("badtime", 18),
    ("badmode", 19),
    ("badname", 20),
    ("badalg", 21),
    ("badtrunc", 22),
];

fn label_of(table: &[(&'static str, u64)], value: u16) -> Cow<'static, str> {
    let row = table.iter().find(|(_, number)| *number == u64::from(value));
    Cow::Owned(match row {
        Some((name, _)) => name.to_ascii_uppercase(),
        None => value.to_string(),
    })
}

impl RrType {
    pub const A: RrType = RrType(1);
    pub const NS: RrType = RrType(2);
    pub const CNAME: RrType = RrType(5);
    pub const SOA: RrType = RrType(6);
    pub const NULL: RrType = RrType(10);
    pub const PTR: RrType = RrType(12);
    pub const MX: RrType = RrType(15);
    pub const TXT: RrType = RrType(16);
    pub const AAAA: RrType = RrType(28);
    pub const SRV: RrType = RrType(33);
    pub const OPT: RrType = RrType(41);
    pub const SSHFP: RrType = RrType(44);

    /// As EVE writes it: the name in upper case, or the number.
    pub fn label(self) -> Cow<'static, str> {
        match self {
            RrType::A => Cow::Borrowed("A"),
            RrType::AAAA => Cow::Borrowed("AAAA"),
            RrType::CNAME => Cow::Borrowed("CNAME"),
            other => label_of(RR_TYPES, other.0),
        }
    }
}

impl Rcode {
    /// As EVE writes it: the name in upper case, or the number.
    pub fn label(self) -> Cow<'static, str> {
        label_of(RCODES, self.0)
    }
}
