//! Kerberos: encryption of tickets (rule manual, “Kerberos Keywords”).

use super::{Keyword, needed};
use crate::signature::{Builder, Condition};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "krb5.ticket_encryption",
    aliases: &[],
    doc: "Encryption of the ticket: weak, !weak, or names and numbers between commas.",
    parse: |builder, value| ticket_encryption(builder, needed(value)?),
    accepts: &[
        "krb5.ticket_encryption:weak;",
        "krb5.ticket_encryption:!weak;",
        "krb5.ticket_encryption:rc4-hmac, 18,-128;",
    ],
    rejects: &[
        "krb5.ticket_encryption;",
        "krb5.ticket_encryption:rot13;",
        "krb5.ticket_encryption:!rc4-hmac;",
    ],
}];

/// Ciphers that are not weak: AES and Camellia.
const STRONG: [i32; 6] = [17, 18, 19, 20, 25, 26];

/// Numbers of encryption types (IANA Kerberos parameters).
const TYPES: &[(&str, i32)] = &[
    ("des-cbc-crc", 1),
    ("des-cbc-md4", 2),
    ("des-cbc-md5", 3),
    ("des3-cbc-md5", 5),
    ("des3-cbc-sha1", 7),
    ("dsaWithSHA1-CmsOID", 9),
    ("md5WithRSAEncryption-CmsOID", 10),
    ("sha1WithRSAEncryption-CmsOID", 11),
    ("rc2CBC-EnvOID", 12),
    ("rsaEncryption-EnvOID", 13),
    ("rsaES-OAEP-ENV-OID", 14),
    ("des-ede3-cbc-Env-OID", 15),
    ("des3-cbc-sha1-kd", 16),
    ("aes128-cts-hmac-sha1-96", 17),
    ("aes256-cts-hmac-sha1-96", 18),
    ("aes128-cts-hmac-sha256-128", 19),
    ("aes256-cts-hmac-sha384-192", 20),
    ("rc4-hmac", 23),
    ("rc4-hmac-exp", 24),
    ("camellia128-cts-cmac", 25),
    ("camellia256-cts-cmac", 26),
    ("subkey-keymaterial", 65),
    ("rc4-md4", -128),
    ("rc4-plain2", -129),
    ("rc4-lm", -130),
    ("rc4-sha", -131),
    ("des-plain", -132),
    ("rc4-hmac-OLD", -133),
    ("rc4-plain-OLD", -134),
    ("rc4-hmac-OLD-exp", -135),
    ("rc4-plain-OLD-exp", -136),
    ("rc4-plain", -140),
    ("rc4-plain-exp", -141),
];

fn ticket_encryption(builder: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (numbers, negated) = match value.trim() {
        "weak" => (STRONG.to_vec(), true),
        "!weak" => (STRONG.to_vec(), false),
        list => {
            let numbers: Result<Vec<i32>, String> = list.split(',').map(number).collect();
            (numbers?, false)
        }
    };
    let vocabulary = builder.vocabulary;
    if let Some(protocol) = vocabulary.protocol("krb5") {
        builder.note_protocols(&[protocol], "krb5.ticket_encryption")?;
    }
    let Some(field) = vocabulary.int_field("krb5.ticket_encryption_number") else {
        builder.wait_for("the parser of krb5");
        return Ok(());
    };
    builder.signature.conditions.push(Condition::IntFieldAmong {
        field,
        numbers: numbers
            .into_iter()
            .map(|number| u64::from(number.cast_unsigned()))
            .collect(),
        negated,
    });
    Ok(())
}

fn number(text: &str) -> Result<i32, String> {
    let text = text.trim();
    match TYPES.iter().find(|(name, _)| *name == text) {
        Some((_, number)) => Ok(*number),
        None => text
            .parse()
            .map_err(|_| format!("{text:?} is no encryption type")),
    }
}
