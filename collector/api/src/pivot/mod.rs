//! Everything about one thing: a flow, a host, a domain, a file, a TLS fingerprint. Each is a number of tables
//! of counts over the events that name it, asked for at once.

mod asking;
mod flow;
mod graph;
mod host;
mod name;
mod trace;

use collector_search::{Node, Test};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::archive::ArchivedBody;
use crate::search::TableRow;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PivotQuery {
    /// RFC 3339, `now-7d` (the default), `-1d@d`.
    from: Option<String>,
    to: Option<String>,
    /// Rows of each table.
    rows: Option<usize>,
}

/// A table about the thing. `id` is what the console calls it by.
#[derive(Serialize, ToSchema)]
pub struct Panel {
    id: String,
    fields: Vec<String>,
    rows: Vec<TableRow>,
    /// Groups in all, shown or not.
    different: u64,
}

#[derive(Serialize, ToSchema)]
pub struct PivotBody {
    /// host, domain, file, fingerprint
    kind: String,
    value: String,
    /// The events that name it, for a search.
    q: String,
    from: String,
    to: String,
    total: u64,
    first: Option<String>,
    last: Option<String>,
    panels: Vec<Panel>,
    /// Time ran out: counts are at least these.
    partial: bool,
    /// What of the range lies in the archive, and was not counted.
    archived: Option<ArchivedBody>,
}

fn is(path: &str, value: &str) -> Node {
    Node::Field {
        path: path.to_owned(),
        test: Test::Is(value.to_owned()),
        position: 0,
    }
}

fn exists(path: &str) -> Node {
    Node::Field {
        path: path.to_owned(),
        test: Test::Exists,
        position: 0,
    }
}

fn like(path: &str, pattern: String) -> Node {
    Node::Field {
        path: path.to_owned(),
        test: Test::Like(pattern),
        position: 0,
    }
}

fn and(nodes: &[&Node]) -> Node {
    Node::And(nodes.iter().map(|node| (*node).clone()).collect())
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(flow::flow))
        .routes(routes!(host::host))
        .routes(routes!(graph::host_graph))
        .routes(routes!(graph::whole_graph))
        .routes(routes!(name::domain))
        .routes(routes!(trace::file))
        .routes(routes!(trace::fingerprint))
        .routes(routes!(name::passive_dns))
}
