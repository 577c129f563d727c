//! Rule and intelligence sources: an address, a folder or a file → rules that sensors can run.
//!
//! [`fetch`] brings the content within limits, and only when it has changed; [`files`] takes archives apart; [`read`]
//! makes rules of it, of lists by way of data sets and a rule for each place where their values are seen; [`Filters`]
//! enable, disable, modify and drop as suricata-update has them; [`compose`] writes the text of a version, and [`diff`]
//! tells what it changes. Nothing here knows of the store, of the API or of time: whoever runs sources joins them.
//!
//! Left out: ETags of single events of a MISP feed, TAXII's `added_after` (a collection is read whole, so that what
//! was revoked goes), STIX patterns that a set cannot say.

mod archive;
mod compose;
mod diff;
mod fetch;
mod filter;
mod list;
mod read;
mod rule;
mod template;

pub use archive::{ArchiveError, File, MAX_FILES, MAX_UNPACKED_BYTES, files, pack};
pub use compose::{Carried, Composed, compose};
pub use diff::{ChangeCounts, ChangeKind, Diff, ListChange, RuleChange, diff};
pub use fetch::{FetchError, Fetched, Limits, Request, Seen, Settings, client, fetch};
pub use filter::{FilterFault, FilterTexts, Filtered, Filters};
pub use list::{IndicatorKind, MAX_INDICATORS};
pub use read::{Content, FeedKind, ReadError, Reading, read};
pub use rule::{Rule, RuleId};
pub use template::{Naming, SIDS};
