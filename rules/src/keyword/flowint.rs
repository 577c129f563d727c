//! `flowint` (rule manual, “Flowint”).

use super::{Keyword, needed, parts};
use crate::signature::{Builder, Comparison, FlowInt, FlowIntOperation, FlowIntValue};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "flowint",
    aliases: &[],
    doc: "A number that the flow carries: name, + | - | = | == | != | < | <= | > | >=, value; or name, isset | notset.",
    parse: flowint,
    accepts: &[
        "flowint:nn,+,1;",
        "flowint:nn,>,5;",
        "flowint:nn,isset;",
        "flowint:nn,==,other;",
    ],
    rejects: &[
        "flowint:n,+,1;",
        "flowint:nn;",
        "flowint:nn,?,1;",
        "flowint:nn,+;",
    ],
}];

fn flowint(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let [name, operator, rest @ ..] = words.as_slice() else {
        return Err("write name, operation, value".to_owned());
    };
    if name.len() < 2 || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(format!(
            "{name:?} is no name: a letter and at least one character more"
        ));
    }
    let value = || match rest {
        [value] if !value.is_empty() => Ok(match value.parse() {
            Ok(number) => FlowIntValue::Literal(number),
            Err(_) => FlowIntValue::Variable((*value).to_owned()),
        }),
        _ => Err(format!("{operator} needs one value")),
    };
    let operation = match *operator {
        "isset" => FlowIntOperation::IsSet,
        "notset" | "isnotset" => FlowIntOperation::NotSet,
        "=" => FlowIntOperation::Set(value()?),
        "+" => FlowIntOperation::Add(value()?),
        "-" => FlowIntOperation::Subtract(value()?),
        "==" => FlowIntOperation::Compare(Comparison::Equal, value()?),
        "!=" => FlowIntOperation::Compare(Comparison::NotEqual, value()?),
        "<" => FlowIntOperation::Compare(Comparison::Less, value()?),
        "<=" => FlowIntOperation::Compare(Comparison::LessEqual, value()?),
        ">" => FlowIntOperation::Compare(Comparison::Greater, value()?),
        ">=" => FlowIntOperation::Compare(Comparison::GreaterEqual, value()?),
        other => return Err(format!("{other:?} is no operation")),
    };
    builder.signature.flowints.push(FlowInt {
        name: (*name).to_owned(),
        operation,
    });
    Ok(())
}
