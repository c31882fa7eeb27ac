//! Keeps the database small: deletes what is old, fails what is stale.
//!
//! Everything happens in small steps that each commit by themselves, so that no step holds locks for long, a cancellation is
//! heard between two of them, and a run that is cut short loses nothing: the next one goes on. What belongs to a job
//! (its logs, events, item errors, curve) goes before the job, so that none of it outlives it.

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{info, warn};
use uuid::Uuid;

use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome, RemovedJob};

/// Jobs per step: some ten milliseconds each.
const BATCH_JOBS: i64 = 1_000;
/// Rows of a job's logs, events and item errors per step. One job may have a hundred thousand of them.
const BATCH_ROWS: i64 = 10_000;

/// Deletes finished jobs that are old, with their logs, and fails jobs whose server is long gone.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cleanup {
    /// How many days a finished job is kept. With 0 every finished job is deleted.
    #[schemars(range(min = 0, max = 36_500))]
    pub retention_days: i32,
    /// A running job counts as stale once its server has given no sign of life for this many minutes.
    #[schemars(range(min = 1, max = 525_600))]
    pub stale_minutes: i32,
    /// Only count what would be done, and change nothing.
    pub dry_run: bool,
}

impl Default for Cleanup {
    fn default() -> Self {
        Self { retention_days: 30, stale_minutes: 10, dry_run: false }
    }
}

impl Job for Cleanup {
    const SPEC: JobSpec = JobSpec::new("cleanup", "Cleanup")
        .category("Maintenance")
        .color(Color::Orange)
        .icon("clear")
        .unit("job", "jobs")
        .exclusive();

    async fn run(self, ctx: JobContext) -> JobResult {
        let deleted = self.delete_old(&ctx).await?;
        let stale = self.fail_stale(&ctx).await?;
        let nodes = self.delete_nodes(&ctx).await?;
        let did = if self.dry_run { "Would delete" } else { "Deleted" };
        Ok(Outcome::completed()
            .message(format!("{did} {} jobs and {} log lines; {stale} stale jobs", deleted.jobs, deleted.logs))
            .data(json!({
                "jobs": deleted.jobs,
                "logs": deleted.logs,
                "events": deleted.events,
                "item_errors": deleted.item_errors,
                "stale_jobs": stale,
                "nodes": nodes,
                "dry_run": self.dry_run,
            })))
    }
}

/// What went, or would go.
#[derive(Default)]
struct Deleted {
    jobs: i64,
    logs: i64,
    events: i64,
    item_errors: i64,
}

/// Where the walk through the old jobs stands; also one of them.
#[derive(QueryableByName)]
struct Old {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    completed_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Gone {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text, column_name = "type")]
    type_name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Extent {
    #[diesel(sql_type = Timestamptz)]
    before: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    jobs: i64,
}

impl Cleanup {
    /// Walks through the old jobs in the order of their end, batch by batch.
    async fn delete_old(&self, ctx: &JobContext) -> anyhow::Result<Deleted> {
        let Extent { before, jobs: total } = self.extent(ctx).await?;
        info!(jobs = total, dry_run = self.dry_run, "looking at the jobs that ended before {before}");
        ctx.message("Deleting old jobs");
        let mut deleted = Deleted::default();
        let mut last = None;
        loop {
            ctx.items(deleted.jobs.unsigned_abs(), total.max(deleted.jobs).unsigned_abs());
            ctx.checkpoint()?;
            let batch = old_jobs(ctx, before, last.as_ref()).await?;
            let ids: Vec<Uuid> = batch.iter().map(|job| job.id).collect();
            last = batch.into_iter().last();
            if last.is_none() {
                return Ok(deleted);
            }
            deleted.logs += self.drain(ctx, "job_logs", &ids).await?;
            deleted.events += self.drain(ctx, "job_events", &ids).await?;
            deleted.item_errors += self.drain(ctx, "job_item_errors", &ids).await?;
            self.drain(ctx, "job_curves", &ids).await?;
            deleted.jobs += self.drop_jobs(ctx, &ids).await?;
        }
    }

    /// The end of the retention, by the database's clock and fixed for the whole run, and how many jobs ended before it.
    async fn extent(&self, ctx: &JobContext) -> anyhow::Result<Extent> {
        let query = "WITH kept AS (SELECT now() - make_interval(days => $1) AS since)
                     SELECT since AS before, (SELECT count(*) FROM jobs WHERE completed_at < since) AS jobs FROM kept";
        let extent = sql_query(query).bind::<Integer, _>(self.retention_days).get_result(&mut ctx.db().await?).await;
        extent.context("old jobs could not be counted")
    }

    /// Deletes (or counts) the rows of these jobs in one of their tables.
    async fn drain(&self, ctx: &JobContext, table: &'static str, jobs: &[Uuid]) -> anyhow::Result<i64> {
        if self.dry_run {
            return count(ctx, format!("SELECT count(*) AS n FROM {table} WHERE job_id = ANY($1)"), jobs).await;
        }
        let delete = format!(
            "WITH gone AS (
                DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM {table} WHERE job_id = ANY($1) LIMIT {BATCH_ROWS}))
                RETURNING 1)
             SELECT count(*) AS n FROM gone"
        );
        let mut deleted = 0;
        loop {
            let gone = count(ctx, delete.clone(), jobs).await?;
            deleted += gone;
            if gone < BATCH_ROWS {
                return Ok(deleted);
            }
            ctx.checkpoint()?;
        }
    }

    /// Deletes (or counts) these jobs, and has those who watch them told.
    async fn drop_jobs(&self, ctx: &JobContext, jobs: &[Uuid]) -> anyhow::Result<i64> {
        if self.dry_run {
            return Ok(i64::try_from(jobs.len())?);
        }
        let delete = "DELETE FROM jobs WHERE id = ANY($1) AND completed_at IS NOT NULL RETURNING id, type";
        let gone: Vec<Gone> =
            sql_query(delete).bind::<Array<SqlUuid>, _>(jobs).get_results(&mut ctx.db().await?).await?;
        let deleted = i64::try_from(gone.len())?;
        ctx.removed(gone.into_iter().map(|Gone { id, type_name }| RemovedJob { id, type_name }).collect());
        Ok(deleted)
    }

    /// Ends the jobs that a node left behind which has been silent for too long. The supervisors rescue such jobs within
    /// seconds; this sweeps up what they could not. A job that was being cancelled ends as cancelled.
    ///
    /// The attempt is the fence: a row that was rescued since it was read is left alone.
    async fn fail_stale(&self, ctx: &JobContext) -> anyhow::Result<i64> {
        const DEAD: &str = "
            SELECT j.id, j.attempt, j.status FROM jobs j LEFT JOIN nodes n ON n.id = j.node_id
            WHERE j.status IN ('running', 'cancelling') AND j.id <> $1
              AND j.node_id IS DISTINCT FROM (SELECT node_id FROM jobs WHERE id = $1)
              AND COALESCE(LEAST(n.stopped_at, n.renewed_at), j.updated_at) < now() - make_interval(mins => $2)";
        ctx.message("Looking for stale jobs");
        let query = if self.dry_run {
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
                    FROM dead WHERE jobs.id = dead.id AND jobs.attempt = dead.attempt AND jobs.status = dead.status
                    RETURNING jobs.id, jobs.attempt, jobs.status),
                 noted AS (
                    INSERT INTO job_events (job_id, kind, attempt, actor, reason)
                    SELECT id, status, attempt, 'job:' || $1, 'stale: its node is gone' FROM ended)
                 SELECT count(*) AS n FROM ended"
            )
        };
        let stale = sql_query(query)
            .bind::<SqlUuid, _>(ctx.job_id())
            .bind::<Integer, _>(self.stale_minutes)
            .get_result::<Count>(&mut ctx.db().await?)
            .await
            .context("stale jobs could not be failed")?
            .n;
        if stale > 0 {
            warn!(stale, dry_run = self.dry_run, "found jobs whose node is gone");
        }
        Ok(stale)
    }

    /// Deletes the nodes that stopped before the retention and that no job names any more.
    async fn delete_nodes(&self, ctx: &JobContext) -> anyhow::Result<i64> {
        const GONE: &str = "
            FROM nodes n
            WHERE COALESCE(n.stopped_at, n.renewed_at)
                  < now() - GREATEST(make_interval(days => $1), make_interval(mins => $2))
              AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.node_id = n.id)";
        let query = if self.dry_run {
            format!("SELECT count(*) AS n {GONE}")
        } else {
            format!("WITH gone AS (DELETE {GONE} RETURNING 1) SELECT count(*) AS n FROM gone")
        };
        let nodes = sql_query(query)
            .bind::<Integer, _>(self.retention_days)
            .bind::<Integer, _>(self.stale_minutes)
            .get_result::<Count>(&mut ctx.db().await?)
            .await
            .context("old nodes could not be deleted")?;
        Ok(nodes.n)
    }
}

/// The next jobs that ended before `before`, after `last`.
async fn old_jobs(ctx: &JobContext, before: DateTime<Utc>, last: Option<&Old>) -> anyhow::Result<Vec<Old>> {
    let (at, id) = last.map_or((DateTime::UNIX_EPOCH, Uuid::nil()), |job| (job.completed_at, job.id));
    let batch = sql_query(
        "SELECT id, completed_at FROM jobs
         WHERE completed_at < $1 AND completed_at >= $2 AND (completed_at, id) > ($2, $3)
           AND status IN ('completed', 'failed', 'cancelled')
         ORDER BY completed_at, id LIMIT $4",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<Timestamptz, _>(at)
    .bind::<SqlUuid, _>(id)
    .bind::<BigInt, _>(BATCH_JOBS)
    .get_results(&mut ctx.db().await?)
    .await?;
    Ok(batch)
}

async fn count(ctx: &JobContext, query: String, jobs: &[Uuid]) -> anyhow::Result<i64> {
    let counted: Count = sql_query(query).bind::<Array<SqlUuid>, _>(jobs).get_result(&mut ctx.db().await?).await?;
    Ok(counted.n)
}

inventory::submit!(JobType::of::<Cleanup>());
