//! Taking pending jobs for the runners that have room: one statement for all types.
//!
//! A claim reads the index of the queue in its order, from the front, and stops when it has enough: it costs the same with ten jobs
//! waiting and with a million. The statement is written so that no statistics lead the planner elsewhere:
//!
//! - It updates `WHERE id = ANY(ARRAY(…))`. The planner assumes ten ids and looks them up. Joined with the picked jobs instead, it
//!   assumes a tenth of the table and reads all of it.
//! - It reads up to `now()` and not into the future, where any number of jobs may wait for their time. A job of a negative priority
//!   stands behind its time, so the lowest of these says how much further to read.
//! - Nothing but `jobs_claim` is an index of pending jobs that the planner might combine or sort.

use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::sql_types::{Array, Bool, Float8, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};
use crate::job::{Fence, RateLimit};

/// How many jobs of a type this node can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The type.
    pub type_name: &'static str,
    /// How many.
    pub slots: u32,
    /// How many of its type may run in the cluster, where that is limited.
    pub in_cluster: Option<u32>,
    /// How often its type may start in the cluster, where that is limited.
    pub rate_limit: Option<RateLimit>,
}

impl Room {
    /// Whether other nodes matter for what this one may start.
    const fn is_limited(&self) -> bool {
        self.in_cluster.is_some() || self.rate_limit.is_some()
    }
}

/// What a claim came to.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The jobs that now run on this node.
    pub jobs: Vec<Claimed>,
    /// Another node had the turn for the types with a limit: these are to be claimed again soon.
    pub missed_turn: bool,
}

/// A job that now runs on this node.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What everybody may know of it.
    pub job: JobSummary,
    /// The fencing token of the run that begins.
    pub fence: Fence,
    /// Its params.
    pub params: Value,
    /// The items that it is about, when not all.
    pub only_items: Option<Value>,
}

/// Claims jobs for `node`, in the order of their turns. Those of paused types stay where they are, and so do those behind
/// another one with the same queue key. A node that is not registered, or was signed off, gets none.
///
/// Several nodes may claim at once: a row that another node is taking is skipped. For types with a limit in the cluster "how
/// many run?" and "take so many" must not interleave between nodes, so these claims take turns at an advisory lock. Who does
/// not get it claims the other types, and these another time: nobody waits for a node that was stopped in its turn.
pub async fn claim(conn: &mut AsyncPgConnection, node: Uuid, rooms: &[Room]) -> QueryResult<Claims> {
    if !rooms.iter().any(Room::is_limited) {
        return Ok(Claims { jobs: claim_all(conn, node, rooms).await?, missed_turn: false });
    }
    conn.transaction(async |conn| {
        if take_turn(conn).await? {
            return Ok(Claims { jobs: claim_all(conn, node, rooms).await?, missed_turn: false });
        }
        let others: Vec<_> = rooms.iter().filter(|room| !room.is_limited()).copied().collect();
        Ok(Claims { jobs: claim_all(conn, node, &others).await?, missed_turn: true })
    })
    .await
}

/// Takes the turn of those who decide by what runs in the whole cluster, until the end of the transaction. False when somebody
/// else has it.
pub async fn take_turn(conn: &mut AsyncPgConnection) -> QueryResult<bool> {
    let turn = sql::<Bool>("pg_try_advisory_xact_lock(hashtext('stashhog limits'))");
    diesel::select(turn).get_result(conn).await
}

async fn claim_all(conn: &mut AsyncPgConnection, node: Uuid, rooms: &[Room]) -> QueryResult<Vec<Claimed>> {
    let whole = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let statement = Claim {
        types: rooms.iter().map(|r| r.type_name).collect(),
        slots: rooms.iter().map(|r| whole(r.slots)).collect(),
        in_cluster: rooms.iter().map(|r| r.in_cluster.map(whole)).collect(),
        starts: rooms.iter().map(|r| r.rate_limit.map(|limit| whole(limit.starts))).collect(),
        periods: rooms.iter().map(|r| r.rate_limit.map(|limit| limit.period.as_secs_f64())).collect(),
        node,
        claim_id: Uuid::now_v7(),
    };
    let claim_id = statement.claim_id;
    let rows: Vec<(JobSummary, Value, Option<Value>)> = Cached(statement).load(conn).await?;
    let claimed = |(job, params, only_items): (JobSummary, Value, Option<Value>)| {
        let fence = Fence { job_id: job.id, attempt: job.attempt, claim_id };
        Claimed { job, fence, params, only_items }
    };
    Ok(rows.into_iter().map(claimed).collect())
}

struct Claim {
    types: Vec<&'static str>,
    slots: Vec<i32>,
    in_cluster: Vec<Option<i32>>,
    starts: Vec<Option<i32>>,
    periods: Vec<Option<f64>>,
    node: Uuid,
    claim_id: Uuid,
}

impl Statement for Claim {
    type Row = (SummarySql, Jsonb, Nullable<Jsonb>);

    const SQL: &'static str = concat!(
        // Not the transaction's clock, which stood before its turn came: by what is stored, too, no two of a serial type overlap.
        ", clock AS MATERIALIZED (SELECT clock_timestamp() AS at),
        told AS (SELECT * FROM unnest($1, $2, $3, $4, $5) AS t (type, slots, in_cluster, starts, period)),
        room AS (
            SELECT type, coalesce((
                SELECT -priority FROM jobs WHERE jobs.type = told.type AND status = 'pending' AND priority < 0
                ORDER BY priority LIMIT 1
            ), 0) * interval '10 minutes' AS behind, least(
                slots,
                CASE WHEN in_cluster IS NOT NULL THEN in_cluster - (
                    SELECT count(*) FROM jobs WHERE jobs.type = told.type AND status IN ('running', 'cancelling')) END,
                CASE WHEN starts IS NOT NULL THEN starts - (
                    SELECT count(*) FROM recent_starts recent
                    WHERE recent.type = told.type AND recent.at > (SELECT at FROM clock) - make_interval(secs => period)
                      -- Not what a clock that was wrong has left.
                      AND recent.at < (SELECT at FROM clock) + interval '1 minute') END
            ) AS slots
            FROM told WHERE NOT EXISTS (SELECT FROM pauses WHERE pauses.type = told.type)
              AND EXISTS (SELECT FROM nodes WHERE id = $6 AND stopped_at IS NULL)
        ),
        picked AS (
            SELECT next.id FROM room CROSS JOIN LATERAL (
                SELECT id FROM jobs
                WHERE jobs.type = room.type AND status = 'pending' AND run_at <= now() AND turn_at <= now() + room.behind
                  AND (expires_at IS NULL OR expires_at > now())
                  AND NOT (queue_key IS NOT NULL AND EXISTS (
                      SELECT FROM jobs first
                      WHERE first.queue_key = jobs.queue_key AND first.status IN ('pending', 'running', 'cancelling')
                        AND (first.status <> 'pending' OR (first.created_at, first.id) < (jobs.created_at, jobs.id))))
                ORDER BY turn_at, id
                LIMIT greatest(room.slots, 0)
                FOR UPDATE SKIP LOCKED
            ) next
        ), claimed AS (
            UPDATE jobs SET status = 'running', attempt = attempt + 1, claim_id = $7, node_id = $6, started_at = clock.at,
                   updated_at = now(), progress = 0, message = NULL, processed_items = NULL, total_items = NULL, error = NULL, error_count = 0,
                   cancel = NULL, rev = nextval('job_rev')
            FROM clock WHERE jobs.id = ANY(ARRAY(SELECT id FROM picked))
            RETURNING jobs.*
        ), events AS (
            INSERT INTO job_events (job_id, at, kind, attempt, node_id)
            SELECT id, started_at, 'started', attempt, node_id FROM claimed
        ), starts AS (
            INSERT INTO recent_starts (type, at) SELECT type, started_at FROM claimed JOIN told USING (type) WHERE starts IS NOT NULL
        ), forgotten AS (
            DELETE FROM recent_starts WHERE id = ANY(ARRAY(
                SELECT old.id FROM told CROSS JOIN LATERAL (
                    SELECT id FROM recent_starts recent
                    WHERE recent.type = told.type AND recent.at <= now() - make_interval(secs => period) LIMIT 1000
                ) old))
        )
        SELECT ",
        summary_columns!(),
        ", params, only_items FROM claimed ORDER BY turn_at, id"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<Text>, _>(&self.types)?;
        binds.add::<Array<Int4>, _>(&self.slots)?;
        binds.add::<Array<Nullable<Int4>>, _>(&self.in_cluster)?;
        binds.add::<Array<Nullable<Int4>>, _>(&self.starts)?;
        binds.add::<Array<Nullable<Float8>>, _>(&self.periods)?;
        binds.add::<SqlUuid, _>(&self.node)?;
        binds.add::<SqlUuid, _>(&self.claim_id)
    }
}
