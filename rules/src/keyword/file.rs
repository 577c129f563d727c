//! Files: name, size, hashes, storing.

use super::{Keyword, content, dataset, needed, unquote};
use crate::signature::{
    BufferCondition, Builder, Condition, Content, Dataset, DatasetOperation, FileStore,
    HeaderDirection, IntMatch,
};

macro_rules! hash {
    ($name:literal, $kind:literal) => {
        Keyword {
            name: $name,
            aliases: &[],
            doc: "The file's hash is in (or with ! not in) a list, one a line, beside the rules.",
            parse: |builder, value| hash_list(builder, value, $kind),
            accepts: &[concat!($name, ":list.txt;"), concat!($name, ":!list.txt;")],
            rejects: &[
                concat!($name, ";"),
                concat!($name, ":/etc/list;"),
                concat!($name, ":../list;"),
            ],
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
        doc: "Size of the file in bytes; a file cut short has at least what was seen.",
        parse: file_size,
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
        doc: "Stores the file, where the file store is enabled: [request|response|both, [file|tx|ssn]].",
        parse: |builder, value| {
            sided(builder)?;
            let mut words = value
                .unwrap_or_default()
                .split(',')
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty());
            builder.signature.filestore = Some(FileStore {
                direction: words.next(),
                scope: words.next(),
            });
            builder.signature.conditions.push(Condition::HasFile);
            Ok(())
        },
        accepts: &["filestore;", "filestore:both,tx;"],
        rejects: &[],
    },
];

/// In a rule with `=>`, what both sides may have says where it is.
fn sided(builder: &Builder<'_>) -> Result<(), String> {
    if builder.signature.direction == HeaderDirection::Transactional {
        return Err("in a rule with => it must be said on which side the file is".to_owned());
    }
    Ok(())
}

fn file_size(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    let size = match value.split_once(',') {
        Some((side, size)) if matches!(side.trim(), "to_server" | "to_client") => {
            // Rules on both sides are decided with the reply.
            if builder.signature.direction == HeaderDirection::Transactional
                && side.trim() == "to_server"
            {
                builder.wait_for("sizes of files of the request");
            }
            size
        }
        _ => {
            sided(builder)?;
            value
        }
    };
    let size = super::integer::parse(size, u64::MAX)?;
    let field = match size {
        IntMatch::Greater(_) | IntMatch::GreaterEqual(_) => "file.seen",
        _ => "file.size",
    };
    super::integer::condition(builder, field, size)
}

fn hash_list(builder: &mut Builder<'_>, value: Option<&str>, kind: &str) -> Result<(), String> {
    let value = needed(value)?;
    let (operation, path) = match value.strip_prefix('!') {
        Some(path) => (DatasetOperation::IsNotSet, path.trim()),
        None => (DatasetOperation::IsSet, value),
    };
    let path = dataset::file(path)?;
    let list = Dataset {
        operation,
        name: format!("{kind} {path}"),
        kind: kind.to_owned(),
        load: Some(path),
        save: None,
        reputation: None,
        options: Vec::new(),
    };
    match builder.vocabulary.buffer(&format!("file.{kind}")) {
        Some(id) => builder.apart(id, BufferCondition::Dataset(list)),
        None => {
            builder.wait_for(&format!("a parser that fills file.{kind}"));
            Ok(())
        }
    }
}

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
