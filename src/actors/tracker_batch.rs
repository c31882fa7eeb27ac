//! One group commit of the tracker: what goes in, how it is written, what came out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::conclusion::Conclusion;
use super::tracker::BatchStored;
use crate::job::{
    Attempt, CurvePoint, Fence, LogLine, OutcomeKind, Progress, Reading, RemovedJob, RetryPolicy, Status, middle_of_log,
};
use crate::store::cancel::{self, CancelWrite, RungWrite};
use crate::store::cancel_below::{Above, cancel_below};
use crate::store::changes;
use crate::store::curve::{self, CurveWrite};
use crate::store::finish::{self, FinishWrite, ReleaseWrite};
use crate::store::link::Link;
use crate::store::progress::{self, LogTrim, LogWrite, ProgressWrite};
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
    pub touched: HashMap<Fence, Arc<Attempt>>,
    pub cancels: Vec<CancelWish>,
    pub rungs: Vec<RungWrite>,
    /// Deleted jobs that other nodes are to tell of.
    pub removed: Vec<RemovedJob>,
    finishes: Vec<FinishWrite>,
    releases: Vec<ReleaseWrite>,
    /// Attempts that are over: their last log lines go first.
    ended: Vec<Arc<Attempt>>,
    /// Read from the attempts when the batch begins.
    progress: Vec<ProgressWrite>,
    curves: Vec<CurveWrite>,
    logs: Vec<LogWrite>,
    /// Middles of long logs to be cut out.
    trims: Vec<LogTrim>,
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
    /// What the supervisor has to know.
    pub for_supervisor: BatchStored,
    /// Whether deletions were noted for other nodes.
    pub noted_removed: bool,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        let asked = !self.cancels.is_empty() || !self.rungs.is_empty() || !self.removed.is_empty();
        self.touched.is_empty() && !asked && self.ends() == 0
    }

    /// Whether it holds the end of a run. Then progress of that run which is refused is not late: the answer to an earlier try
    /// was lost, and the end is stored.
    fn has_end_of(&self, run: &Fence) -> bool {
        self.finishes.iter().any(|f| f.fence == *run) || self.releases.iter().any(|r| r.fence == *run)
    }

    /// How many ends of jobs are in it.
    pub fn ends(&self) -> usize {
        self.finishes.len() + self.releases.len()
    }

    /// Adds the end of an attempt.
    pub fn conclude(&mut self, attempt: Arc<Attempt>, conclusion: Conclusion) {
        let (percent, processed_items) = match conclusion {
            Conclusion::Finish(write) => {
                let last = (write.percent(), write.progress.processed_items);
                self.finishes.push(*write);
                last
            }
            Conclusion::Release(write) => {
                self.releases.push(write);
                let progress = attempt.progress();
                (progress.percent, progress.processed_items)
            }
        };
        self.curves.extend(curve_of(&attempt, attempt.end_curve(percent, processed_items)));
        self.ended.push(attempt);
    }

    /// Adds the end of a run whose attempt is lost.
    pub fn release(&mut self, write: ReleaseWrite) {
        self.releases.push(write);
    }

    /// Takes the newest progress and the log lines of all attempts in it. Those that are over carry their progress already, and
    /// their curves have ended.
    pub fn read_attempts(&mut self) {
        for attempt in self.touched.values() {
            let Reading { progress, pace, curve, lines } = attempt.read();
            self.progress.push(ProgressWrite { fence: attempt.fence(), progress, pace });
            self.curves.extend(curve_of(attempt, curve));
            push_lines(&mut self.logs, &mut self.trims, attempt, lines);
        }
        for attempt in &self.ended {
            push_lines(&mut self.logs, &mut self.trims, attempt, attempt.take_lines());
        }
    }
}

fn curve_of(attempt: &Attempt, points: Option<Vec<CurvePoint>>) -> Option<CurveWrite> {
    points.map(|points| CurveWrite { fence: attempt.fence(), points })
}

fn push_lines(logs: &mut Vec<LogWrite>, trims: &mut Vec<LogTrim>, attempt: &Attempt, lines: Vec<LogLine>) {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
    if let Some((from, until)) = middle_of_log(attempt.number, first.seq, last.seq) {
        trims.push(LogTrim { fence: attempt.fence(), from, until });
    }
    logs.push(LogWrite { fence: attempt.fence(), lines });
}

/// Writes a batch in one transaction, for as long as it takes. If the database refuses it for what is in it, its parts are
/// written one by one, so that one bad end hurts only its own job.
pub async fn write(link: &mut Link, node: Uuid, batch: Batch) -> Written {
    let stored = match transact(link, node, Part::Whole(&batch)).await {
        Ok(stored) => stored,
        Err(error) => {
            tracing::error!(%error, "a batch was refused; writing its parts one by one");
            write_parts(link, node, &batch).await
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
    /// The jobs that are asked to stop because one above them is, or ended otherwise than well.
    below: Vec<JobSummary>,
    /// Runs whose progress was refused.
    lost: Vec<Fence>,
    /// The wishes were refused: nobody may be told that a job does not exist.
    wishes_refused: bool,
}

/// Writes a part in a transaction until the database has answered it.
async fn transact(link: &mut Link, node: Uuid, part: Part<'_>) -> QueryResult<Stored> {
    link.until_answered(async |conn| write_part(conn, node, part).await).await
}

async fn write_part(conn: &mut AsyncPgConnection, node: Uuid, part: Part<'_>) -> QueryResult<Stored> {
    conn.transaction(async |conn| {
        let mut stored = Stored::default();
        match part {
            Part::Whole(batch) => {
                write_reports(conn, node, batch, &mut stored).await?;
                write_cancels(conn, batch, &mut stored).await?;
                write_ends(conn, node, &batch.finishes, &batch.releases, &mut stored).await?;
            }
            Part::Reports(batch) => write_reports(conn, node, batch, &mut stored).await?,
            Part::Cancels(batch) => write_cancels(conn, batch, &mut stored).await?,
            Part::Finish(finish) => write_ends(conn, node, std::slice::from_ref(finish), &[], &mut stored).await?,
            Part::Releases(batch) => write_ends(conn, node, &[], &batch.releases, &mut stored).await?,
        }
        Ok(stored)
    })
    .await
}

/// Before the ends: the fence lets in only lines and curves of a run that still owns its job.
async fn write_reports(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    batch: &Batch,
    stored: &mut Stored,
) -> QueryResult<()> {
    if !batch.logs.is_empty() {
        progress::append_logs(conn, &batch.logs).await?;
    }
    if !batch.trims.is_empty() {
        progress::trim_logs(conn, &batch.trims).await?;
    }
    if !batch.curves.is_empty() {
        curve::store(conn, &batch.curves).await?;
    }
    if !batch.progress.is_empty() {
        let written = progress::write(conn, &batch.progress).await?;
        let owned: HashSet<_> = written.iter().filter_map(JobSummary::fence).collect();
        stored.lost.extend(batch.progress.iter().map(|p| p.fence).filter(|fence| !owned.contains(fence)));
        stored.changed.extend(written);
        let late: Vec<_> = stored.lost.iter().filter(|run| !batch.has_end_of(run)).copied().collect();
        if !late.is_empty() {
            finish::record_late(conn, node, &late, "progress").await?;
        }
    }
    if !batch.removed.is_empty() {
        changes::note_removed(conn, node, &batch.removed).await?;
    }
    Ok(())
}

async fn write_cancels(conn: &mut AsyncPgConnection, batch: &Batch, stored: &mut Stored) -> QueryResult<()> {
    let wishes: Vec<_> = batch.cancels.iter().flat_map(CancelWish::writes).collect();
    if !wishes.is_empty() {
        let changed = cancel::request(conn, &wishes).await?;
        let by_this: HashSet<_> = changed.iter().map(|job| job.id).collect();
        let ids: Vec<_> = wishes.iter().map(|w| w.job_id).collect();
        // All of them are told, not only the changed ones: the answer to an earlier try may have been lost.
        let current = cancel::current(conn, &ids).await?;
        let asked = current.iter().filter(|job| job.status == Status::Cancelling || by_this.contains(&job.id));
        let above: Vec<_> = asked.filter_map(Above::of).collect();
        stored.below.extend(cancel_below(conn, &above).await?);
        stored.changed.extend(current.iter().cloned());
        stored.asked.extend(current.into_iter().map(|job| (by_this.contains(&job.id), job)).map(|(by, job)| (job, by)));
    }
    if !batch.rungs.is_empty() {
        stored.changed.extend(cancel::climb(conn, &batch.rungs).await?);
    }
    Ok(())
}

async fn write_ends(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    finishes: &[FinishWrite],
    releases: &[ReleaseWrite],
    stored: &mut Stored,
) -> QueryResult<()> {
    if !finishes.is_empty() {
        let finished = finish::finish(conn, finishes).await?;
        if finished.len() < finishes.len() {
            let ours = |job: &JobSummary, n: usize| {
                let again = job.status == Status::Pending && finishes[n].outcome == OutcomeKind::Failed;
                job.fence() == Some(finishes[n].fence) && (again || job.outcome == Some(finishes[n].outcome))
            };
            let runs = finishes.iter().map(|f| f.fence).collect();
            record_late(conn, node, runs, &finished, ours, stored).await?;
        }
        let above: Vec<_> = finished.iter().filter_map(Above::of).collect();
        stored.below.extend(cancel_below(conn, &above).await?);
        stored.changed.extend(finished);
    }
    if !releases.is_empty() {
        let released = finish::release(conn, releases).await?;
        if released.len() < releases.len() {
            let ours = |job: &JobSummary, n: usize| job.fence() == Some(releases[n].fence);
            let runs = releases.iter().map(|r| r.fence).collect();
            record_late(conn, node, runs, &released, ours, stored).await?;
        }
        stored.changed.extend(released);
    }
    Ok(())
}

/// An end that was refused is late, unless it is already there: the answer to an earlier try may have been lost. `ours` says
/// whether a job is as the n-th run left it.
async fn record_late(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    runs: Vec<Fence>,
    written: &[JobSummary],
    ours: impl Fn(&JobSummary, usize) -> bool,
    stored: &mut Stored,
) -> QueryResult<()> {
    let done: HashSet<_> = written.iter().filter_map(JobSummary::fence).collect();
    let ids: Vec<_> = runs.iter().filter(|run| !done.contains(run)).map(|run| run.job_id).collect();
    let current: HashMap<_, _> = cancel::current(conn, &ids).await?.into_iter().map(|job| (job.id, job)).collect();
    let mut late = Vec::new();
    for (n, run) in runs.into_iter().enumerate().filter(|(_, run)| !done.contains(run)) {
        match current.get(&run.job_id) {
            Some(job) if ours(job, n) => stored.changed.push(job.clone()),
            Some(_) => late.push(run),
            None => {} // deleted meanwhile: there is no history to write to
        }
    }
    if !late.is_empty() {
        tracing::warn!(jobs = ?late, "late writes of old attempts were rejected");
        finish::record_late(conn, node, &late, "end").await?;
    }
    Ok(())
}

/// The slow way, for a batch that was refused. Reports that can't be written are given up. An end becomes a failure that has
/// nothing of the job's own in it: if that is refused too, the database is at fault, and it is tried until it is done.
async fn write_parts(link: &mut Link, node: Uuid, batch: &Batch) -> Stored {
    let mut stored = Stored::default();
    stored.keep(transact(link, node, Part::Reports(batch)).await, "progress and log lines");
    let cancels = transact(link, node, Part::Cancels(batch)).await;
    stored.wishes_refused = cancels.is_err();
    stored.keep(cancels, "cancel requests");
    for finish in &batch.finishes {
        let ended = match transact(link, node, Part::Finish(finish)).await {
            Ok(ended) => ended,
            Err(error) => {
                let failure = unstorable(finish, &error);
                link.until_done(async |conn| write_part(conn, node, Part::Finish(&failure)).await).await
            }
        };
        stored.add(ended);
    }
    stored.add(link.until_done(async |conn| write_part(conn, node, Part::Releases(batch)).await).await);
    stored
}

impl Stored {
    fn add(&mut self, part: Self) {
        self.changed.extend(part.changed);
        self.asked.extend(part.asked);
        self.below.extend(part.below);
        self.lost.extend(part.lost);
    }

    fn keep(&mut self, part: QueryResult<Self>, what: &str) {
        match part {
            Ok(part) => self.add(part),
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
        retry: RetryPolicy::NEVER,
        progress: Progress { message: None, ..finish.progress.clone() },
        ..finish.clone()
    }
}

impl CancelWish {
    fn writes(&self) -> impl Iterator<Item = CancelWrite> + '_ {
        self.ids.iter().map(|id| CancelWrite { job_id: *id, actor: self.actor.clone(), reason: self.reason.clone() })
    }
}

impl Batch {
    fn answer(self, mut stored: Stored) -> Written {
        stored.changed.extend(stored.below.iter().cloned());
        let asked: HashMap<_, _> = stored.asked.into_iter().map(|(job, by_this)| (job.id, (job, by_this))).collect();
        let stopping = asked.values().map(|(job, _)| job).chain(&stored.below);
        let cancelling = stopping.filter(|job| job.status == Status::Cancelling).map(|job| job.id).collect();
        let answer = |wish: CancelWish| {
            let jobs = wish.ids.iter().filter_map(|id| asked.get(id).cloned()).collect();
            (!stored.wishes_refused).then_some((wish.reply, jobs))
        };
        let finished = self.finishes.iter().map(|f| f.fence);
        let released = self.releases.iter().map(|r| r.fence);
        let settled = finished.chain(released).collect();
        let types: HashMap<_, _> =
            self.touched.values().chain(&self.ended).map(|attempt| (attempt.job_id, attempt.type_name)).collect();
        let lines = self
            .logs
            .into_iter()
            .map(|write| StoredLines { type_name: types.get(&write.fence.job_id).copied().unwrap_or_default(), write });
        Written {
            for_supervisor: BatchStored { settled, cancelling, lost: stored.lost },
            lines: lines.collect(),
            cancel_answers: self.cancels.into_iter().filter_map(answer).collect(),
            jobs: newest(stored.changed),
            noted_removed: !self.removed.is_empty(),
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
