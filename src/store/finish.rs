//! The end of runs: final, or back to pending when another attempt follows or the node goes away. Group-committed, each guarded
//! by its attempt.

use diesel::QueryResult;
use diesel::sql_types::{Array, Float8, Int4, Int8, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::cancel::Rung;
use super::nul::{value_without_nul, without_nul};
use super::progress::ProgressColumns;
use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};
use crate::job::{ItemError, OutcomeKind, Progress, RetryPolicy};

/// A run that has ended for good.
#[derive(Clone, Debug)]
pub struct FinishWrite {
    /// The job.
    pub job_id: Uuid,
    /// The fence.
    pub attempt: i32,
    /// What its handler returned.
    pub outcome: OutcomeKind,
    /// Why it failed.
    pub error: Option<String>,
    /// What its handler returned besides.
    pub result: Option<Value>,
    /// Its last progress.
    pub progress: Progress,
    /// How many of its items failed.
    pub error_count: i64,
    /// The first of them.
    pub item_errors: Vec<ItemError>,
    /// How it stopped, if it was asked to.
    pub rung: Rung,
    /// What follows when it failed, as far as the job has retries left.
    pub retry: RetryPolicy,
}

impl FinishWrite {
    /// How far it came: what is completed is so in full, whatever was said last.
    pub fn percent(&self) -> f64 {
        match self.outcome {
            OutcomeKind::Completed | OutcomeKind::CompletedWithErrors => 100.0,
            OutcomeKind::Failed | OutcomeKind::Cancelled => self.progress.percent,
        }
    }
}

/// Stores the ends of runs: for good, or back to pending for another attempt. A run that no longer owns its job does not come back.
pub async fn finish(conn: &mut AsyncPgConnection, writes: &[FinishWrite]) -> QueryResult<Vec<JobSummary>> {
    replace_item_errors(conn, writes).await?;
    let mut update = Finish::default();
    for write in writes {
        update.push(write);
    }
    Cached(update).load(conn).await
}

#[derive(Default)]
struct Finish {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    progress: ProgressColumns,
    outcomes: Vec<OutcomeKind>,
    errors: Vec<Option<String>>,
    results: Vec<Option<Value>>,
    error_counts: Vec<i64>,
    rungs: Vec<&'static str>,
    first_pauses: Vec<f64>,
    longest_pauses: Vec<f64>,
}

impl Finish {
    fn push(&mut self, write: &FinishWrite) {
        self.ids.push(write.job_id);
        self.attempts.push(write.attempt);
        self.progress.push(&Progress { percent: write.percent(), ..write.progress.clone() });
        self.outcomes.push(write.outcome);
        self.errors.push(write.error.clone().map(without_nul));
        self.results.push(write.result.clone().map(value_without_nul));
        self.error_counts.push(write.error_count);
        self.rungs.push(write.rung.field());
        self.first_pauses.push(write.retry.first.as_secs_f64());
        self.longest_pauses.push(write.retry.longest.as_secs_f64());
    }
}

/// Whether another attempt follows. Asked of the row that is updated, not of a reading before it: somebody may have cancelled
/// the job since.
macro_rules! again {
    () => {
        "(jobs.status = 'running' AND ended.outcome = 'failed' AND jobs.failures < jobs.max_retries AND ended.longest_pause > 0)"
    };
}

/// How long it waits: twice as long each time, shortened by up to half. The exponent is bounded, as doubling for ever overflows.
macro_rules! pause {
    () => {
        "ended.share * least(ended.longest_pause, ended.first_pause * 2 ^ least(jobs.failures, 60)) * interval '1 second'"
    };
}

impl Statement for Finish {
    type Row = SummarySql;

    // `Status::after` says the same in Rust of a job without retries left; a test of the store holds the two together.
    #[rustfmt::skip] // the conditions stand where SQL has them
    const SQL: &'static str = concat!(
        ", ended AS MATERIALIZED (
            SELECT *, 1 - random() / 2 AS share FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                AS e (id, attempt, progress, message, processed_items, total_items, outcome, error, result, error_count, rung,
                      first_pause, longest_pause)
        ), finished AS (
            UPDATE jobs SET
                status = CASE WHEN ", again!(), " THEN 'pending'
                              WHEN jobs.status = 'cancelling' OR ended.outcome = 'cancelled' THEN 'cancelled'
                              WHEN ended.outcome = 'failed' THEN 'failed'
                              ELSE 'completed' END,
                outcome = CASE WHEN NOT ", again!(), " THEN ended.outcome END,
                progress = ended.progress, message = ended.message, processed_items = ended.processed_items,
                total_items = ended.total_items, rate_per_second = NULL, eta_seconds = NULL,
                error = ended.error, result = ended.result, error_count = ended.error_count,
                cancel = CASE WHEN cancel IS NOT NULL AND NOT ", again!(), "
                              THEN cancel || jsonb_build_object(ended.rung, now()) END,
                failures = failures + ", again!(), "::int,
                run_at = CASE WHEN ", again!(), " THEN now() + ", pause!(), " ELSE run_at END,
                turn_at = CASE WHEN ", again!(), " THEN now() + ", pause!(), " - priority * interval '10 minutes'
                               ELSE turn_at END,
                node_id = CASE WHEN NOT ", again!(), " THEN node_id END,
                completed_at = CASE WHEN NOT ", again!(), " THEN now() END, updated_at = now(), rev = nextval('job_rev')
            FROM ended
            WHERE jobs.id = ended.id AND jobs.attempt = ended.attempt AND jobs.status IN ('running', 'cancelling')
            RETURNING jobs.*
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, data)
            SELECT id, CASE status WHEN 'pending' THEN 'attempt_failed' ELSE status END, attempt,
                   CASE WHEN status = 'pending' THEN jsonb_build_object('error', error, 'retry_at', run_at)
                        WHEN error IS NOT NULL THEN jsonb_build_object('error', error) END
            FROM finished
        )
        SELECT ",
        summary_columns!(),
        " FROM finished"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Int4>, _>(&self.attempts)?;
        self.progress.bind(binds)?;
        binds.add::<Array<Text>, _>(&self.outcomes)?;
        binds.add::<Array<Nullable<Text>>, _>(&self.errors)?;
        binds.add::<Array<Nullable<Jsonb>>, _>(&self.results)?;
        binds.add::<Array<Int8>, _>(&self.error_counts)?;
        binds.add::<Array<Text>, _>(&self.rungs)?;
        binds.add::<Array<Float8>, _>(&self.first_pauses)?;
        binds.add::<Array<Float8>, _>(&self.longest_pauses)
    }
}

/// Leaves only what the last attempt found.
async fn replace_item_errors(conn: &mut AsyncPgConnection, writes: &[FinishWrite]) -> QueryResult<()> {
    let again: Vec<_> = writes.iter().filter(|w| w.attempt > 1).collect();
    if !again.is_empty() {
        let ids = again.iter().map(|w| w.job_id).collect();
        let attempts = again.iter().map(|w| w.attempt).collect();
        Cached(DeleteItemErrors { ids, attempts }).execute(conn).await?;
    }
    let mut insert = InsertItemErrors::default();
    for write in writes {
        for (seq, failed) in (0..).zip(&write.item_errors) {
            insert.ids.push(write.job_id);
            insert.attempts.push(write.attempt);
            insert.seqs.push(seq);
            insert.items.push(without_nul(failed.item.clone()));
            insert.errors.push(without_nul(failed.error.clone()));
        }
    }
    if !insert.ids.is_empty() {
        Cached(insert).execute(conn).await?;
    }
    Ok(())
}

struct DeleteItemErrors {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
}

impl Statement for DeleteItemErrors {
    type Row = ();

    const SQL: &'static str = "
        DELETE FROM job_item_errors USING unnest($1, $2) AS w (job_id, attempt), jobs
        WHERE job_item_errors.job_id = w.job_id AND jobs.id = w.job_id AND jobs.attempt = w.attempt
          AND jobs.status IN ('running', 'cancelling')";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Int4>, _>(&self.attempts)
    }
}

#[derive(Default)]
struct InsertItemErrors {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    seqs: Vec<i32>,
    items: Vec<String>,
    errors: Vec<String>,
}

impl Statement for InsertItemErrors {
    type Row = ();

    const SQL: &'static str = "
        INSERT INTO job_item_errors (job_id, seq, item, error)
        SELECT e.job_id, e.seq, e.item, e.error FROM unnest($1, $2, $3, $4, $5) AS e (job_id, attempt, seq, item, error)
        JOIN jobs ON jobs.id = e.job_id AND jobs.attempt = e.attempt AND jobs.status IN ('running', 'cancelling')
        ON CONFLICT DO NOTHING";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Int4>, _>(&self.attempts)?;
        binds.add::<Array<Int4>, _>(&self.seqs)?;
        binds.add::<Array<Text>, _>(&self.items)?;
        binds.add::<Array<Text>, _>(&self.errors)
    }
}

/// A run that ended because its node goes away, or its runner died.
#[derive(Clone, Debug)]
pub struct ReleaseWrite {
    /// The job.
    pub job_id: Uuid,
    /// The fence.
    pub attempt: i32,
    /// Why, for its history.
    pub reason: String,
}

/// Gives jobs back to the queue, or ends them when they had been asked to stop.
pub async fn release(conn: &mut AsyncPgConnection, writes: &[ReleaseWrite]) -> QueryResult<Vec<JobSummary>> {
    let statement = Release {
        ids: writes.iter().map(|w| w.job_id).collect(),
        attempts: writes.iter().map(|w| w.attempt).collect(),
        reasons: writes.iter().map(|w| w.reason.clone()).collect(),
    };
    Cached(statement).load(conn).await
}

struct Release {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    reasons: Vec<String>,
}

impl Statement for Release {
    type Row = SummarySql;

    const SQL: &'static str = concat!(
        ", gone AS (SELECT * FROM unnest($1, $2, $3) AS r (id, attempt, reason)),
        released AS (
            UPDATE jobs SET
                status = CASE status WHEN 'cancelling' THEN 'cancelled' ELSE 'pending' END,
                outcome = CASE status WHEN 'cancelling' THEN 'cancelled' END,
                completed_at = CASE status WHEN 'cancelling' THEN now() END,
                cancel = CASE WHEN cancel IS NOT NULL THEN cancel || jsonb_build_object('stopped_at', now()) END,
                node_id = NULL, rate_per_second = NULL, eta_seconds = NULL, updated_at = now(), rev = nextval('job_rev')
            FROM gone
            WHERE jobs.id = gone.id AND jobs.attempt = gone.attempt AND jobs.status IN ('running', 'cancelling')
            RETURNING jobs.*, gone.reason AS why
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, reason)
            SELECT id, CASE status WHEN 'cancelled' THEN 'cancelled' ELSE 'interrupted' END, attempt, why FROM released
        )
        SELECT ",
        summary_columns!(),
        " FROM released"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Int4>, _>(&self.attempts)?;
        binds.add::<Array<Text>, _>(&self.reasons)
    }
}

/// Records that runs on `node` wrote `what`, `progress` or an `end`, after they had lost their jobs: once for each run and kind.
/// A job that is deleted has no history to write to.
pub async fn record_late(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    late: &[(Uuid, i32)],
    what: &'static str,
) -> QueryResult<usize> {
    let (ids, attempts) = late.iter().copied().unzip();
    Cached(RecordLate { ids, attempts, node, what }).execute(conn).await
}

struct RecordLate {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    node: Uuid,
    what: &'static str,
}

impl Statement for RecordLate {
    type Row = ();

    const SQL: &'static str = "
        INSERT INTO job_events (job_id, kind, attempt, node_id, data)
        SELECT late.id, 'late_write_rejected', late.attempt, $3, jsonb_build_object('what', $4)
        FROM (SELECT DISTINCT * FROM unnest($1, $2) AS l (id, attempt)) late
        WHERE EXISTS (SELECT FROM jobs WHERE jobs.id = late.id)
          AND NOT EXISTS (SELECT FROM job_events e WHERE e.job_id = late.id AND e.kind = 'late_write_rejected'
                          AND e.attempt = late.attempt AND e.data->>'what' = $4)";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Int4>, _>(&self.attempts)?;
        binds.add::<SqlUuid, _>(&self.node)?;
        binds.add::<Text, _>(self.what)
    }
}
