//! The modifiers that there are, with what an editor tells of them.

use crate::signature::nearest;

/// A modifier in words.
#[derive(Debug, Clone, Copy)]
pub(in crate::sigma) struct Modifier {
    pub name: &'static str,
    pub english: &'static str,
    pub vietnamese: &'static str,
}

pub(in crate::sigma) const MODIFIERS: &[Modifier] = &[
    row(
        "all",
        "every value must match, not any",
        "mọi giá trị đều phải khớp, không chỉ một",
    ),
    row(
        "base64",
        "the value in Base64; contains after it looks for it anywhere",
        "giá trị được mã hoá Base64; thêm contains phía sau để tìm ở bất kỳ đâu",
    ),
    row(
        "base64offset",
        "the value in Base64 at each of its three offsets; mostly with contains",
        "giá trị mã hoá Base64 ở cả ba vị trí lệch; thường đi cùng contains",
    ),
    row(
        "cased",
        "capitals and small letters differ",
        "phân biệt chữ hoa chữ thường",
    ),
    row(
        "cidr",
        "the address is in the network (10.0.0.0/8)",
        "địa chỉ thuộc mạng (10.0.0.0/8)",
    ),
    row(
        "contains",
        "the value stands anywhere in the field",
        "giá trị nằm ở bất kỳ đâu trong trường",
    ),
    row(
        "day",
        "day of the month of the time, 1 to 31",
        "ngày trong tháng của mốc thời gian, 1 đến 31",
    ),
    row(
        "endswith",
        "the field ends with the value",
        "trường kết thúc bằng giá trị",
    ),
    row(
        "exists",
        "true: the field is there; false: it is not",
        "true: có trường này; false: không có",
    ),
    row(
        "expand",
        "%name% stands for the values of a pipeline",
        "%name% thay cho các giá trị trong pipeline",
    ),
    row(
        "fieldref",
        "equal to another field of the event, which the value names",
        "bằng một trường khác của sự kiện, giá trị là tên trường đó",
    ),
    row("gt", "greater than the number", "lớn hơn số này"),
    row(
        "gte",
        "greater than the number, or equal",
        "lớn hơn hoặc bằng số này",
    ),
    row(
        "hour",
        "hour of the time, 0 to 23",
        "giờ của mốc thời gian, 0 đến 23",
    ),
    row(
        "i",
        "of re: without case",
        "của re: không phân biệt hoa thường",
    ),
    row("lt", "less than the number", "nhỏ hơn số này"),
    row(
        "lte",
        "less than the number, or equal",
        "nhỏ hơn hoặc bằng số này",
    ),
    row(
        "m",
        "of re: ^ and $ at every line",
        "của re: ^ và $ ở từng dòng",
    ),
    row(
        "minute",
        "minute of the time, 0 to 59",
        "phút của mốc thời gian, 0 đến 59",
    ),
    row(
        "month",
        "month of the time, 1 to 12",
        "tháng của mốc thời gian, 1 đến 12",
    ),
    row(
        "neq",
        "none of the values matches",
        "không giá trị nào khớp",
    ),
    row(
        "re",
        "a regular expression (crate regex: no look-around, no back references), looked for anywhere",
        "biểu thức chính quy (không look-around, không tham chiếu ngược), tìm ở bất kỳ đâu",
    ),
    row(
        "s",
        "of re: . matches line ends too",
        "của re: . khớp cả dấu xuống dòng",
    ),
    row(
        "startswith",
        "the field begins with the value",
        "trường bắt đầu bằng giá trị",
    ),
    row(
        "utf16",
        "the value in UTF-16, little-endian behind its byte order mark; base64 or base64offset after it",
        "giá trị ở dạng UTF-16 có dấu thứ tự byte; sau đó là base64 hoặc base64offset",
    ),
    row(
        "utf16be",
        "the value in UTF-16, big-endian; base64 or base64offset after it",
        "giá trị ở dạng UTF-16 big-endian; sau đó là base64 hoặc base64offset",
    ),
    row(
        "utf16le",
        "the value in UTF-16, little-endian; base64 or base64offset after it",
        "giá trị ở dạng UTF-16 little-endian; sau đó là base64 hoặc base64offset",
    ),
    row(
        "week",
        "week of the time after ISO 8601, 1 to 53",
        "tuần của mốc thời gian theo ISO 8601, 1 đến 53",
    ),
    row("wide", "as utf16le", "như utf16le"),
    row(
        "windash",
        "a dash before a flag may be any dash or a slash",
        "gạch ngang trước tham số có thể là gạch bất kỳ hoặc dấu /",
    ),
    row("year", "year of the time", "năm của mốc thời gian"),
];

const fn row(name: &'static str, english: &'static str, vietnamese: &'static str) -> Modifier {
    Modifier {
        name,
        english,
        vietnamese,
    }
}

/// Why a name is no modifier, with the one that was probably meant; none of one that is.
pub(in crate::sigma) fn unknown(name: &str) -> Option<String> {
    let names = || MODIFIERS.iter().map(|own| own.name);
    if names().any(|own| own == name) {
        return None;
    }
    let hint = nearest(name, names())
        .map(|near| format!("; did you mean {near:?}?"))
        .unwrap_or_default();
    Some(format!("there is no modifier {name:?}{hint}"))
}
