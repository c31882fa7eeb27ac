//! The supervisor: accepts jobs, claims them for the runners that have room, routes commands, starts runners again, rescues.
//!
//! It has one connection and takes turns at it: what was submitted since the last turn is stored in one statement, types are
//! paused and resumed, orphans are rescued when due, then pending jobs of all types are claimed in one
//! statement. Accepting and claiming never race each other, so a job's `started` cannot overtake its `created`, and nothing is
//! claimed here once somebody was told of a pause.

pub(super) mod parking;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use self::parking::{Holds, Returning};
use super::bus::{Bus, Notice};
use super::command::{Cancel, CancelAnswer, Drain, MadePending, SetPaused, Submit, SubmitError, Unavailable};
use super::health::Health;
use super::identity::NodeIdentity;
use super::lease::{LEASE_LOST, Renewed, StopRuns};
use super::mailbox::Mailbox;
use super::runner::{JobRunner, Run, RunnerDied, RunnerParts, SlotFreed, Stop, StopAll};
use super::supervisor_turn::{PATIENCE, Turn, TurnDone, Waiting, WaitingPause, take_turn};
use super::tracker::{BatchStored, JobTracker, Released, ReportTo, RequestCancel, Stored};
use crate::job::{Environment, Fence, RateLimit, Registered, Registry, StopReason};
use crate::store::claim::{Claimed, Room};
use crate::store::finish::ReleaseWrite;
use crate::store::link::Link;
use crate::store::pauses::Pause;
use crate::store::row::JobSummary;

/// The longest that a job waits whose time has come, or whose wake-up was lost.
const BEAT: Duration = Duration::from_secs(1);
/// Beats between two looks for orphans.
const BEATS_PER_SWEEP: u32 = 5;
/// While most of a type's slots are busy, freed ones are gathered for a moment: large claims are cheaper.
const GATHER: Duration = Duration::from_millis(1);

/// How soon one tries again who did not get the turn of the types with a limit: about as long as a claim takes.
pub(super) const NEXT_TURN: Duration = Duration::from_millis(10);

/// How long a request waits for the tracker to store a wish. Longer means that the database is away.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// Fact: another node says that there may be jobs of these types to be claimed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Woken(pub Vec<String>);

/// Fact: another node stored the wish that these jobs stop.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AskedElsewhere(pub Vec<Uuid>);

/// What a supervisor is made of.
pub struct SupervisorParts {
    /// This node.
    pub node: Arc<NodeIdentity>,
    /// The job types.
    pub registry: Registry,
    /// Slots by type, where they differ from the spec.
    pub slots: HashMap<String, u32>,
    /// Its connection.
    pub link: Link,
    /// Wakes other nodes.
    pub bus: Arc<dyn Bus>,
    /// The tracker.
    pub tracker: Addr<JobTracker>,
    /// Where handlers run.
    pub runtime: Handle,
    /// What handlers can reach.
    pub environment: Environment,
    /// Figures for probes.
    pub health: Arc<Health>,
}

/// The actor.
pub struct JobSupervisor {
    node: Arc<NodeIdentity>,
    registry: Registry,
    bus: Arc<dyn Bus>,
    tracker: Addr<JobTracker>,
    runtime: Handle,
    environment: Environment,
    health: Arc<Health>,
    /// Its connection; away while a turn is under way.
    link: Option<Link>,
    /// The runner of each type, with its room.
    runners: BTreeMap<&'static str, RunnerPlace>,
    /// Jobs that run here until their end is stored: known to be no orphans.
    running: HashMap<Uuid, RunningJob>,
    /// Jobs that were asked to stop while the claim that started them was under way.
    early_stops: HashSet<Uuid>,
    /// What was submitted since the last turn, and who waits.
    submitted: Vec<Waiting>,
    /// Types to be paused or resumed since the last turn, and who waits.
    pauses: Vec<WaitingPause>,
    /// There may be something to claim.
    claim_due: bool,
    /// Types of which jobs became pending here, or may run since one ended: when this node has no room, others are woken.
    pending_types: BTreeSet<String>,
    /// A short gathering of freed slots is under way.
    gathering: bool,
    sweep_due: bool,
    /// Jobs may have been committed by somebody else.
    outbox_due: bool,
    beats: u32,
    /// Set when the node goes away: claims have stopped.
    draining: Option<Draining>,
}

struct Draining {
    /// The longest that jobs have to stop by themselves.
    grace: Duration,
    /// Who waits for the last job to end.
    waiting: Vec<oneshot::Sender<()>>,
}

struct RunnerPlace {
    mailbox: Mailbox<JobRunner>,
    slots: u32,
    busy: u32,
    /// Its limits in the cluster.
    in_cluster: Option<u32>,
    rate_limit: Option<RateLimit>,
    /// How many a claim that is under way may fill.
    promised: u32,
    /// Runs that waited for their children and want a slot again.
    returning: VecDeque<Returning>,
}

#[derive(Clone, Copy)]
struct RunningJob {
    type_name: &'static str,
    fence: Fence,
    /// What it has of this node.
    holds: Holds,
}

impl JobSupervisor {
    /// Starts the supervisor, and with it a runner for each type.
    pub fn start(parts: SupervisorParts) -> Addr<Self> {
        Self::create(|ctx| {
            let mut supervisor = Self {
                node: parts.node,
                registry: parts.registry.clone(),
                bus: parts.bus,
                tracker: parts.tracker,
                runtime: parts.runtime,
                environment: parts.environment,
                health: parts.health,
                link: Some(parts.link),
                runners: BTreeMap::new(),
                running: HashMap::new(),
                early_stops: HashSet::new(),
                submitted: Vec::new(),
                pauses: Vec::new(),
                claim_due: true,
                pending_types: BTreeSet::new(),
                gathering: false,
                sweep_due: true,
                outbox_due: true,
                beats: 0,
                draining: None,
            };
            for registered in parts.registry.iter() {
                let slots = registered.spec.slots_if_told(parts.slots.get(registered.spec.name).copied());
                supervisor.place_runner(registered, slots, ctx);
            }
            supervisor
        })
    }

    fn place_runner(&mut self, registered: &Registered, slots: u32, ctx: &mut Context<Self>) {
        let spec = registered.spec;
        let health = self.health.runner(spec.name);
        let waiting = health.map(|health| Arc::clone(&health.mailbox)).unwrap_or_default();
        let addr = JobRunner::new(RunnerParts {
            spec,
            progress: Arc::clone(&registered.progress),
            registry: self.registry.clone(),
            runtime: self.runtime.clone(),
            environment: self.environment.clone(),
            tracker: self.tracker.clone(),
            slot_freed: ctx.address().recipient(),
            runner_died: ctx.address().recipient(),
            health: Arc::clone(&self.health),
            waiting: Arc::clone(&waiting),
        })
        .start();
        if let Some(health) = health {
            health.slots.store(u64::from(slots), Ordering::Relaxed);
        }
        let mailbox = Mailbox::new(addr, waiting);
        let (in_cluster, rate_limit) = (spec.cluster_limit(), spec.rate_limit);
        // A claim that is under way fills the new one.
        let promised = self.runners.get(spec.name).map_or(0, |old| old.promised);
        let returning = VecDeque::new();
        let place = RunnerPlace { mailbox, slots, busy: 0, promised, returning, in_cluster, rate_limit };
        self.runners.insert(spec.name, place);
    }

    /// Takes a turn at the database, if there is a reason and none is under way.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        let rooms = if self.claim_due && !self.gathering { self.rooms() } else { Vec::new() };
        let asked = !self.submitted.is_empty() || !self.pauses.is_empty();
        if !asked && rooms.is_empty() && !self.sweep_due && !self.outbox_due {
            return;
        }
        let Some(link) = self.link.take() else { return };
        self.claim_due &= rooms.is_empty();
        self.promise(&rooms);
        let node = self.node.current();
        let turn = Turn {
            node,
            submitted: mem::take(&mut self.submitted),
            pauses: mem::take(&mut self.pauses),
            known: mem::take(&mut self.sweep_due).then(|| self.running.values().map(|run| run.fence).collect()),
            rooms: rooms.clone(),
            health: Arc::clone(&self.health),
            outbox: mem::take(&mut self.outbox_due),
        };
        let turn = take_turn(link, turn, self.tracker.clone());
        ctx.spawn(turn.into_actor(self).map(move |(link, done), supervisor, ctx| {
            supervisor.link = Some(link);
            if done.missed_turn {
                ctx.run_later(NEXT_TURN, |supervisor, ctx| {
                    supervisor.claim_due = true;
                    supervisor.turn(ctx);
                });
            }
            supervisor.turn_done(done, &rooms, node);
            supervisor.turn(ctx);
            supervisor.tell_drained();
        }));
    }

    fn rooms(&self) -> Vec<Room> {
        if self.draining.is_some() || self.is_fenced() {
            return Vec::new();
        }
        let rooms = self.runners.iter().map(|(type_name, place)| Room {
            type_name,
            slots: place.slots.saturating_sub(place.busy),
            in_cluster: place.in_cluster,
            rate_limit: place.rate_limit,
        });
        rooms.filter(|room| room.slots > 0).collect()
    }

    fn is_fenced(&self) -> bool {
        self.health.fenced().is_some()
    }

    fn turn_done(&mut self, done: TurnDone, rooms: &[Room], node: Uuid) {
        self.claim_due |= !done.pending_types.is_empty();
        self.pending_types.extend(done.pending_types);
        for (reply, answer) in done.answers {
            let _ = reply.send(answer); // who asked may have gone
        }
        self.tracker.do_send(Stored(done.claimed.iter().map(|claimed| claimed.job.clone()).collect()));
        let took: Vec<_> = done.claimed.iter().map(|claimed| claimed.job.type_name.clone()).collect();
        for claimed in done.claimed {
            self.run(claimed, node);
        }
        self.redeem();
        self.early_stops.clear();
        self.wake_others(rooms, &took, done.answered && !done.missed_turn);
    }

    /// When no turn began there is no room here, and none will be looked for.
    fn wake_others_if_idle(&mut self) {
        if self.link.is_some() {
            self.wake_others(&[], &[], false);
        }
    }

    /// Wakes other nodes for the types of which this one has no room, or may leave some. `claimed` says that all of the rooms were
    /// looked at.
    fn wake_others(&mut self, offered: &[Room], took: &[String], claimed: bool) {
        let rooms = self.rooms();
        let mut woken = Vec::new();
        for type_name in mem::take(&mut self.pending_types) {
            let offer = offered.iter().find(|room| room.type_name == type_name).filter(|_| claimed);
            let taken = took.iter().filter(|took| **took == type_name).count();
            if offer.is_some_and(|room| taken < room.slots as usize) {
                continue; // nothing was left
            }
            if rooms.iter().any(|room| room.type_name == type_name) {
                self.pending_types.insert(type_name); // the next turn claims
            } else {
                woken.push(type_name);
            }
        }
        if !woken.is_empty() {
            self.bus.publish(Notice::Claimable(woken));
        }
    }

    /// Starts a job that was claimed under this node id.
    fn run(&mut self, claimed: Claimed, node: Uuid) {
        let Some((type_name, place)) = self.runners.get_key_value(claimed.job.type_name.as_str()) else { return };
        let (type_name, mailbox) = (*type_name, place.mailbox.clone());
        let (id, fence) = (claimed.job.id, claimed.fence);
        if self.is_fenced() || node != self.node.current() {
            // The answer came late: others may take the job at any moment.
            let reason = LEASE_LOST.to_owned();
            return self.tracker.do_send(Released(ReleaseWrite { fence, reason }));
        }
        let before = self.running.insert(id, RunningJob { type_name, fence, holds: Holds::Slot });
        if before.is_some_and(|before| before.holds == Holds::Slot) {
            self.busy(type_name, |busy| busy.saturating_sub(1)); // rescued from this node while it still ran here
        }
        self.busy(type_name, |busy| busy + 1);
        mailbox.send(Run(Box::new(claimed)));
        if self.early_stops.remove(&id) {
            mailbox.send(Stop { job_id: id, reason: StopReason::Cancelled, within: None });
        }
        if let Some(draining) = &self.draining {
            mailbox.send(Stop { job_id: id, reason: StopReason::Interrupted, within: Some(draining.grace) });
        }
    }

    fn busy(&mut self, type_name: &str, change: impl Fn(u32) -> u32) {
        if let Some(place) = self.runners.get_mut(type_name) {
            place.busy = change(place.busy);
        }
    }

    /// Passes a stored wish on to the runner. A job that is not known here yet is being claimed at this moment.
    fn deliver(&mut self, id: Uuid) {
        match self.running.get(&id).and_then(|job| self.runners.get(job.type_name)) {
            Some(place) => place.mailbox.send(Stop { job_id: id, reason: StopReason::Cancelled, within: None }),
            None if self.link.is_none() => {
                self.early_stops.insert(id);
            }
            None => {} // another node runs it
        }
    }

    fn slot_freed(&mut self, freed: &SlotFreed, ctx: &mut Context<Self>) {
        if !self.give_back(freed.fence) {
            return;
        }
        self.claim_due = true;
        let crowded =
            self.runners.get(freed.type_name).is_some_and(|place| place.busy > place.slots / 2 && place.slots > 8);
        if crowded && !mem::replace(&mut self.gathering, true) {
            ctx.run_later(GATHER, |supervisor, ctx| {
                supervisor.gathering = false;
                supervisor.turn(ctx);
            });
        }
        self.turn(ctx);
    }

    /// Puts a new runner in the place of a dead one, and gives the jobs back that died with it.
    fn replace_runner(&mut self, type_name: &'static str, ctx: &mut Context<Self>) {
        let (Some(place), Some(health)) = (self.runners.get(type_name), self.health.runner(type_name)) else { return };
        let slots = place.slots;
        health.restarts.fetch_add(1, Ordering::Relaxed);
        tracing::error!(r#type = type_name, "a runner died; starting another");
        let registry = self.registry.clone();
        if let Some(registered) = registry.get(type_name) {
            self.place_runner(registered, slots, ctx);
        }
        for job in self.running.values_mut().filter(|job| job.type_name == type_name && job.holds != Holds::Ended) {
            job.holds = Holds::Ended; // the new runner has all of its slots
            let reason = "its runner died".to_owned();
            self.tracker.do_send(Released(ReleaseWrite { fence: job.fence, reason }));
        }
    }

    /// The runner of a type.
    #[cfg(test)]
    pub(super) fn runner(&self, type_name: &str) -> Option<Addr<JobRunner>> {
        self.runners.get(type_name).map(|place| place.mailbox.addr())
    }

    fn settled(&mut self, ended: Vec<Fence>) {
        for fence in ended {
            let Some(job) = self.running.get(&fence.job_id).filter(|job| job.fence == fence) else { continue };
            // Of these the end of one may let another run, on whichever node has room; what was given back may run elsewhere.
            if self.draining.is_some() || self.is_limited(job.type_name) {
                self.pending_types.insert(job.type_name.to_owned());
            }
            self.running.remove(&fence.job_id);
        }
        self.claim_due = true;
        self.tell_drained();
    }

    /// Whether jobs of a type wait for each other across nodes.
    fn is_limited(&self, type_name: &str) -> bool {
        let spec = self.registry.get(type_name).map(|registered| registered.spec);
        spec.is_some_and(|spec| spec.cluster_limit().is_some())
    }

    /// Stops runs that lost their job to another, at once: whatever they write is refused, and the other may run already.
    fn disown(&self, lost: &[Fence]) {
        for fence in lost {
            let run = self.running.get(&fence.job_id).filter(|job| job.fence == *fence);
            if let Some(place) = run.and_then(|job| self.runners.get(job.type_name)) {
                place.mailbox.send(Stop {
                    job_id: fence.job_id,
                    reason: StopReason::Interrupted,
                    within: Some(Duration::ZERO),
                });
            }
        }
    }

    fn tell_drained(&mut self) {
        if self.running.is_empty()
            && self.link.is_some()
            && let Some(draining) = &mut self.draining
        {
            for reply in draining.waiting.drain(..) {
                let _ = reply.send(()); // who waited may have given up
            }
        }
    }

    /// Refuses what waits in vain for a turn that is under way.
    fn refuse_late(&mut self) {
        for waiting in self.submitted.extract_if(.., |waiting| waiting.since.elapsed() > PATIENCE) {
            waiting.refuse();
        }
        for waiting in self.pauses.extract_if(.., |waiting| waiting.since.elapsed() > PATIENCE) {
            waiting.refuse();
        }
    }

    fn beat(&mut self, ctx: &mut Context<Self>) {
        self.refuse_late();
        self.beats = self.beats.wrapping_add(1);
        self.claim_due = true;
        self.outbox_due = true;
        self.sweep_due |= self.beats.is_multiple_of(BEATS_PER_SWEEP);
        self.tell_drained();
        self.turn(ctx);
    }
}

impl Actor for JobSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tracker.do_send(ReportTo(ctx.address().recipient()));
        ctx.run_interval(BEAT, Self::beat);
        self.turn(ctx);
    }
}

impl Handler<Submit> for JobSupervisor {
    type Result = ResponseFuture<Result<Vec<JobSummary>, SubmitError>>;

    fn handle(&mut self, submit: Submit, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        if self.draining.is_none() {
            self.submitted.push(Waiting { jobs: submit.jobs, since: Instant::now(), reply });
            self.turn(ctx);
        } // dropping the reply says the rest
        Box::pin(async { answer.await.unwrap_or(Err(SubmitError::Stopping)) })
    }
}

impl Handler<Cancel> for JobSupervisor {
    type Result = ResponseFuture<Result<Vec<CancelAnswer>, Unavailable>>;

    fn handle(&mut self, cancel: Cancel, _: &mut Self::Context) -> Self::Result {
        let (reply, mut answers) = mpsc::unbounded_channel();
        let Cancel { ids, actor, reason } = cancel;
        self.tracker.do_send(RequestCancel { ids: ids.clone(), actor, reason, reply });
        Box::pin(async move {
            let mut by_id = HashMap::new();
            let gather = async {
                while let Some((id, asked)) = answers.recv().await {
                    by_id.insert(id, asked);
                }
            };
            let all_came = tokio::time::timeout(CANCEL_WAIT, gather).await.is_ok();
            match (by_id.is_empty(), all_came) {
                (true, true) => return Err(Unavailable("too many requests wait for it".to_owned())),
                (true, false) => return Err(Unavailable("the request is kept, and stored when it does".to_owned())),
                (false, _) => {}
            }
            let answers = ids.into_iter().map(|id| match by_id.remove(&id) {
                None => CancelAnswer::Kept(id),
                Some(None) => CancelAnswer::Unknown(id),
                Some(Some((job, true))) => CancelAnswer::Accepted(Box::new(job)),
                Some(Some((job, false))) if job.status.is_terminal() => CancelAnswer::Terminal(Box::new(job)),
                Some(Some((job, false))) => CancelAnswer::AskedBefore(Box::new(job)),
            });
            Ok(answers.collect())
        })
    }
}

impl Handler<SetPaused> for JobSupervisor {
    type Result = ResponseFuture<Result<Option<Pause>, Unavailable>>;

    fn handle(&mut self, wish: SetPaused, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        self.pauses.push(WaitingPause { wish, since: Instant::now(), reply });
        self.turn(ctx);
        Box::pin(async { answer.await.unwrap_or_else(|_| Err(Unavailable("the server is stopping".to_owned()))) })
    }
}

impl Handler<MadePending> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, MadePending(types): MadePending, ctx: &mut Self::Context) {
        self.pending_types.extend(types);
        self.claim_due = true;
        self.turn(ctx);
        self.wake_others_if_idle();
    }
}

impl Handler<SlotFreed> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, freed: SlotFreed, ctx: &mut Self::Context) {
        self.slot_freed(&freed, ctx);
    }
}

impl Handler<BatchStored> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, stored: BatchStored, ctx: &mut Self::Context) {
        for id in stored.cancelling {
            self.deliver(id);
        }
        self.disown(&stored.lost);
        if !stored.settled.is_empty() {
            self.settled(stored.settled);
            self.turn(ctx);
            self.wake_others_if_idle();
        }
    }
}

impl Handler<StopRuns> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, StopRuns(grace): StopRuns, _: &mut Self::Context) {
        for place in self.runners.values() {
            place.mailbox.send(StopAll { grace });
        }
    }
}

impl Handler<Renewed> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, renewed: Renewed, _: &mut Self::Context) {
        for id in renewed.asked {
            self.deliver(id);
        }
        self.disown(&renewed.lost);
    }
}

impl Handler<Woken> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, Woken(types): Woken, ctx: &mut Self::Context) {
        self.outbox_due = true;
        self.claim_due |= types.iter().any(|name| self.runners.contains_key(name.as_str()));
        self.turn(ctx);
    }
}

impl Handler<AskedElsewhere> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, AskedElsewhere(ids): AskedElsewhere, _: &mut Self::Context) {
        for id in ids {
            self.deliver(id);
        }
    }
}

impl Handler<RunnerDied> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, died: RunnerDied, ctx: &mut Self::Context) {
        self.replace_runner(died.type_name, ctx);
    }
}

impl Handler<Drain> for JobSupervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, drain: Drain, _: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        self.health.claiming.store(false, Ordering::Relaxed);
        let grace = drain.grace;
        self.draining.get_or_insert_with(|| Draining { grace, waiting: Vec::new() }).waiting.push(reply);
        for place in self.runners.values() {
            place.mailbox.send(StopAll { grace });
        }
        self.tell_drained();
        Box::pin(async {
            let _ = answer.await; // a supervisor that is gone has nothing left
        })
    }
}
