//! Handing back the jobs of nodes that died.

use std::collections::HashSet;

use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, NullableExpressionMethods, QueryDsl};
use diesel::sql_types::{Bool, Float8, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::fence::{FenceColumns, owned_by};
use super::finish::{ReleaseWrite, release};
use super::row::{JobSummary, SummarySql, summary_columns};
use super::schema::jobs;
use super::statement::{Binds, Cached, Statement};
use crate::job::{Fence, Status};

/// A node that has not renewed its row for this long is dead, in seconds of the database's clock.
pub const LEASE_SECONDS: f64 = 10.0;

/// A run that has lasted this long was not what kills nodes at once, in seconds of the database's clock: its death is counted as the
/// first of a new row.
const LONG_RUN_SECONDS: f64 = 600.0;

/// Takes the jobs from dead nodes: back to pending; cancelled, when somebody had asked; failed, when this happened too often.
///
/// `interruptions` counts deaths in a row. A run that only waited for its children does not count, as it did nothing. A run that
/// stored a state of its own, or lasted for `LONG_RUN_SECONDS`, begins a new row, as it got somewhere; so does one that follows a
/// failure, or a node that went away in order.
///
/// The event of each says from whom: `{"from": {"hostname", "pid"}, "by": the node that rescued it}`.
///
/// A node is dead when its row says so, is missing, or was not renewed within the lease.
///
/// Jobs whose rows somebody holds are passed over until the next time.
pub async fn rescue(conn: &mut AsyncPgConnection, me: Uuid, which: Which) -> QueryResult<Vec<JobSummary>> {
    Cached(Rescue { me, lease: LEASE_SECONDS, all: which == Which::All, long_run: LONG_RUN_SECONDS }).load(conn).await
}

/// Which orphans are rescued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those that go back to pending: what stands below them goes on.
    ThatGoOn,
}

/// Those of these runs that hold their jobs no longer: another claim does, or the job is ended or deleted.
pub async fn lost(conn: &mut AsyncPgConnection, runs: &[Fence]) -> QueryResult<Vec<Fence>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let held: Vec<(Uuid, Uuid)> = Cached(Held(runs.iter().copied().collect())).load(conn).await?;
    let held: HashSet<_> = held.into_iter().collect();
    Ok(runs.iter().filter(|run| !held.contains(&(run.job_id, run.claim_id))).copied().collect())
}

struct Held(FenceColumns);

impl Statement for Held {
    type Row = (SqlUuid, SqlUuid);

    // A subquery for each run, not a join: a plan that reads all jobs is out of the question.
    const SQL: &'static str = concat!(
        "SELECT w.job_id, w.claim_id FROM unnest($1, $2) AS w (job_id, claim_id)
         WHERE (SELECT true FROM jobs WHERE ",
        owned_by!("w"),
        ")"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.0.bind(binds)
    }
}

/// Gives back the jobs that this node holds without knowing: those of a claim whose answer was lost on the way. `known` are the
/// runs that it knows. A run of the same job under an earlier claim does not count. Needs a transaction: it locks the rows first,
/// and passes over those that somebody holds.
pub async fn unknown(conn: &mut AsyncPgConnection, me: Uuid, known: &[Fence]) -> QueryResult<Vec<JobSummary>> {
    let known: HashSet<_> = known.iter().collect();
    let held: Vec<(Uuid, i32, Uuid)> = jobs::table
        .filter(jobs::node_id.eq(me))
        .filter(jobs::status.eq_any([Status::Running, Status::Cancelling]))
        .select((jobs::id, jobs::attempt, jobs::claim_id.assume_not_null()))
        .load(conn)
        .await?;
    let held = held.into_iter().map(|(job_id, attempt, claim_id)| Fence { job_id, attempt, claim_id });
    let mut unknown: Vec<_> = held.filter(|fence| !known.contains(fence)).collect();
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = unknown.iter().map(|fence| fence.job_id).collect();
    let free = jobs::table.filter(jobs::id.eq_any(ids)).select(jobs::id).for_no_key_update().skip_locked();
    let free: Vec<Uuid> = free.load(conn).await?;
    unknown.retain(|fence| free.contains(&fence.job_id));
    let reason = "the answer to its claim was lost";
    let write = |fence| ReleaseWrite { fence, reason: reason.to_owned() };
    release(conn, &unknown.into_iter().map(write).collect::<Vec<_>>()).await
}

struct Rescue {
    me: Uuid,
    lease: f64,
    all: bool,
    long_run: f64,
}

impl Statement for Rescue {
    type Row = SummarySql;

    const SQL: &'static str = concat!(
        ", orphan AS (
            SELECT jobs.id, jobs.node_id, jobs.attempt, nodes.hostname, nodes.pid,
                   CASE WHEN jobs.waiting_claim_id = jobs.claim_id THEN jobs.interruptions
                        WHEN jobs.started_at < now() - make_interval(secs => $4) OR EXISTS (
                            SELECT FROM job_states s WHERE s.job_id = jobs.id AND s.changed_by = jobs.claim_id) THEN 1
                        ELSE jobs.interruptions + 1 END AS deaths
            FROM jobs LEFT JOIN nodes ON nodes.id = jobs.node_id
            WHERE jobs.status IN ('running', 'cancelling') AND jobs.node_id IS DISTINCT FROM $1
              AND (nodes.id IS NULL OR nodes.stopped_at IS NOT NULL
                   OR nodes.renewed_at < now() - make_interval(secs => $2))
              AND ($3 OR (jobs.status = 'running' AND jobs.interruptions < jobs.max_interruptions))
            ORDER BY jobs.id
            FOR UPDATE OF jobs SKIP LOCKED
        ), rescued AS (
            UPDATE jobs SET
                status = CASE WHEN status = 'cancelling' THEN 'cancelled'
                              WHEN orphan.deaths > max_interruptions THEN 'failed'
                              ELSE 'pending' END,
                outcome = CASE WHEN status = 'cancelling' THEN 'cancelled'
                               WHEN orphan.deaths > max_interruptions THEN 'failed' END,
                error = CASE WHEN status <> 'cancelling' AND orphan.deaths > max_interruptions
                             THEN 'its node died under it ' || orphan.deaths || ' times' END,
                completed_at = CASE WHEN status = 'cancelling' OR orphan.deaths > max_interruptions THEN now() END,
                cancel = CASE WHEN cancel IS NOT NULL THEN cancel || jsonb_build_object('stopped_at', now()) END,
                interruptions = orphan.deaths, node_id = NULL, rate_per_second = NULL, eta_seconds = NULL,
                updated_at = now(), rev = nextval('job_rev')
            FROM orphan
            WHERE jobs.id = ANY(ARRAY(SELECT id FROM orphan)) AND jobs.id = orphan.id AND jobs.attempt = orphan.attempt
            RETURNING jobs.*, orphan.node_id AS dead_node, orphan.hostname AS dead_host, orphan.pid AS dead_pid
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, node_id, data)
            SELECT id, unnest(CASE status WHEN 'pending' THEN ARRAY['rescued'] ELSE ARRAY['rescued', status] END),
                   attempt, dead_node,
                   jsonb_build_object('by', $1, 'from', jsonb_build_object('hostname', dead_host, 'pid', dead_pid))
            FROM rescued
        )
        SELECT ",
        summary_columns!(),
        " FROM rescued"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<SqlUuid, _>(&self.me)?;
        binds.add::<Float8, _>(&self.lease)?;
        binds.add::<Bool, _>(&self.all)?;
        binds.add::<Float8, _>(&self.long_run)
    }
}
