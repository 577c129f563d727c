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
        }
    }
}

impl QueryError {
    pub(crate) fn new(code: QueryFault, position: Position, param: impl ToString) -> QueryError {
        QueryError {
            code,
            position,
            param: param.to_string(),
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
    #[error("the search was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}
