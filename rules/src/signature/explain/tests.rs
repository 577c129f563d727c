//! Every form of every condition is told in words, in both languages.

use super::*;
use crate::keyword::KEYWORDS;
use crate::signature::{Environment, Parsed, parse_rule};

fn told(rule: &str, language: Language) -> String {
    let vocabulary = crate::known_names();
    match parse_rule(rule, &vocabulary, &Environment::default()) {
        Ok(Parsed::Signature { signature, .. }) => {
            explain(&signature, &vocabulary, language).join("\n")
        }
        other => panic!("{rule}: {other:?}"),
    }
}

#[test]
fn a_rule_is_told_in_either_language() {
    let rule = r#"alert http $HOME_NET any -> !10.0.0.1 8080 (msg:"m"; flow:established,to_server; flowbits:isset,seen; flowbits:set,more; http.uri; content:"/a|00|b"; startswith; nocase; pcre:"/x\d/R"; bsize:>4; threshold:type limit, track by_src, count 1, seconds 60; sid:7;)"#;
    for (language, wanted) in [
        (
            Language::English,
            [
                "from $HOME_NET to any address but 10.0.0.1, port 8080",
                "towards the server",
                "In http.uri (the normalised path of the HTTP request):",
                r#"holds "/a|00|b", without regard to case, at its start"#,
                "from behind the last match on",
                "The flow has been marked “seen”.",
                "When it matches, it marks the flow as “more”.",
                "At most 1 alerts within 60 seconds, counted for each source host.",
            ],
        ),
        (
            Language::Vietnamese,
            [
                "từ $HOME_NET tới mọi địa chỉ trừ 10.0.0.1, cổng 8080",
                "tới máy chủ",
                "Trong http.uri (đường dẫn đã chuẩn hoá của yêu cầu HTTP):",
                r#"có "/a|00|b", không phân biệt hoa thường, ở ngay đầu"#,
                "tìm từ sau mẫu trước",
                "Luồng đã được đánh dấu “seen”.",
                "Khi khớp, đánh dấu luồng là “more”.",
                "Nhiều nhất 1 cảnh báo trong 60 giây, tính theo từng máy nguồn.",
            ],
        ),
    ] {
        let text = told(rule, language);
        for part in wanted {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn a_silent_rule_is_told_as_such() {
    let text = told(
        "alert tcp any any -> any any (content:\"abcd\"; flowbits:set,a; noalert; sid:7;)",
        Language::English,
    );
    assert!(text.starts_with("Shows no alert"), "{text}");
}

#[test]
fn positions_and_numbers() {
    let rule = r#"alert tcp any any -> any any (content:"a"; offset:4; depth:8; content:"b"; distance:-2; content:"c"; distance:1; within:9; byte_extract:2,0,size,relative,little; byte_test:4,!>,size,3; byte_jump:1,0,relative,multiplier 4,post_offset -1; isdataat:!10,relative; sid:7;)"#;
    let text = told(rule, Language::English);
    for part in [
        "within 8 bytes from byte 4",
        "from 2 bytes before the end of the last match on",
        "within 9 bytes, counted from 1 byte behind the last match",
        "keeps the number of 2 bytes (little-endian) right behind the last match as the variable “size”",
        "the number of 4 bytes at byte 3 is not more than “size”",
        "jumps by the number of 1 byte right behind the last match × 4 from behind it, and further by -1",
        "fewer than 10 bytes follow the last match",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// No form of the code shows through: no debug output, no variable without a name.
#[test]
fn no_example_of_any_keyword_is_told_in_code() {
    for keyword in KEYWORDS.iter().flat_map(|family| family.iter()) {
        for example in keyword.accepts {
            let rule = format!("alert ip any any -> any any ({example} sid:1;)");
            let vocabulary = crate::known_names();
            let Ok(Parsed::Signature { signature, .. }) =
                parse_rule(&rule, &vocabulary, &Environment::default())
            else {
                continue;
            };
            for language in [Language::Vietnamese, Language::English] {
                let text = explain(&signature, &vocabulary, language).join("\n");
                for mark in ["{ ", "Some(", "None", "::", "Id(", "[\"", "“?”"] {
                    assert!(
                        !text.contains(mark) || example.contains(mark),
                        "{example}: {text}"
                    );
                }
            }
        }
    }
}
