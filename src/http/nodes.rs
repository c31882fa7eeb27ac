//! The nodes: which server processes share the database, how they are, and what they run.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::ApiError;
use super::query::Query;
use super::read::read;
use super::refusals;
use super::state::AppState;
use crate::actors::bus_state::BusView;
use crate::store::nodes::{self, Busy, NodeRow};

/// A node that went is shown for so many seconds: whoever looks after an incident sees who is missing.
const GONE: f64 = 3_600.0;

/// What a node runs of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeRunner {
    /// The type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// How many jobs it may run at a time.
    pub slots: i64,
    /// How many it runs, as far as that is stored.
    pub running: i64,
}

/// A node: one running server process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    /// Its id, fresh per start.
    pub id: Uuid,
    /// Its machine.
    pub hostname: String,
    /// Its process.
    pub pid: i32,
    /// The version of its program.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it last gave a sign of life. It does so every second.
    pub beat_at: DateTime<Utc>,
    /// When it signed off, or was found dead.
    #[schema(required)]
    pub stopped_at: Option<DateTime<Utc>>,
    /// How long it counts as alive without a further sign; 0 once it does not.
    pub lease_seconds_left: f64,
    /// Whether it lives, as far as its lease says.
    pub live: bool,
    /// Whether it claims jobs: false while it goes down, and once it is gone.
    pub claiming: bool,
    /// Whether it is the one that answers.
    pub this: bool,
    /// What it runs, by type.
    pub runners: Vec<NodeRunner>,
}

/// The nodes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Nodes {
    /// Those that live or went within the last hour, in the order of their start; at most the newest 500.
    pub nodes: Vec<NodeView>,
    /// How the one that answers hears of what the others do.
    pub bus: BusView,
}

/// Lists the nodes that live, and those that went within the last hour.
#[utoipa::path(
    get, path = "/api/nodes", operation_id = "list_nodes", tag = "server",
    responses((status = 200, description = "The nodes", body = Nodes), refusals::AnyQuestion),
)]
pub async fn list(state: Data<AppState>, _: Query<()>) -> Result<Json<Nodes>, ApiError> {
    let found = read(&state.db, async |conn| {
        let rows = nodes::recent(conn, GONE).await?;
        let ids: Vec<_> = rows.iter().map(|node| node.id).collect();
        Ok((nodes::busy(conn, &ids).await?, rows))
    });
    let (busy, rows) = found.await?;
    let nodes = rows.iter().map(|row| NodeView::new(row, &busy, state.node.current())).collect();
    Ok(Json(Nodes { nodes, bus: state.health.bus.view() }))
}

impl NodeView {
    fn new(row: &NodeRow, busy: &[Busy], this: Uuid) -> Self {
        let live = row.is_live();
        Self {
            id: row.id,
            hostname: row.hostname.clone(),
            pid: row.pid,
            version: row.version.clone(),
            started_at: row.started_at,
            beat_at: row.renewed_at,
            stopped_at: row.stopped_at,
            lease_seconds_left: if live { row.lease_seconds_left } else { 0.0 },
            live,
            claiming: live && row.claiming,
            this: row.id == this,
            runners: runners(row, busy),
        }
    }
}

/// Every type that the node knows, and every type that it runs.
fn runners(row: &NodeRow, busy: &[Busy]) -> Vec<NodeRunner> {
    let mut by_type: BTreeMap<&str, (i64, i64)> =
        row.slots().into_iter().map(|(name, slots)| (name, (slots, 0))).collect();
    for busy in busy.iter().filter(|busy| busy.node_id == row.id) {
        by_type.entry(&busy.type_name).or_default().1 = busy.running;
    }
    let runner = |(name, (slots, running)): (&str, _)| NodeRunner { type_name: name.to_owned(), slots, running };
    by_type.into_iter().map(runner).collect()
}
