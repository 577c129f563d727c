//! The CIP service that a message asks for; everything else of EtherNet/IP is a number field or a buffer.

use super::{Keyword, needed, parts};
use crate::signature::{Builder, Condition};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "cip_service",
    aliases: &[],
    doc: "A CIP service, with a class and an attribute of it: service[,class[,attribute]].",
    parse: service,
    accepts: &[
        "cip_service:75;",
        "cip_service:16,246,6;",
        "cip_service: 3, 1, !4;",
    ],
    rejects: &[
        "cip_service;",
        "cip_service:128;",
        "cip_service:a;",
        "cip_service:1,2,3,4;",
    ],
}];

fn service(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    let number = |text: &str| {
        text.parse::<u32>()
            .map_err(|_| format!("{text:?} is no number"))
    };
    let (service, class, attribute) = match parts(value).as_slice() {
        [service] => (number(service)?, None, None),
        [service, class] => (number(service)?, Some(number(class)?), None),
        [service, class, attribute] => {
            // A negated attribute is read, and means any.
            let attribute = match attribute.strip_prefix('!') {
                Some(other) => number(other.trim()).map(|_| None)?,
                None => Some(number(attribute)?),
            };
            (number(service)?, Some(number(class)?), attribute)
        }
        _ => return Err(format!("{value:?}: expected service[,class[,attribute]]")),
    };
    let service = u8::try_from(service)
        .ok()
        .filter(|service| *service < 0x80)
        .ok_or("a service is at most 127")?;
    let Some(protocol) = builder.vocabulary.protocol("enip") else {
        return Err("EtherNet/IP is not known".to_owned());
    };
    if !builder.vocabulary.protocol_spec(protocol).parsed {
        builder.wait_for("the parser of enip");
    }
    builder.note_protocols(&[protocol], "cip_service")?;
    builder.signature.conditions.push(Condition::CipService {
        service,
        class,
        attribute,
    });
    Ok(())
}
