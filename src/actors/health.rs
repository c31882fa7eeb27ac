//! Figures that actors keep for probes. Read without asking an actor, so that they answer when one is stuck.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::bus_state::BusHealth;
use crate::job::{Attempt, Fence, Registry};

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
    runners: BTreeMap<&'static str, RunnerHealth>,
    problems: Mutex<Vec<HealthProblem>>,
    ends_waiting: Mutex<Option<EndsWaiting>>,
    fenced: Mutex<Option<Fenced>>,
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
        Self::with_bus(registry, true)
    }

    /// Healthy, with a bus that is on or off.
    pub fn with_bus(registry: &Registry, bus: bool) -> Self {
        Self {
            claiming: AtomicBool::new(true),
            abandoned_threads: AtomicU64::new(0),
            blocking_jobs: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            bus: Arc::new(BusHealth::new(bus)),
            runners: registry.iter().map(|t| (t.spec.name, RunnerHealth::default())).collect(),
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
        self.fenced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs here.
    pub fn runs(&self) -> Vec<Fence> {
        let of = |runner: &RunnerHealth| runner.lock_running().values().map(|run| run.fence()).collect::<Vec<_>>();
        self.runners.values().flat_map(of).collect()
    }

    /// What people have to set right, and what was put right within the last hour.
    pub fn problems(&self) -> Vec<HealthProblem> {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.retain(|(at, _)| at.elapsed() < NOTICED_FOR);
        problems.extend(notices.iter().map(|(_, problem)| problem.clone()));
        problems
    }

    /// Tells people for an hour of something that was put right.
    pub fn notice(&self, problem: HealthProblem) {
        tracing::warn!("{}", problem.message);
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.push((Instant::now(), problem));
        let surplus = notices.len().saturating_sub(MOST_NOTICES);
        notices.drain(..surplus);
    }

    /// Notes what people have to set right.
    pub fn set_problems(&self, problems: Vec<HealthProblem>) {
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = problems;
    }

    /// Ends of jobs that can't be stored.
    pub fn ends_waiting(&self) -> Option<EndsWaiting> {
        self.ends_waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes which ends of jobs can't be stored.
    pub fn set_ends_waiting(&self, waiting: Option<EndsWaiting>) {
        *self.ends_waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
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
            last_panic: runner.last_panic.lock().unwrap_or_else(PoisonError::into_inner).clone(),
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
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a handler of this type said when it panicked.
    pub fn panicked(&self, message: &str) {
        *self.last_panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_owned());
    }
}
