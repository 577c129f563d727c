//! `flowint` (rule manual, “Flowint”).

use super::{Keyword, needed, parts};
use crate::signature::{Builder, Comparison, FlowInt, FlowIntOperation, FlowIntValue};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "flowint",
    aliases: &[],
    doc: "A number that the flow carries: name, + | - | = | == | != | < | <= | > | >=, value; or name, isset | notset.",
    parse: flowint,
    accepts: &[
        "flowint:n,+,1;",
        "flowint:n,>,5;",
        "flowint:n,isset;",
        "flowint:n,==,other;",
    ],
    rejects: &["flowint:n;", "flowint:n,?,1;", "flowint:n,+;"],
}];

fn flowint(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let [name, operator, rest @ ..] = words.as_slice() else {
        return Err("write name, operation, value".to_owned());
    };
    if name.is_empty() {
        return Err("a name is missing".to_owned());
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
