//! One group commit of the tracker: what goes in, its transaction, what came out.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::conclusion::Conclusion;
use super::tracker::BatchStored;
use crate::job::{
    Attempt, CurvePoint, Fence, LogLine, OutcomeKind, Progress, Reading, RemovedJob, RetryPolicy, Status, middle_of_log,
};
use crate::store::cancel::{self, CancelWrite, RungWrite};
use crate::store::cancel_below::{Above, cancel_below};
use crate::store::curve::{self, CurveWrite};
use crate::store::finish::{self, FinishWrite, ReleaseWrite};
use crate::store::progress::{self, LogTrim, LogWrite, ProgressWrite};
use crate::store::row::JobSummary;
use crate::store::{changes, waiting};

/// A wish that a job stop, and who waits for the answer.
pub struct CancelWish {
    pub id: Uuid,
    pub actor: String,
    pub reason: Option<String>,
    pub reply: UnboundedSender<CancelReply>,
}

/// What became of the wish that this job stop: none when there is no such job.
pub type CancelReply = (Uuid, Option<Asked>);

/// A run that begins to wait for its children, or goes on.
pub struct WaitingWrite {
    pub waits: bool,
    /// Dropped with the batch: then it is stored.
    pub stored: Vec<oneshot::Sender<()>>,
}

/// So many log lines of a run wait here at most, a little more than a reading has, while they can't be stored.
const WAITING_LINES: usize = 20_000;

/// What is to be written.
#[derive(Default)]
pub struct Batch {
    /// Attempts with news.
    pub touched: HashMap<Fence, Arc<Attempt>>,
    pub cancels: Vec<CancelWish>,
    pub rungs: Vec<RungWrite>,
    /// Runs that begin to wait for their children, or go on.
    pub waiting: HashMap<Fence, WaitingWrite>,
    /// Deleted jobs that other nodes are to tell of.
    pub removed: Vec<RemovedJob>,
    /// Whether some of it was set aside before.
    pub has_waited: bool,
    /// Why, for people.
    pub cause: Option<String>,
    /// Since when the oldest end in it waits.
    pub oldest_end: Option<DateTime<Utc>>,
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
#[derive(Default)]
pub struct Written {
    /// Jobs as they are now.
    pub jobs: Vec<JobSummary>,
    /// Log lines that are stored.
    pub lines: Vec<StoredLines>,
    /// Whom to answer what.
    pub cancel_answers: Vec<(UnboundedSender<CancelReply>, CancelReply)>,
    /// What the supervisor has to know.
    pub for_supervisor: BatchStored,
    /// Whether deletions were noted for other nodes.
    pub noted_removed: bool,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        let asked = !self.cancels.is_empty() || !self.rungs.is_empty() || !self.removed.is_empty();
        self.touched.is_empty() && self.waiting.is_empty() && !asked && self.ends() == 0
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
        self.oldest_end.get_or_insert_with(Utc::now);
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
        self.oldest_end.get_or_insert_with(Utc::now);
        self.releases.push(write);
    }

    /// Takes the newest progress and the log lines of all attempts in it. Those that are over carry their progress already, and
    /// their curves have ended.
    pub fn read_attempts(&mut self) {
        let crowded = self.crowded();
        for attempt in self.touched.values().filter(|attempt| !crowded.contains(&attempt.fence())) {
            let Reading { progress, pace, curve, lines } = attempt.read();
            self.progress.push(ProgressWrite { fence: attempt.fence(), progress, pace });
            self.curves.extend(curve_of(attempt, curve));
            push_lines(&mut self.logs, &mut self.trims, attempt, lines);
        }
        for attempt in &self.ended {
            push_lines(&mut self.logs, &mut self.trims, attempt, attempt.take_lines());
        }
        if self.has_waited {
            newest_of_each(&mut self.progress, |write| write.fence);
            newest_of_each(&mut self.curves, |write| write.fence);
        }
    }

    /// Runs of which so many log lines wait that no more are taken: the attempt keeps the newest of them.
    fn crowded(&self) -> HashSet<Fence> {
        let mut waiting: HashMap<Fence, usize> = HashMap::new();
        for write in &self.logs {
            *waiting.entry(write.fence).or_default() += write.lines.len();
        }
        waiting.into_iter().filter(|(_, lines)| *lines >= WAITING_LINES).map(|(fence, _)| fence).collect()
    }

    /// The jobs that it is about.
    pub fn jobs(&self) -> HashSet<Uuid> {
        let runs = self.touched.keys().copied();
        let runs = runs.chain(self.finishes.iter().map(|f| f.fence)).chain(self.releases.iter().map(|r| r.fence));
        let runs = runs.chain(self.ended.iter().map(|attempt| attempt.fence()));
        let runs = runs.chain(self.progress.iter().map(|p| p.fence)).chain(self.curves.iter().map(|c| c.fence));
        let runs = runs.chain(self.logs.iter().map(|l| l.fence)).chain(self.trims.iter().map(|t| t.fence));
        let runs = runs.chain(self.waiting.keys().copied());
        let runs = runs.chain(self.rungs.iter().map(|r| r.fence)).map(|fence| fence.job_id);
        runs.chain(self.cancels.iter().map(|wish| wish.id)).chain(self.removed.iter().map(|job| job.id)).collect()
    }

    /// The jobs whose descendants are asked to stop with it.
    pub fn stopping(&self) -> Vec<Uuid> {
        let badly = self.finishes.iter().filter(|f| matches!(f.outcome, OutcomeKind::Failed | OutcomeKind::Cancelled));
        self.cancels.iter().map(|wish| wish.id).chain(badly.map(|f| f.fence.job_id)).collect()
    }

    /// Takes out what belongs to jobs that `takes` names. Answers with that and with the rest.
    pub fn split(self, takes: impl Fn(&Uuid) -> bool) -> (Self, Self) {
        fn part<T>(all: Vec<T>, takes: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
            all.into_iter().partition(takes)
        }
        let (touched, other_touched) = self.touched.into_iter().partition(|(fence, _)| takes(&fence.job_id));
        let (waiting, other_waiting) = self.waiting.into_iter().partition(|(fence, _)| takes(&fence.job_id));
        let (cancels, other_cancels) = part(self.cancels, |wish| takes(&wish.id));
        let (rungs, other_rungs) = part(self.rungs, |rung| takes(&rung.fence.job_id));
        let (removed, other_removed) = part(self.removed, |job| takes(&job.id));
        let (finishes, other_finishes) = part(self.finishes, |f| takes(&f.fence.job_id));
        let (releases, other_releases) = part(self.releases, |r| takes(&r.fence.job_id));
        let (ended, other_ended) = part(self.ended, |attempt| takes(&attempt.job_id));
        let (progress, other_progress) = part(self.progress, |p| takes(&p.fence.job_id));
        let (curves, other_curves) = part(self.curves, |c| takes(&c.fence.job_id));
        let (logs, other_logs) = part(self.logs, |l| takes(&l.fence.job_id));
        let (trims, other_trims) = part(self.trims, |t| takes(&t.fence.job_id));
        let (has_waited, oldest_end) = (self.has_waited, self.oldest_end);
        let taken = Self {
            touched,
            cancels,
            rungs,
            waiting,
            removed,
            has_waited,
            cause: self.cause.clone(),
            oldest_end,
            finishes,
            releases,
            ended,
            progress,
            curves,
            logs,
            trims,
        };
        let rest = Self {
            touched: other_touched,
            cancels: other_cancels,
            rungs: other_rungs,
            waiting: other_waiting,
            removed: other_removed,
            has_waited,
            cause: self.cause,
            oldest_end,
            finishes: other_finishes,
            releases: other_releases,
            ended: other_ended,
            progress: other_progress,
            curves: other_curves,
            logs: other_logs,
            trims: other_trims,
        };
        (taken.with_age_of_ends(), rest.with_age_of_ends())
    }

    fn with_age_of_ends(self) -> Self {
        let oldest_end = self.oldest_end.filter(|_| self.ends() > 0);
        Self { oldest_end, ..self }
    }

    /// Two batches of half the jobs each.
    pub fn halve(self) -> Vec<Self> {
        let jobs = self.jobs();
        let half: HashSet<_> = jobs.iter().copied().take(jobs.len() / 2).collect();
        let (first, second) = self.split(|job| half.contains(job));
        vec![first, second]
    }

    /// Adds a batch that was set aside, or what is added to one.
    pub fn absorb(&mut self, other: Self) {
        self.touched.extend(other.touched);
        self.cancels.extend(other.cancels);
        self.rungs.extend(other.rungs);
        for (fence, write) in other.waiting {
            let known = self.waiting.entry(fence).or_insert(WaitingWrite { waits: true, stored: Vec::new() });
            // Whichever is newer: a death too many that counts is better than one that does not.
            known.waits &= write.waits;
            known.stored.extend(write.stored);
        }
        self.removed.extend(other.removed);
        self.has_waited = true;
        self.cause = other.cause.or_else(|| self.cause.take());
        self.oldest_end = [self.oldest_end, other.oldest_end].into_iter().flatten().min();
        self.finishes.extend(other.finishes);
        self.releases.extend(other.releases);
        self.ended.extend(other.ended);
        self.progress.extend(other.progress);
        self.curves.extend(other.curves);
        self.logs.extend(other.logs);
        self.trims.extend(other.trims);
    }

    /// Leaves out what jobs reported while they ran.
    pub fn forget_reports(&mut self) {
        self.logs.clear();
        self.trims.clear();
        self.curves.clear();
        self.progress.clear();
    }

    /// The same ends and wishes with nothing of the jobs' own in them.
    pub fn bare(&self, cause: &str) -> Self {
        let wish = |wish: &CancelWish| CancelWish {
            id: wish.id,
            actor: wish.actor.clone(),
            reason: None,
            reply: wish.reply.clone(),
        };
        Self {
            cancels: self.cancels.iter().map(wish).collect(),
            rungs: self.rungs.clone(),
            waiting: self
                .waiting
                .iter()
                .map(|(fence, write)| (*fence, WaitingWrite { waits: write.waits, stored: Vec::new() }))
                .collect(),
            removed: self.removed.clone(),
            finishes: self.finishes.iter().map(|finish| unstorable(finish, cause)).collect(),
            releases: self.releases.clone(),
            ..Self::default()
        }
    }
}

/// Keeps the last of each run.
fn newest_of_each<T>(writes: &mut Vec<T>, run: impl Fn(&T) -> Fence) {
    let mut seen = HashSet::new();
    writes.reverse();
    writes.retain(|write| seen.insert(run(write)));
    writes.reverse();
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

/// How much of a batch goes into a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Whole,
    /// All but progress, curves and log lines.
    WithoutReports,
    /// The same, and ends as failures without anything of the jobs' own.
    Bare,
}

/// Rows that came back.
#[derive(Default)]
pub struct Stored {
    changed: Vec<JobSummary>,
    /// The jobs that somebody asked to stop, as they are, and whether the wish changed them.
    asked: Vec<Asked>,
    /// The jobs that are asked to stop because one above them is, or ended otherwise than well.
    below: Vec<JobSummary>,
    /// Runs whose progress was refused.
    lost: Vec<Fence>,
}

/// Writes a batch in one transaction; in a savepoint where one is under way.
pub async fn write_in(conn: &mut AsyncPgConnection, node: Uuid, batch: &Batch, form: Form) -> QueryResult<Stored> {
    conn.transaction(async |conn| {
        let mut stored = Stored::default();
        if form == Form::Whole {
            write_reports(conn, node, batch, &mut stored).await?;
        }
        if !batch.waiting.is_empty() {
            waiting::store(conn, batch.waiting.iter().map(|(fence, write)| (*fence, write.waits))).await?;
        }
        if !batch.removed.is_empty() {
            changes::note_removed(conn, node, &batch.removed).await?;
        }
        write_cancels(conn, batch, &mut stored).await?;
        write_ends(conn, node, &batch.finishes, &batch.releases, &mut stored).await?;
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
    Ok(())
}

async fn write_cancels(conn: &mut AsyncPgConnection, batch: &Batch, stored: &mut Stored) -> QueryResult<()> {
    let wishes: Vec<_> = batch.cancels.iter().map(CancelWish::write).collect();
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

fn unstorable(finish: &FinishWrite, cause: &str) -> FinishWrite {
    FinishWrite {
        outcome: OutcomeKind::Failed,
        error: Some(format!("its end could not be stored: {cause}")),
        result: None,
        item_errors: Vec::new(),
        retry: RetryPolicy::NEVER,
        progress: Progress { message: None, ..finish.progress.clone() },
        ..finish.clone()
    }
}

impl CancelWish {
    fn write(&self) -> CancelWrite {
        CancelWrite { job_id: self.id, actor: self.actor.clone(), reason: self.reason.clone() }
    }
}

impl Batch {
    /// What is to be told of it, once it is stored in this form.
    pub fn answer(self, mut stored: Stored) -> Written {
        stored.changed.extend(stored.below.iter().cloned());
        let asked: HashMap<_, _> = stored.asked.into_iter().map(|(job, by_this)| (job.id, (job, by_this))).collect();
        let stopping = asked.values().map(|(job, _)| job).chain(&stored.below);
        let cancelling = stopping.filter(|job| job.status == Status::Cancelling).map(|job| job.id).collect();
        // Of two wishes for one job the first is what changed it.
        let mut credited = HashSet::new();
        let answer = |wish: CancelWish| {
            let of = asked.get(&wish.id).map(|(job, changed)| (job.clone(), *changed && credited.insert(wish.id)));
            (wish.reply, (wish.id, of))
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
            cancel_answers: self.cancels.into_iter().map(answer).collect(),
            jobs: newest(stored.changed),
            noted_removed: !self.removed.is_empty(),
        }
    }
}

impl Written {
    /// Adds what came of another part.
    pub fn add(&mut self, part: Self) {
        self.jobs.extend(part.jobs);
        self.lines.extend(part.lines);
        self.cancel_answers.extend(part.cancel_answers);
        let BatchStored { settled, cancelling, lost } = part.for_supervisor;
        self.for_supervisor.settled.extend(settled);
        self.for_supervisor.cancelling.extend(cancelling);
        self.for_supervisor.lost.extend(lost);
        self.noted_removed |= part.noted_removed;
    }
}

/// A job may have changed twice in a batch: the newest state is told.
fn newest(mut jobs: Vec<JobSummary>) -> Vec<JobSummary> {
    jobs.sort_by_key(|job| (job.id, std::cmp::Reverse(job.rev)));
    jobs.dedup_by_key(|job| job.id);
    jobs.sort_by_key(|job| job.rev);
    jobs
}
