//! The runner of one job type: starts handlers, hears of their ends, stops them.
//!
//! It never awaits a handler. A stop is a message, a tripped signal and two timers: after the grace the handler's future is
//! aborted at its next `.await`; if it reaches none, the attempt is given up and the thread counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Recipient};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::attempt_task::{self, AttemptEnded, Ended};
use super::conclusion::{self, Conclusion};
use super::health::Health;
use super::lease::LEASE_LOST;
use super::mailbox::{Mail, Mailbox};
use super::tracker::{Climbed, Concluded, JobTracker, Touched};
use crate::job::{Attempt, Environment, Fence, JobSpec, LogLevel, ProgressParser, Registry, StopReason};
use crate::store::cancel::{Rung, RungWrite};
use crate::store::claim::Claimed;
use crate::store::finish::ReleaseWrite;

/// How long an aborted handler has to reach an `.await`.
pub(crate) const ABORT_GRACE: Duration = Duration::from_secs(5);
/// How often handlers are looked for that block their thread or whose time is up; also how long one may block unnoticed.
const CHECK: Duration = Duration::from_secs(1);

/// Command: run this job.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Run(pub Box<Claimed>);

/// Command: make this job stop.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop {
    /// The job.
    pub job_id: Uuid,
    /// Why.
    pub reason: StopReason,
    /// The longest that it has to stop by itself, where that is shorter than its type's grace.
    pub within: Option<Duration>,
}

/// Command: make all jobs stop, because the node goes away.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopAll {
    /// The longest that they have to stop by themselves.
    pub grace: Duration,
}

/// Fact: a slot of this type is free again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SlotFreed {
    /// The type.
    pub type_name: &'static str,
    /// The run that had it.
    pub fence: Fence,
}

/// Fact: a runner's actor is gone, by a panic or otherwise.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RunnerDied {
    /// Its type.
    pub type_name: &'static str,
}

/// The actor.
pub struct JobRunner {
    spec: JobSpec,
    /// Shared by the attempts: reads counts out of their messages.
    progress: Arc<ProgressParser>,
    /// To start handlers by their type.
    registry: Registry,
    /// Where handlers run.
    runtime: Handle,
    /// What they can reach.
    environment: Environment,
    /// Told of all that happens.
    tracker: Addr<JobTracker>,
    /// Told when a slot is free.
    supervisor: Recipient<SlotFreed>,
    health: Arc<Health>,
    /// How many messages wait for it, for the ends of attempts.
    waiting: Arc<AtomicU64>,
    /// What runs, by job.
    running: HashMap<Uuid, Running>,
    /// Runs that were given up and still hold a thread.
    abandoned: HashSet<Fence>,
    /// How many of its handlers blocked their thread when it last looked.
    blocking: u64,
    /// Tells the supervisor when this actor is dropped, however that comes.
    _tombstone: Tombstone,
}

/// One run. Dropping it stops the handler: a runner that dies takes its jobs with it.
struct Running {
    attempt: Arc<Attempt>,
    abort: AbortHandle,
    /// When its time is up, where its type has a timeout.
    deadline: Option<Instant>,
    /// Whether it has been said that it blocks its thread.
    called_blocking: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.attempt.stop.request(StopReason::Interrupted);
        self.abort.abort();
    }
}

struct Tombstone {
    type_name: &'static str,
    supervisor: Recipient<RunnerDied>,
}

impl Drop for Tombstone {
    fn drop(&mut self) {
        self.supervisor.do_send(RunnerDied { type_name: self.type_name });
    }
}

/// What a runner needs from its supervisor.
pub struct RunnerParts {
    /// The type.
    pub spec: JobSpec,
    /// Reads counts out of messages.
    pub progress: Arc<ProgressParser>,
    /// All types.
    pub registry: Registry,
    /// Where handlers run.
    pub runtime: Handle,
    /// What they can reach.
    pub environment: Environment,
    /// Told of all that happens.
    pub tracker: Addr<JobTracker>,
    /// Told when a slot is free.
    pub slot_freed: Recipient<SlotFreed>,
    /// Told when this runner is gone.
    pub runner_died: Recipient<RunnerDied>,
    /// Figures for probes.
    pub health: Arc<Health>,
    /// Where the messages are counted that wait for it.
    pub waiting: Arc<AtomicU64>,
}

impl JobRunner {
    /// A runner with nothing to do.
    pub fn new(parts: RunnerParts) -> Self {
        Self {
            spec: parts.spec,
            progress: parts.progress,
            registry: parts.registry,
            runtime: parts.runtime,
            environment: parts.environment,
            tracker: parts.tracker,
            supervisor: parts.slot_freed,
            health: parts.health,
            waiting: parts.waiting,
            running: HashMap::new(),
            abandoned: HashSet::new(),
            blocking: 0,
            _tombstone: Tombstone { type_name: parts.spec.name, supervisor: parts.runner_died },
        }
    }

    fn start(&mut self, claimed: Claimed, runner: Mailbox<Self>) {
        let tracker = self.tracker.clone();
        let only_items = claimed.only_items.and_then(|items| serde_json::from_value(items).ok());
        let attempt = Attempt::new(
            claimed.fence,
            self.spec.name,
            Arc::clone(&self.progress),
            only_items,
            Box::new(move |attempt| tracker.do_send(Touched(Arc::clone(attempt)))),
        );
        let (runtime, environment) = (&self.runtime, self.environment.clone());
        let on_ended = Box::new(move |ended| runner.send::<AttemptEnded>(ended));
        let abort = attempt_task::spawn(runtime, &self.registry, &attempt, claimed.params, environment, on_ended);
        let deadline = self.spec.timeout.map(|timeout| Instant::now() + timeout);
        if let Some(health) = self.health.runner(self.spec.name) {
            health.began(&attempt);
        }
        self.running.insert(attempt.job_id, Running { attempt, abort, deadline, called_blocking: false });
    }

    /// Begins the ladder: trips the signal and sets the timer of the next rung.
    fn stop(&self, job_id: Uuid, reason: StopReason, grace: Duration, ctx: &mut Context<Self>) {
        let Some(run) = self.running.get(&job_id) else { return };
        if !run.attempt.stop.request(reason) {
            return;
        }
        let fence = run.attempt.fence();
        match reason {
            StopReason::Cancelled => self.climbed(&run.attempt, Rung::Delivered),
            StopReason::TimedOut => {
                self.climbed(&run.attempt, Rung::TimedOut);
                self.climbed(&run.attempt, Rung::Delivered);
            }
            StopReason::Interrupted => {}
        }
        ctx.run_later(grace, move |runner, ctx| runner.abort(fence, ctx));
    }

    fn abort(&self, fence: Fence, ctx: &mut Context<Self>) {
        let Some(run) = self.current(fence).filter(|run| !run.abort.is_finished()) else { return };
        run.abort.abort();
        if run.attempt.stop.reason() != Some(StopReason::Interrupted) {
            self.climbed(&run.attempt, Rung::Aborted);
        }
        ctx.run_later(ABORT_GRACE, move |runner, _| runner.abandon(fence));
    }

    /// Gives up a run that still holds a thread. What it writes from now on is refused by the fence.
    fn abandon(&mut self, fence: Fence) {
        let Some(run) = self.current(fence) else { return };
        let attempt = Arc::clone(&run.attempt);
        attempt.say(LogLevel::Error, module_path!(), "abandoned: it blocks its thread and cannot be stopped");
        self.abandoned.insert(fence);
        self.health.abandoned_threads.fetch_add(1, Ordering::Relaxed);
        self.settle(&attempt, conclusion::abandon(&attempt));
    }

    fn ended(&mut self, ended: AttemptEnded) {
        if self.abandoned.remove(&ended.fence) {
            self.health.abandoned_threads.fetch_sub(1, Ordering::Relaxed);
            tracing::info!(job_id = %ended.fence.job_id, "an abandoned handler gave its thread back");
            return;
        }
        let Some(run) = self.current(ended.fence) else { return };
        let attempt = Arc::clone(&run.attempt);
        if let (Ended::Panicked(message), Some(runner)) = (&ended.how, self.health.runner(self.spec.name)) {
            runner.panicked(message);
        }
        self.settle(&attempt, conclusion::conclude(&attempt, ended.how, &self.spec));
    }

    /// Forgets a run, tells the tracker what became of it and the supervisor that there is room.
    fn settle(&mut self, attempt: &Arc<Attempt>, conclusion: Conclusion) {
        self.running.remove(&attempt.job_id);
        if let Some(health) = self.health.runner(self.spec.name) {
            health.ended(attempt.job_id);
        }
        // The slot first: the tracker is on another thread, and its "settled" must not overtake this.
        self.supervisor.do_send(SlotFreed { type_name: self.spec.name, fence: attempt.fence() });
        self.tracker.do_send(Concluded { attempt: Arc::clone(attempt), conclusion: self.reasoned(conclusion) });
    }

    /// A node that still claims jobs does not shut down: it gives one back because others may take it.
    fn reasoned(&self, conclusion: Conclusion) -> Conclusion {
        match conclusion {
            Conclusion::Release(write) if self.health.claiming.load(Ordering::Relaxed) => {
                Conclusion::Release(ReleaseWrite { reason: LEASE_LOST.to_owned(), ..write })
            }
            other => other,
        }
    }

    /// The run, if it is still the one that was meant: a timer may ring for one that is over.
    fn current(&self, fence: Fence) -> Option<&Running> {
        self.running.get(&fence.job_id).filter(|run| run.attempt.fence() == fence)
    }

    fn climbed(&self, attempt: &Arc<Attempt>, rung: Rung) {
        self.tracker.do_send(Climbed(RungWrite { fence: attempt.fence(), rung }));
    }

    /// Stops the runs whose time is up. Looked for, not timed one by one: actix asks every timer at every message.
    fn look_for_timeouts(&self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        let late = self.running.iter().filter(|(_, run)| run.deadline.is_some_and(|deadline| deadline <= now));
        for job_id in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.stop(job_id, StopReason::TimedOut, self.spec.cancel_grace, ctx);
        }
    }

    /// Names the handlers that keep their thread, and counts them.
    fn look_for_blocking(&mut self) {
        let mut now_blocking = 0;
        for run in self.running.values_mut() {
            let blocks = run.attempt.blocks_since().is_some_and(|since| since >= CHECK);
            if blocks && !run.called_blocking {
                let complaint = "this handler blocks its thread: no .await for over a second; use ctx.blocking";
                run.attempt.say(LogLevel::Warn, module_path!(), complaint);
            }
            run.called_blocking = blocks;
            now_blocking += u64::from(blocks);
        }
        self.health.blocking_jobs.fetch_add(now_blocking, Ordering::Relaxed);
        self.health.blocking_jobs.fetch_sub(self.blocking, Ordering::Relaxed);
        self.blocking = now_blocking;
    }
}

impl Drop for JobRunner {
    fn drop(&mut self) {
        // What it counted is nobody's any more.
        self.health.blocking_jobs.fetch_sub(self.blocking, Ordering::Relaxed);
        self.health.abandoned_threads.fetch_sub(self.abandoned.len() as u64, Ordering::Relaxed);
        if let Some(health) = self.health.runner(self.spec.name) {
            health.died();
        }
    }
}

impl Actor for JobRunner {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(CHECK, |runner, ctx| {
            runner.look_for_blocking();
            runner.look_for_timeouts(ctx);
        });
    }
}

impl Handler<Mail<Run>> for JobRunner {
    type Result = ();

    fn handle(&mut self, mail: Mail<Run>, ctx: &mut Self::Context) {
        let Run(claimed) = mail.open();
        self.start(*claimed, Mailbox::new(ctx.address(), Arc::clone(&self.waiting)));
    }
}

impl Handler<Mail<Stop>> for JobRunner {
    type Result = ();

    fn handle(&mut self, mail: Mail<Stop>, ctx: &mut Self::Context) {
        let stop = mail.open();
        let grace = stop.within.unwrap_or(self.spec.cancel_grace).min(self.spec.cancel_grace);
        self.stop(stop.job_id, stop.reason, grace, ctx);
    }
}

impl Handler<Mail<StopAll>> for JobRunner {
    type Result = ();

    fn handle(&mut self, mail: Mail<StopAll>, ctx: &mut Self::Context) {
        let grace = self.spec.cancel_grace.min(mail.open().grace);
        let runs: Vec<_> = self.running.values().map(|run| run.attempt.fence()).collect();
        for fence in runs {
            self.stop(fence.job_id, StopReason::Interrupted, grace, ctx);
            // One that is stopping already has no longer than the others.
            ctx.run_later(grace, move |runner, ctx| runner.abort(fence, ctx));
        }
    }
}

impl Handler<Mail<AttemptEnded>> for JobRunner {
    type Result = ();

    fn handle(&mut self, mail: Mail<AttemptEnded>, _: &mut Self::Context) {
        self.ended(mail.open());
    }
}
