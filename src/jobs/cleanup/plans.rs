//! Ends plans that nobody builds any more: their job is gone, or ended without saying so.

use anyhow::Context;
use diesel::sql_types::BigInt;
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

/// Opens those that have changes, fails the others; or counts them. A job that waits or runs may still go on with its plan.
pub(super) async fn end_stuck(limits: &Limits, ctx: &JobContext) -> anyhow::Result<i64> {
    const STUCK: &str = "
        FROM plans p WHERE p.status = 'building' AND NOT EXISTS (
            SELECT 1 FROM jobs j WHERE j.id = p.job_id AND j.status IN ('pending', 'running', 'cancelling'))";
    ctx.message("Looking for stuck plans");
    let query = if limits.dry_run {
        format!("SELECT count(*) AS n {STUCK}")
    } else {
        format!(
            "WITH stuck AS (SELECT p.id {STUCK} FOR UPDATE OF p SKIP LOCKED),
             ended AS (
                UPDATE plans SET
                    status = CASE WHEN EXISTS (SELECT 1 FROM plan_changes c WHERE c.plan_id = plans.id)
                             THEN 'open' ELSE 'failed' END,
                    note = COALESCE(note, 'the job that built it ended before it was done'), built_at = now()
                FROM stuck WHERE plans.id = stuck.id AND plans.status = 'building' RETURNING 1)
             SELECT count(*) AS n FROM ended"
        )
    };
    let stuck: Count =
        sql_query(query).get_result(&mut ctx.db().await?).await.context("stuck plans could not be ended")?;
    if stuck.n > 0 {
        warn!(plans = stuck.n, dry_run = limits.dry_run, "found plans whose job is gone");
    }
    Ok(stuck.n)
}
