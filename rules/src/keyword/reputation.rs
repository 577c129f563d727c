//! `geoip`, `iprep`: what is known of addresses from elsewhere.

use super::{Keyword, needed};
use crate::signature::Condition;

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "geoip",
        aliases: &[],
        doc: "Country of an address; waits for a country database.",
        parse: |builder, value| {
            let value = needed(value)?.to_owned();
            builder.wait_for("a country database");
            builder.signature.conditions.push(Condition::GeoIp(value));
            Ok(())
        },
        accepts: &["geoip:src,CN;"],
        rejects: &["geoip;"],
    },
    Keyword {
        name: "iprep",
        aliases: &[],
        doc: "Reputation of an address; waits for reputation lists.",
        parse: |builder, value| {
            let value = needed(value)?.to_owned();
            builder.wait_for("reputation lists");
            builder.signature.conditions.push(Condition::IpRep(value));
            Ok(())
        },
        accepts: &["iprep:src,Bad,>,10;"],
        rejects: &["iprep;"],
    },
];
