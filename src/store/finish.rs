//! The end of runs: final, or back to pending when another attempt follows or the node goes away. Group-committed, each guarded
//! by its fence.

use diesel::QueryResult;
use diesel::sql_types::{Array, Float8, Int4, Int8, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::cancel::Rung;
use super::fence::{FenceColumns, owned_by};
use super::nul::{value_without_nul, without_nul};
use super::progress::ProgressColumns;
use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};
use crate::job::{Fence, ItemError, OutcomeKind, Progress, RetryPolicy};

/// A run that has ended for good.
#[derive(Clone, Debug)]
pub struct FinishWrite {
    /// The run.
    pub fence: Fence,
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
    fences: FenceColumns,
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
        self.fences.push(write.fence);
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
                AS e (job_id, claim_id, progress, message, processed_items, total_items, outcome, error, result, error_count, rung,
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
                -- An end of its own: the deaths of its nodes before were not in a row with those that may follow.
                interruptions = CASE WHEN ", again!(), " THEN 0 ELSE interruptions END,
                run_at = CASE WHEN ", again!(), " THEN now() + ", pause!(), " ELSE run_at END,
                turn_at = CASE WHEN ", again!(), " THEN now() + ", pause!(), " - priority * interval '10 minutes'
                               ELSE turn_at END,
                node_id = CASE WHEN NOT ", again!(), " THEN node_id END,
                completed_at = CASE WHEN NOT ", again!(), " THEN now() END, updated_at = now(), rev = nextval('job_rev')
            FROM ended
            WHERE ", owned_by!("ended"), "
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
        self.fences.bind(binds)?;
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
    let again: FenceColumns = writes.iter().map(|w| w.fence).filter(|fence| fence.attempt > 1).collect();
    if !again.is_empty() {
        Cached(DeleteItemErrors(again)).execute(conn).await?;
    }
    let mut insert = InsertItemErrors::default();
    for write in writes {
        for (seq, failed) in (0..).zip(&write.item_errors) {
            insert.fences.push(write.fence);
            insert.seqs.push(seq);
            insert.items.push(without_nul(failed.item.clone()));
            insert.errors.push(without_nul(failed.error.clone()));
        }
    }
    if !insert.fences.is_empty() {
        Cached(insert).execute(conn).await?;
    }
    Ok(())
}

struct DeleteItemErrors(FenceColumns);

impl Statement for DeleteItemErrors {
    type Row = ();

    const SQL: &'static str = concat!(
        "DELETE FROM job_item_errors USING unnest($1, $2) AS w (job_id, claim_id), jobs
         WHERE job_item_errors.job_id = w.job_id AND ",
        owned_by!("w")
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.0.bind(binds)
    }
}

#[derive(Default)]
struct InsertItemErrors {
    fences: FenceColumns,
    seqs: Vec<i32>,
    items: Vec<String>,
    errors: Vec<String>,
}

impl Statement for InsertItemErrors {
    type Row = ();

    const SQL: &'static str = concat!(
        "INSERT INTO job_item_errors (job_id, seq, item, error)
         SELECT e.job_id, e.seq, e.item, e.error FROM unnest($1, $2, $3, $4, $5) AS e (job_id, claim_id, seq, item, error)
         JOIN jobs ON ",
        owned_by!("e"),
        " ON CONFLICT DO NOTHING"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.fences.bind(binds)?;
        binds.add::<Array<Int4>, _>(&self.seqs)?;
        binds.add::<Array<Text>, _>(&self.items)?;
        binds.add::<Array<Text>, _>(&self.errors)
    }
}

/// A run that ended because its node goes away, or its runner died.
#[derive(Clone, Debug)]
pub struct ReleaseWrite {
    /// The run.
    pub fence: Fence,
    /// Why, for its history.
    pub reason: String,
}

/// Gives jobs back to the queue, or ends them when they had been asked to stop.
pub async fn release(conn: &mut AsyncPgConnection, writes: &[ReleaseWrite]) -> QueryResult<Vec<JobSummary>> {
    let statement = Release {
        fences: writes.iter().map(|w| w.fence).collect(),
        reasons: writes.iter().map(|w| w.reason.clone()).collect(),
    };
    Cached(statement).load(conn).await
}

struct Release {
    fences: FenceColumns,
    reasons: Vec<String>,
}

impl Statement for Release {
    type Row = SummarySql;

    const SQL: &'static str = concat!(
        ", gone AS (SELECT * FROM unnest($1, $2, $3) AS r (job_id, claim_id, reason)),
        released AS (
            UPDATE jobs SET
                status = CASE status WHEN 'cancelling' THEN 'cancelled' ELSE 'pending' END,
                outcome = CASE status WHEN 'cancelling' THEN 'cancelled' END,
                completed_at = CASE status WHEN 'cancelling' THEN now() END,
                cancel = CASE WHEN cancel IS NOT NULL THEN cancel || jsonb_build_object('stopped_at', now()) END,
                interruptions = 0, node_id = NULL, rate_per_second = NULL, eta_seconds = NULL,
                updated_at = now(), rev = nextval('job_rev')
            FROM gone
            WHERE ",
        owned_by!("gone"),
        "
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
        self.fences.bind(binds)?;
        binds.add::<Array<Text>, _>(&self.reasons)
    }
}

/// Records that runs on `node` wrote `what`, `progress` or an `end`, after they had lost their jobs: once for each run and kind.
/// A job that is deleted has no history to write to.
pub async fn record_late(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    late: &[Fence],
    what: &'static str,
) -> QueryResult<usize> {
    let fences = late.iter().copied().collect();
    let attempts = late.iter().map(|fence| fence.attempt).collect();
    Cached(RecordLate { fences, attempts, node, what }).execute(conn).await
}

struct RecordLate {
    fences: FenceColumns,
    attempts: Vec<i32>,
    node: Uuid,
    what: &'static str,
}

impl Statement for RecordLate {
    type Row = ();

    const SQL: &'static str = "
        INSERT INTO job_events (job_id, kind, attempt, node_id, data)
        SELECT late.job_id, 'late_write_rejected', late.attempt, $4, jsonb_build_object('what', $5, 'claim_id', late.claim_id)
        FROM (SELECT DISTINCT * FROM unnest($1, $2, $3) AS l (job_id, claim_id, attempt)) late
        WHERE EXISTS (SELECT FROM jobs WHERE jobs.id = late.job_id)
          AND NOT EXISTS (SELECT FROM job_events e WHERE e.job_id = late.job_id AND e.kind = 'late_write_rejected'
                          AND e.data->>'what' = $5 AND e.data->>'claim_id' = late.claim_id::text)";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.fences.bind(binds)?;
        binds.add::<Array<Int4>, _>(&self.attempts)?;
        binds.add::<SqlUuid, _>(&self.node)?;
        binds.add::<Text, _>(self.what)
    }
}
