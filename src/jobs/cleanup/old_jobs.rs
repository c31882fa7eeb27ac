//! Deletes the jobs that ended long ago, and all that belongs to them.
//!
//! Jobs below one that has not ended stay, however old they are: that one may still read how they ended, or run again and look
//! for them by their keys. A terminal status is final, so a job is free to go once all jobs above it have ended.

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use tracing::info;
use uuid::Uuid;

use super::{BATCH_ROWS, Limits};
use crate::job::{JobContext, RemovedJob};

/// Jobs per step: some ten milliseconds each.
const BATCH_JOBS: i64 = 1_000;

/// Whether a row of `jobs` ended before the time that follows, and no job above it can still ask for it.
macro_rules! ended_before {
    () => {
        "status IN ('completed', 'failed', 'cancelled')
         AND NOT EXISTS (SELECT FROM jobs above WHERE above.id = ANY(jobs.ancestors)
                         AND above.status IN ('pending', 'running', 'cancelling'))
         AND completed_at < "
    };
}

/// What went, or would go.
#[derive(Default)]
pub(super) struct Deleted {
    pub(super) jobs: i64,
    pub(super) logs: i64,
    pub(super) events: i64,
    pub(super) item_errors: i64,
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

/// Deletes them, or counts them.
pub(super) async fn delete(limits: &Limits, ctx: &JobContext) -> anyhow::Result<Deleted> {
    limits.walk(ctx).await
}

impl Limits {
    /// Walks through the old jobs in the order of their end, batch by batch.
    async fn walk(&self, ctx: &JobContext) -> anyhow::Result<Deleted> {
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
            self.drain(ctx, "job_states", &ids).await?;
            deleted.jobs += self.drop_jobs(ctx, &ids).await?;
        }
    }

    /// The end of the retention, by the database's clock and fixed for the whole run, and how many jobs ended before it.
    async fn extent(&self, ctx: &JobContext) -> anyhow::Result<Extent> {
        let query = concat!(
            "WITH kept AS (SELECT now() - make_interval(days => $1) AS since)
             SELECT since AS before, (SELECT count(*) FROM jobs WHERE ",
            ended_before!(),
            "since) AS jobs FROM kept"
        );
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
}

/// The next jobs that ended before `before`, after `last`.
async fn old_jobs(ctx: &JobContext, before: DateTime<Utc>, last: Option<&Old>) -> anyhow::Result<Vec<Old>> {
    let (at, id) = last.map_or((DateTime::UNIX_EPOCH, Uuid::nil()), |job| (job.completed_at, job.id));
    let batch = sql_query(concat!(
        "SELECT id, completed_at FROM jobs
         WHERE completed_at >= $2 AND (completed_at, id) > ($2, $3) AND ",
        ended_before!(),
        "$1 ORDER BY completed_at, id LIMIT $4",
    ))
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
