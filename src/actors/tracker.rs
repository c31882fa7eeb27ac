//! The tracker: writes down what happens to jobs that run here, then tells every client.
//!
//! It has one connection and at most one batch under way; what arrives meanwhile goes with the next (group commit). What it was
//! told is kept until the database has answered: a restart of Postgres delays an end, it does not lose it. Nothing is announced
//! before it is stored.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, Recipient, WrapFuture};
use chrono::{DateTime, Utc};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::bus::{Bus, Notice};
use super::child_watch::ChildWatch;
use super::conclusion::Conclusion;
use super::health::{EndsWaiting, Health};
use super::identity::NodeIdentity;
use super::outbox::{LogLines, Outbox, Update};
use super::told::Told;
use super::tracker_batch::{Batch, CancelReply, CancelWish, StoredLines, WaitingWrite, Written};
use super::tracker_write::write;
use crate::job::{Attempt, Fence, RemovedJob, Status};
use crate::store::cancel::RungWrite;
use crate::store::changes::Change;
use crate::store::finish::ReleaseWrite;
use crate::store::link::Link;
use crate::store::row::JobSummary;

/// How often progress is stored and told. Ten times a second looks continuous, and bounds the writes of a job.
const FLUSH: Duration = Duration::from_millis(100);
/// How often silent clients are looked for, and silent runs whose figures age.
const SWEEP: Duration = Duration::from_secs(5);
/// A client that was not heard for this long is gone; sessions ping every ten seconds.
const SILENCE: Duration = Duration::from_secs(25);

/// Wishes that wait for a database that is away, about 200 bytes each. Whoever comes later is told to try again.
const WAITING_WISHES: usize = 50_000;

/// How long a write may wait for a lock of another transaction: those of other nodes take milliseconds.
pub const LOCK_TIMEOUT: Duration = Duration::from_millis(300);
/// How soon what was set aside is tried again; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Ends that wait for longer are told to probes.
const WAITS_LONG: Duration = Duration::from_secs(1);

/// Fact: an attempt has news (progress, log lines).
#[derive(Message)]
#[rtype(result = "()")]
pub struct Touched(pub Arc<Attempt>);

/// Fact: an attempt is over, and this is to be written.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Concluded {
    /// The attempt.
    pub attempt: Arc<Attempt>,
    /// What to write.
    pub conclusion: Conclusion,
}

/// Fact: a run ended with its runner.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Released(pub ReleaseWrite);

/// Fact: an attempt reached a rung of the cancel ladder.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Climbed(pub RungWrite);

/// Fact: a run begins to wait for its children, or goes on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Waits {
    /// The run.
    pub fence: Fence,
    /// Whether it waits from now on.
    pub waits: bool,
    /// Dropped once that is stored.
    pub stored: Option<oneshot::Sender<()>>,
}

/// Fact: these jobs changed, and it is stored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stored(pub Vec<JobSummary>);

/// Fact: these jobs are deleted.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Removed(pub Vec<RemovedJob>);

/// Question: which of these changes would be news to somebody here?
#[derive(Message)]
#[rtype(result = "Vec<Uuid>")]
pub struct WhichAreNews(pub Vec<Change>);

/// Fact: these jobs were read, as another node may have changed them. Answers with those that are news and whose log lines
/// somebody here wants.
#[derive(Message)]
#[rtype(result = "HashSet<Uuid>")]
pub struct SeenElsewhere(pub Vec<JobSummary>);

/// Question: of which of these jobs, each with its type, does somebody here want the log lines?
#[derive(Message)]
#[rtype(result = "HashSet<Uuid>")]
pub struct LinesWanted(pub Vec<(Uuid, String)>);

/// Fact: another node stored these log lines.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ForeignLines(pub LogLines);

/// Fact: another node deleted these jobs.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ForeignRemoved(pub Vec<RemovedJob>);

/// Fact: nothing that was stored up to this number is still to be told.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Forget(pub i64);

/// Fact: the database has gone back to an earlier state: what was told of it may be no longer so.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StartAfresh;

/// Command: store the wish that these jobs stop. Answers for each, as soon as its wish is stored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RequestCancel {
    /// The jobs.
    pub ids: Vec<Uuid>,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// Where the answer goes.
    pub reply: UnboundedSender<CancelReply>,
}

/// Command: give this client what it wants.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Join(pub Weak<Outbox>);

/// Fact: a batch is stored. What its supervisor has to know of it.
#[derive(Message)]
#[rtype(result = "()")]
#[derive(Default)]
pub struct BatchStored {
    /// Runs that are over, whatever came of them.
    pub settled: Vec<Fence>,
    /// Running jobs that somebody asked to stop.
    pub cancelling: Vec<Uuid>,
    /// Runs whose job belongs to another by now.
    pub lost: Vec<Fence>,
}

/// The actor.
pub struct JobTracker {
    /// Its connection; away while a batch is under way.
    link: Option<Link>,
    /// What is to be written next.
    batch: Batch,
    /// What could not be written, and what happened to the same jobs since: tried again after a pause.
    later: Batch,
    /// How long that pause is.
    later_pause: Duration,
    /// Whether its timer is set.
    later_set: bool,
    /// How many ends are under way, and since when the oldest of them waits.
    under_way: (u64, Option<DateTime<Utc>>),
    /// Why the connection repeats what it writes.
    trouble: Arc<Mutex<Option<String>>>,
    /// Attempts with news, to be read when the next batch begins.
    touched: HashMap<Fence, Arc<Attempt>>,
    /// Attempts that were touched and have not ended: those that say nothing are read now and then all the same.
    running: HashMap<Fence, Weak<Attempt>>,
    /// Whether the timer for touched attempts is set.
    flush_set: bool,
    /// Whether that timer has rung: touched attempts go with the next batch.
    flush_due: bool,
    /// An older change that arrives later is not told.
    told: Told,
    /// Deleted jobs that are told after the batch that is under way: it may hold the end of one of them.
    removed: Vec<RemovedJob>,
    /// Who hears of children for their parents.
    children: Arc<ChildWatch>,
    /// Tells other nodes what was stored here.
    bus: Arc<dyn Bus>,
    node: Arc<NodeIdentity>,
    /// The clients.
    clients: Vec<Weak<Outbox>>,
    /// Told when ends are stored.
    supervisor: Option<Recipient<BatchStored>>,
    health: Arc<Health>,
}

/// Command: tell this one when ends are stored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReportTo(pub Recipient<BatchStored>);

/// What a tracker is made of.
pub struct TrackerParts {
    /// This node.
    pub node: Arc<NodeIdentity>,
    /// Its connection.
    pub link: Link,
    /// Tells other nodes what was stored here.
    pub bus: Arc<dyn Bus>,
    /// Who hears of children for their parents.
    pub children: Arc<ChildWatch>,
    /// Figures for probes.
    pub health: Arc<Health>,
}

impl JobTracker {
    /// A tracker that has nothing to write yet.
    pub fn new(parts: TrackerParts) -> Self {
        Self {
            trouble: parts.link.trouble(),
            link: Some(parts.link),
            batch: Batch::default(),
            later: Batch::default(),
            later_pause: FIRST_PAUSE,
            later_set: false,
            under_way: (0, None),
            touched: HashMap::new(),
            running: HashMap::new(),
            flush_set: false,
            flush_due: false,
            told: Told::default(),
            removed: Vec::new(),
            children: parts.children,
            bus: parts.bus,
            node: parts.node,
            clients: Vec::new(),
            supervisor: None,
            health: parts.health,
        }
    }

    /// Begins a batch, if there is something to write and none is under way.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        if mem::take(&mut self.flush_due) {
            let touched = mem::take(&mut self.touched);
            self.running.extend(touched.iter().map(|(run, attempt)| (*run, Arc::downgrade(attempt))));
            self.batch.touched.extend(touched);
            self.flush_set = false;
        }
        self.wait_with_others();
        self.note_ends();
        if self.batch.is_empty() {
            return;
        }
        let Some(mut link) = self.link.take() else { return };
        let batch = mem::take(&mut self.batch);
        self.under_way = (batch.ends() as u64, batch.oldest_end);
        let node = self.node.current();
        let writing = async move {
            let (written, later) = write(&mut link, node, batch).await;
            (link, written, later)
        };
        ctx.spawn(writing.into_actor(self).map(|(link, written, later), tracker, ctx| {
            tracker.link = Some(link);
            tracker.under_way = (0, None);
            tracker.tell(written);
            tracker.announce_removed();
            tracker.try_later(later, ctx);
            tracker.turn(ctx);
        }));
    }

    /// What happens to a job follows in order: while something of it waits, the rest waits with it.
    fn wait_with_others(&mut self) {
        let waiting = self.later.jobs();
        if !waiting.is_empty() {
            let (held, free) = mem::take(&mut self.batch).split(|job| waiting.contains(job));
            self.batch = free;
            self.later.absorb(held);
        }
    }

    /// Keeps what could not be written, and sets the timer for it.
    fn try_later(&mut self, later: Batch, ctx: &mut Context<Self>) {
        self.later.absorb(later);
        if self.later.jobs().is_empty() {
            self.later_pause = FIRST_PAUSE;
            return;
        }
        if !mem::replace(&mut self.later_set, true) {
            ctx.run_later(self.later_pause, |tracker, ctx| {
                tracker.later_set = false;
                tracker.batch.absorb(mem::take(&mut tracker.later));
                tracker.turn(ctx);
            });
            self.later_pause = (self.later_pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Notes for probes how many ends wait, and since when and why if that takes long.
    fn note_ends(&self) {
        let (under_way, oldest) = self.under_way;
        let count = under_way + (self.batch.ends() + self.later.ends()) as u64;
        self.health.unwritten.store(count, Ordering::Relaxed);
        let oldest = [oldest, self.batch.oldest_end, self.later.oldest_end].into_iter().flatten().min();
        let is_long = |since: &DateTime<Utc>| (Utc::now() - since).to_std().is_ok_and(|waited| waited > WAITS_LONG);
        let waiting = oldest.filter(is_long).map(|since| {
            let of_link = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let cause = of_link.or_else(|| self.later.cause.clone());
            EndsWaiting { count, since, cause: cause.unwrap_or_else(|| "the database is slow".to_owned()) }
        });
        self.health.set_ends_waiting(waiting);
    }

    /// Answers who waited, tells the clients and the supervisor.
    fn tell(&mut self, written: Written) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.do_send(written.for_supervisor);
        }
        for (reply, answer) in written.cancel_answers {
            let _ = reply.send(answer); // who asked may have gone
        }
        self.publish(&written.jobs);
        if written.noted_removed {
            self.bus.publish(Notice::Removed);
        }
        self.announce(written.jobs);
        self.announce_lines(&written.lines);
    }

    /// Tells other nodes of what was stored here.
    fn publish(&self, jobs: &[JobSummary]) {
        if self.is_alone() || jobs.is_empty() {
            return;
        }
        let node = Some(self.node.current());
        let elsewhere = |job: &&JobSummary| job.status == Status::Cancelling && job.node_id != node;
        let asked: Vec<_> = jobs.iter().filter(elsewhere).map(|job| job.id).collect();
        if !asked.is_empty() {
            self.bus.publish(Notice::Cancel(asked));
        }
        self.bus.publish(Notice::Jobs(jobs.iter().map(|job| job.id).collect()));
    }

    fn is_alone(&self) -> bool {
        self.health.bus.others() == 0
    }

    fn announce(&mut self, mut jobs: Vec<JobSummary>) {
        let alone = self.is_alone();
        jobs.retain(|job| self.told.is_news(job, alone));
        self.children.heard(&jobs);
        if jobs.is_empty() || self.clients.is_empty() {
            return;
        }
        let updates: Vec<_> = jobs.iter().map(|job| Arc::new(Update::of(job))).collect();
        self.each_client(|client| client.push(&updates));
    }

    /// Tells of deleted jobs, after the batch that is under way.
    fn remove(&mut self, jobs: Vec<RemovedJob>) {
        self.children.gone(jobs.iter().map(|job| job.id));
        self.removed.extend(jobs);
        if self.link.is_some() {
            self.announce_removed();
        }
    }

    /// Tells of deleted jobs, once nothing else is to be told of them.
    fn announce_removed(&mut self) {
        let removed = mem::take(&mut self.removed);
        if !removed.is_empty() {
            self.each_client(|client| client.push_removed(&removed));
        }
    }

    /// Serialises log lines only where somebody listens.
    fn announce_lines(&mut self, stored: &[StoredLines]) {
        for StoredLines { type_name, write } in stored {
            if self.wants_lines(&write.fence.job_id, type_name) {
                let lines = LogLines::of(write, type_name);
                self.each_client(|client| client.push_lines(&lines));
            }
        }
    }

    fn wants_lines(&self, job_id: &Uuid, type_name: &str) -> bool {
        self.clients.iter().any(|client| client.upgrade().is_some_and(|c| c.wants_lines(job_id, type_name)))
    }

    /// Visits every client that is still there.
    fn each_client(&mut self, visit: impl Fn(&Outbox)) {
        self.clients.retain(|client| client.upgrade().inspect(|outbox| visit(outbox)).is_some());
    }

    /// Hangs up on clients that were not heard for too long.
    fn sweep(&mut self) {
        self.each_client(|client| {
            if client.silent_for() > SILENCE {
                tracing::info!(silent_s = client.silent_for().as_secs(), "hung up on a silent client");
                client.hang_up();
            }
        });
        let clients = &self.clients;
        self.health.sessions.store(clients.len() as u64, Ordering::Relaxed);
    }

    /// Reads the runs that fell silent: their pace is not what it was, and their curve may not be stored.
    fn read_silent(&mut self, ctx: &mut Context<Self>) {
        self.running.retain(|_, attempt| attempt.strong_count() > 0);
        let running = self.running.iter().filter_map(|(run, attempt)| Some((*run, attempt.upgrade()?)));
        let overdue: Vec<_> = running.filter(|(_, attempt)| attempt.is_overdue()).collect();
        if !overdue.is_empty() {
            self.touched.extend(overdue);
            self.schedule_flush(ctx);
        }
    }

    /// Forgets a run that is over.
    fn forget(&mut self, run: Fence) {
        self.touched.remove(&run);
        self.running.remove(&run);
    }

    fn schedule_flush(&mut self, ctx: &mut Context<Self>) {
        if !mem::replace(&mut self.flush_set, true) {
            ctx.run_later(FLUSH, |tracker, ctx| {
                tracker.flush_due = true;
                tracker.turn(ctx);
            });
        }
    }
}

impl Actor for JobTracker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // A write that takes long is noted by nobody else.
        ctx.run_interval(WAITS_LONG, |tracker, _| tracker.note_ends());
        ctx.run_interval(SWEEP, |tracker, ctx| {
            tracker.sweep();
            tracker.told.turn_over();
            tracker.read_silent(ctx);
        });
    }
}

impl Handler<Touched> for JobTracker {
    type Result = ();

    fn handle(&mut self, Touched(attempt): Touched, ctx: &mut Self::Context) {
        self.touched.insert(attempt.fence(), attempt);
        self.schedule_flush(ctx);
    }
}

impl Handler<Concluded> for JobTracker {
    type Result = ();

    fn handle(&mut self, concluded: Concluded, ctx: &mut Self::Context) {
        self.forget(concluded.attempt.fence());
        self.batch.conclude(concluded.attempt, concluded.conclusion);
        self.turn(ctx);
    }
}

impl Handler<Released> for JobTracker {
    type Result = ();

    fn handle(&mut self, Released(write): Released, ctx: &mut Self::Context) {
        self.forget(write.fence);
        self.batch.release(write);
        self.turn(ctx);
    }
}

impl Handler<Climbed> for JobTracker {
    type Result = ();

    fn handle(&mut self, Climbed(rung): Climbed, ctx: &mut Self::Context) {
        self.batch.rungs.push(rung);
        self.turn(ctx);
    }
}

impl Handler<Waits> for JobTracker {
    type Result = ();

    fn handle(&mut self, Waits { fence, waits, stored }: Waits, ctx: &mut Self::Context) {
        let known = self.batch.waiting.entry(fence).or_insert(WaitingWrite { waits, stored: Vec::new() });
        known.waits = waits;
        known.stored.extend(stored);
        self.turn(ctx);
    }
}

impl Handler<Stored> for JobTracker {
    type Result = ();

    fn handle(&mut self, Stored(jobs): Stored, _: &mut Self::Context) {
        self.publish(&jobs);
        self.announce(jobs);
    }
}

impl Handler<Removed> for JobTracker {
    type Result = ();

    fn handle(&mut self, Removed(jobs): Removed, ctx: &mut Self::Context) {
        if !self.is_alone() {
            self.batch.removed.extend(jobs.iter().cloned());
        }
        self.remove(jobs);
        self.turn(ctx);
    }
}

impl Handler<WhichAreNews> for JobTracker {
    type Result = MessageResult<WhichAreNews>;

    fn handle(&mut self, WhichAreNews(changes): WhichAreNews, _: &mut Self::Context) -> Self::Result {
        let clients: Vec<_> = self.clients.iter().filter_map(Weak::upgrade).collect();
        let wanted = |change: &Change| {
            self.told.would_be_news(&change.id, change.rev)
                && (self.children.follows(&change.id) || clients.iter().any(|c| c.wants(change)))
        };
        MessageResult(changes.into_iter().filter(wanted).map(|change| change.id).collect())
    }
}

impl Handler<SeenElsewhere> for JobTracker {
    type Result = MessageResult<SeenElsewhere>;

    fn handle(&mut self, SeenElsewhere(mut jobs): SeenElsewhere, _: &mut Self::Context) -> Self::Result {
        jobs.retain(|job| self.told.would_be_news(&job.id, job.rev));
        let with_lines =
            jobs.iter().filter(|job| self.wants_lines(&job.id, &job.type_name)).map(|job| job.id).collect();
        self.announce(jobs);
        MessageResult(with_lines)
    }
}

impl Handler<LinesWanted> for JobTracker {
    type Result = MessageResult<LinesWanted>;

    fn handle(&mut self, LinesWanted(jobs): LinesWanted, _: &mut Self::Context) -> Self::Result {
        MessageResult(jobs.into_iter().filter(|(id, of)| self.wants_lines(id, of)).map(|(id, _)| id).collect())
    }
}

impl Handler<ForeignLines> for JobTracker {
    type Result = ();

    fn handle(&mut self, ForeignLines(lines): ForeignLines, _: &mut Self::Context) {
        self.each_client(|client| client.push_lines(&lines));
    }
}

impl Handler<ForeignRemoved> for JobTracker {
    type Result = ();

    fn handle(&mut self, ForeignRemoved(jobs): ForeignRemoved, _: &mut Self::Context) {
        self.remove(jobs);
    }
}

impl Handler<StartAfresh> for JobTracker {
    type Result = ();

    fn handle(&mut self, _: StartAfresh, _: &mut Self::Context) {
        self.told = Told::default();
        self.children.start_afresh();
        self.each_client(Outbox::start_afresh);
    }
}

impl Handler<Forget> for JobTracker {
    type Result = ();

    fn handle(&mut self, Forget(rev): Forget, _: &mut Self::Context) {
        self.told.forget(rev);
    }
}

impl Handler<RequestCancel> for JobTracker {
    type Result = ();

    fn handle(&mut self, request: RequestCancel, ctx: &mut Self::Context) {
        let RequestCancel { ids, actor, reason, reply } = request;
        if self.batch.cancels.len() + self.later.cancels.len() + ids.len() > WAITING_WISHES {
            return; // dropping the reply says that it was not taken
        }
        let wish = |id| CancelWish { id, actor: actor.clone(), reason: reason.clone(), reply: reply.clone() };
        self.batch.cancels.extend(ids.into_iter().map(wish));
        self.turn(ctx);
    }
}

impl Handler<Join> for JobTracker {
    type Result = ();

    fn handle(&mut self, Join(client): Join, _: &mut Self::Context) {
        self.clients.push(client);
        self.health.sessions.store(self.clients.len() as u64, Ordering::Relaxed);
    }
}

impl Handler<ReportTo> for JobTracker {
    type Result = ();

    fn handle(&mut self, ReportTo(supervisor): ReportTo, _: &mut Self::Context) {
        self.supervisor = Some(supervisor);
    }
}
