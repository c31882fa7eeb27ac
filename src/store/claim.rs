//! Taking pending jobs for the runners that have room: one statement for all types.

use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};

/// How many jobs of a type this node can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The type.
    pub type_name: &'static str,
    /// How many.
    pub slots: u32,
    /// Whether only one of its type may run in the cluster.
    pub serial: bool,
}

/// A job that now runs on this node.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What everybody may know of it.
    pub job: JobSummary,
    /// Its params.
    pub params: Value,
    /// The items that it is about, when not all.
    pub only_items: Option<Value>,
}

/// Claims jobs for `node`, by priority, then by time. Those of paused types stay where they are.
///
/// Several nodes may claim at once: a row that another node is taking is skipped. For serial types "does one run?" and "take
/// one" must not interleave between nodes, so these claims take turns at an advisory lock; who does not get it claims the
/// other types, and these another time.
pub async fn claim(conn: &mut AsyncPgConnection, node: Uuid, rooms: &[Room]) -> QueryResult<Vec<Claimed>> {
    if !rooms.iter().any(|room| room.serial) {
        return claim_all(conn, node, rooms).await;
    }
    conn.transaction(async |conn| {
        let turn = sql::<Bool>("pg_try_advisory_xact_lock(hashtext('stashhog serial claims'))");
        if diesel::select(turn).get_result(conn).await? {
            return claim_all(conn, node, rooms).await;
        }
        let others: Vec<_> = rooms.iter().filter(|room| !room.serial).copied().collect();
        claim_all(conn, node, &others).await
    })
    .await
}

async fn claim_all(conn: &mut AsyncPgConnection, node: Uuid, rooms: &[Room]) -> QueryResult<Vec<Claimed>> {
    let statement = Claim {
        types: rooms.iter().map(|r| r.type_name).collect(),
        slots: rooms.iter().map(|r| i32::try_from(r.slots).unwrap_or(i32::MAX)).collect(),
        node,
    };
    let rows: Vec<(JobSummary, Value, Option<Value>)> = Cached(statement).load(conn).await?;
    Ok(rows.into_iter().map(|(job, params, only_items)| Claimed { job, params, only_items }).collect())
}

struct Claim {
    types: Vec<&'static str>,
    slots: Vec<i32>,
    node: Uuid,
}

impl Statement for Claim {
    type Row = (SummarySql, Jsonb, Nullable<Jsonb>);

    const SQL: &'static str = concat!(
        ", room AS (
            SELECT * FROM unnest($1, $2) AS r (type, slots)
            WHERE NOT EXISTS (SELECT FROM pauses WHERE pauses.type = r.type)
        ),
        picked AS (
            SELECT next.id FROM room CROSS JOIN LATERAL (
                SELECT id FROM jobs
                WHERE jobs.type = room.type AND status = 'pending' AND run_at <= now()
                  AND NOT (serial AND EXISTS (
                      SELECT FROM jobs other WHERE other.type = room.type AND other.status IN ('running', 'cancelling')))
                ORDER BY turn_at, id
                LIMIT room.slots
                FOR UPDATE SKIP LOCKED
            ) next
        ), claimed AS (
            UPDATE jobs SET status = 'running', attempt = attempt + 1, node_id = $3, started_at = now(), updated_at = now(),
                   progress = 0, message = NULL, processed_items = NULL, total_items = NULL, error = NULL, error_count = 0,
                   cancel = NULL, rev = nextval('job_rev')
            FROM picked WHERE jobs.id = picked.id
            RETURNING jobs.*
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, node_id) SELECT id, 'started', attempt, node_id FROM claimed
        )
        SELECT ",
        summary_columns!(),
        ", params, only_items FROM claimed ORDER BY turn_at, id"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<Text>, _>(&self.types)?;
        binds.add::<Array<Int4>, _>(&self.slots)?;
        binds.add::<SqlUuid, _>(&self.node)
    }
}
