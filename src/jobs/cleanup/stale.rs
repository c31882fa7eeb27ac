//! Ends what nodes that are gone have left behind, and forgets those nodes.

use anyhow::Context;
use diesel::sql_types::{BigInt, Integer, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use tracing::warn;

use super::Limits;
use crate::job::JobContext;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Ends the jobs that a node left behind which has been silent for too long. The supervisors rescue such jobs within
/// seconds; this sweeps up what they could not. A job that was being cancelled ends as cancelled.
///
/// The claim is the fence: a row that was rescued since it was read is left alone.
pub(super) async fn fail_jobs(limits: &Limits, ctx: &JobContext) -> anyhow::Result<i64> {
    const DEAD: &str = "
        SELECT j.id, j.claim_id, j.status FROM jobs j LEFT JOIN nodes n ON n.id = j.node_id
        WHERE j.status IN ('running', 'cancelling') AND j.id <> $1
          AND j.node_id IS DISTINCT FROM (SELECT node_id FROM jobs WHERE id = $1)
          AND COALESCE(LEAST(n.stopped_at, n.renewed_at), j.updated_at) < now() - make_interval(mins => $2)";
    ctx.message("Looking for stale jobs");
    let query = if limits.dry_run {
        format!("SELECT count(*) AS n FROM ({DEAD}) dead")
    } else {
        format!(
            "WITH dead AS ({DEAD} FOR UPDATE OF j SKIP LOCKED),
             ended AS (
                UPDATE jobs SET
                    status = CASE dead.status WHEN 'cancelling' THEN 'cancelled' ELSE 'failed' END,
                    outcome = CASE dead.status WHEN 'cancelling' THEN 'cancelled' ELSE 'failed' END,
                    error = 'stale: its node is gone', rate_per_second = NULL, eta_seconds = NULL,
                    completed_at = now(), updated_at = now(), rev = nextval('job_rev')
                FROM dead WHERE jobs.id = dead.id AND jobs.claim_id IS NOT DISTINCT FROM dead.claim_id AND jobs.status = dead.status
                RETURNING jobs.id, jobs.attempt, jobs.status),
             noted AS (
                INSERT INTO job_events (job_id, kind, attempt, actor, reason)
                SELECT id, status, attempt, 'job:' || $1, 'stale: its node is gone' FROM ended)
             SELECT count(*) AS n FROM ended"
        )
    };
    let stale = sql_query(query)
        .bind::<SqlUuid, _>(ctx.job_id())
        .bind::<Integer, _>(limits.stale_minutes)
        .get_result::<Count>(&mut ctx.db().await?)
        .await
        .context("stale jobs could not be failed")?
        .n;
    if stale > 0 {
        warn!(stale, dry_run = limits.dry_run, "found jobs whose node is gone");
    }
    Ok(stale)
}

/// Deletes the nodes that stopped before the retention and that no job names any more.
pub(super) async fn delete_nodes(limits: &Limits, ctx: &JobContext) -> anyhow::Result<i64> {
    const GONE: &str = "
        FROM nodes n
        WHERE COALESCE(n.stopped_at, n.renewed_at)
              < now() - GREATEST(make_interval(days => $1), make_interval(mins => $2))
          AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.node_id = n.id)";
    let query = if limits.dry_run {
        format!("SELECT count(*) AS n {GONE}")
    } else {
        format!("WITH gone AS (DELETE {GONE} RETURNING 1) SELECT count(*) AS n FROM gone")
    };
    let nodes = sql_query(query)
        .bind::<Integer, _>(limits.retention_days)
        .bind::<Integer, _>(limits.stale_minutes)
        .get_result::<Count>(&mut ctx.db().await?)
        .await
        .context("old nodes could not be deleted")?;
    Ok(nodes.n)
}
