//! What only the whole rule tells: conditions that contradict each other and so never match.

use super::*;
use crate::Side;

/// A fault of the whole rule, with the keyword to point at.
type Objection = (Option<&'static str>, String);

impl Builder<'_> {
    /// Checks what only the whole rule tells, and gives it away.
    pub fn finish(mut self) -> Result<(Signature, Vec<String>), Vec<Objection>> {
        let mut faults = Vec::new();
        if let Err(reason) = self.check_unused_buffer() {
            faults.push((None, reason));
        }
        self.signature
            .buffers
            .retain(|list| !list.conditions.is_empty());
        if self.signature.sid == 0 {
            faults.push((
                Some("sid"),
                "a rule needs a number of its own: sid:1000001;".to_owned(),
            ));
        }
        let vocabulary = self.vocabulary;
        for list in &mut self.signature.buffers {
            let Source::Buffer(id) = list.source else {
                continue;
            };
            let name = vocabulary.buffer_spec(id).name;
            for condition in &mut list.conditions {
                if let BufferCondition::Content(content) = condition
                    && list.transforms.is_empty()
                    && let Err(reason) =
                        crate::keyword::spell(name, content).and_then(|()| fits(name, content))
                {
                    faults.push((Some("content"), reason));
                }
            }
        }
        for list in &self.signature.buffers {
            check_list(list, &mut faults);
            check_transforms(list, &mut faults);
            if let Source::Buffer(id) = list.source
                && self.vocabulary.buffer_spec(id).lowercase
                && list.transforms.is_empty()
            {
                for condition in &list.conditions {
                    if let BufferCondition::Content(content) = condition
                        && content.bytes.iter().any(u8::is_ascii_uppercase)
                    {
                        let name = self.vocabulary.buffer_spec(id).name;
                        if content.nocase {
                            continue;
                        }
                        faults.push((
                            Some("content"),
                            format!("{name} is in lower case: a content with capitals never matches there; write it in lower case"),
                        ));
                    }
                }
            }
        }
        self.check_or_else(&mut faults);
        self.check_files(&mut faults);
        self.check_raw_header(&mut faults);
        self.check_headers(&mut faults);
        self.check_sides(&mut faults);
        self.check_frames(&mut faults);
        self.check_protocol(&mut faults);
        if let Some(priority) = self.priority {
            self.signature.priority = priority;
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        self.leave_out_doh2();
        self.signature.app_protocols = self.protocols;
        self.signature.variables = self.variables;
        Ok((self.signature, self.warnings))
    }

    /// What speaks of HTTP in general is not about HTTP/2 that carries DNS; `http2` and `doh2` are.
    fn leave_out_doh2(&mut self) {
        let http = self.vocabulary.protocol("http");
        let family = [
            http,
            self.vocabulary.protocol("http2"),
            self.vocabulary.protocol("doh2"),
        ];
        let general = self.protocols.iter().any(|id| Some(*id) == http)
            && self.protocols.iter().all(|id| family.contains(&Some(*id)));
        if general {
            self.protocols.retain(|id| Some(*id) != family[2]);
        }
    }

    /// `absent: or_else` leaves the choice to other conditions.
    fn check_or_else(&self, faults: &mut Vec<Objection>) {
        let alone = self.signature.buffers.iter().any(|list| {
            matches!(
                list.conditions.as_slice(),
                [BufferCondition::Absent { or_else: true }]
            )
        });
        if alone {
            faults.push((
                Some("absent"),
                "or_else needs a condition behind it, a content for example; or write absent;"
                    .to_owned(),
            ));
        }
    }

    /// Files are of protocols that carry some.
    fn check_files(&self, faults: &mut Vec<Objection>) {
        let carriers = self.vocabulary.buffer("file.data");
        let carriers = carriers.map(|id| &self.vocabulary.buffer_spec(id).protocols);
        let none = |carriers: &Vec<crate::ProtocolId>| match self.signature.protocol {
            HeaderProtocol::Application(id) => {
                let family = self.vocabulary.family(id);
                family
                    .first()
                    .is_some_and(|first| !carriers.contains(first))
            }
            _ => false,
        };
        let asks = self
            .signature
            .conditions
            .iter()
            .any(|condition| matches!(condition, Condition::HasFile));
        if asks && carriers.is_some_and(none) {
            faults.push((
                Some("filestore"),
                "the rule's protocol carries no files".to_owned(),
            ));
        }
    }

    /// Raw headers are in requests and in replies: the rule says which.
    fn check_raw_header(&self, faults: &mut Vec<Objection>) {
        let signature = &self.signature;
        let flow = signature.flow.unwrap_or_default();
        let directed = flow.to_server
            || flow.to_client
            || signature.hook.is_some()
            || signature.direction == HeaderDirection::Transactional;
        let raw = signature.buffers.iter().any(|list| match list.source {
            Source::Buffer(id) => {
                list.transforms.is_empty()
                    && self.vocabulary.buffer_spec(id).name == "http.header.raw"
            }
            Source::Payload | Source::Packet => false,
        });
        if raw && !directed {
            faults.push((
                None,
                "http.header.raw is in requests and replies: write flow:to_server or flow:to_client".to_owned(),
            ));
        }
    }

    /// Headers of another protocol than the rule's never come.
    fn check_headers(&self, faults: &mut Vec<Objection>) {
        for list in &self.signature.buffers {
            let Source::Buffer(id) = list.source else {
                continue;
            };
            let name = self.vocabulary.buffer_spec(id).name;
            let protocol = self.signature.protocol;
            let meets = match name {
                _ if matches!(
                    protocol,
                    HeaderProtocol::Ip | HeaderProtocol::Pkthdr | HeaderProtocol::Application(_)
                ) =>
                {
                    true
                }
                "tcp.hdr" => matches!(protocol, HeaderProtocol::Tcp | HeaderProtocol::TcpPacket),
                "udp.hdr" => protocol == HeaderProtocol::Udp,
                "icmpv4.hdr" => matches!(protocol, HeaderProtocol::Icmp | HeaderProtocol::Icmpv4),
                "icmpv6.hdr" => matches!(protocol, HeaderProtocol::Icmp | HeaderProtocol::Icmpv6),
                _ => true,
            };
            if !meets {
                faults.push((
                    None,
                    format!("{name} never comes in the protocol that the header names"),
                ));
            }
        }
    }

    /// Buffers of both sides never meet in one direction.
    fn check_sides(&self, faults: &mut Vec<Objection>) {
        let transactional = self.signature.direction == HeaderDirection::Transactional;
        let (mut to_server, mut to_client, mut either) = (None, None, None);
        let mut note = |name, side| match side {
            // The body of a reply is a file, which requests may have, too.
            _ if transactional && name == "http.response_body" => either = Some(name),
            Side::ToServer => to_server = Some(name),
            Side::ToClient => to_client = Some(name),
            Side::Both => either = Some(name),
            Side::Packet | Side::Frame => {}
        };
        for list in &self.signature.buffers {
            if let Source::Buffer(id) = list.source {
                let spec = self.vocabulary.buffer_spec(id);
                let side = match list.only_to_server {
                    Some(true) => Side::ToServer,
                    Some(false) => Side::ToClient,
                    None => spec.side,
                };
                note(spec.name, side);
            }
        }
        for condition in &self.signature.conditions {
            if let Condition::IntField { field, .. } | Condition::IntFieldAmong { field, .. } =
                condition
            {
                let spec = self.vocabulary.int_field_spec(*field);
                // What says on which side the file is says it elsewhere.
                if !spec.name.starts_with("file.") {
                    note(spec.name, spec.side);
                }
            }
        }
        let flow = self.signature.flow.unwrap_or_default();
        if transactional {
            if let Some(name) = either {
                faults.push((
                    None,
                    format!("{name} is in requests and in replies: a rule with => must say of each thing where it is"),
                ));
            }
            if flow.to_server || flow.to_client {
                faults.push((
                    Some("flow"),
                    "a rule with => looks at both directions: flow names none of them".to_owned(),
                ));
            }
            if to_server.is_none() || to_client.is_none() {
                faults.push((
                    None,
                    "a rule with => looks at both directions: name something of requests and something of replies, or write ->".to_owned(),
                ));
            }
            return;
        }
        match (to_server, to_client) {
            (Some(request), Some(reply)) => faults.push((
                None,
                format!("{request} is in requests, {reply} in replies: a rule looks at one direction (or is written with =>)"),
            )),
            (Some(request), None) if flow.to_client && !flow.to_server => {
                faults.push((Some("flow"), format!("{request} is in requests, but the rule looks at traffic to the client")));
            }
            // The body of a reply may be asked for in requests, where there is none.
            (None, Some(reply)) if flow.to_server && !flow.to_client && reply != "http.response_body" => {
                faults.push((Some("flow"), format!("{reply} is in replies, but the rule looks at traffic to the server")));
            }
            _ => {}
        }
    }

    /// What lies in frames is looked at apart from everything else.
    fn check_frames(&self, faults: &mut Vec<Objection>) {
        let is_frame = |list: &BufferMatch| match list.source {
            Source::Buffer(id) => self.vocabulary.buffer_spec(id).side == Side::Frame,
            Source::Payload | Source::Packet => false,
        };
        let lists = &self.signature.buffers;
        if lists.iter().any(is_frame) && !lists.iter().all(is_frame) {
            faults.push((
                Some("frame"),
                "a rule looks into frames, or into the payload and other buffers: write two rules, with flowbits between them".to_owned(),
            ));
        }
    }

    fn check_protocol(&mut self, faults: &mut Vec<Objection>) {
        let icmp = matches!(
            self.signature.protocol,
            HeaderProtocol::Icmp | HeaderProtocol::Icmpv4 | HeaderProtocol::Icmpv6
        );
        if icmp && !self.protocols.is_empty() {
            faults.push((None, "ICMP carries no application protocol".to_owned()));
        }
        let ports = !self.signature.source_ports.ranges.is_empty()
            || !self.signature.destination_ports.ranges.is_empty();
        if matches!(
            self.signature.protocol,
            HeaderProtocol::Icmp | HeaderProtocol::Icmpv4 | HeaderProtocol::Icmpv6
        ) && ports
        {
            self.warnings
                .push("ICMP has no ports, so that the rule never matches: write any".to_owned());
        }
        let size = self
            .signature
            .conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::PayloadSize(size) => largest(size),
                _ => None,
            });
        if let Some(size) = size {
            for list in self
                .signature
                .buffers
                .iter()
                .filter(|list| list.source == Source::Payload)
            {
                let needed = needed_size(&list.conditions, size);
                if needed > size {
                    faults.push((
                        Some("dsize"),
                        format!("the contents need {needed} bytes, dsize allows {size}"),
                    ));
                }
            }
        }
        self.check_packet(faults);
    }

    /// Conditions on packets and on what streams carry never meet.
    fn check_packet(&self, faults: &mut Vec<Objection>) {
        let signature = &self.signature;
        let flow = signature.flow.unwrap_or_default();
        let on_packets = signature.protocol == HeaderProtocol::TcpPacket
            || flow.no_stream
            || signature.conditions.iter().any(Condition::wants_packet);
        if !on_packets {
            return;
        }
        if flow.only_stream || signature.protocol == HeaderProtocol::TcpStream {
            faults.push((
                Some("flow"),
                "the rule asks for packets (ttl, dsize, flags, …) and for streams only".to_owned(),
            ));
        }
        if signature
            .conditions
            .iter()
            .any(Condition::is_of_transaction)
        {
            faults.push((
                None,
                "the rule asks for packets (ttl, dsize, flags, …) and for what a transaction holds"
                    .to_owned(),
            ));
        }
        for list in &signature.buffers {
            if let Source::Buffer(id) = list.source {
                let spec = self.vocabulary.buffer_spec(id);
                if spec.side != Side::Packet {
                    faults.push((
                        None,
                        format!(
                            "the rule asks for packets (ttl, dsize, flags, …) and for {}, which lies in the stream",
                            spec.name
                        ),
                    ));
                }
            }
        }
    }
}

/// Whether a content can stand in a buffer whose bytes have a form of their own.
fn fits(buffer: &str, content: &Content) -> Result<(), String> {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = &content.bytes;
    match buffer {
        "http.method" | "sip.method" if is_blank(bytes.first()) || is_blank(bytes.last()) => {
            Err(format!("{buffer} has no blank at its ends: leave it out"))
        }
        "http.protocol" if bytes.contains(&b' ') => {
            Err("http.protocol has no space: leave it out".to_owned())
        }
        "http.host" if content.nocase => {
            Err("http.host is in lower case: leave nocase out".to_owned())
        }
        _ => Ok(()),
    }
}

/// A content that no transformed buffer can hold never matches; the reference engine refuses it, `nocase` or not.
fn check_transforms(list: &BufferMatch, faults: &mut Vec<Objection>) {
    for condition in &list.conditions {
        let BufferCondition::Content(content) = condition else {
            continue;
        };
        // What must not be there is never there, which is no fault.
        if content.negated {
            continue;
        }
        let has = |is: fn(&u8) -> bool| content.bytes.iter().any(is);
        for transform in &list.transforms {
            let reason = match transform {
                Transform::ToLowercase if has(u8::is_ascii_uppercase) => {
                    "a content with capitals never matches behind to_lowercase"
                }
                Transform::ToUppercase if has(u8::is_ascii_lowercase) => {
                    "a content with small letters never matches behind to_uppercase"
                }
                Transform::StripWhitespace if has(u8::is_ascii_whitespace) => {
                    "a content with white space never matches behind strip_whitespace"
                }
                Transform::CompressWhitespace
                    if content
                        .bytes
                        .windows(2)
                        .any(|pair| pair.iter().all(u8::is_ascii_whitespace)) =>
                {
                    "a content with white space in a row never matches behind compress_whitespace"
                }
                _ => continue,
            };
            faults.push((Some("content"), reason.to_owned()));
        }
    }
}

/// What contents of one list say of each other.
fn check_list(list: &BufferMatch, faults: &mut Vec<Objection>) {
    for condition in &list.conditions {
        let BufferCondition::Content(content) = condition else {
            continue;
        };
        let absolute = content.offset.is_some() || content.depth.is_some();
        let relative = content.distance.is_some() || content.within.is_some();
        if absolute && relative && !content.startswith {
            faults.push((Some("content"), "offset and depth count from the start, distance and within from the last match: use one kind".to_owned()));
        }
        if content.startswith && (absolute || relative) {
            faults.push((
                Some("startswith"),
                "startswith already says where: leave offset, depth, distance and within out"
                    .to_owned(),
            ));
        }
        let length = content.bytes.len() as i64;
        if let Some(Number::Literal(depth)) = content.depth
            && depth < length
        {
            faults.push((
                Some("depth"),
                format!("a depth of {depth} is shorter than its content ({length} bytes)"),
            ));
        }
        if let Some(Number::Literal(within)) = content.within
            && within < length
        {
            faults.push((
                Some("within"),
                format!("within {within} is shorter than its content ({length} bytes)"),
            ));
        }
        match content.fast_pattern {
            Some(FastPattern::Whole) if content.negated && (absolute || relative) => {
                faults.push((
                    Some("fast_pattern"),
                    "a fast_pattern that must not be there takes no position".to_owned(),
                ));
            }
            Some(FastPattern::Only)
                if content.negated || absolute || relative || content.startswith =>
            {
                faults.push((
                    Some("fast_pattern"),
                    "fast_pattern:only takes neither negation nor positions".to_owned(),
                ));
            }
            Some(FastPattern::Chop {
                offset,
                length: chop,
            }) if u64::from(offset) + u64::from(chop) > length as u64 => {
                faults.push((
                    Some("fast_pattern"),
                    format!("the part lies outside the content of {length} bytes"),
                ));
            }
            _ => {}
        }
    }
    let contents = list
        .conditions
        .iter()
        .filter_map(|condition| match condition {
            BufferCondition::Content(content) => Some(content),
            _ => None,
        });
    let mut before = None;
    for content in contents {
        let relative = content.distance.is_some() || content.within.is_some();
        if relative && before == Some(FastPattern::Only) {
            faults.push((
                Some("fast_pattern"),
                "nothing counts from a content with fast_pattern:only: write fast_pattern"
                    .to_owned(),
            ));
        }
        before = content.fast_pattern;
    }
    check_size(list, faults);
}

/// `urilen` bounds the contents of its buffer, each by itself and, where it excludes its bound, with one to spare.
fn check_uri_size(list: &BufferMatch, faults: &mut Vec<Objection>) {
    let limit = list
        .conditions
        .iter()
        .find_map(|condition| match condition {
            BufferCondition::UriSize(IntMatch::Equal(size) | IntMatch::LessEqual(size)) => {
                Some(*size)
            }
            BufferCondition::UriSize(IntMatch::Less(size) | IntMatch::Between(_, size)) => {
                Some(size + 1)
            }
            _ => None,
        });
    // A size of 0 never holds; the reference engine accepts it with any content.
    let Some(limit) = limit.filter(|limit| *limit > 0) else {
        return;
    };
    for condition in &list.conditions {
        if let BufferCondition::Content(content) = condition
            && content.bytes.len() as u64 > limit
        {
            faults.push((
                Some("urilen"),
                format!(
                    "a content of {} bytes never fits into a URI of {limit}",
                    content.bytes.len()
                ),
            ));
        }
    }
}

/// The size that contents must fit into. As in the reference engine, which is lenient: an end that a range leaves
/// out counts, `<=` does not, and a size that must not be is taken for one that must.
fn largest(size: &IntMatch) -> Option<u64> {
    match *size {
        IntMatch::Equal(size)
        | IntMatch::NotEqual(size)
        | IntMatch::Less(size)
        | IntMatch::Between(_, size) => Some(size),
        _ => None,
    }
}

/// Bytes that contents which follow each other need at least; those that stand alone are not added up.
fn needed_size(conditions: &[BufferCondition], limit: u64) -> u64 {
    let literal = |number: Option<Number>| match number {
        Some(Number::Literal(value)) => value,
        _ => 0,
    };
    let (mut total, mut offset, mut first) = (0i64, 0i64, true);
    for condition in conditions {
        let BufferCondition::Content(content) = condition else {
            continue;
        };
        let distance = literal(content.distance);
        if !first {
            if content.distance.is_none() && content.within.is_none() {
                continue;
            }
            if content.negated {
                let reached = total + distance + literal(content.within);
                if reached > limit as i64 {
                    return reached as u64;
                }
                continue;
            }
        }
        total += content.bytes.len() as i64 + distance;
        offset = offset.max(literal(content.offset));
        first = false;
    }
    u64::try_from(total + offset).unwrap_or(0)
}

/// A content that is longer than the size its buffer must have never matches.
fn check_size(list: &BufferMatch, faults: &mut Vec<Objection>) {
    check_uri_size(list, faults);
    let limit = list
        .conditions
        .iter()
        .find_map(|condition| match condition {
            BufferCondition::Size(IntMatch::NotEqual(_)) => None,
            BufferCondition::Size(size) => largest(size),
            _ => None,
        });
    let Some(limit) = limit else { return };
    let needed = needed_size(&list.conditions, limit);
    if needed > limit {
        faults.push((
            Some("bsize"),
            format!("the contents need {needed} bytes, the size allows {limit}"),
        ));
        return;
    }
    for condition in &list.conditions {
        if let BufferCondition::Content(content) = condition
            && !content.negated
        {
            let from = match content.offset {
                Some(Number::Literal(offset)) => u64::try_from(offset).unwrap_or(0),
                _ => 0,
            };
            if from + content.bytes.len() as u64 > limit {
                faults.push((
                    Some("bsize"),
                    format!(
                        "a content that ends at byte {} never fits into {limit}",
                        from + content.bytes.len() as u64
                    ),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::signature::{Environment, parse_rule};

    /// Whole rules, and whether they load.
    #[test]
    fn conditions_that_never_meet_are_refused() {
        let vocabulary = crate::known_names();
        let environment = Environment::default();
        let mut wrong = Vec::new();
        for (header, options, loads) in [
            // A buffer that nothing looks into.
            ("alert http any any -> any any", "http.uri;", false),
            (
                "alert http any any -> any any",
                r#"http.uri; pkt_data; content:"a";"#,
                false,
            ),
            (
                "alert http any any -> any any",
                r#"file.data; http.uri; content:"a";"#,
                false,
            ),
            (
                "alert http any any -> any any",
                r#"content:"a"; http.uri;"#,
                false,
            ),
            ("alert http any any -> any any", "http.uri; bsize:5;", true),
            ("alert http any any -> any any", "http.uri; urilen:5;", true),
            (
                "alert http any any -> any any",
                "http.referer; absent;",
                true,
            ),
            (
                "alert http any any -> any any",
                "http.uri; absent:or_else;",
                false,
            ),
            (
                "alert http any any -> any any",
                r#"http.uri; absent:or_else; content:"a";"#,
                true,
            ),
            // Raw headers are on both sides.
            (
                "alert http any any -> any any",
                r#"http.header.raw; content:"a";"#,
                false,
            ),
            (
                "alert http any any -> any any",
                r#"flow:to_server; http.header.raw; content:"a";"#,
                true,
            ),
            // Headers of another protocol.
            (
                "alert udp any any -> any any",
                r#"tcp.hdr; content:"a";"#,
                false,
            ),
            (
                "alert tcp any any -> any any",
                r#"udp.hdr; content:"a";"#,
                false,
            ),
            (
                "alert udp any any -> any any",
                r#"icmpv4.hdr; content:"a";"#,
                false,
            ),
            (
                "alert icmpv6 any any -> any any",
                r#"icmpv4.hdr; content:"a";"#,
                false,
            ),
            (
                "alert tcp-stream any any -> any any",
                r#"tcp.hdr; content:"a";"#,
                false,
            ),
            (
                "alert tcp any any -> any any",
                r#"tcp.hdr; content:"a";"#,
                true,
            ),
            (
                "alert ip any any -> any any",
                r#"tcp.hdr; content:"a";"#,
                true,
            ),
            ("alert tcp any any -> any any", "ip_proto:6;", false),
            ("alert ip any any -> any any", "ip_proto:6;", true),
            // Sides.
            (
                "alert http any any -> any any",
                r#"flow:to_client; http.uri; content:"a";"#,
                false,
            ),
            (
                "alert http any any -> any any",
                r#"flow:to_server; http.stat_code; content:"2";"#,
                false,
            ),
            (
                "alert http any any -> any any",
                r#"http.uri; content:"a"; http.stat_code; content:"2";"#,
                false,
            ),
            (
                "alert http any any => any any",
                r#"http.uri; content:"a"; http.stat_code; content:"2";"#,
                true,
            ),
            (
                "alert http any any => any any",
                r#"http.uri; content:"a";"#,
                false,
            ),
            (
                "alert http any any => any any",
                r#"http.uri; content:"a"; file.data:to_client; content:"2";"#,
                true,
            ),
            (
                "alert http any any => any any",
                r#"http.uri; content:"a"; http.stat_code; content:"2"; file.data; content:"2";"#,
                false,
            ),
            (
                "alert http any any => any any",
                r#"http.uri; content:"a"; http.stat_code; content:"2"; filesize:>2;"#,
                false,
            ),
            (
                "alert http any any => any any",
                r#"flow:to_server; http.uri; content:"a"; http.stat_code; content:"2";"#,
                false,
            ),
            // A side that a rule of one direction names is its direction.
            (
                "alert http any any -> any any",
                r#"file.data:to_server; content:"a"; http.uri; content:"a";"#,
                true,
            ),
            (
                "alert http any any -> any any",
                r#"file.data:to_server; content:"a"; flow:to_client;"#,
                false,
            ),
            (
                "alert http any any -> any any",
                r#"http.uri:to_server; content:"a";"#,
                false,
            ),
            // Packets and what streams carry.
            (
                "alert tcp any any -> any any",
                r#"ttl:5; http.uri; content:"a";"#,
                false,
            ),
            (
                "alert tcp any any -> any any",
                r#"flow:only_stream; flags:S;"#,
                false,
            ),
            (
                "alert dns any any -> any any",
                "dsize:>5; dns.opcode:0;",
                false,
            ),
            // A transformation leaves no such letters; what must not be there is never there.
            (
                "alert http any any -> any any",
                r#"http.uri; to_lowercase; content:"A";"#,
                false,
            ),
            (
                "alert http any any -> any any",
                r#"http.uri; to_lowercase; content:!"A";"#,
                true,
            ),
            // Loads with a warning.
            ("alert icmp any 80 -> any any", "itype:8;", true),
        ] {
            let rule = format!("{header} ({options} sid:1;)");
            let parsed = parse_rule(&rule, &vocabulary, &environment);
            if parsed.is_ok() != loads {
                wrong.push(format!("{rule}: {:?}", parsed.err()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
