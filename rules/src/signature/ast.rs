//! A checked signature: what `sensor-detect` compiles.
//!
//! Everything a rule can say is here, already resolved (variables expanded, names looked up, bytes
//! unescaped, numbers in range) and in the order in which the rule says it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::{BufferId, IntFieldId, ProtocolId};

/// First word of a rule. In IDS mode `drop` and `reject` alert; their order still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Pass,
    Drop,
    Reject,
    Alert,
    Config,
}

/// How far `pass`, `drop` and `reject` reach (`pass:flow`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActionScope {
    /// By the kind of rule: what matches a stream or a transaction reaches the flow.
    #[default]
    Auto,
    Packet,
    Flow,
}

/// Whom `reject` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectTo {
    Source,
    Destination,
    Both,
}

/// The moment at which a rule is inspected (`tcp:flow_start`, `tls:client_hello_done`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// With every packet, as without a hook.
    All,
    /// With the first packet of either direction of a flow.
    FlowStart,
    /// With a transaction that has come to a state.
    Transaction { to_server: bool, state: HookState },
}

/// A state of one side of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookState {
    Started,
    Complete,
    Named(String),
}

/// Where a transaction stands, seen from a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageSide {
    Before,
    Behind,
}

/// Protocol in the rule header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderProtocol {
    Ip,
    Ipv4,
    Ipv6,
    Tcp,
    TcpPacket,
    TcpStream,
    Udp,
    Icmp,
    Icmpv4,
    Icmpv6,
    Sctp,
    Pkthdr,
    Arp,
    /// Any other IP protocol, by number.
    IpNumber(u8),
    Application(ProtocolId),
}

/// An inclusive address range, both ends of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    pub first: IpAddr,
    pub last: IpAddr,
}

/// Addresses in a rule header: `any` when `include` is empty; a member of `exclude` never matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AddressSet {
    pub include: Vec<AddressRange>,
    pub exclude: Vec<AddressRange>,
    /// The text negates something: such a rule is looked at with every packet, not once a flow.
    pub negated: bool,
}

impl AddressSet {
    /// Every address is in it.
    pub fn is_any(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let within = |ranges: &[AddressRange]| {
            ranges
                .iter()
                .any(|range| range.first <= address && address <= range.last)
        };
        (self.include.is_empty() || within(&self.include)) && !within(&self.exclude)
    }
}

/// Ports in a rule header as sorted, disjoint inclusive ranges after negation is carried out; `any` when empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PortSet {
    pub ranges: Vec<(u16, u16)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderDirection {
    Forward,
    Both,
    /** `=>`: a transaction rule that may use buffers of both sides. */
    Transactional,
}

/// A number in a rule: a literal, or a variable set by `byte_extract` or `byte_math` earlier in the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    Literal(i64),
    Variable(u8),
}

/// `content` with its modifiers. Positions are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub negated: bool,
    pub nocase: bool,
    pub offset: Option<Number>,
    pub depth: Option<Number>,
    pub distance: Option<Number>,
    pub within: Option<Number>,
    pub startswith: bool,
    pub endswith: bool,
    pub rawbytes: bool,
    /// `fast_pattern`, `fast_pattern:only` or `fast_pattern:offset,length`.
    pub fast_pattern: Option<FastPattern>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastPattern {
    Whole,
    Only,
    Chop { offset: u16, length: u16 },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Pcre {
    /// Pattern with flags carried out as far as PCRE2's syntax has them (`(?ims)` prefix).
    pub pattern: String,
    pub negated: bool,
    /// `/R`: relative to the last match.
    pub relative: bool,
    /// Variables that capture groups fill: `pcre:"/…(…)/, flow:name"` and `(?P<flow_name>…)`.
    pub captures: Vec<Capture>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    pub kind: CaptureKind,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureKind {
    Packet,
    Flow,
    /** into the alert's context */
    Alert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    Big,
    Little,
    /** byte order of the DCE/RPC header */
    Dce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Hex,
    Decimal,
    Octal,
}

/// How `byte_*` keywords read a number: raw bytes, or digits in a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Binary(Endian),
    String(Base),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /** `&` */
    AnyBit,
    /** `^` (byte_test) */
    NoBit,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ByteTest {
    pub count: Number,
    pub negated: bool,
    pub comparison: Comparison,
    pub value: Number,
    pub offset: Number,
    pub relative: bool,
    pub reading: Reading,
    pub bitmask: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ByteJump {
    pub count: Number,
    pub offset: Number,
    pub relative: bool,
    pub reading: Reading,
    pub multiplier: u32,
    pub align: bool,
    pub from: JumpFrom,
    pub post_offset: Number,
    pub bitmask: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JumpFrom {
    Here,
    Beginning,
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ByteExtract {
    pub count: Number,
    pub offset: i32,
    pub variable: u8,
    pub relative: bool,
    pub reading: Reading,
    pub multiplier: u32,
    pub align: Option<u8>,
    pub bitmask: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ByteMath {
    pub count: Number,
    pub offset: i32,
    pub operator: MathOperator,
    pub operand: Number,
    pub variable: u8,
    pub relative: bool,
    pub reading: Reading,
    pub bitmask: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MathOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    ShiftLeft,
    ShiftRight,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IsDataAt {
    pub count: Number,
    pub negated: bool,
    pub relative: bool,
}

/// A comparison with one or two bounds, as integer keywords write it (`>5`, `1-3`, `1<>9` exclusive, `!4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntMatch {
    Equal(u64),
    NotEqual(u64),
    Less(u64),
    LessEqual(u64),
    Greater(u64),
    GreaterEqual(u64),
    /** exclusive bounds */
    Between(u64, u64),
    /** inclusive bounds */
    Inclusive(u64, u64),
    NotInclusive(u64, u64),
    /** `&mask=value` */
    Mask {
        mask: u64,
        value: u64,
        negated: bool,
    },
}

impl IntMatch {
    /// Whether `n` satisfies the comparison.
    pub fn matches(&self, n: u64) -> bool {
        match *self {
            IntMatch::Equal(v) => n == v,
            IntMatch::NotEqual(v) => n != v,
            IntMatch::Less(v) => n < v,
            IntMatch::LessEqual(v) => n <= v,
            IntMatch::Greater(v) => n > v,
            IntMatch::GreaterEqual(v) => n >= v,
            IntMatch::Between(low, high) => low < n && n < high,
            IntMatch::Inclusive(low, high) => low <= n && n <= high,
            IntMatch::NotInclusive(low, high) => n < low || high < n,
            IntMatch::Mask {
                mask,
                value,
                negated,
            } => ((n & mask) == value) != negated,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Base64Decode {
    pub bytes: Option<u32>,
    pub offset: u32,
    pub relative: bool,
}

/// One condition on the bytes of a buffer, in rule order.
#[derive(Debug, Clone, PartialEq)]
pub enum BufferCondition {
    Content(Content),
    Pcre(Pcre),
    ByteTest(ByteTest),
    ByteJump(ByteJump),
    ByteExtract(ByteExtract),
    ByteMath(ByteMath),
    IsDataAt(IsDataAt),
    /// `bsize`: whole length of the buffer.
    Size(IntMatch),
    /// `urilen`, on its buffer.
    UriSize(IntMatch),
    Base64Decode(Base64Decode),
    /// Conditions after `base64_data`, on what the last `base64_decode` gave.
    Base64Data(Vec<BufferCondition>),
    /// `absent`: the buffer must not be there; `absent:or_else` lets the other conditions match instead.
    Absent {
        or_else: bool,
    },
    Dataset(Dataset),
    Entropy {
        bytes: Option<u32>,
        offset: u32,
        wanted: EntropyMatch,
    },
    /// `filemagic`-like substring on a typed text etc. is ordinary content on its buffer.
    Asn1(Asn1),
}

/// A comparison of an entropy, in bits a byte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EntropyMatch {
    Compare(Comparison, f64),
    /** exclusive bounds */
    Between(f64, f64),
    NotBetween(f64, f64),
}

impl EntropyMatch {
    /// Whether an entropy satisfies the comparison.
    pub fn matches(&self, entropy: f64) -> bool {
        match *self {
            EntropyMatch::Compare(comparison, wanted) => match comparison {
                Comparison::Equal => entropy == wanted,
                Comparison::NotEqual => entropy != wanted,
                Comparison::Less => entropy < wanted,
                Comparison::LessEqual => entropy <= wanted,
                Comparison::Greater => entropy > wanted,
                Comparison::GreaterEqual => entropy >= wanted,
                Comparison::AnyBit | Comparison::NoBit => false,
            },
            EntropyMatch::Between(low, high) => low < entropy && entropy < high,
            EntropyMatch::NotBetween(low, high) => !(low < entropy && entropy < high),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Asn1 {
    pub oversize_length: Option<u32>,
    pub bitstring_overflow: bool,
    pub double_overflow: bool,
    pub relative_offset: Option<i32>,
    pub absolute_offset: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub operation: DatasetOperation,
    pub name: String,
    pub kind: String,
    pub load: Option<String>,
    pub save: Option<String>,
    pub reputation: Option<(Comparison, u16)>,
    pub options: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetOperation {
    IsSet,
    IsNotSet,
    Set,
    Unset,
    Reputation,
}

/// A transformation of a buffer before its conditions look at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Transform {
    ToLowercase,
    ToUppercase,
    StripWhitespace,
    CompressWhitespace,
    UrlDecode,
    Xor(Vec<u8>),
    DotPrefix,
    ToMd5,
    ToSha1,
    ToSha256,
    HeaderLowercase,
    StripPseudoHeaders,
    Domain,
    Tld,
    FromBase64 {
        bytes: Option<u32>,
        offset: u32,
        mode: Base64Mode,
    },
    PcreXform(String),
    Gunzip {
        max: u32,
    },
    ZlibDeflate {
        max: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Base64Mode {
    Rfc4648,
    Rfc2045,
    Strict,
}

/// Where bytes come from. `Payload` is the default: packet payload and reassembled stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    Payload,
    /** `pkt_data` said explicitly, or `tcp-pkt` */
    Packet,
    Buffer(BufferId),
}

/// Conditions on one occurrence of one buffer, in rule order. A second mention of the same sticky
/// buffer in a rule continues the list, except for multi-buffers, where each mention is a list of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct BufferMatch {
    pub source: Source,
    /// Of a buffer on both sides, the one that counts (`file.data: to_client`).
    pub only_to_server: Option<bool>,
    pub transforms: Vec<Transform>,
    pub conditions: Vec<BufferCondition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowOption {
    pub to_server: bool,
    pub to_client: bool,
    pub established: bool,
    pub not_established: bool,
    pub stateless: bool,
    pub only_stream: bool,
    pub no_stream: bool,
    pub only_frag: bool,
    pub no_frag: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowBits {
    pub operation: BitOperation,
    /** Several names for `isset:a|b`: any of them. */
    pub names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOperation {
    Set,
    IsSet,
    Toggle,
    Unset,
    IsNotSet,
}

/// By which of its two keywords a bit of hosts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitKeyword {
    Xbits,
    Hostbits,
}

/// `xbits` and `hostbits`: a bit on an address or pair, with a time to live in packet time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XBits {
    pub keyword: BitKeyword,
    pub operation: BitOperation,
    pub name: String,
    pub track: Track,
    pub expire: Duration,
}

/// `flowvar`, `pktvar`: what a `pcre` of this or another rule captured under the name holds these bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableTest {
    /// Of the flow or of the packet.
    pub kind: CaptureKind,
    pub name: String,
    pub content: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowInt {
    pub name: String,
    pub operation: FlowIntOperation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowIntOperation {
    IsSet,
    NotSet,
    Set(FlowIntValue),
    Add(FlowIntValue),
    Subtract(FlowIntValue),
    Compare(Comparison, FlowIntValue),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowIntValue {
    Literal(u32),
    Variable(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Track {
    Source,
    Destination,
    Both,
    Rule,
    Flow,
    /** the transaction under inspection (`xbits` only) */
    Transaction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Threshold {
    Threshold {
        track: Track,
        count: u32,
        seconds: u32,
    },
    Limit {
        track: Track,
        count: u32,
        seconds: u32,
    },
    Both {
        track: Track,
        count: u32,
        seconds: u32,
    },
    /// `type backoff`: alert 1, then each power of `multiplier`.
    Backoff {
        track: Track,
        count: u32,
        multiplier: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectionFilter {
    pub track: Track,
    pub count: u32,
    pub seconds: u32,
}

/// `rate_filter` of a threshold file: beyond a rate, the rule has another action for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateFilter {
    pub track: Track,
    pub count: u32,
    pub seconds: u32,
    pub action: Action,
    pub timeout: u32,
}

/// `suppress` of a threshold file: no alerts for these addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppress {
    pub side: SuppressSide,
    pub addresses: AddressSet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressSide {
    Source,
    Destination,
    Either,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    pub scope: TagScope,
    pub count: u32,
    pub metric: TagMetric,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagScope {
    Session,
    HostSource,
    HostDestination,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagMetric {
    Packets,
    Seconds,
    Bytes,
}

/// Seconds since the epoch; both ends belong to a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsDate {
    Before(i64),
    After(i64),
    Between(i64, i64),
    Expired,
    Valid,
}

/// Versions of TLS by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsVersions {
    pub numbers: Vec<u16>,
    pub negated: bool,
    /// The drafts of TLS 1.3 count as TLS 1.3.
    pub drafts: bool,
}

/// Messages of a TLS handshake as bits (see [`crate::Subject::tls_messages`]): one that is wanted and there,
/// or negated and not there, is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TlsMessages {
    pub wanted: u8,
    pub negated: u8,
}

/// Which addresses of a packet are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSide {
    Any,
    Source,
    Destination,
    Both,
}

/// A condition on packet, flow or transaction that needs no buffer bytes. Those with a keyword file
/// of their own evaluate through [`crate::Subject`].
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Ttl(IntMatch),
    Tos {
        value: u8,
        negated: bool,
    },
    IpId(IntMatch),
    IpProto {
        comparison: Comparison,
        number: u8,
    },
    IpOption(u8),
    AnyIpOption,
    FragBits {
        mask: u16,
        mode: FlagMode,
    },
    FragOffset(IntMatch),
    SameIp,
    IpVersion {
        v6: bool,
    },
    /// A call of ONC RPC in the packet's payload (RFC 5531 §9).
    RpcCall {
        program: u32,
        version: Option<u32>,
        procedure: Option<u32>,
    },
    GeoIp {
        side: AddressSide,
        countries: Vec<String>,
        /// In none of them.
        negated: bool,
    },
    IpRep {
        side: AddressSide,
        category: u8,
        /// None: the address has no score.
        score: Option<IntMatch>,
    },
    TcpFlags {
        value: u8,
        mode: FlagMode,
        ignore: u8,
    },
    TcpSeq(IntMatch),
    TcpAck(IntMatch),
    TcpWindow(IntMatch),
    TcpMss(IntMatch),
    TcpWscale(IntMatch),
    IcmpType(IntMatch),
    IcmpCode(IntMatch),
    IcmpId(IntMatch),
    IcmpSeq(IntMatch),
    Icmpv6Mtu(IntMatch),
    Checksum {
        layer: &'static str,
        valid: bool,
    },
    PayloadSize(IntMatch),
    VlanId {
        layer: Option<u8>,
        value: IntMatch,
    },
    /// All of the VLAN numbers (and there is one), or the nth from the inside (-1 is the last).
    VlanIds {
        index: Index,
        value: IntMatch,
    },
    VlanLayers(IntMatch),
    VxlanVni(IntMatch),
    GeneveVni(IntMatch),
    DecodeEvent(u16),
    StreamEvent(u16),
    /// A PORT command of FTP with another address than its client's.
    FtpBounce,
    /// A file on the side under inspection.
    HasFile,
    /// An event of protocol detection (`applayer_mismatch_protocol_both_directions`).
    DetectionEvent(&'static str),
    AppEvent {
        protocol: ProtocolId,
        event: u16,
    },
    /// One side of the transaction has left a stage behind, or not yet come to it (`app-layer-state:>request_line`).
    Stage {
        to_server: bool,
        state: HookState,
        side: StageSide,
    },
    /// A number of the transaction is one of these, or (with `negated`) is there and is none of them.
    IntFieldAmong {
        field: IntFieldId,
        numbers: Vec<u64>,
        negated: bool,
    },
    /// The call is of this interface, which the server has accepted.
    RpcInterface {
        /// In the order of its text.
        uuid: [u8; 16],
        version: Option<IntMatch>,
        /// The bind need not have been a first fragment.
        any_fragment: bool,
    },
    /// Number of the called operation lies in one of these ranges, ends included.
    RpcOperation(Vec<(u32, u32)>),
    Modbus(ModbusMatch),
    CipService {
        service: u8,
        class: Option<u32>,
        attribute: Option<u32>,
    },
    StreamSize {
        side: StreamSide,
        value: IntMatch,
    },
    FlowAge(IntMatch),
    FlowPackets {
        side: FlowSide,
        value: IntMatch,
    },
    FlowBytes {
        side: FlowSide,
        value: IntMatch,
    },
    AppProtocol {
        name: String,
        negated: bool,
        side: AppSide,
    },
    IntField {
        field: IntFieldId,
        value: IntMatch,
        /** which of several: any, all, or the nth */
        index: Index,
    },
    TlsNotBefore(TlsDate),
    TlsNotAfter(TlsDate),
    TlsVersion(TlsVersions),
    TlsMessages(TlsMessages),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    Any,
    All,
    Nth(i32),
}

/// How `flags` and `fragbits` compare: exactly, all of these and maybe more (`+`), any of them (`*`), none (`!`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagMode {
    Exact,
    All,
    Any,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamSide {
    Server,
    Client,
    Both,
    Either,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowSide {
    ToServer,
    ToClient,
    Either,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppSide {
    /** the side of the packet */
    Direction,
    Either,
    ToServer,
    ToClient,
    Final,
    Original,
}

/// `target`: which end of the alert is the victim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Source,
    Destination,
}

/// What a rule wants of a Modbus request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModbusMatch {
    pub unit: Option<ModbusRange>,
    pub wanted: ModbusWanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModbusWanted {
    Anything,
    Function {
        code: u8,
        subfunction: Option<u16>,
    },
    /** any of these bits: 1 assigned, 2 unassigned, 4 user-defined, 8 reserved */
    Category(u8),
    Access {
        write: bool,
        /** bits: 4 discretes, 8 coils, 16 input, 32 holding; 0 for any */
        kind: u8,
        address: Option<ModbusRange>,
        value: Option<ModbusRange>,
    },
}

/// Numbers, bounds excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModbusRange {
    Is(u16),
    Below(u16),
    Above(u16),
    Between(u16, u16),
}

impl ModbusRange {
    pub fn matches(self, number: u16) -> bool {
        self.meets(number, number)
    }

    /// Whether one of the numbers from `first` to `last` is within.
    pub fn meets(self, first: u16, last: u16) -> bool {
        match self {
            ModbusRange::Is(number) => (first..=last).contains(&number),
            ModbusRange::Below(bound) => first < bound,
            ModbusRange::Above(bound) => last > bound,
            ModbusRange::Between(low, high) => last > low && first < high,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct FileStore {
    pub direction: Option<String>,
    pub scope: Option<String>,
}

/// A key and a value of `metadata` or `reference`: the rules of a set say few of them, over and over.
pub type Pair = Arc<(String, String)>;

/// A checked rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    pub action: Action,
    pub scope: ActionScope,
    pub reject: Option<RejectTo>,
    pub protocol: HeaderProtocol,
    pub source: AddressSet,
    pub source_ports: PortSet,
    pub direction: HeaderDirection,
    pub destination: AddressSet,
    pub destination_ports: PortSet,

    pub gid: u32,
    pub sid: u32,
    pub rev: u32,
    pub msg: String,
    pub classtype: Option<String>,
    /// Text of the class, from `classification.config`.
    pub category: String,
    /// 1 (worst) and up; from `priority`, else from the class, else 3.
    pub priority: u32,
    pub references: Vec<Pair>,
    /// `metadata:` in rule order, key → value.
    pub metadata: Vec<Pair>,
    pub target: Option<Target>,
    /// A match is told; false for `noalert`, and for `pass` and `config` without `alert`.
    pub alerts: bool,
    /// A match takes the flow out of inspection.
    pub bypass: bool,

    pub flow: Option<FlowOption>,
    pub conditions: Vec<Condition>,
    pub buffers: Vec<BufferMatch>,
    pub flowbits: Vec<FlowBits>,
    pub flowints: Vec<FlowInt>,
    pub variable_tests: Vec<VariableTest>,
    pub xbits: Vec<XBits>,
    pub threshold: Option<Threshold>,
    pub detection_filter: Option<DetectionFilter>,
    pub rate_filter: Option<RateFilter>,
    pub suppress: Vec<Suppress>,
    pub tag: Option<Tag>,
    pub filestore: Option<FileStore>,
    /// A match switches off the record of its transaction.
    pub silences_transaction: bool,
    /// `prefilter`: the last condition (index in `conditions`) before it.
    pub prefilter: Option<usize>,
    /// Application protocols of which the rule needs a transaction, from its header and buffers; empty: none.
    pub app_protocols: Vec<ProtocolId>,
    pub hook: Option<Hook>,
    /// Names of the variables that [`Number::Variable`] counts.
    pub variables: Vec<String>,
    /// Parser that this rule waits for; such a rule loads but cannot match yet.
    pub waits_for: Option<String>,
    /// The text of the rule, as written, on one line.
    pub text: String,
}

impl Signature {
    /// Gives up what compiling alone needs: addresses and conditions on buffers, as written.
    pub fn forget_sources(&mut self) {
        self.source = AddressSet::default();
        self.destination = AddressSet::default();
        self.buffers = Vec::new();
    }
}
