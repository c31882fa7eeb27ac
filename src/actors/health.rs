//! Figures that actors keep for probes. Read without asking an actor, so that they answer when one is stuck.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::bus_state::BusHealth;
use crate::job::{Attempt, Fence, Registry};
use crate::store::outage::{Outage, OutageNow};
use crate::store::watch::DatabaseWatch;

/// The health of this node.
pub struct Health {
    /// Whether jobs are claimed: false while the server goes down.
    pub claiming: AtomicBool,
    /// Threads that an abandoned handler still holds.
    pub abandoned_threads: AtomicU64,
    /// Handlers that have kept their thread for more than a second without an `.await`.
    pub blocking_jobs: AtomicU64,
    /// Live WebSocket clients.
    pub sessions: AtomicU64,
    /// Ends of jobs that wait to be stored.
    pub unwritten: AtomicU64,
    /// How this node hears of others.
    pub bus: Arc<BusHealth>,
    /// What the actors' connections learn of the database.
    pub database: Arc<DatabaseWatch>,
    /// How many threads handlers have; 0 until that is known.
    pub handler_threads: AtomicU64,
    /// Since when the node has not been ready for a reason, as far as that is not known otherwise.
    since: Mutex<BTreeMap<ReasonCode, DateTime<Utc>>>,
    runners: BTreeMap<&'static str, RunnerHealth>,
    problems: Mutex<Vec<HealthProblem>>,
    fenced: Mutex<Option<Fenced>>,
    ends_waiting: Mutex<Option<EndsWaiting>>,
    /// What was put right without anybody's help, and when.
    notices: Mutex<Vec<(Instant, HealthProblem)>>,
    /// Whether the database's clock was put back: what was stored by it is to be looked over.
    pub clock_went_back: AtomicBool,
}

/// Why jobs were stopped here and none are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceCause {
    /// The lease could not be renewed.
    LeaseNotRenewed,
    /// The database did not know this node, or held it for gone; it has registered anew since.
    Unregistered,
}

impl FenceCause {
    /// The cause in a sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::LeaseNotRenewed => {
                "this node cannot renew its lease in the database: it has stopped its jobs and claims none"
            }
            Self::Unregistered => {
                "the database does not know this node or holds it for gone: it has dropped its jobs and registers anew"
            }
        }
    }
}

/// That a node is fenced: it has stopped its jobs and claims none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// Why.
    pub cause: FenceCause,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Ends of jobs that could not be stored for longer than a second. They are tried again until they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndsWaiting {
    /// How many.
    pub count: u64,
    /// Since when the oldest of them waits.
    pub since: DateTime<Utc>,
    /// Why.
    pub cause: String,
}

/// Why a node is not ready, for programs. Stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The server is stopping.
    Stopping,
    /// The node could not renew its lease, or the database did not know it: its jobs are stopped, and it claims none.
    Fenced,
    /// Ends of jobs have waited for some seconds to be stored.
    EndsWaiting,
    /// Every thread for handlers is kept by one that does not `.await`: no other handler makes progress.
    HandlerThreadsTaken,
    /// The database does not answer.
    DatabaseUnreachable,
    /// The database is shutting down or starting up.
    DatabaseRestarting,
    /// The database is read-only.
    DatabaseReadOnly,
    /// The disk of the database is full.
    DatabaseFull,
    /// The database refuses a write that it should take, as when rights are missing.
    DatabaseRefusesWrites,
    /// The database accepts no further connection.
    TooManyConnections,
    /// All connections that this server has for requests and handlers are in use. Only as the cause of a 503.
    ConnectionsBusy,
}

impl From<Outage> for ReasonCode {
    fn from(outage: Outage) -> Self {
        match outage {
            Outage::Unreachable => Self::DatabaseUnreachable,
            Outage::Restarting => Self::DatabaseRestarting,
            Outage::ReadOnly => Self::DatabaseReadOnly,
            Outage::Full => Self::DatabaseFull,
            Outage::TooManyConnections => Self::TooManyConnections,
            Outage::RefusesWrites => Self::DatabaseRefusesWrites,
        }
    }
}

/// Why a node is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// Why, for programs.
    pub code: ReasonCode,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What is wrong, and since when, if that is known; none when nothing is.
type Condition = Option<(Option<DateTime<Utc>>, String)>;

/// An end that waits longer than this to be stored makes the node unready: on a healthy database it takes milliseconds.
const END_WAITS: TimeDelta = TimeDelta::seconds(5);
/// How long people are told of what was put right.
const NOTICED_FOR: Duration = Duration::from_secs(60 * 60);
/// The newest of these are kept.
const MOST_NOTICES: usize = 100;

/// What is wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// No live server knows the type of a schedule: it is not fired.
    ScheduleTypeUnknown,
    /// The type of a schedule no longer takes its params: its due times make no jobs.
    ScheduleParamsRefused,
    /// The cron line or the time zone of a schedule is broken: there is no telling when it is due.
    ScheduleCronInvalid,
    /// The database's clock was ahead for a while. Times that were stored then have been corrected.
    ClockWasAhead,
}

/// Something that people have to set right. The server works all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthProblem {
    /// What is wrong, for programs.
    pub code: ProblemCode,
    /// What is wrong, and what to do.
    pub message: String,
    /// The name of the schedule that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub schedule: Option<String>,
}

/// The health of one runner.
#[derive(Default)]
pub struct RunnerHealth {
    /// How many jobs it may run at a time.
    pub slots: AtomicU64,
    /// How many messages wait for it.
    pub mailbox: Arc<AtomicU64>,
    /// How often the supervisor had to start it again.
    pub restarts: AtomicU64,
    /// What it runs, by job.
    running: Mutex<BTreeMap<Uuid, Arc<Attempt>>>,
    last_panic: Mutex<Option<String>>,
}

/// A runner as the API shows it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunnerState {
    /// How many jobs it may run at a time.
    pub slots: u64,
    /// How many it runs.
    pub running: u64,
    /// The jobs that it runs, oldest first; the first 100 of them.
    pub jobs: Vec<Uuid>,
    /// How many messages wait for it: more than a few for long mean that it is stuck.
    pub mailbox: u64,
    /// How often the supervisor had to start it again.
    pub restarts: u64,
    /// What the last handler that panicked said.
    #[schema(required)]
    pub last_panic: Option<String>,
}

impl Health {
    /// Healthy, with a runner for each type.
    pub fn new(registry: &Registry) -> Self {
        Self::with(registry, true, Arc::default())
    }

    /// Healthy, with a bus that is on or off, as far as the connections to the database know.
    pub fn with(registry: &Registry, bus: bool, database: Arc<DatabaseWatch>) -> Self {
        Self {
            claiming: AtomicBool::new(true),
            abandoned_threads: AtomicU64::new(0),
            blocking_jobs: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            bus: Arc::new(BusHealth::new(bus)),
            runners: registry.iter().map(|t| (t.spec.name, RunnerHealth::default())).collect(),
            database,
            handler_threads: AtomicU64::new(0),
            since: Mutex::default(),
            problems: Mutex::default(),
            fenced: Mutex::default(),
            ends_waiting: Mutex::default(),
            notices: Mutex::default(),
            clock_went_back: AtomicBool::new(false),
        }
    }

    /// Fences this node. False when it already is.
    pub fn fence(&self, cause: FenceCause) -> bool {
        let mut fenced = self.lock_fenced();
        let fresh = fenced.is_none();
        fenced.get_or_insert_with(|| Fenced { cause, since: Utc::now() });
        fresh
    }

    /// Ends the fence. False when there was none.
    pub fn unfence(&self) -> bool {
        self.lock_fenced().take().is_some()
    }

    /// Whether this node is fenced, why and since when.
    pub fn fenced(&self) -> Option<Fenced> {
        *self.lock_fenced()
    }

    fn lock_fenced(&self) -> MutexGuard<'_, Option<Fenced>> {
        lock(&self.fenced)
    }

    /// What runs here.
    pub fn runs(&self) -> Vec<Fence> {
        let of = |runner: &RunnerHealth| runner.lock_running().values().map(|run| run.fence()).collect::<Vec<_>>();
        self.runners.values().flat_map(of).collect()
    }

    /// Why this node is not ready; nothing when it is. The longest comes first.
    pub fn reasons(&self) -> Vec<Reason> {
        let mut since = lock(&self.since);
        let now = Utc::now();
        let mut reasons: Vec<_> = self.database.outages().into_iter().map(Reason::of_database).collect();
        for (code, message) in self.conditions(now) {
            match message {
                Some((known, message)) => {
                    let noticed = *since.entry(code).or_insert(now);
                    reasons.push(Reason { code, since: known.unwrap_or(noticed), message });
                }
                None => _ = since.remove(&code),
            }
        }
        reasons.sort_by_key(|reason| reason.since);
        reasons
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        !self.claiming.load(Ordering::Relaxed)
    }

    /// What can be wrong with the node itself: each with a message when it is, and since when, if that is known.
    fn conditions(&self, now: DateTime<Utc>) -> [(ReasonCode, Condition); 4] {
        let figure = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let ends = self.ends_waiting().filter(|ends| now - ends.since >= END_WAITS);
        let (taken, threads) =
            (figure(&self.blocking_jobs) + figure(&self.abandoned_threads), figure(&self.handler_threads));
        [
            (ReasonCode::Stopping, self.is_stopping().then(|| (None, "the server is stopping and takes no more jobs".to_owned()))),
            (
                ReasonCode::Fenced,
                self.fenced().map(|Fenced { cause, since }| (Some(since), cause.message().to_owned())),
            ),
            (
                ReasonCode::EndsWaiting,
                ends.map(|EndsWaiting { count, since, cause }| {
                    (Some(since), format!("the ends of {count} jobs wait to be stored, and are tried again: {cause}"))
                }),
            ),
            (
                ReasonCode::HandlerThreadsTaken,
                (threads > 0 && taken >= threads).then(|| {
                    let message = format!(
                        "all {threads} threads for job handlers are taken by handlers that do not .await; cancel these jobs, \
                         and let them use ctx.blocking"
                    );
                    (None, message)
                }),
            ),
        ]
    }

    /// Ends of jobs that have waited for longer than a second to be stored.
    pub fn ends_waiting(&self) -> Option<EndsWaiting> {
        lock(&self.ends_waiting).clone()
    }

    /// Notes which ends of jobs are not stored yet.
    pub fn set_ends_waiting(&self, waiting: Option<EndsWaiting>) {
        *lock(&self.ends_waiting) = waiting;
    }

    /// What people have to set right, and what was put right within the last hour.
    pub fn problems(&self) -> Vec<HealthProblem> {
        let mut problems = lock(&self.problems).clone();
        let mut notices = lock(&self.notices);
        notices.retain(|(at, _)| at.elapsed() < NOTICED_FOR);
        problems.extend(notices.iter().map(|(_, problem)| problem.clone()));
        problems
    }

    /// Tells people for an hour of something that was put right.
    pub fn notice(&self, problem: HealthProblem) {
        tracing::warn!("{}", problem.message);
        let mut notices = lock(&self.notices);
        notices.push((Instant::now(), problem));
        let surplus = notices.len().saturating_sub(MOST_NOTICES);
        notices.drain(..surplus);
    }

    /// Notes what people have to set right.
    pub fn set_problems(&self, problems: Vec<HealthProblem>) {
        *lock(&self.problems) = problems;
    }

    /// The runner of a type of the registry.
    pub fn runner(&self, type_name: &str) -> Option<&RunnerHealth> {
        self.runners.get(type_name)
    }

    /// The runner of a type as the API shows it.
    pub fn runner_state(&self, type_name: &str) -> Option<RunnerState> {
        let runner = self.runner(type_name)?;
        let (running, jobs) = runner.jobs();
        Some(RunnerState {
            slots: runner.slots.load(Ordering::Relaxed),
            running,
            jobs,
            mailbox: runner.mailbox.load(Ordering::Relaxed),
            restarts: runner.restarts.load(Ordering::Relaxed),
            last_panic: lock(&runner.last_panic).clone(),
        })
    }
}

impl RunnerState {
    /// A runner with nothing to do.
    pub const fn idle(slots: u64) -> Self {
        Self { slots, running: 0, jobs: Vec::new(), mailbox: 0, restarts: 0, last_panic: None }
    }
}

impl RunnerHealth {
    /// Notes that it runs an attempt.
    pub fn began(&self, attempt: &Arc<Attempt>) {
        self.lock_running().insert(attempt.job_id, Arc::clone(attempt));
    }

    /// Notes that it runs a job no longer.
    pub fn ended(&self, job_id: Uuid) {
        self.lock_running().remove(&job_id);
    }

    /// Notes that it is gone, and its attempts with it.
    pub fn died(&self) {
        self.lock_running().clear();
    }

    /// How many jobs it runs, and the first of them: a screen shows no more.
    fn jobs(&self) -> (u64, Vec<Uuid>) {
        const SHOWN: usize = 100;
        let running = self.lock_running();
        (running.len() as u64, running.keys().take(SHOWN).copied().collect())
    }

    /// The attempt of a job that it runs.
    pub fn attempt(&self, job_id: Uuid) -> Option<Arc<Attempt>> {
        self.lock_running().get(&job_id).map(Arc::clone)
    }

    fn lock_running(&self) -> MutexGuard<'_, BTreeMap<Uuid, Arc<Attempt>>> {
        lock(&self.running)
    }

    /// Notes what a handler of this type said when it panicked.
    pub fn panicked(&self, message: &str) {
        *lock(&self.last_panic) = Some(message.to_owned());
    }
}

impl Reason {
    fn of_database(now: OutageNow) -> Self {
        let message = match now.said.as_str() {
            "" => now.outage.message().to_owned(),
            said => format!("{} ({said})", now.outage.message()),
        };
        Self { code: now.outage.into(), since: now.since, message }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
