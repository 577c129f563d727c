//! What of a query can be asked of sensors, which have no index: the tree, but none of the commands that count or sort,
//! and no field that only the collector's copy of a record has.

use crate::error::{QueryError, QueryFault};
use crate::pipeline::Pipeline;

/// Fields that a record gets here.
const OF_THE_COLLECTOR: [&str; 4] = [
    "matluoi.id",
    "matluoi.seq",
    "matluoi.epoch",
    "matluoi.received",
];

/// Whether sensors can answer a query.
///
/// # Errors
/// Names the first command or field that they cannot.
pub fn check_carried(pipeline: &Pipeline) -> Result<(), QueryError> {
    let fields = pipeline.query.fields();
    let foreign = fields
        .iter()
        .find(|(path, _)| OF_THE_COLLECTOR.contains(path));
    if let Some((path, position)) = foreign {
        return Err(QueryError::new(
            QueryFault::FieldNotAtSensors,
            *position,
            path,
        ));
    }
    let end = pipeline.query_text.chars().count();
    let command = match pipeline.groupings.first() {
        Some(grouping) if grouping.order.descending => Some("groupby"),
        Some(_) => Some("rare"),
        None => pipeline.oldest_first.then_some("sortby"),
    };
    match command {
        Some(command) => Err(QueryError::new(
            QueryFault::CommandNotAtSensors,
            end,
            command,
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::parse_pipeline;

    #[test]
    fn what_sensors_cannot_answer_is_named() {
        for (text, fault) in [
            ("type:dns -port:53 | head 5 | table src_ip", None),
            ("", None),
            ("sensor:abc", None),
            (
                "dns (a OR id:x)",
                Some((QueryFault::FieldNotAtSensors, "matluoi.id", 10)),
            ),
            (
                "dns | groupby src_ip",
                Some((QueryFault::CommandNotAtSensors, "groupby", 3)),
            ),
            (
                "dns | sortby timestamp asc",
                Some((QueryFault::CommandNotAtSensors, "sortby", 3)),
            ),
        ] {
            let pipeline = parse_pipeline(text).expect(text);
            let found = check_carried(&pipeline).err();
            let found = found
                .as_ref()
                .map(|error| (error.code, error.param.as_str(), error.position));
            assert_eq!(found, fault, "{text}");
        }
    }
}
