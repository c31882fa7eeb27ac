//! One group commit of the tracker: what goes in, how it is written, what came out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::conclusion::Conclusion;
use crate::job::{Attempt, LogLine, OutcomeKind, middle_of_log};
use crate::store::cancel::{self, CancelWrite, RungWrite};
use crate::store::finish::{self, FinishWrite, ReleaseWrite};
use crate::store::link::Link;
use crate::store::progress::{self, LogWrite, ProgressWrite};
use crate::store::row::JobSummary;

/// A wish that jobs stop, and who waits for the answer.
pub struct CancelWish {
    pub ids: Vec<Uuid>,
    pub actor: String,
    pub reason: Option<String>,
    pub reply: oneshot::Sender<Vec<Asked>>,
}

/// What is to be written.
#[derive(Default)]
pub struct Batch {
    /// Attempts with news.
    pub touched: HashMap<Uuid, Arc<Attempt>>,
    pub cancels: Vec<CancelWish>,
    pub rungs: Vec<RungWrite>,
    finishes: Vec<FinishWrite>,
    releases: Vec<ReleaseWrite>,
    /// Attempts that are over: their last log lines go first.
    ended: Vec<Arc<Attempt>>,
    /// Read from the attempts when the batch begins.
    progress: Vec<ProgressWrite>,
    logs: Vec<LogWrite>,
    /// Middles of long logs to be cut out.
    trims: Vec<Trim>,
}

/// The middle of a long log.
#[derive(Clone, Copy)]
struct Trim {
    job_id: Uuid,
    from: i64,
    until: i64,
}

/// Stored log lines of a job of this type.
pub struct StoredLines {
    pub type_name: &'static str,
    pub write: LogWrite,
}

/// A job that somebody asked to stop, as it is, and whether the wish changed it.
pub type Asked = (JobSummary, bool);

/// What came of it.
pub struct Written {
    /// Jobs as they are now.
    pub jobs: Vec<JobSummary>,
    /// Log lines that are stored.
    pub lines: Vec<StoredLines>,
    /// Whom to answer what.
    pub cancel_answers: Vec<(oneshot::Sender<Vec<Asked>>, Vec<Asked>)>,
    /// Jobs whose runs here are over, whatever came of them.
    pub settled: Vec<Uuid>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty() && self.cancels.is_empty() && self.rungs.is_empty() && self.ends() == 0
    }

    /// How many ends of jobs are in it.
    pub fn ends(&self) -> usize {
        self.finishes.len() + self.releases.len()
    }

    /// Adds the end of an attempt.
    pub fn conclude(&mut self, attempt: Arc<Attempt>, conclusion: Conclusion) {
        match conclusion {
            Conclusion::Finish(write) => self.finishes.push(*write),
            Conclusion::Release(write) => self.releases.push(write),
        }
        self.ended.push(attempt);
    }

    /// Adds the end of a run whose attempt is lost.
    pub fn release(&mut self, write: ReleaseWrite) {
        self.releases.push(write);
    }

    /// Takes the newest progress and the log lines of all attempts in it. Those that are over carry their progress already.
    pub fn read_attempts(&mut self) {
        for attempt in self.touched.values() {
            let (progress, lines) = attempt.read();
            let number = attempt.number;
            self.progress.push(ProgressWrite { job_id: attempt.job_id, attempt: number, progress });
            push_lines(&mut self.logs, &mut self.trims, attempt, lines);
        }
        for attempt in &self.ended {
            let (_, lines) = attempt.read();
            push_lines(&mut self.logs, &mut self.trims, attempt, lines);
        }
    }
}

fn push_lines(logs: &mut Vec<LogWrite>, trims: &mut Vec<Trim>, attempt: &Attempt, lines: Vec<LogLine>) {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
    if let Some((from, until)) = middle_of_log(attempt.number, first.seq, last.seq) {
        trims.push(Trim { job_id: attempt.job_id, from, until });
    }
    logs.push(LogWrite { job_id: attempt.job_id, attempt: attempt.number, lines });
}

/// Writes a batch in one transaction, for as long as it takes. If the database refuses it for what is in it, its parts are
/// written one by one, so that one bad end hurts only its own job.
pub async fn write(link: &mut Link, batch: Batch) -> Written {
    let stored = match transact(link, Part::Whole(&batch)).await {
        Ok(stored) => stored,
        Err(error) => {
            tracing::error!(%error, "a batch was refused; writing its parts one by one");
            write_parts(link, &batch).await
        }
    };
    batch.answer(stored)
}

/// What goes into one transaction.
#[derive(Clone, Copy)]
enum Part<'a> {
    Whole(&'a Batch),
    Reports(&'a Batch),
    Cancels(&'a Batch),
    Finish(&'a FinishWrite),
    Releases(&'a Batch),
}

/// Rows that came back.
#[derive(Default)]
struct Stored {
    changed: Vec<JobSummary>,
    /// The jobs that somebody asked to stop, as they are, and whether the wish changed them.
    asked: Vec<Asked>,
}

/// Writes a part in a transaction until the database has answered it.
async fn transact(link: &mut Link, part: Part<'_>) -> QueryResult<Stored> {
    link.until_answered(async |conn| {
        conn.transaction(async |conn| {
            let mut stored = Stored::default();
            match part {
                Part::Whole(batch) => {
                    write_reports(conn, batch, &mut stored).await?;
                    write_cancels(conn, batch, &mut stored).await?;
                    write_ends(conn, &batch.finishes, &batch.releases, &mut stored).await?;
                }
                Part::Reports(batch) => write_reports(conn, batch, &mut stored).await?,
                Part::Cancels(batch) => write_cancels(conn, batch, &mut stored).await?,
                Part::Finish(finish) => write_ends(conn, std::slice::from_ref(finish), &[], &mut stored).await?,
                Part::Releases(batch) => write_ends(conn, &[], &batch.releases, &mut stored).await?,
            }
            Ok(stored)
        })
        .await
    })
    .await
}

/// Logs before ends: the fence lets in only lines of a run that still owns its job.
async fn write_reports(conn: &mut AsyncPgConnection, batch: &Batch, stored: &mut Stored) -> QueryResult<()> {
    if !batch.logs.is_empty() {
        progress::append_logs(conn, &batch.logs).await?;
    }
    for trim in &batch.trims {
        progress::trim_log(conn, trim.job_id, trim.from, trim.until).await?;
    }
    if !batch.progress.is_empty() {
        stored.changed.extend(progress::write(conn, &batch.progress).await?);
    }
    Ok(())
}

async fn write_cancels(conn: &mut AsyncPgConnection, batch: &Batch, stored: &mut Stored) -> QueryResult<()> {
    let wishes: Vec<_> = batch.cancels.iter().flat_map(CancelWish::writes).collect();
    if !wishes.is_empty() {
        let changed = cancel::request(conn, &wishes).await?;
        let by_this: HashSet<_> = changed.iter().map(|job| job.id).collect();
        let ids: Vec<_> = wishes.iter().map(|w| w.job_id).collect();
        let current = cancel::current(conn, &ids).await?;
        stored.asked.extend(current.into_iter().map(|job| (by_this.contains(&job.id), job)).map(|(by, job)| (job, by)));
        stored.changed.extend(changed);
    }
    if !batch.rungs.is_empty() {
        stored.changed.extend(cancel::climb(conn, &batch.rungs).await?);
    }
    Ok(())
}

async fn write_ends(
    conn: &mut AsyncPgConnection,
    finishes: &[FinishWrite],
    releases: &[ReleaseWrite],
    stored: &mut Stored,
) -> QueryResult<()> {
    if !finishes.is_empty() {
        let finished = finish::finish(conn, finishes).await?;
        if finished.len() < finishes.len() {
            record_late(conn, finishes, &finished, stored).await?;
        }
        stored.changed.extend(finished);
    }
    if !releases.is_empty() {
        stored.changed.extend(finish::release(conn, releases).await?);
    }
    Ok(())
}

/// An end that was refused is late, unless it is already there: the answer to an earlier try may have been lost.
async fn record_late(
    conn: &mut AsyncPgConnection,
    finishes: &[FinishWrite],
    finished: &[JobSummary],
    stored: &mut Stored,
) -> QueryResult<()> {
    let done: HashSet<_> = finished.iter().map(|job| job.id).collect();
    let refused: Vec<_> = finishes.iter().filter(|f| !done.contains(&f.job_id)).collect();
    let ids: Vec<_> = refused.iter().map(|f| f.job_id).collect();
    let current: HashMap<_, _> = cancel::current(conn, &ids).await?.into_iter().map(|job| (job.id, job)).collect();
    let mut late = Vec::new();
    for write in refused {
        match current.get(&write.job_id) {
            Some(job) if job.attempt == write.attempt && job.status.is_terminal() => stored.changed.push(job.clone()),
            Some(_) => late.push((write.job_id, write.attempt)),
            None => {} // deleted meanwhile: there is no history to write to
        }
    }
    if !late.is_empty() {
        tracing::warn!(jobs = ?late, "late writes of old attempts were rejected");
        finish::record_late(conn, &late).await?;
    }
    Ok(())
}

/// The slow way, for a batch that was refused. What can't be written is given up, except ends: they become failures.
async fn write_parts(link: &mut Link, batch: &Batch) -> Stored {
    let mut stored = Stored::default();
    stored.keep(transact(link, Part::Reports(batch)).await, "progress and log lines");
    stored.keep(transact(link, Part::Cancels(batch)).await, "cancel requests");
    for finish in &batch.finishes {
        let mut ended = transact(link, Part::Finish(finish)).await;
        if let Err(error) = &ended {
            ended = transact(link, Part::Finish(&unstorable(finish, error))).await;
        }
        stored.keep(ended, "the end of a job");
    }
    stored.keep(transact(link, Part::Releases(batch)).await, "interrupted jobs");
    stored
}

impl Stored {
    fn keep(&mut self, part: QueryResult<Self>, what: &str) {
        match part {
            Ok(part) => {
                self.changed.extend(part.changed);
                self.asked.extend(part.asked);
            }
            Err(error) => tracing::error!(%error, what, "the database refused a write"),
        }
    }
}

fn unstorable(finish: &FinishWrite, error: &diesel::result::Error) -> FinishWrite {
    FinishWrite {
        outcome: OutcomeKind::Failed,
        error: Some(format!("its end could not be stored: {error}")),
        result: None,
        item_errors: Vec::new(),
        ..finish.clone()
    }
}

impl CancelWish {
    fn writes(&self) -> impl Iterator<Item = CancelWrite> + '_ {
        self.ids.iter().map(|id| CancelWrite { job_id: *id, actor: self.actor.clone(), reason: self.reason.clone() })
    }
}

impl Batch {
    fn answer(self, stored: Stored) -> Written {
        let asked: HashMap<_, _> = stored.asked.into_iter().map(|(job, by_this)| (job.id, (job, by_this))).collect();
        let answer = |wish: CancelWish| {
            let jobs = wish.ids.iter().filter_map(|id| asked.get(id).cloned()).collect();
            (wish.reply, jobs)
        };
        let finished = self.finishes.iter().map(|f| f.job_id);
        let types: HashMap<_, _> =
            self.touched.values().chain(&self.ended).map(|attempt| (attempt.job_id, attempt.type_name)).collect();
        let lines = self
            .logs
            .into_iter()
            .map(|write| StoredLines { type_name: types.get(&write.job_id).copied().unwrap_or_default(), write });
        Written {
            settled: finished.chain(self.releases.iter().map(|r| r.job_id)).collect(),
            lines: lines.collect(),
            cancel_answers: self.cancels.into_iter().map(answer).collect(),
            jobs: newest(stored.changed),
        }
    }
}

/// A job may have changed twice in a batch: the newest state is told.
fn newest(mut jobs: Vec<JobSummary>) -> Vec<JobSummary> {
    jobs.sort_by_key(|job| (job.id, std::cmp::Reverse(job.rev)));
    jobs.dedup_by_key(|job| job.id);
    jobs.sort_by_key(|job| job.rev);
    jobs
}
