//! What is wrong with a query, and what can go wrong in searching.

use collector_index::IndexError;

use crate::query::Position;

/// A fault of a query: where, and what. The words for people are made from `code` and `param`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} (at {position})", self.message_en())]
pub struct QueryError {
    pub code: QueryFault,
    pub position: Position,
    /// The part of the query, or the limit, that it is about.
    pub param: String,
    /// The whole query as it was probably meant.
    pub suggestion: Option<String>,
    fix: Option<Fix>,
}

/// A change of the query's text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fix {
    at: Position,
    /// Characters taken out.
    length: usize,
    put: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryFault {
    TooLong,
    TooManyClauses,
    TooManyWildcards,
    TooDeep,
    UnclosedQuote,
    UnclosedParenthesis,
    UnexpectedParenthesis,
    UnclosedRange,
    RangeNeedsTo,
    MissingValue,
    MissingOperand,
    BadAddress,
    BadNumber,
    BadTime,
    WildcardNotHere,
    RegexNotHere,
    MissingCommand,
    UnknownCommand,
    UnknownView,
    UnknownFunction,
    CommandNeedsField,
    HeadNeedsNumber,
    NotInTable,
    EventsSortByTime,
    AscOrDesc,
    FieldNotAtSensors,
    CommandNotAtSensors,
}

impl QueryFault {
    pub fn name(self) -> &'static str {
        match self {
            QueryFault::TooLong => "query_too_long",
            QueryFault::TooManyClauses => "too_many_clauses",
            QueryFault::TooManyWildcards => "too_many_wildcards",
            QueryFault::TooDeep => "too_deep",
            QueryFault::UnclosedQuote => "unclosed_quote",
            QueryFault::UnclosedParenthesis => "unclosed_parenthesis",
            QueryFault::UnexpectedParenthesis => "unexpected_parenthesis",
            QueryFault::UnclosedRange => "unclosed_range",
            QueryFault::RangeNeedsTo => "range_needs_to",
            QueryFault::MissingValue => "missing_value",
            QueryFault::MissingOperand => "missing_operand",
            QueryFault::BadAddress => "bad_address",
            QueryFault::BadNumber => "bad_number",
            QueryFault::BadTime => "bad_time",
            QueryFault::WildcardNotHere => "wildcard_not_here",
            QueryFault::RegexNotHere => "regex_not_here",
            QueryFault::MissingCommand => "missing_command",
            QueryFault::UnknownCommand => "unknown_command",
            QueryFault::UnknownView => "unknown_view",
            QueryFault::UnknownFunction => "unknown_function",
            QueryFault::CommandNeedsField => "command_needs_field",
            QueryFault::HeadNeedsNumber => "head_needs_number",
            QueryFault::NotInTable => "not_in_table",
            QueryFault::EventsSortByTime => "events_sort_by_time",
            QueryFault::AscOrDesc => "asc_or_desc",
            QueryFault::FieldNotAtSensors => "field_not_at_sensors",
            QueryFault::CommandNotAtSensors => "command_not_at_sensors",
        }
    }
}

impl QueryError {
    pub(crate) fn new(code: QueryFault, position: Position, param: impl ToString) -> QueryError {
        QueryError {
            code,
            position,
            param: param.to_string(),
            suggestion: None,
            fix: None,
        }
    }

    /// The word at the fault's place should be another.
    pub(crate) fn instead(mut self, written: &str, meant: &str) -> QueryError {
        self.fix = Some(Fix {
            at: self.position,
            length: written.chars().count(),
            put: meant.to_owned(),
        });
        self
    }

    /// With the suggestion worked out; `text` is the whole query.
    pub(crate) fn repaired(mut self, text: &str) -> QueryError {
        let characters: Vec<char> = text.chars().collect();
        let end = characters.len();
        self.suggestion = self.repair(&characters, end);
        self
    }

    /// The same for a fault of the part before the first command, which ends at `end`.
    pub(crate) fn repaired_before(mut self, characters: &[char], end: Position) -> QueryError {
        self.suggestion = self.repair(characters, end);
        self
    }

    fn repair(&self, characters: &[char], end: Position) -> Option<String> {
        let fix = self.fix.clone().or_else(|| self.obvious(characters, end))?;
        let before = characters.get(..fix.at)?;
        let after = characters.get(fix.at + fix.length..)?;
        let mut mended: String = before.iter().collect();
        mended.push_str(&fix.put);
        mended.extend(after);
        Some(mended)
    }

    /// What mends a fault whose remedy lies in its kind.
    fn obvious(&self, characters: &[char], end: Position) -> Option<Fix> {
        let part = characters.get(..end)?;
        let last = part.iter().rposition(|c| !c.is_whitespace())? + 1;
        let insert = |at, put: &str| {
            Some(Fix {
                at,
                length: 0,
                put: put.to_owned(),
            })
        };
        match self.code {
            QueryFault::UnclosedQuote => insert(last, "\""),
            QueryFault::UnclosedParenthesis => insert(last, ")"),
            QueryFault::UnclosedRange => insert(last, "]"),
            QueryFault::UnexpectedParenthesis => Some(Fix {
                at: self.position,
                length: 1,
                put: String::new(),
            }),
            QueryFault::RangeNeedsTo => {
                let ends: Vec<&str> = self
                    .param
                    .split(|c: char| c.is_whitespace() || c == ',')
                    .filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("to"))
                    .collect();
                let [from, to] = ends.as_slice() else {
                    return None;
                };
                Some(Fix {
                    at: self.position + 1,
                    length: self.param.chars().count(),
                    put: format!("{from} TO {to}"),
                })
            }
            QueryFault::MissingValue if self.param.ends_with(':') => insert(self.position, "*"),
            QueryFault::MissingOperand => {
                let word = match self.param.as_str() {
                    "AND" | "NOT" => self.position..self.position + 3,
                    _ => last.checked_sub(2)?..last,
                };
                let text: String = characters.get(word.clone())?.iter().collect();
                let spaces = part.get(word.end..)?.iter();
                let spaces = spaces.take_while(|c| c.is_whitespace()).count();
                matches!(text.as_str(), "AND" | "NOT" | "OR").then(|| Fix {
                    at: word.start,
                    length: word.len() + spaces,
                    put: String::new(),
                })
            }
            _ => None,
        }
    }

    pub fn message_vi(&self) -> String {
        let param = &self.param;
        match self.code {
            QueryFault::TooLong => {
                format!("Câu truy vấn dài quá {param} byte; hãy rút ngắn")
            }
            QueryFault::TooManyClauses => {
                format!("Quá {param} điều kiện; hãy bỏ bớt hoặc dùng dải địa chỉ")
            }
            QueryFault::TooManyWildcards => {
                format!("Quá {param} dấu * trong một câu; hãy bỏ bớt")
            }
            QueryFault::TooDeep => format!("Dấu ngoặc lồng quá {param} tầng; hãy viết gọn lại"),
            QueryFault::UnclosedQuote => "Thiếu dấu \" đóng; hãy thêm vào cuối cụm từ".to_owned(),
            QueryFault::UnclosedParenthesis => "Thiếu dấu ) đóng; hãy thêm vào".to_owned(),
            QueryFault::UnexpectedParenthesis => {
                "Dấu ) không có dấu ( đi trước; hãy bỏ đi".to_owned()
            }
            QueryFault::UnclosedRange => "Thiếu dấu ] hoặc } ở cuối khoảng".to_owned(),
            QueryFault::RangeNeedsTo => "Khoảng phải viết như [1 TO 5], chữ TO viết hoa".to_owned(),
            QueryFault::MissingValue => {
                format!("Thiếu giá trị sau {param}; ví dụ {param}* để tìm mọi giá trị")
            }
            QueryFault::MissingOperand => format!("Thiếu điều kiện bên cạnh {param}"),
            QueryFault::BadAddress => {
                format!("{param:?} không phải địa chỉ IP; ví dụ 10.0.0.1 hoặc 10.0.0.0/8")
            }
            QueryFault::BadNumber => format!("{param:?} không phải số; ví dụ 443 hoặc >1024"),
            QueryFault::BadTime => {
                format!("{param:?} không phải thời gian; ví dụ 2026-11-24T17:30:00Z")
            }
            QueryFault::WildcardNotHere => {
                format!("Trường {param} không dùng được dấu *; hãy dùng khoảng [a TO b]")
            }
            QueryFault::RegexNotHere => {
                "Không hỗ trợ biểu thức chính quy; hãy dùng dấu * hoặc đặt trong dấu \"".to_owned()
            }
            QueryFault::MissingCommand => {
                "Thiếu lệnh sau dấu |; ví dụ groupby src_ip, head 20".to_owned()
            }
            QueryFault::UnknownCommand => {
                format!("Không có lệnh {param}; có thể dùng groupby, rare, sortby, head, table")
            }
            QueryFault::UnknownView => {
                format!("Không có kiểu hiển thị {param}; có thể dùng -table, -bar, -pie, -sankey")
            }
            QueryFault::UnknownFunction => {
                format!("Không có hàm {param}; có thể dùng sum, avg, min, max, dc")
            }
            QueryFault::CommandNeedsField => {
                format!("Lệnh {param} cần tên trường; ví dụ {param} src_ip")
            }
            QueryFault::HeadNeedsNumber => format!("Lệnh head cần một số từ 1 đến {param}"),
            QueryFault::NotInTable => {
                format!("Bảng không có cột {param}; hãy dùng trường của groupby hoặc count")
            }
            QueryFault::EventsSortByTime => format!(
                "Bản ghi chỉ sắp theo timestamp; muốn sắp theo {param} hãy thêm | groupby {param}"
            ),
            QueryFault::AscOrDesc => format!("{param:?} không phải thứ tự; hãy dùng asc hoặc desc"),
            QueryFault::FieldNotAtSensors => {
                format!(
                    "Cảm biến không có trường {param}; hãy bỏ điều kiện này khi tìm trên cảm biến"
                )
            }
            QueryFault::CommandNotAtSensors => {
                format!(
                    "Cảm biến không chạy được lệnh {param}; hãy bỏ lệnh này khi tìm trên cảm biến"
                )
            }
        }
    }

    pub fn message_en(&self) -> String {
        let param = &self.param;
        match self.code {
            QueryFault::TooLong => format!("The query is over {param} bytes; shorten it"),
            QueryFault::TooManyClauses => {
                format!("More than {param} conditions; drop some, or use an address range")
            }
            QueryFault::TooManyWildcards => {
                format!("More than {param} * in one query; drop some")
            }
            QueryFault::TooDeep => format!("Parentheses nest over {param} deep; flatten them"),
            QueryFault::UnclosedQuote => "A closing \" is missing; add it".to_owned(),
            QueryFault::UnclosedParenthesis => "A closing ) is missing; add it".to_owned(),
            QueryFault::UnexpectedParenthesis => {
                "This ) has no ( before it; take it out".to_owned()
            }
            QueryFault::UnclosedRange => "The range needs a closing ] or }".to_owned(),
            QueryFault::RangeNeedsTo => "Write a range as [1 TO 5], with TO in capitals".to_owned(),
            QueryFault::MissingValue => {
                format!("No value after {param}; {param}* finds any value")
            }
            QueryFault::MissingOperand => format!("A condition is missing beside {param}"),
            QueryFault::BadAddress => {
                format!("{param:?} is no IP address; write 10.0.0.1 or 10.0.0.0/8")
            }
            QueryFault::BadNumber => format!("{param:?} is no number; write 443 or >1024"),
            QueryFault::BadTime => {
                format!("{param:?} is no time; write 2026-11-24T17:30:00Z")
            }
            QueryFault::WildcardNotHere => {
                format!("{param} cannot take *; use a range [a TO b]")
            }
            QueryFault::RegexNotHere => {
                "Regular expressions are not offered; use *, or put it in \"".to_owned()
            }
            QueryFault::MissingCommand => {
                "A command is missing after |; such as groupby src_ip, head 20".to_owned()
            }
            QueryFault::UnknownCommand => {
                format!("There is no command {param}; use groupby, rare, sortby, head, table")
            }
            QueryFault::UnknownView => {
                format!("There is no view {param}; use -table, -bar, -pie, -sankey")
            }
            QueryFault::UnknownFunction => {
                format!("There is no function {param}; use sum, avg, min, max, dc")
            }
            QueryFault::CommandNeedsField => {
                format!("{param} needs a field; such as {param} src_ip")
            }
            QueryFault::HeadNeedsNumber => format!("head needs a number from 1 to {param}"),
            QueryFault::NotInTable => {
                format!("The table has no column {param}; use a field of groupby, or count")
            }
            QueryFault::EventsSortByTime => {
                format!("Records are sorted by timestamp alone; for {param} add | groupby {param}")
            }
            QueryFault::AscOrDesc => format!("{param:?} is no order; use asc or desc"),
            QueryFault::FieldNotAtSensors => {
                format!("Sensors do not have the field {param}; leave it out to hunt on sensors")
            }
            QueryFault::CommandNotAtSensors => {
                format!("Sensors cannot run {param}; leave it out to hunt on sensors")
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("query: {0}")]
    Query(#[from] QueryError),
    #[error("the cursor is not one of this list")]
    Cursor,
    #[error("index: {0}")]
    Index(#[from] IndexError),
    #[error("search engine: {0}")]
    Engine(#[from] tantivy::TantivyError),
    #[error("the search was still waiting or running after its time")]
    Timeout,
    #[error("nobody waits for the search any more")]
    Cancelled,
    #[error("the search was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}
