//! Files: name, size, hashes, storing.

use super::{Keyword, content, needed, unquote};
use crate::signature::{BufferCondition, Builder, Content, FileStore};

macro_rules! hash {
    ($name:literal, $kind:literal) => {
        Keyword {
            name: $name,
            aliases: &[],
            doc: "The file's hash is in (or with ! not in) a list; waits for file inspection.",
            parse: |builder, value| {
                needed(value)?;
                builder.wait_for(concat!("lists of ", $kind, " hashes"));
                Ok(())
            },
            accepts: &[concat!($name, ":list.txt;")],
            rejects: &[concat!($name, ";")],
        }
    };
}

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "filename",
        aliases: &[],
        doc: "Text within the name of the file.",
        parse: |builder, value| file_text(builder, value, "file.name", Ending::Anywhere),
        accepts: &[r#"filename:"secret";"#, r#"filename:!"secret";"#],
        rejects: &["filename;"],
    },
    Keyword {
        name: "fileext",
        aliases: &[],
        doc: "Extension of the file.",
        parse: |builder, value| file_text(builder, value, "file.name", Ending::Extension),
        accepts: &[r#"fileext:"exe";"#],
        rejects: &["fileext;"],
    },
    Keyword {
        name: "filemagic",
        aliases: &[],
        doc: "Text within the type of the file.",
        parse: |builder, value| file_text(builder, value, "file.magic", Ending::Anywhere),
        accepts: &[r#"filemagic:"PDF";"#],
        rejects: &["filemagic;"],
    },
    Keyword {
        name: "filesize",
        aliases: &[],
        doc: "Size of the file in bytes; waits for file inspection.",
        parse: |builder, value| {
            let value = needed(value)?;
            let size = match value.split_once(',') {
                Some((side, size)) if matches!(side.trim(), "to_server" | "to_client") => size,
                _ => value,
            };
            super::integer::parse(size, u64::MAX)?;
            builder.wait_for("inspection of file sizes");
            Ok(())
        },
        accepts: &[
            "filesize:>100;",
            "filesize:1MB<>2MB;",
            "filesize:to_client, <100;",
        ],
        rejects: &["filesize:x;"],
    },
    hash!("filemd5", "md5"),
    hash!("filesha1", "sha1"),
    hash!("filesha256", "sha256"),
    Keyword {
        name: "filestore",
        aliases: &[],
        doc: "Stores the file; this sensor stores none, the rule alerts all the same.",
        parse: |builder, value| {
            let mut words = value
                .unwrap_or_default()
                .split(',')
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty());
            builder.signature.filestore = Some(FileStore {
                direction: words.next(),
                scope: words.next(),
            });
            builder
                .warnings
                .push("filestore: files are not stored here".to_owned());
            Ok(())
        },
        accepts: &["filestore;", "filestore:both,tx;"],
        rejects: &[],
    },
];

enum Ending {
    Anywhere,
    Extension,
}

fn file_text(
    builder: &mut Builder<'_>,
    value: Option<&str>,
    buffer: &str,
    ending: Ending,
) -> Result<(), String> {
    let value = needed(value)?;
    let (negated, value) = match value.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, value),
    };
    let mut bytes = content::unescape(&unquote(value)?.replace('\\', "\\\\"))?;
    if bytes.is_empty() {
        return Err("the text is empty".to_owned());
    }
    let endswith = matches!(ending, Ending::Extension);
    if endswith {
        bytes.insert(0, b'.');
    }
    let content = Content {
        bytes,
        negated,
        nocase: true,
        offset: None,
        depth: None,
        distance: None,
        within: None,
        startswith: false,
        endswith,
        rawbytes: false,
        fast_pattern: None,
    };
    let id = builder
        .vocabulary
        .buffer(buffer)
        .ok_or_else(|| format!("there is no buffer {buffer}"))?;
    builder.apart(id, BufferCondition::Content(content))
}
