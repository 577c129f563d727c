//! TLS keywords that are no sticky buffers: old contents, dates, version and state.

use super::{Keyword, content, needed, nothing};
use crate::signature::{BufferCondition, Builder, Condition, Content, Index, IntMatch, TlsDate};

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
        accepts: &[r#"tls.fingerprint:!"4a:a3:66:76";"#],
        rejects: &["tls.fingerprint;"],
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
            certificate(builder, Condition::TlsNotAfter(TlsDate::Expired))
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
            certificate(builder, Condition::TlsNotAfter(TlsDate::Valid))
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
        doc: "Version of TLS: 1.0, 1.1, 1.2, 1.3.",
        parse: |builder, value| {
            let text = needed(value)?.trim_matches('"').trim();
            let number = version(text)
                .ok_or_else(|| format!("{text:?} is no version: 1.0, 1.1, 1.2, 1.3"))?;
            field(builder, "tls.version_number", vec![number])
        },
        accepts: &["tls.version:1.2;", r#"tls.version:"1.0";"#],
        rejects: &["tls.version:9;"],
    },
    Keyword {
        name: "ssl_version",
        aliases: &[],
        doc: "One of several versions: sslv2, sslv3, tls1.0, tls1.1, tls1.2, tls1.3.",
        parse: |builder, value| {
            let mut numbers = Vec::new();
            for word in needed(value)?.split(',') {
                let word = word.trim().to_ascii_lowercase();
                let number = match word.strip_prefix("tls") {
                    Some(rest) => version(rest.strip_prefix('v').unwrap_or(rest)),
                    None => match word.as_str() {
                        "sslv2" => Some(0x0200),
                        "sslv3" => Some(0x0300),
                        _ => None,
                    },
                };
                numbers.push(number.ok_or_else(|| format!("{word:?} is no version"))?);
            }
            field(builder, "tls.version_number", numbers)
        },
        accepts: &["ssl_version:tls1.0;", "ssl_version:sslv3;"],
        rejects: &["ssl_version:zzz;"],
    },
    Keyword {
        name: "ssl_state",
        aliases: &[],
        doc: "State of the handshake: client_hello, server_hello, client_keyx, server_keyx, unknown; waits for states.",
        parse: |builder, value| {
            for word in needed(value)?.split(['|', ',']) {
                let word = word.trim().trim_start_matches('!');
                if !matches!(
                    word,
                    "client_hello" | "server_hello" | "client_keyx" | "server_keyx" | "unknown"
                ) {
                    return Err(format!("{word:?} is no state"));
                }
            }
            builder.wait_for("states of the TLS handshake");
            tls(builder, "ssl_state")
        },
        accepts: &["ssl_state:client_hello;", "ssl_state:!server_hello;"],
        rejects: &["ssl_state:zzz;"],
    },
];

fn tls(builder: &mut Builder<'_>, name: &str) -> Result<(), String> {
    match builder.vocabulary.protocol("tls") {
        Some(id) => builder.note_protocols(&[id], name),
        None => Ok(()),
    }
}

fn certificate(builder: &mut Builder<'_>, condition: Condition) -> Result<(), String> {
    tls(builder, "tls_cert_…")?;
    builder.signature.conditions.push(condition);
    Ok(())
}

fn version(text: &str) -> Option<u64> {
    Some(match text {
        "1.0" => 0x0301,
        "1.1" => 0x0302,
        "1.2" => 0x0303,
        "1.3" => 0x0304,
        _ => return None,
    })
}

/// Any of several versions; a rule that names all but contiguous ones cannot be said with one comparison.
fn field(builder: &mut Builder<'_>, name: &str, mut numbers: Vec<u64>) -> Result<(), String> {
    numbers.sort_unstable();
    numbers.dedup();
    tls(builder, name)?;
    let Some(id) = builder.vocabulary.int_field(name) else {
        builder.wait_for("the version of TLS");
        return Ok(());
    };
    let value = match numbers.as_slice() {
        [one] => IntMatch::Equal(*one),
        [first, .., last] => IntMatch::Inclusive(*first, *last),
        [] => return Err("a version is missing".to_owned()),
    };
    builder.signature.conditions.push(Condition::IntField {
        field: id,
        value,
        index: Index::Any,
    });
    Ok(())
}

fn text(builder: &mut Builder<'_>, value: Option<&str>, buffer: &str) -> Result<(), String> {
    let value = needed(value)?;
    let (negated, value) = match value.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, value),
    };
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
        TlsDate::Between(at - 1, at + 1)
    };
    certificate(builder, make(date))
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
