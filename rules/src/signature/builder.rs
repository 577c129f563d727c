//! A signature while its options are read.

use super::environment::Environment;
use super::header::Header;
use super::*;
use crate::{BufferId, Vocabulary};

/// Conditions that one rule may hold.
const CONDITION_LIMIT: usize = 512;
/// Transformations of one buffer.
const TRANSFORM_LIMIT: usize = 16;

/// Where the next condition on bytes goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    /// The buffer with its transformations.
    Buffer {
        source: Source,
        only_to_server: Option<bool>,
        transforms: Vec<Transform>,
    },
    /// What the `base64_decode` of this list decodes.
    Base64 { list: usize },
}

/// Place of the last content, for its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    list: usize,
    at: usize,
    in_base64: bool,
}

pub(crate) struct Builder<'a> {
    pub vocabulary: &'a Vocabulary,
    pub environment: &'a Environment,
    pub signature: Signature,
    target: Target,
    /// The next condition begins a list of its own (a multi-buffer was named anew).
    fresh: bool,
    /// Something looks into the buffer that was named last.
    used: bool,
    /// The last condition, which the letter of a pattern may move.
    last: Option<Place>,
    /// The last content, whatever stands between it and its modifiers (`bsize`, `isdataat`, `pcre`).
    last_content: Option<Place>,
    pub(super) variables: Vec<String>,
    pub protocols: Vec<crate::ProtocolId>,
    pub requires_unmet: Option<String>,
    pub warnings: Vec<String>,
    pub priority: Option<u32>,
}

impl<'a> Builder<'a> {
    pub fn new(
        header: Header,
        text: &str,
        vocabulary: &'a Vocabulary,
        environment: &'a Environment,
    ) -> Self {
        let mut protocols = Vec::new();
        let mut waits_for = None;
        if let HeaderProtocol::Application(id) = header.protocol {
            protocols = vocabulary.family(id);
            let spec = vocabulary.protocol_spec(id);
            if !spec.parsed {
                waits_for = Some(format!("the parser of {}", spec.name));
            }
        }
        Builder {
            vocabulary,
            environment,
            signature: Signature {
                action: header.action,
                scope: header.scope,
                reject: header.reject,
                protocol: header.protocol,
                source: header.source,
                source_ports: header.source_ports,
                direction: header.direction,
                destination: header.destination,
                destination_ports: header.destination_ports,
                gid: 1,
                sid: 0,
                rev: 0,
                msg: String::new(),
                classtype: None,
                category: String::new(),
                priority: 3,
                references: Vec::new(),
                metadata: Vec::new(),
                target: None,
                alerts: !matches!(header.action, Action::Pass | Action::Config),
                bypass: false,
                flow: None,
                conditions: Vec::new(),
                buffers: Vec::new(),
                flowbits: Vec::new(),
                flowints: Vec::new(),
                variable_tests: Vec::new(),
                xbits: Vec::new(),
                threshold: None,
                detection_filter: None,
                rate_filter: None,
                suppress: Vec::new(),
                tag: None,
                filestore: None,
                silences_transaction: false,
                prefilter: None,
                app_protocols: Vec::new(),
                hook: header.hook,
                variables: Vec::new(),
                waits_for,
                text: text.to_owned(),
            },
            target: Target::Buffer {
                source: Source::Payload,
                only_to_server: None,
                transforms: Vec::new(),
            },
            fresh: false,
            used: false,
            last: None,
            last_content: None,
            variables: Vec::new(),
            protocols,
            requires_unmet: None,
            warnings: Vec::new(),
            priority: None,
        }
    }

    /// A sticky buffer: what follows looks there, on one side only if it says so.
    pub fn sticky(&mut self, id: BufferId, only_to_server: Option<bool>) -> Result<(), String> {
        self.check_unused_buffer()?;
        let spec = self.vocabulary.buffer_spec(id);
        if !spec.parsed {
            self.wait_for(&format!("the parser that fills {}", spec.name));
        }
        self.note_protocols(&spec.protocols.clone(), spec.name)?;
        self.fresh = spec.multi;
        self.used = false;
        self.target = Target::Buffer {
            source: Source::Buffer(id),
            only_to_server,
            transforms: Vec::new(),
        };
        self.last = None;
        self.last_content = None;
        Ok(())
    }

    /// Protocols of which the rule's transactions may be, by what was read of it; none: it names none yet.
    pub fn protocols(&self) -> &[crate::ProtocolId] {
        &self.protocols
    }

    /// `pkt_data`: back to the payload.
    pub fn payload(&mut self) -> Result<(), String> {
        self.check_unused_buffer()?;
        self.target = Target::Buffer {
            source: Source::Payload,
            only_to_server: None,
            transforms: Vec::new(),
        };
        self.fresh = false;
        self.last = None;
        self.last_content = None;
        Ok(())
    }

    /// `base64_data`: what follows looks at the decoded bytes.
    pub fn base64_data(&mut self) -> Result<(), String> {
        let list = self.signature.buffers.iter().rposition(|list| {
            list.conditions
                .iter()
                .any(|condition| matches!(condition, BufferCondition::Base64Decode(_)))
        });
        let list = list.ok_or("there is nothing decoded: write base64_decode before it")?;
        self.target = Target::Base64 { list };
        self.last = None;
        self.last_content = None;
        Ok(())
    }

    /// A transformation of the sticky buffer; what stands before it looks at the buffer without it.
    pub fn transform(&mut self, transform: Transform) -> Result<(), String> {
        match &mut self.target {
            Target::Buffer { source: Source::Buffer(_), transforms, .. } => {
                if transforms.len() >= TRANSFORM_LIMIT {
                    return Err(format!("more than {TRANSFORM_LIMIT} transformations of one buffer"));
                }
                transforms.push(transform);
                self.last = None;
                self.last_content = None;
                Ok(())
            }
            // The buffer of a parser that is not there yet.
            _ if self.signature.waits_for.is_some() => Ok(()),
            _ => Err("a transformation needs a sticky buffer before it (http.uri; to_lowercase; content:…)".to_owned()),
        }
    }

    /// A buffer that is named and not looked into is a slip of the pen; the reference engine refuses it.
    pub(super) fn check_unused_buffer(&self) -> Result<(), String> {
        match &self.target {
            Target::Buffer {
                source: Source::Buffer(id),
                ..
            } if !self.used => Err(format!(
                "nothing looks into {}: write a content (or pcre, bsize, …) behind it",
                self.vocabulary.buffer_spec(*id).name
            )),
            _ => Ok(()),
        }
    }

    pub fn wait_for(&mut self, what: &str) {
        self.signature
            .waits_for
            .get_or_insert_with(|| what.to_owned());
    }

    /// The rule needs a transaction of one of these protocols.
    pub fn note_protocols(
        &mut self,
        protocols: &[crate::ProtocolId],
        name: &str,
    ) -> Result<(), String> {
        if protocols.is_empty() {
            return Ok(());
        }
        if self.protocols.is_empty() {
            self.protocols = protocols.to_vec();
            return Ok(());
        }
        let both: Vec<_> = self
            .protocols
            .iter()
            .copied()
            .filter(|id| protocols.contains(id))
            .collect();
        // DNS over HTTP/2 is both; a rule that means it names it in its header.
        let only_doh2 = self.protocols.len() > 1
            && protocols.len() > 1
            && both.len() == 1
            && both
                .iter()
                .all(|id| self.vocabulary.protocol_spec(*id).name == "doh2");
        if both.is_empty() || only_doh2 {
            let names = |ids: &[crate::ProtocolId]| {
                ids.iter()
                    .map(|id| self.vocabulary.protocol_spec(*id).name)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            return Err(format!(
                "{name} belongs to {}, but the rule is on {}",
                names(protocols),
                names(&self.protocols)
            ));
        }
        self.protocols = both;
        Ok(())
    }

    /// The list that a condition goes to, made if need be.
    fn list(&mut self, relative: bool) -> Result<usize, String> {
        match &self.target {
            // Behind an old content modifier, what is relative counts from that content.
            Target::Buffer {
                source: Source::Payload,
                ..
            } if relative && self.last.is_some_and(|last| !last.in_base64) => {
                Ok(self.last.map_or(0, |last| last.list))
            }
            Target::Base64 { list } => Ok(*list),
            Target::Buffer {
                source,
                only_to_server,
                transforms,
            } => {
                let lists = &self.signature.buffers;
                let same = |list: &BufferMatch| {
                    list.source == *source
                        && list.only_to_server == *only_to_server
                        && list.transforms == *transforms
                };
                let found = if self.fresh {
                    None
                } else {
                    lists.iter().rposition(same)
                };
                self.fresh = false;
                Ok(match found {
                    Some(at) => at,
                    None => {
                        let (source, transforms) = (*source, transforms.clone());
                        let only_to_server = *only_to_server;
                        self.signature.buffers.push(BufferMatch {
                            source,
                            only_to_server,
                            transforms,
                            conditions: Vec::new(),
                        });
                        self.signature.buffers.len() - 1
                    }
                })
            }
        }
    }

    /// Adds a condition on bytes where the rule looks now.
    pub fn add(&mut self, condition: BufferCondition) -> Result<(), String> {
        let total: usize = self
            .signature
            .buffers
            .iter()
            .map(|list| list.conditions.len())
            .sum();
        if total >= CONDITION_LIMIT {
            return Err(format!(
                "more than {CONDITION_LIMIT} conditions in one rule"
            ));
        }
        let is_content = matches!(condition, BufferCondition::Content(_));
        self.used = true;
        let list = self.list(is_relative(&condition))?;
        let in_base64 = matches!(self.target, Target::Base64 { .. });
        let conditions = &mut self.signature.buffers[list].conditions;
        let at = if in_base64 {
            if !matches!(conditions.last(), Some(BufferCondition::Base64Data(_))) {
                conditions.push(BufferCondition::Base64Data(Vec::new()));
            }
            match conditions.last_mut() {
                Some(BufferCondition::Base64Data(inner)) => {
                    inner.push(condition);
                    inner.len() - 1
                }
                _ => 0,
            }
        } else {
            conditions.push(condition);
            conditions.len() - 1
        };
        self.last = Some(Place {
            list,
            at,
            in_base64,
        });
        if is_content {
            self.last_content = self.last;
        }
        Ok(())
    }

    /// Adds a condition on a buffer without looking there from now on.
    pub fn apart(&mut self, id: BufferId, condition: BufferCondition) -> Result<(), String> {
        let spec = self.vocabulary.buffer_spec(id);
        if !spec.parsed {
            self.wait_for(&format!("the parser that fills {}", spec.name));
        }
        self.note_protocols(&spec.protocols.clone(), spec.name)?;
        self.used |= self.is_at(spec.name);
        let source = Source::Buffer(id);
        match self
            .signature
            .buffers
            .iter_mut()
            .rfind(|list| list.source == source && list.transforms.is_empty())
        {
            Some(list) => list.conditions.push(condition),
            None => self.signature.buffers.push(BufferMatch {
                source,
                only_to_server: None,
                transforms: Vec::new(),
                conditions: vec![condition],
            }),
        }
        Ok(())
    }

    /// Whether a pattern stands before, in the buffer that conditions go to now.
    pub fn has_pattern(&self) -> bool {
        let Target::Buffer {
            source, transforms, ..
        } = &self.target
        else {
            return true;
        };
        self.has_pattern_in(*source, transforms)
    }

    /// Whether a pattern stands before, in this buffer.
    pub fn has_pattern_in(&self, source: Source, transforms: &[Transform]) -> bool {
        self.signature
            .buffers
            .iter()
            .filter(|list| list.source == source && list.transforms == transforms)
            .flat_map(|list| &list.conditions)
            .any(|condition| {
                matches!(
                    condition,
                    BufferCondition::Content(_) | BufferCondition::Pcre(_)
                )
            })
    }

    /// The rule looks into the sticky buffer of this name now.
    pub fn is_at(&self, name: &str) -> bool {
        match &self.target {
            Target::Buffer {
                source: Source::Buffer(id),
                ..
            } => self.vocabulary.buffer_spec(*id).name == name,
            _ => false,
        }
    }

    /// The rule looks into a sticky buffer now.
    pub fn is_sticky(&self) -> bool {
        matches!(
            self.target,
            Target::Buffer {
                source: Source::Buffer(_),
                ..
            }
        )
    }

    /// The rule looks at what was decoded from base64.
    pub fn is_base64(&self) -> bool {
        matches!(self.target, Target::Base64 { .. })
    }

    /// The sticky buffer has no condition yet.
    pub fn is_first_of_buffer(&self) -> bool {
        self.last.is_none()
    }

    /// Whether a content of the payload is a fast pattern.
    pub fn payload_has_fast_pattern(&self) -> bool {
        let payload = self.signature.buffers.iter();
        payload
            .filter(|list| list.source == Source::Payload)
            .flat_map(|list| &list.conditions)
            .any(|condition| {
                matches!(condition, BufferCondition::Content(content) if content.fast_pattern.is_some())
            })
    }

    /// The content that a modifier speaks of.
    pub fn content(&mut self, modifier: &str) -> Result<&mut Content, String> {
        let missing = || format!("{modifier} needs a content before it");
        let place = self.last_content.ok_or_else(missing)?;
        let conditions = &mut self
            .signature
            .buffers
            .get_mut(place.list)
            .ok_or_else(missing)?
            .conditions;
        let condition = if place.in_base64 {
            match conditions.last_mut() {
                Some(BufferCondition::Base64Data(inner)) => inner.get_mut(place.at),
                _ => None,
            }
        } else {
            conditions.get_mut(place.at)
        };
        match condition {
            Some(BufferCondition::Content(content)) => Ok(content),
            _ => Err(missing()),
        }
    }

    /// An old content modifier: moves the last content to a buffer.
    pub fn move_content(&mut self, id: BufferId, modifier: &str) -> Result<(), String> {
        if self.is_sticky() {
            return Err(format!(
                "{modifier} moves a content of the payload; within a sticky buffer leave it out"
            ));
        }
        self.move_to(self.last_content, id, modifier)
    }

    /// Moves the condition just added to a buffer.
    pub fn move_last(&mut self, id: BufferId, modifier: &str) -> Result<(), String> {
        self.move_to(self.last, id, modifier)
    }

    fn move_to(
        &mut self,
        place: Option<Place>,
        id: BufferId,
        modifier: &str,
    ) -> Result<(), String> {
        let missing = || format!("{modifier} needs a content before it");
        let place = place.ok_or_else(missing)?;
        let list = self
            .signature
            .buffers
            .get_mut(place.list)
            .ok_or_else(missing)?;
        let source = Source::Buffer(id);
        let sticky =
            matches!(&self.target, Target::Buffer { source: wanted, .. } if *wanted == source);
        if sticky && list.source == source && !place.in_base64 {
            // A sticky buffer already says the same.
            return Ok(());
        }
        if place.in_base64 || list.source != Source::Payload {
            return Err(format!(
                "{modifier} moves a content of the payload; within a sticky buffer leave it out"
            ));
        }
        if place.at >= list.conditions.len() {
            return Err(missing());
        }
        let condition = list.conditions.remove(place.at);
        let is_content = matches!(condition, BufferCondition::Content(_));
        let spec = self.vocabulary.buffer_spec(id);
        if !spec.parsed {
            self.wait_for(&format!("the parser that fills {}", spec.name));
        }
        let http1 = |id: &&crate::ProtocolId| self.vocabulary.protocol_spec(**id).name == "http";
        // The modifiers are older than HTTP/2, and do not speak of it.
        let protocols = match spec.protocols.iter().find(http1) {
            Some(&http1) => vec![http1],
            None => spec.protocols.clone(),
        };
        self.note_protocols(&protocols, modifier)?;
        let found = self
            .signature
            .buffers
            .iter()
            .rposition(|list| list.source == source && list.transforms.is_empty());
        let list = found.unwrap_or_else(|| {
            self.signature.buffers.push(BufferMatch {
                source,
                only_to_server: None,
                transforms: Vec::new(),
                conditions: Vec::new(),
            });
            self.signature.buffers.len() - 1
        });
        self.signature.buffers[list].conditions.push(condition);
        let at = self.signature.buffers[list].conditions.len() - 1;
        let moved = Some(Place {
            list,
            at,
            in_base64: false,
        });
        for other in [&mut self.last, &mut self.last_content] {
            match other {
                Some(other) if *other == place => {
                    *other = Place {
                        list,
                        at,
                        in_base64: false,
                    }
                }
                Some(other)
                    if other.list == place.list && !other.in_base64 && other.at > place.at =>
                {
                    other.at -= 1;
                }
                _ => {}
            }
        }
        if is_content {
            self.last_content = moved;
        }
        Ok(())
    }

    /// A number, or the variable of this name.
    pub fn number(&self, text: &str) -> Result<Number, String> {
        if let Some(value) = parse_integer(text) {
            return Ok(Number::Literal(value));
        }
        match self.variables.iter().position(|name| name == text) {
            Some(index) => Ok(Number::Variable(index as u8)),
            None => Err(format!(
                "{text:?} is neither a number nor a variable that byte_extract or byte_math set before"
            )),
        }
    }

    /// The number of a variable, made on first use.
    pub fn variable(&mut self, name: &str) -> Result<u8, String> {
        const VARIABLE_LIMIT: usize = 32;
        if name.is_empty() || parse_integer(name).is_some() {
            return Err(format!("{name:?} is no name for a variable"));
        }
        if let Some(index) = self.variables.iter().position(|other| other == name) {
            return Ok(index as u8);
        }
        if self.variables.len() >= VARIABLE_LIMIT {
            return Err(format!("more than {VARIABLE_LIMIT} variables in one rule"));
        }
        self.variables.push(name.to_owned());
        Ok((self.variables.len() - 1) as u8)
    }
}

/// Whether a condition, as it is added, counts from the one before; contents say so later.
fn is_relative(condition: &BufferCondition) -> bool {
    match condition {
        BufferCondition::ByteTest(test) => test.relative,
        BufferCondition::ByteJump(jump) => jump.relative,
        BufferCondition::ByteExtract(extract) => extract.relative,
        BufferCondition::ByteMath(math) => math.relative,
        BufferCondition::IsDataAt(at) => at.relative,
        BufferCondition::Base64Decode(decode) => decode.relative,
        _ => false,
    }
}

/// Decimal or hexadecimal (`0x`), with a sign.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) if !hex.starts_with(['+', '-']) => i64::from_str_radix(hex, 16).ok()?,
        Some(_) => return None,
        None if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse().ok()?,
        None => return None,
    };
    Some(sign * value)
}
