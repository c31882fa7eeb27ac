//! What a run reports while it runs: progress and log lines, batched over all jobs of the node.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Array, Float8, Int4, Int8, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::nul::without_nul;
use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};
use crate::job::{LogLine, Pace, Progress};

/// The newest progress of a run.
#[derive(Clone, Debug)]
pub struct ProgressWrite {
    /// The job.
    pub job_id: Uuid,
    /// The fence.
    pub attempt: i32,
    /// How far it is.
    pub progress: Progress,
    /// How fast it is.
    pub pace: Pace,
}

/// Stores progress. A run that no longer owns its job does not come back.
pub async fn write(conn: &mut AsyncPgConnection, writes: &[ProgressWrite]) -> QueryResult<Vec<JobSummary>> {
    let mut update = Update::default();
    for write in writes {
        update.ids.push(write.job_id);
        update.attempts.push(write.attempt);
        update.progress.push(&write.progress);
        update.rates.push(write.pace.rate_per_second);
        update.etas.push(write.pace.eta_seconds);
    }
    Cached(update).load(conn).await
}

/// Progress of many jobs, a column each.
#[derive(Default)]
pub(super) struct ProgressColumns {
    percents: Vec<f64>,
    messages: Vec<Option<String>>,
    processed: Vec<Option<i64>>,
    totals: Vec<Option<i64>>,
}

impl ProgressColumns {
    pub(super) fn push(&mut self, progress: &Progress) {
        self.percents.push(progress.percent);
        self.messages.push(progress.message.clone().map(without_nul));
        self.processed.push(progress.processed_items);
        self.totals.push(progress.total_items);
    }

    pub(super) fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<Float8>, _>(&self.percents)?;
        binds.add::<Array<Nullable<Text>>, _>(&self.messages)?;
        binds.add::<Array<Nullable<Int8>>, _>(&self.processed)?;
        binds.add::<Array<Nullable<Int8>>, _>(&self.totals)
    }
}

#[derive(Default)]
struct Update {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    progress: ProgressColumns,
    rates: Vec<Option<f64>>,
    etas: Vec<Option<i64>>,
}

impl Statement for Update {
    type Row = SummarySql;

    const SQL: &'static str = concat!(
        ", written AS (
            UPDATE jobs SET progress = w.progress, message = w.message, processed_items = w.processed_items,
                   total_items = w.total_items, rate_per_second = w.rate, eta_seconds = w.eta, updated_at = now(),
                   rev = nextval('job_rev')
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
                AS w (id, attempt, progress, message, processed_items, total_items, rate, eta)
            WHERE jobs.id = w.id AND jobs.attempt = w.attempt AND jobs.status IN ('running', 'cancelling')
            RETURNING jobs.*
        )
        SELECT ",
        summary_columns!(),
        " FROM written"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Int4>, _>(&self.attempts)?;
        self.progress.bind(binds)?;
        binds.add::<Array<Nullable<Float8>>, _>(&self.rates)?;
        binds.add::<Array<Nullable<Int8>>, _>(&self.etas)
    }
}

/// Log lines of a run.
#[derive(Clone, Debug)]
pub struct LogWrite {
    /// The job.
    pub job_id: Uuid,
    /// The fence.
    pub attempt: i32,
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
}

/// Stores log lines of runs that still own their jobs. Storing a line twice changes nothing.
pub async fn append_logs(conn: &mut AsyncPgConnection, writes: &[LogWrite]) -> QueryResult<usize> {
    let mut append = Append::default();
    for write in writes {
        for line in &write.lines {
            append.ids.push(write.job_id);
            append.attempts.push(write.attempt);
            append.seqs.push(line.seq);
            append.ats.push(line.at);
            append.levels.push(line.level.as_str());
            append.targets.push(without_nul(line.target.clone()));
            append.messages.push(without_nul(line.message.clone()));
        }
    }
    Cached(append).execute(conn).await
}

#[derive(Default)]
struct Append {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    seqs: Vec<i64>,
    ats: Vec<DateTime<Utc>>,
    levels: Vec<&'static str>,
    targets: Vec<String>,
    messages: Vec<String>,
}

impl Statement for Append {
    type Row = ();

    const SQL: &'static str = "
        INSERT INTO job_logs (job_id, seq, at, level, target, message)
        SELECT w.job_id, w.seq, w.at, w.level, w.target, w.message
        FROM unnest($1, $2, $3, $4, $5, $6, $7) AS w (job_id, attempt, seq, at, level, target, message)
        JOIN jobs ON jobs.id = w.job_id AND jobs.attempt = w.attempt AND jobs.status IN ('running', 'cancelling')
        ON CONFLICT DO NOTHING";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Int4>, _>(&self.attempts)?;
        binds.add::<Array<Int8>, _>(&self.seqs)?;
        binds.add::<Array<Timestamptz>, _>(&self.ats)?;
        binds.add::<Array<Text>, _>(&self.levels)?;
        binds.add::<Array<Text>, _>(&self.targets)?;
        binds.add::<Array<Text>, _>(&self.messages)
    }
}

/// Deletes the lines of a job from position `from` on, before position `until`: the middle of a long log.
pub async fn trim_log(conn: &mut AsyncPgConnection, job_id: Uuid, from: i64, until: i64) -> QueryResult<usize> {
    use diesel::prelude::{ExpressionMethods, QueryDsl};

    use super::schema::job_logs;
    let middle = job_logs::table
        .filter(job_logs::job_id.eq(job_id))
        .filter(job_logs::seq.ge(from))
        .filter(job_logs::seq.lt(until));
    diesel::delete(middle).execute(conn).await
}
