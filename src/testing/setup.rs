//! What a run needs, and under which conditions it takes place.

use std::collections::{HashMap, HashSet};
use std::future::IntoFuture;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::children::{Family, World};
use super::recorder::{Heard, Trip, Tripped};
use super::run::Run;
use super::states::KeptState;
use super::threads::Threads;
use crate::job::{
    DbPool, InvalidParams, Job, JobResult, JobSpec, JobType, MediaRoots, Progress, Registry, Setting, Settings,
};

/// Longer than a test should take on a loaded machine; only one that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A job to be run: `.await` it. Made by [`testing::job`](super::job).
#[must_use = "nothing runs until this is awaited"]
pub struct JobTest {
    /// What it can reach.
    pub(super) world: World,
    /// The type's, with what this test changed.
    pub(super) spec: JobSpec,
    pub(super) params: Value,
    pub(super) job_id: Uuid,
    /// Which run of the job this is.
    pub(super) attempt: i32,
    /// How many of the runs before failed.
    pub(super) failures: u32,
    pub(super) only_items: Option<HashSet<String>>,
    pub(super) patience: Duration,
    pub(super) trip: Option<Trip>,
    media_roots: Vec<PathBuf>,
    /// The children that its runs have started.
    pub(super) family: Arc<Family>,
    /// What it keeps between its runs.
    pub(super) kept_state: Arc<KeptState>,
    /// Where it runs; on threads of its own when none.
    pub(super) threads: Option<Arc<Threads>>,
    /// Its parent is cancelled, and it with it.
    pub(super) cancelled: CancellationToken,
    /// Who hears how far it is.
    pub(super) heard: Option<Heard>,
}

impl JobTest {
    pub(super) fn new(world: World, spec: JobSpec, params: Value) -> Self {
        Self {
            world,
            spec,
            params,
            job_id: Uuid::now_v7(),
            attempt: 1,
            failures: 0,
            only_items: None,
            patience: PATIENCE,
            trip: None,
            media_roots: Vec::new(),
            family: Arc::default(),
            kept_state: Arc::default(),
            threads: None,
            cancelled: CancellationToken::new(),
            heard: None,
        }
    }

    /// Gives the job a database: `ctx.db()` takes connections of this pool.
    pub fn db(mut self, pool: DbPool) -> Self {
        self.world.db = Some(pool);
        self
    }

    /// Sets a setting for the job and its children, as if it were set on the page.
    ///
    /// # Panics
    ///
    /// When the setting can't have this value.
    #[track_caller]
    pub fn setting<T>(mut self, setting: &Setting<T>, value: impl Into<Value>) -> Self {
        let value = value.into();
        setting.spec.check(&value).unwrap_or_else(|why| panic!("`{}` {why}", setting.name()));
        self.world.settings = self.world.settings.with([(setting.name().to_owned(), value)]);
        self
    }

    /// Lets the job read this folder; may be called more than once.
    pub fn media_root(mut self, dir: impl Into<PathBuf>) -> Self {
        self.media_roots.push(dir.into());
        self
    }

    /// Says what becomes of its child jobs of type `T`, which are not run then: called once for each, with its params. An error
    /// that is a [`SpawnError`](crate::job::SpawnError) refuses the child; any other fails it.
    pub fn child<T: Job>(mut self, end: impl Fn(T) -> JobResult + Send + Sync + 'static) -> Self {
        self.world.registry = with_type::<T>(self.world.registry);
        let fake = move |params: &Value| end(serde_json::from_value(params.clone())?);
        self.world.fakes.insert(T::SPEC.name, Arc::new(fake));
        self
    }

    /// Lets it start child jobs of a type that no `inventory::submit!` has made known.
    pub fn child_type<T: Job>(mut self) -> Self {
        self.world.registry = with_type::<T>(self.world.registry);
        self
    }

    /// Makes the run one about these items only, as "retry the failed items" does.
    pub fn only_items<T: Into<String>>(mut self, items: impl IntoIterator<Item = T>) -> Self {
        self.only_items = Some(items.into_iter().map(Into::into).collect());
        self
    }

    /// Sets another time limit than the type's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.spec.timeout = Some(timeout);
        self
    }

    /// Sets another time to stop by itself than the type's.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.spec.cancel_grace = grace;
        self
    }

    /// Sets how long the test waits for the end of a job that nobody stops, a minute unless told otherwise. Then it fails.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Cancels the job the moment that it has done `n` items. The test fails when it never does.
    pub fn cancel_at_item(self, n: i64) -> Self {
        self.trip_at_item(n, Tripped::Cancelled)
    }

    /// Cancels the job the moment that its progress is such. The test fails when it never is.
    pub fn cancel_when(self, reached: impl Fn(&Progress) -> bool + Send + Sync + 'static) -> Self {
        self.trip(Trip::new("the progress to cancel at", reached, Tripped::Cancelled))
    }

    /// Makes the job's node go away in order the moment that it has done `n` items: it is asked to stop, and runs again on
    /// another node ([`Run::resume`]) unless it comes to its end all the same.
    pub fn interrupt_at_item(self, n: i64) -> Self {
        self.trip_at_item(n, Tripped::Interrupted)
    }

    /// Makes the job's node die the moment that it has done `n` items: nothing that it says from then on is heard, and its
    /// future is dropped at its next `.await`, which [`each`](crate::job::JobContext::each) has between two items. What it did
    /// to the world stays; [`Run::resume`] runs it again.
    pub fn crash_at_item(self, n: i64) -> Self {
        self.trip_at_item(n, Tripped::Crashed)
    }

    /// The same the moment that its progress is such.
    pub fn crash_when(self, reached: impl Fn(&Progress) -> bool + Send + Sync + 'static) -> Self {
        self.trip(Trip::new("the progress to crash at", reached, Tripped::Crashed))
    }

    fn trip_at_item(self, n: i64, what: Tripped) -> Self {
        let reached = move |progress: &Progress| progress.processed_items.is_some_and(|done| done >= n);
        self.trip(Trip::new(&format!("item {n}"), reached, what))
    }

    fn trip(mut self, trip: Trip) -> Self {
        self.trip = Some(trip);
        self
    }

    /// The same job's next run, as after a rescue: the same params, nothing planned.
    pub(super) fn next(self, failed: bool) -> Self {
        if failed {
            self.family.forget_failed();
        }
        Self { attempt: self.attempt + 1, failures: self.failures + u32::from(failed), trip: None, ..self }
    }
}

impl IntoFuture for JobTest {
    type Output = Run;
    type IntoFuture = BoxFuture<'static, Run>;

    fn into_future(mut self) -> Self::IntoFuture {
        if !self.media_roots.is_empty() {
            self.world.media_roots = MediaRoots::new(&self.media_roots).unwrap_or_else(|error| panic!("{error:#}"));
        }
        match prepare(&self.world.registry, self.spec.name, self.params) {
            Ok(params) => self.params = params,
            Err(refused) => panic!("{refused}"),
        }
        Box::pin(super::run::take(self))
    }
}

/// All types of this program, and `J` if it is not among them.
pub(super) fn registry_with<J: Job>() -> Registry {
    with_type::<J>(Registry::collect().unwrap_or_else(|error| panic!("{error}")))
}

fn with_type<J: Job>(registry: Registry) -> Registry {
    match registry.get(J::SPEC.name) {
        Some(known) if known.rust_name == std::any::type_name::<J>() => registry,
        _ => registry.with(JobType::of::<J>()).unwrap_or_else(|error| panic!("{error}")),
    }
}

pub(super) fn world(registry: Registry) -> World {
    World {
        registry,
        fakes: HashMap::new(),
        db: None,
        media_roots: MediaRoots::default(),
        settings: Settings::default(),
    }
}

pub(super) fn prepare(registry: &Registry, type_name: &str, params: Value) -> Result<Value, InvalidParams> {
    match registry.get(type_name) {
        Some(registered) => registered.prepare(Some(params)),
        None => panic!("the registry has no `{type_name}`"),
    }
}
