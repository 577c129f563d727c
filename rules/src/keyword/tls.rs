//! TLS keywords that are no sticky buffers: old contents, dates, version and state.

use super::{Keyword, content, needed, nothing};
use crate::signature::{
    BufferCondition, Builder, Condition, Content, TlsDate, TlsMessages, TlsVersions,
};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "tls.subject",
        aliases: &["tls_subject"],
        doc: "Text within the subject of the certificate (old way to write tls.cert_subject).",
        parse: |builder, value| text(builder, value, "tls.cert_subject"),
        accepts: &[r#"tls.subject:"CN=x";"#, r#"tls.subject:!"CN=x";"#],
        rejects: &["tls.subject;"],
    },
    Keyword {
        name: "tls.issuerdn",
        aliases: &["tls_issuerdn"],
        doc: "Text within the issuer of the certificate (old way to write tls.cert_issuer).",
        parse: |builder, value| text(builder, value, "tls.cert_issuer"),
        accepts: &[r#"tls.issuerdn:"CN=x";"#],
        rejects: &["tls.issuerdn;"],
    },
    Keyword {
        name: "tls.fingerprint",
        aliases: &["tls_fingerprint"],
        doc: "SHA-1 fingerprint of the certificate (old way to write tls.cert_fingerprint).",
        parse: |builder, value| text(builder, value, "tls.cert_fingerprint"),
        accepts: &[
            r#"tls.fingerprint:!"4A:a3:66:76:69:cb:a8:76:aa:ee:1b:8c:6e:22:e2:b9:74:29:43:6d";"#,
        ],
        rejects: &["tls.fingerprint;", r#"tls.fingerprint:"4a:a3:66:76";"#],
    },
    Keyword {
        name: "tls_cert_notbefore",
        aliases: &["tls.cert_notbefore"],
        doc: "Start of the certificate's validity: <date, >date, date<>date (2015-10-22T23:59:59).",
        parse: |builder, value| date(builder, value, Condition::TlsNotBefore),
        accepts: &[
            "tls_cert_notbefore:<2015-10;",
            "tls_cert_notbefore:>2015-10-22T23;",
            "tls_cert_notbefore:2015-10-01<>2015-11-01;",
        ],
        rejects: &["tls_cert_notbefore:<x;", "tls_cert_notbefore;"],
    },
    Keyword {
        name: "tls_cert_notafter",
        aliases: &["tls.cert_notafter"],
        doc: "End of the certificate's validity.",
        parse: |builder, value| date(builder, value, Condition::TlsNotAfter),
        accepts: &["tls_cert_notafter:>2015;"],
        rejects: &["tls_cert_notafter:>13;"],
    },
    Keyword {
        name: "tls_cert_expired",
        aliases: &["tls.cert_expired"],
        doc: "The certificate has expired.",
        parse: |builder, value| {
            nothing(value)?;
            condition(
                builder,
                "tls_cert_expired",
                Condition::TlsNotAfter(TlsDate::Expired),
            )
        },
        accepts: &["tls_cert_expired;"],
        rejects: &["tls_cert_expired:1;"],
    },
    Keyword {
        name: "tls_cert_valid",
        aliases: &["tls.cert_valid"],
        doc: "The certificate has not expired.",
        parse: |builder, value| {
            nothing(value)?;
            condition(
                builder,
                "tls_cert_valid",
                Condition::TlsNotAfter(TlsDate::Valid),
            )
        },
        accepts: &["tls_cert_valid;"],
        rejects: &["tls_cert_valid:1;"],
    },
    Keyword {
        name: "tls.store",
        aliases: &["tlsstore", "tls_store"],
        doc: "Stores certificates; this sensor stores none, the rule alerts all the same.",
        parse: |builder, value| {
            nothing(value)?;
            builder
                .warnings
                .push("tls.store: certificates are not stored here".to_owned());
            tls(builder, "tls.store")
        },
        accepts: &["tls.store;"],
        rejects: &["tls.store:1;"],
    },
    Keyword {
        name: "tls.version",
        aliases: &["tls_version"],
        doc: "Version of TLS: 1.0, 1.1, 1.2, 1.3 (drafts too), or a number of four hexadecimal digits.",
        parse: |builder, value| {
            let text = needed(value)?.trim_matches('"').trim();
            let raw = text
                .strip_prefix("0x")
                .filter(|digits| digits.len() == 4)
                .and_then(|digits| u16::from_str_radix(digits, 16).ok());
            let number = raw.or_else(|| version(text)).ok_or_else(|| {
                format!("{text:?} is no version: 1.0, 1.1, 1.2, 1.3, or 0x and four digits")
            })?;
            condition(
                builder,
                "tls.version",
                Condition::TlsVersion(TlsVersions {
                    numbers: vec![number],
                    negated: false,
                    drafts: raw.is_none(),
                }),
            )
        },
        accepts: &[
            "tls.version:1.2;",
            "tls.version:1.0;",
            "tls.version:0x7f12;",
        ],
        rejects: &["tls.version:9;", "tls.version:0x7f;"],
    },
    Keyword {
        name: "ssl_version",
        aliases: &[],
        doc: "One of several versions (with ! none of them): sslv2, sslv3, tls1.0, tls1.1, tls1.2, tls1.3.",
        parse: |builder, value| ssl_version(builder, needed(value)?),
        accepts: &[
            "ssl_version:tls1.0;",
            "ssl_version:SSLv3,tls1.2;",
            "ssl_version:!tls1.0 tls1.1;",
        ],
        rejects: &[
            "ssl_version:zzz;",
            "ssl_version:tls1.0,tls1.0;",
            "ssl_version:!;",
        ],
    },
    Keyword {
        name: "ssl_state",
        aliases: &[],
        doc: "Handshake messages that just came: client_hello, server_hello, client_keyx, server_keyx, unknown; with ! did not.",
        parse: |builder, value| ssl_state(builder, needed(value)?),
        accepts: &[
            "ssl_state:client_hello;",
            "ssl_state:!server_hello;",
            "ssl_state:client_keyx|server_keyx;",
        ],
        rejects: &["ssl_state:zzz;"],
    },
];

fn ssl_version(builder: &mut Builder<'_>, text: &str) -> Result<(), String> {
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut numbers = Vec::new();
    let words = text.split(|c: char| c == ',' || c.is_whitespace());
    for word in words.filter(|word| !word.is_empty()) {
        let lower = word.to_ascii_lowercase();
        let number = match lower.as_str() {
            "sslv2" => Some(0x0200),
            "sslv3" => Some(0x0300),
            lower => lower.strip_prefix("tls").and_then(version),
        };
        let number = number.ok_or_else(|| format!("{word:?} is no version"))?;
        if numbers.contains(&number) {
            return Err(format!("{word} stands twice"));
        }
        numbers.push(number);
    }
    if numbers.is_empty() {
        return Err("a version is missing".to_owned());
    }
    let versions = TlsVersions {
        numbers,
        negated,
        drafts: true,
    };
    condition(builder, "ssl_version", Condition::TlsVersion(versions))
}

fn ssl_state(builder: &mut Builder<'_>, text: &str) -> Result<(), String> {
    let mut messages = TlsMessages::default();
    for word in text.split(['|', ',']) {
        let word = word.trim();
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name.trim()),
            None => (false, word),
        };
        let bit = match name {
            "client_hello" => 1,
            "server_hello" => 1 << 1,
            "client_keyx" => 1 << 2,
            "server_keyx" => 1 << 3,
            // Never there: all that is read is known.
            "unknown" => 1 << 4,
            _ => return Err(format!("{name:?} is no state")),
        };
        messages.wanted |= bit;
        if negated {
            messages.negated |= bit;
        }
    }
    condition(builder, "ssl_state", Condition::TlsMessages(messages))
}

/// How the texts of a buffer are written: rules may use either case, and lengths are known.
struct Spelling {
    buffer: &'static str,
    upper: bool,
    /// Bytes of the whole text, if every one has as many.
    length: Option<usize>,
    /// Pairs of digits with colons between.
    colons: bool,
}

const SPELLINGS: &[Spelling] = &[
    Spelling {
        buffer: "ja3.hash",
        upper: false,
        length: Some(32),
        colons: false,
    },
    Spelling {
        buffer: "ja3s.hash",
        upper: false,
        length: Some(32),
        colons: false,
    },
    Spelling {
        buffer: "quic.cyu.hash",
        upper: false,
        length: Some(32),
        colons: false,
    },
    Spelling {
        buffer: "ssh.hassh",
        upper: false,
        length: Some(32),
        colons: false,
    },
    Spelling {
        buffer: "ssh.hassh.server",
        upper: false,
        length: Some(32),
        colons: false,
    },
    Spelling {
        buffer: "tls.cert_fingerprint",
        upper: false,
        length: Some(59),
        colons: true,
    },
    Spelling {
        buffer: "tls.cert_serial",
        upper: true,
        length: None,
        colons: true,
    },
];

/// Writes a content on a fingerprint or number as the buffer has it; an error when it never matches there.
pub(crate) fn spell(buffer: &str, content: &mut Content) -> Result<(), String> {
    let Some(spelling) = SPELLINGS.iter().find(|spelling| spelling.buffer == buffer) else {
        return Ok(());
    };
    let bytes = &mut content.bytes;
    if let Some(length) = spelling.length
        && bytes.len() != length
    {
        return Err(format!(
            "{buffer} has {length} characters, the content {}: it never matches",
            bytes.len()
        ));
    }
    if spelling.colons && bytes.len() > 2 && !bytes.contains(&b':') {
        return Err(format!("{buffer} is written with colons: aa:bb:cc"));
    }
    if spelling.upper {
        bytes.make_ascii_uppercase();
    } else {
        bytes.make_ascii_lowercase();
    }
    Ok(())
}

fn tls(builder: &mut Builder<'_>, name: &str) -> Result<(), String> {
    match builder.vocabulary.protocol("tls") {
        Some(id) => builder.note_protocols(&[id], name),
        None => Ok(()),
    }
}

fn condition(builder: &mut Builder<'_>, name: &str, condition: Condition) -> Result<(), String> {
    tls(builder, name)?;
    builder.signature.conditions.push(condition);
    Ok(())
}

fn version(text: &str) -> Option<u16> {
    Some(match text {
        "1.0" => 0x0301,
        "1.1" => 0x0302,
        "1.2" => 0x0303,
        "1.3" => 0x0304,
        _ => return None,
    })
}

fn text(builder: &mut Builder<'_>, value: Option<&str>, buffer: &str) -> Result<(), String> {
    let value = needed(value)?;
    let (negated, value) = match value.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, value),
    };
    if !(value.len() > 1 && value.starts_with('"') && value.ends_with('"')) {
        return Err("write the text in quotes".to_owned());
    }
    let bytes = content::unescape(value.trim_matches('"'))?;
    if bytes.is_empty() {
        return Err("the text is empty".to_owned());
    }
    let content = Content {
        bytes,
        negated,
        nocase: false,
        offset: None,
        depth: None,
        distance: None,
        within: None,
        startswith: false,
        endswith: false,
        rawbytes: false,
        fast_pattern: None,
    };
    let id = builder
        .vocabulary
        .buffer(buffer)
        .ok_or_else(|| format!("there is no buffer {buffer}"))?;
    builder.apart(id, BufferCondition::Content(content))
}

fn date(
    builder: &mut Builder<'_>,
    value: Option<&str>,
    make: fn(TlsDate) -> Condition,
) -> Result<(), String> {
    let value = needed(value)?.trim_matches('"');
    let date = if let Some((from, to)) = value.split_once("<>") {
        let (from, to) = (seconds(from)?, seconds(to)?);
        if from >= to {
            return Err("the range ends before it begins".to_owned());
        }
        TlsDate::Between(from, to)
    } else if let Some(rest) = value.strip_prefix('<') {
        TlsDate::Before(seconds(rest)?)
    } else if let Some(rest) = value.strip_prefix('>') {
        TlsDate::After(seconds(rest)?)
    } else {
        let at = seconds(value)?;
        TlsDate::Between(at, at)
    };
    condition(builder, "tls_cert_…", make(date))
}

/// `2015[-10[-22[T23[:59[:59]]]]]` in UTC as seconds since the epoch.
fn seconds(text: &str) -> Result<i64, String> {
    let fault = || format!("{text:?} is no date (2015-10-22T23:59:59)");
    let numbers = text
        .trim()
        .split(['-', 'T', ' ', ':'])
        .map(|part| part.parse::<i64>().ok())
        .collect::<Option<Vec<i64>>>()
        .ok_or_else(fault)?;
    let at = |index: usize, missing: i64| numbers.get(index).copied().unwrap_or(missing);
    let (year, month, day) = (at(0, 0), at(1, 1), at(2, 1));
    let (hour, minute, second) = (at(3, 0), at(4, 0), at(5, 0));
    let valid = (1950..=2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && numbers.len() <= 6;
    if !valid {
        return Err(fault());
    }
    // Days of the civil calendar, years counted from March.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    Ok(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("1970-01-01", 0),
            ("2015-10-22T23:59:59", 1_445_558_399),
            ("2000-03-01", 951_868_800),
            ("2016", 1_451_606_400),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
    }
}
