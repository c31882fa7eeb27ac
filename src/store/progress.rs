//! What a run reports while it runs: progress and log lines, batched over all jobs of the node.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Array, Float8, Int8, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fence::{FenceColumns, owned_by};
use super::nul::without_nul;
use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};
use crate::job::{Fence, LogLine, Pace, Progress};

/// The newest progress of a run.
#[derive(Clone, Debug)]
pub struct ProgressWrite {
    /// The run.
    pub fence: Fence,
    /// How far it is.
    pub progress: Progress,
    /// How fast it is.
    pub pace: Pace,
}

/// Stores progress. A run that no longer owns its job does not come back.
pub async fn write(conn: &mut AsyncPgConnection, writes: &[ProgressWrite]) -> QueryResult<Vec<JobSummary>> {
    let mut update = Update::default();
    for write in writes {
        update.fences.push(write.fence);
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
    fences: FenceColumns,
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
                AS w (job_id, claim_id, progress, message, processed_items, total_items, rate, eta)
            WHERE ",
        owned_by!("w"),
        "
            RETURNING jobs.*
        )
        SELECT ",
        summary_columns!(),
        " FROM written"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.fences.bind(binds)?;
        self.progress.bind(binds)?;
        binds.add::<Array<Nullable<Float8>>, _>(&self.rates)?;
        binds.add::<Array<Nullable<Int8>>, _>(&self.etas)
    }
}

/// Log lines of a run.
#[derive(Clone, Debug)]
pub struct LogWrite {
    /// The run.
    pub fence: Fence,
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
}

/// Stores log lines of runs that still own their jobs. Storing a line twice changes nothing.
pub async fn append_logs(conn: &mut AsyncPgConnection, writes: &[LogWrite]) -> QueryResult<usize> {
    let mut append = Append::default();
    for write in writes {
        for line in &write.lines {
            append.fences.push(write.fence);
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
    fences: FenceColumns,
    seqs: Vec<i64>,
    ats: Vec<DateTime<Utc>>,
    levels: Vec<&'static str>,
    targets: Vec<String>,
    messages: Vec<String>,
}

impl Statement for Append {
    type Row = ();

    const SQL: &'static str = concat!(
        "INSERT INTO job_logs (job_id, seq, at, level, target, message)
         SELECT w.job_id, w.seq, w.at, w.level, w.target, w.message
         FROM unnest($1, $2, $3, $4, $5, $6, $7) AS w (job_id, claim_id, seq, at, level, target, message)
         JOIN jobs ON ",
        owned_by!("w"),
        " ON CONFLICT DO NOTHING"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.fences.bind(binds)?;
        binds.add::<Array<Int8>, _>(&self.seqs)?;
        binds.add::<Array<Timestamptz>, _>(&self.ats)?;
        binds.add::<Array<Text>, _>(&self.levels)?;
        binds.add::<Array<Text>, _>(&self.targets)?;
        binds.add::<Array<Text>, _>(&self.messages)
    }
}

/// The middle of a run's long log.
#[derive(Clone, Copy, Debug)]
pub struct LogTrim {
    /// The run.
    pub fence: Fence,
    /// The position of the first line to delete.
    pub from: i64,
    /// The position after the last.
    pub until: i64,
}

/// Deletes the middles of long logs of runs that still own their jobs.
pub async fn trim_logs(conn: &mut AsyncPgConnection, trims: &[LogTrim]) -> QueryResult<usize> {
    let statement = Trim {
        fences: trims.iter().map(|trim| trim.fence).collect(),
        from: trims.iter().map(|trim| trim.from).collect(),
        until: trims.iter().map(|trim| trim.until).collect(),
    };
    Cached(statement).execute(conn).await
}

struct Trim {
    fences: FenceColumns,
    from: Vec<i64>,
    until: Vec<i64>,
}

impl Statement for Trim {
    type Row = ();

    const SQL: &'static str = concat!(
        "DELETE FROM job_logs USING unnest($1, $2, $3, $4) AS w (job_id, claim_id, from_seq, until_seq), jobs
         WHERE job_logs.job_id = w.job_id AND job_logs.seq >= w.from_seq AND job_logs.seq < w.until_seq AND ",
        owned_by!("w")
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.fences.bind(binds)?;
        binds.add::<Array<Int8>, _>(&self.from)?;
        binds.add::<Array<Int8>, _>(&self.until)
    }
}
