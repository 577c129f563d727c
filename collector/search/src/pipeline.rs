//! A query with what is done with its events: `type:dns | groupby src_ip sum(flow.bytes_toserver) | head 20`.
//!
//! | command | what it does |
//! |---|---|
//! | `groupby [-bar\|-pie\|-sankey] FIELD… [MEASURE…]` | a table: events counted by the values of fields |
//! | `rare FIELD…` | the same, fewest first |
//! | `sortby FIELD [asc\|desc]`, `sortby FIELD^` | order of the table before it, or of the events by time |
//! | `head N` | rows of the table before it, or events |
//! | `table FIELD…` | columns of the events |
//!
//! Measures: `sum(F)`, `avg(F)`, `min(F)`, `max(F)`, `dc(F)` (number of different values); `count` is always there.

use crate::catalogue::path_of;
use crate::error::{QueryError, QueryFault};
use crate::hint::nearest;
use crate::parse::{MAX_QUERY_BYTES, parse_part};
use crate::query::{Node, Position};

pub const MAX_GROUP_FIELDS: usize = 6;
pub const MAX_MEASURES: usize = 6;
pub const MAX_GROUPINGS: usize = 8;
pub const MAX_TABLE_FIELDS: usize = 24;
pub const MAX_HEAD: usize = 1_000;
const COMMANDS: [&str; 5] = ["groupby", "rare", "sortby", "head", "table"];
const VIEWS: [(&str, View); 4] = [
    ("table", View::Table),
    ("bar", View::Bar),
    ("pie", View::Pie),
    ("sankey", View::Sankey),
];

type Result<T> = std::result::Result<T, QueryError>;

#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    pub query: Node,
    /// The text of the query alone, without the commands.
    pub query_text: String,
    pub groupings: Vec<Grouping>,
    /// Columns of the events; the reader's own when there are none.
    pub table: Vec<String>,
    pub oldest_first: bool,
    /// Most events.
    pub head: Option<usize>,
}

/// How a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    Table,
    Bar,
    Pie,
    Sankey,
}

impl View {
    pub fn name(self) -> &'static str {
        VIEWS
            .iter()
            .find(|(_, view)| *view == self)
            .map_or("table", |(name, _)| name)
    }
}

/// A table of counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// As written; aliases are not resolved.
    pub fields: Vec<String>,
    pub measures: Vec<Measure>,
    pub view: View,
    pub order: Order,
    pub head: Option<usize>,
}

impl Grouping {
    pub fn of(fields: &[&str]) -> Grouping {
        Grouping {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            measures: Vec::new(),
            view: View::Table,
            order: Order::default(),
            head: None,
        }
    }

    pub fn head(mut self, rows: usize) -> Grouping {
        self.head = Some(rows);
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    pub function: Function,
    pub field: String,
}

impl Measure {
    /// `sum(flow.bytes_toserver)`
    pub fn name(&self) -> String {
        format!("{}({})", self.function.name(), self.field)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Sum,
    Average,
    Least,
    Most,
    /// How many different values.
    Different,
}

impl Function {
    const ALL: [Function; 5] = [
        Function::Sum,
        Function::Average,
        Function::Least,
        Function::Most,
        Function::Different,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Function::Sum => "sum",
            Function::Average => "avg",
            Function::Least => "min",
            Function::Most => "max",
            Function::Different => "dc",
        }
    }
}

/// What a table is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub by: Column,
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Order {
            by: Column::Count,
            descending: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Count,
    First,
    Last,
    /// By its place among the fields.
    Field(usize),
    Measure(usize),
}

/// Reads a query with its commands.
pub fn parse_pipeline(text: &str) -> Result<Pipeline> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(QueryError::new(
            QueryFault::TooLong,
            MAX_QUERY_BYTES,
            MAX_QUERY_BYTES,
        ));
    }
    let characters: Vec<char> = text.chars().collect();
    let parts = split(&characters);
    let (from, to) = parts.first().copied().unwrap_or((0, 0));
    let query_text: String = characters
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .collect();
    let mut pipeline = Pipeline {
        query: parse_part(&characters, to)?,
        query_text: query_text.trim().to_owned(),
        groupings: Vec::new(),
        table: Vec::new(),
        oldest_first: false,
        head: None,
    };
    for &(from, to) in parts.iter().skip(1) {
        let words = words(&characters, from, to);
        pipeline
            .add(&words, from)
            .map_err(|fault| fault.repaired(text))?;
    }
    Ok(pipeline)
}

/// The parts between bars that are neither quoted nor escaped: beginning and end of each.
fn split(characters: &[char]) -> Vec<(Position, Position)> {
    let mut parts = Vec::new();
    let (mut begin, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in characters.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '|' if !quoted => {
                parts.push((begin, at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push((begin, characters.len()));
    parts
}

struct Word {
    text: String,
    at: Position,
}

/// Words between spaces and commas.
fn words(characters: &[char], from: Position, to: Position) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut inside = false;
    for at in from..to {
        let Some(&c) = characters.get(at) else { break };
        if c.is_whitespace() || c == ',' {
            inside = false;
        } else if inside && let Some(word) = words.last_mut() {
            word.text.push(c);
        } else {
            inside = true;
            words.push(Word {
                text: c.to_string(),
                at,
            });
        }
    }
    words
}

impl Pipeline {
    fn add(&mut self, words: &[Word], from: Position) -> Result<()> {
        let Some((command, rest)) = words.split_first() else {
            return Err(QueryError::new(QueryFault::MissingCommand, from, "|"));
        };
        match command.text.as_str() {
            "groupby" | "rare" => self.group_by(command, rest),
            "sortby" => self.sort_by(command, rest),
            "head" => self.head(command, rest),
            "table" => self.table(command, rest),
            other => {
                let fault = QueryError::new(QueryFault::UnknownCommand, command.at, other);
                Err(match nearest(other, COMMANDS.into_iter()) {
                    Some(name) => fault.instead(other, name),
                    None => fault,
                })
            }
        }
    }

    fn group_by(&mut self, command: &Word, words: &[Word]) -> Result<()> {
        if self.groupings.len() >= MAX_GROUPINGS {
            return Err(too_many(command, MAX_GROUPINGS));
        }
        let mut grouping = Grouping::of(&[]);
        if command.text == "rare" {
            grouping.order.descending = false;
        }
        for word in words {
            if let Some(view) = word.text.strip_prefix('-') {
                let found = VIEWS.iter().find(|(name, _)| *name == view);
                grouping.view = found.map(|(_, view)| *view).ok_or_else(|| {
                    let fault = QueryError::new(QueryFault::UnknownView, word.at, &word.text);
                    match nearest(view, VIEWS.iter().map(|(name, _)| *name)) {
                        Some(name) => fault.instead(&word.text, &format!("-{name}")),
                        None => fault,
                    }
                })?;
            } else if let Some(measure) = measure(word)? {
                if grouping.measures.len() >= MAX_MEASURES {
                    return Err(too_many(word, MAX_MEASURES));
                }
                grouping.measures.push(measure);
            } else if word.text != "count" {
                if grouping.fields.len() >= MAX_GROUP_FIELDS {
                    return Err(too_many(word, MAX_GROUP_FIELDS));
                }
                grouping.fields.push(word.text.clone());
            }
        }
        if grouping.fields.is_empty() {
            return Err(QueryError::new(
                QueryFault::CommandNeedsField,
                command.at,
                &command.text,
            ));
        }
        self.groupings.push(grouping);
        Ok(())
    }

    fn sort_by(&mut self, command: &Word, words: &[Word]) -> Result<()> {
        let needs = || QueryError::new(QueryFault::CommandNeedsField, command.at, "sortby");
        let (first, rest) = words.split_first().ok_or_else(needs)?;
        let (name, mut descending) = match first.text.strip_suffix('^') {
            Some(name) => (name, false),
            None => match first.text.strip_prefix('-') {
                Some(name) => (name, true),
                None => (first.text.as_str(), true),
            },
        };
        for word in rest {
            descending = match word.text.as_str() {
                "asc" => false,
                "desc" => true,
                other => {
                    let fault = QueryError::new(QueryFault::AscOrDesc, word.at, other);
                    return Err(fault.instead(other, "desc"));
                }
            };
        }
        let Some(grouping) = self.groupings.last_mut() else {
            if path_of(name) != "timestamp" {
                let fault = QueryError::new(QueryFault::EventsSortByTime, first.at, name);
                return Err(fault.instead(name, "timestamp"));
            }
            self.oldest_first = !descending;
            return Ok(());
        };
        let by = match name {
            "count" => Some(Column::Count),
            "first" => Some(Column::First),
            "last" => Some(Column::Last),
            name => {
                let field = grouping.fields.iter().position(|field| field == name);
                let measure = grouping.measures.iter().position(|m| m.name() == name);
                field
                    .map(Column::Field)
                    .or_else(|| measure.map(Column::Measure))
            }
        };
        let Some(by) = by else {
            let fault = QueryError::new(QueryFault::NotInTable, first.at, name);
            let known = grouping.fields.iter().map(String::as_str);
            return Err(
                match nearest(name, known.chain(["count", "first", "last"])) {
                    Some(near) => fault.instead(name, near),
                    None => fault,
                },
            );
        };
        grouping.order = Order { by, descending };
        Ok(())
    }

    fn head(&mut self, command: &Word, words: &[Word]) -> Result<()> {
        let number = match words {
            [] => Some(10),
            [word] => word.text.parse().ok(),
            _ => None,
        };
        let Some(number) = number.filter(|number| (1..=MAX_HEAD).contains(number)) else {
            let at = words.first().map_or(command.at, |word| word.at);
            return Err(QueryError::new(QueryFault::HeadNeedsNumber, at, MAX_HEAD));
        };
        match self.groupings.last_mut() {
            Some(grouping) => grouping.head = Some(number),
            None => self.head = Some(number),
        }
        Ok(())
    }

    fn table(&mut self, command: &Word, words: &[Word]) -> Result<()> {
        if words.is_empty() {
            return Err(QueryError::new(
                QueryFault::CommandNeedsField,
                command.at,
                "table",
            ));
        }
        if let Some(word) = words.get(MAX_TABLE_FIELDS) {
            return Err(too_many(word, MAX_TABLE_FIELDS));
        }
        self.table = words.iter().map(|word| word.text.clone()).collect();
        Ok(())
    }
}

fn too_many(word: &Word, limit: usize) -> QueryError {
    QueryError::new(QueryFault::TooManyClauses, word.at, limit)
}

/// `sum(FIELD)`; `None` when the word has no parenthesis.
fn measure(word: &Word) -> Result<Option<Measure>> {
    let Some((function, rest)) = word.text.split_once('(') else {
        return Ok(None);
    };
    let names = || Function::ALL.into_iter().map(Function::name);
    let Some(known) = Function::ALL.into_iter().find(|f| f.name() == function) else {
        if function == "count" && rest == ")" {
            return Ok(None);
        }
        let fault = QueryError::new(QueryFault::UnknownFunction, word.at, function);
        return Err(match nearest(function, names()) {
            Some(name) => fault.instead(function, name),
            None => fault,
        });
    };
    let Some(field) = rest.strip_suffix(')').filter(|field| !field.is_empty()) else {
        return Err(QueryError::new(
            QueryFault::UnclosedParenthesis,
            word.at,
            &word.text,
        ));
    };
    Ok(Some(Measure {
        function: known,
        field: field.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_read() {
        let read = parse_pipeline(
            "type:dns \"a|b\" | groupby -sankey src_ip, dest_ip sum(flow.bytes_toserver) | sortby src_ip^ | head 5 | rare domain | table src_ip dest_ip",
        )
        .expect("it is well formed");
        assert_eq!(read.query.to_string(), "(event_type:\"dns\" AND \"a|b\")");
        assert_eq!(read.query_text, "type:dns \"a|b\"");
        let first = &read.groupings[0];
        assert_eq!(first.fields, ["src_ip", "dest_ip"]);
        assert_eq!(first.measures[0].name(), "sum(flow.bytes_toserver)");
        assert_eq!((first.view, first.head), (View::Sankey, Some(5)));
        let order = Order {
            by: Column::Field(0),
            descending: false,
        };
        assert_eq!(first.order, order);
        assert!(!read.groupings[1].order.descending);
        assert_eq!(read.table, ["src_ip", "dest_ip"]);
        let events = parse_pipeline("a | sortby timestamp asc | head 3").expect("well formed");
        assert_eq!((events.oldest_first, events.head), (true, Some(3)));
    }

    #[test]
    fn faults_have_places_and_remedies() {
        for (text, code, position, suggestion) in [
            ("a |", QueryFault::MissingCommand, 3, None),
            (
                "a | gruopby b",
                QueryFault::UnknownCommand,
                4,
                Some("a | groupby b"),
            ),
            ("a | groupby", QueryFault::CommandNeedsField, 4, None),
            (
                "a | groupby -bra b",
                QueryFault::UnknownView,
                12,
                Some("a | groupby -bar b"),
            ),
            (
                "a | groupby b som(c)",
                QueryFault::UnknownFunction,
                14,
                Some("a | groupby b sum(c)"),
            ),
            (
                "a | groupby b | sortby cuont",
                QueryFault::NotInTable,
                23,
                Some("a | groupby b | sortby count"),
            ),
            (
                "a | sortby b",
                QueryFault::EventsSortByTime,
                11,
                Some("a | sortby timestamp"),
            ),
            (
                "a | groupby b | sortby b down",
                QueryFault::AscOrDesc,
                25,
                Some("a | groupby b | sortby b desc"),
            ),
            ("a | head many", QueryFault::HeadNeedsNumber, 9, None),
            (
                "a AND | head 1",
                QueryFault::MissingOperand,
                2,
                Some("a | head 1"),
            ),
            (
                "port:[1 5] | head 1",
                QueryFault::RangeNeedsTo,
                5,
                Some("port:[1 TO 5] | head 1"),
            ),
        ] {
            let error = parse_pipeline(text).expect_err(text);
            assert_eq!((error.code, error.position), (code, position), "{text}");
            assert_eq!(error.suggestion.as_deref(), suggestion, "{text}");
            if let Some(suggestion) = suggestion {
                parse_pipeline(suggestion).expect("a suggestion is well formed");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z :()\"|\\-^,0-9]{0,60}") {
            if let Err(error) = parse_pipeline(&text) {
                prop_assert!(error.position <= text.chars().count());
            }
        }
    }
}
