//! FTP keywords that are neither sticky buffer nor number field.

use super::{Keyword, nothing};
use crate::signature::Condition;

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "ftpbounce",
    aliases: &[],
    doc: "A PORT command names another host than the client that sends it.",
    parse: |builder, value| {
        nothing(value)?;
        match builder.vocabulary.protocol("ftp") {
            Some(ftp) if builder.vocabulary.protocol_spec(ftp).parsed => {
                builder.note_protocols(&[ftp], "ftpbounce")?;
            }
            _ => builder.wait_for("the parser of ftp"),
        }
        builder.signature.conditions.push(Condition::FtpBounce);
        Ok(())
    },
    accepts: &["ftpbounce;"],
    rejects: &["ftpbounce:yes;"],
}];
