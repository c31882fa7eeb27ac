//! Child jobs: how a handler starts other jobs, hears how they ended, and shows their progress as its own.
//!
//! A child is a job like any other: a row of its own, with its own log, its own progress and its own place in the queue, on
//! whichever node has room. How it ended is a value to its parent, never an error by itself. A handler that runs again (its node
//! died, or it is tried once more) and starts the same children finds those that it had started.
//!
//! Who stores children and wakes whoever waits is behind [`Children`]: this folder knows no queue.

use std::fmt::Display;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::attempt::Attempt;
use super::child_key::ChildKey;
use super::context::JobContext;
use super::params::InvalidParams;
use super::status::{OutcomeKind, Status};
use super::stop::Stopped;
use super::text::cut;
use super::{FieldError, Job};

/// A chain of jobs, each started by the one before, has at most this many above its last. Longer ones have no end.
pub const MOST_ANCESTORS: usize = 16;

/// Reasons are read in a line.
const REASON_BYTES: usize = 1_000;
/// The priorities that a job may have.
const PRIORITIES: std::ops::RangeInclusive<i32> = -1000..=1000;

/// A job that another one wants to start.
#[derive(Clone, Debug)]
pub struct NewChild {
    /// Its type.
    pub type_name: &'static str,
    /// Its params, as the author of the parent wrote them.
    pub params: Value,
    /// What the parent knows it by: the same in each run of the parent.
    pub key: String,
    /// Higher is claimed first; the parent's own when none.
    pub priority: Option<i32>,
    /// Why, for its history.
    pub reason: Option<String>,
}

/// Who starts children and knows how they end: the supervisor's side of [`JobContext::spawn_job`].
pub trait Children: Send + Sync {
    /// Starts a child of this run, or finds the one that an earlier run started by the same key. Gives its id once it is a
    /// committed row.
    fn spawn(&self, parent: &Arc<Attempt>, child: NewChild) -> BoxFuture<'static, Result<Uuid, SpawnError>>;

    /// Waits until a child of this run has ended, and until the parent may go on. Until then [`Attempt::child_progressed`] is
    /// told how far it is. The future is dropped when the parent is asked to stop.
    fn outcome(&self, parent: &Arc<Attempt>, child: Uuid) -> BoxFuture<'static, ChildOutcome>;
}

/// Why no child was started.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SpawnError {
    /// The parent itself is asked to stop, or its job belongs to another run by now. Pass it on with `?`.
    #[error("{0}")]
    Stopped(#[from] Stopped),
    /// The child's params are wrong.
    #[error(transparent)]
    Params(#[from] InvalidParams),
    /// This program has no such type.
    #[error("this node has no job type `{0}`")]
    UnknownType(&'static str),
    /// The child's type is exclusive, and another job has its place: perhaps the parent itself.
    #[error("`{type_name}` is exclusive and job {holder} is {status}")]
    Exclusive {
        /// The type.
        type_name: &'static str,
        /// The job that has the place.
        holder: Uuid,
        /// Its status.
        status: Status,
    },
    /// Only so many jobs of the child's type run at a time in the cluster, and all those places would be held by jobs that wait
    /// for this child: the parent, those above it, or others round a circle.
    #[error("a child of type `{type_name}` would wait for itself: {why}")]
    WaitsForItself {
        /// The type.
        type_name: &'static str,
        /// Who holds its places.
        why: String,
    },
    /// The parent is itself the last of a chain of [`MOST_ANCESTORS`] jobs, each started by the one before.
    #[error("{MOST_ANCESTORS} jobs stand above this one, each started by the one before; it can start none")]
    TooDeep,
    /// The database refused it, or nobody is there who could start jobs.
    #[error("no child was started: {0}")]
    NotStored(String),
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildOutcome {
    /// The child.
    pub job_id: Uuid,
    /// Its type.
    pub type_name: String,
    /// `completed`, `failed` or `cancelled`.
    pub status: Status,
    /// What its handler returned; none where it never came to that.
    pub outcome: Option<OutcomeKind>,
    /// The last that it said.
    pub message: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// What its handler returned besides.
    pub result: Option<Value>,
    /// How many of its items failed.
    pub error_count: i64,
}

/// A child that did not complete, as an error for a parent that can't go on without it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("its child job {} ({}) {}", .0.job_id, .0.type_name, .0.ended())]
pub struct ChildFailed(pub Box<ChildOutcome>);

impl ChildOutcome {
    /// Whether its work was done, perhaps with item errors.
    pub fn is_completed(&self) -> bool {
        self.status == Status::Completed
    }

    /// The outcome of a child that completed; an error for any other. With `?` the parent fails as its child did.
    pub fn completed(self) -> Result<Self, ChildFailed> {
        if self.is_completed() { Ok(self) } else { Err(ChildFailed(Box::new(self))) }
    }

    fn ended(&self) -> String {
        match (self.status, &self.error) {
            (Status::Failed, Some(error)) => format!("failed: {error}"),
            (Status::Cancelled, _) => "was cancelled".to_owned(),
            (status, _) => status.to_string(),
        }
    }
}

impl JobContext {
    /// Starts another job as a child of this one: `ctx.spawn_job(params).await?`. It is stored when that returns, and runs when
    /// a node has room.
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    /// use stashhog::job::{Job, JobContext, JobResult, JobSpec, Outcome, SpawnError};
    ///
    /// # #[derive(Serialize, Deserialize, JsonSchema)]
    /// # struct Sync {}
    /// # impl Job for Sync {
    /// #     const SPEC: JobSpec = JobSpec::new("sync", "Sync");
    /// #     async fn run(self, _: JobContext) -> JobResult { Ok(Outcome::completed()) }
    /// # }
    /// # #[derive(Serialize, Deserialize, JsonSchema)]
    /// # struct Analyse { part: u32 }
    /// # impl Job for Analyse {
    /// #     const SPEC: JobSpec = JobSpec::new("analyse", "Analyse");
    /// #     async fn run(self, _: JobContext) -> JobResult { Ok(Outcome::completed()) }
    /// # }
    /// /// Everything that has to be done in the night.
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// struct Nightly {}
    ///
    /// impl Job for Nightly {
    ///     const SPEC: JobSpec = JobSpec::new("nightly", "Nightly");
    ///
    ///     async fn run(self, ctx: JobContext) -> JobResult {
    ///         ctx.total_weight(10.0); // so that the bar does not jump back with each further child
    ///
    ///         // One after the other: without this one, nothing else makes sense.
    ///         let sync = ctx.spawn_job(Sync {}).weight(6.0).await?;
    ///         sync.outcome().await?.completed()?;
    ///
    ///         // Side by side, and what becomes of them is looked at.
    ///         let mut parts = Vec::new();
    ///         for part in 1..=4 {
    ///             match ctx.spawn_job(Analyse { part }).reason("every night").await {
    ///                 Ok(child) => parts.push(child),
    ///                 Err(stop @ SpawnError::Stopped(_)) => return Err(stop.into()),
    ///                 Err(refused) => ctx.item_error(format!("part {part}"), &refused.into()),
    ///             }
    ///         }
    ///         let ends = ctx.outcomes(&parts).await?;
    ///         let done = ends.iter().filter(|end| end.is_completed()).count();
    ///         Ok(Outcome::completed().message(format!("{done} of 4 parts analysed")))
    ///     }
    /// }
    /// ```
    ///
    /// # Again
    ///
    /// When this handler runs again because its node died, the same calls give the same children, those that have ended with
    /// the outcome that they had: nothing is done twice. When it runs again because it had failed, those that failed or were
    /// cancelled are started anew. "The same" is: of that type, with those params, the n-th such child. A call that was refused,
    /// or whose future was dropped before it returned, does not count: a handler may call again until there is a place.
    ///
    /// # Ends
    ///
    /// How a child ended is a value. Whoever cancels this job cancels its children, and theirs; when it fails or times out,
    /// those that have not ended are cancelled. When it completes, they go on by themselves.
    ///
    /// # Slots
    ///
    /// While this handler waits for a child, its slot is free for others, perhaps for that very child; of a type that is
    /// limited in the whole cluster it keeps its place. A child that would wait for itself is refused:
    /// [`SpawnError::WaitsForItself`].
    pub fn spawn_job<J: Job>(&self, job: J) -> SpawnJob {
        let type_name = J::SPEC.name;
        let bad = |errors| SpawnError::Params(InvalidParams { type_name, errors });
        let checked = job.validate().map_err(bad).and_then(|()| {
            let unspeakable =
                |error: serde_json::Error| bad(vec![FieldError { pointer: String::new(), message: error.to_string() }]);
            serde_json::to_value(&job).map_err(unspeakable)
        });
        SpawnJob { ctx: self.clone(), type_name, params: checked, weight: 1.0, priority: None, reason: None }
    }

    /// Says what all children will weigh together, so that the progress of this job is that share of them which is done.
    /// Without it the whole is what was started so far, and the bar jumps back with each further child.
    pub fn total_weight(&self, total: f64) {
        self.attempt.expect_weight(total);
    }

    /// Waits for several children at once; their outcomes, in the order given. `Err` when this job is asked to stop.
    pub async fn outcomes(&self, children: &[ChildJob]) -> Result<Vec<ChildOutcome>, Stopped> {
        join_all(children.iter().map(ChildJob::outcome)).await.into_iter().collect()
    }
}

/// A child about to be started: `.await` it. Made by [`JobContext::spawn_job`].
#[must_use = "no child is started until this is awaited"]
pub struct SpawnJob {
    ctx: JobContext,
    type_name: &'static str,
    params: Result<Value, SpawnError>,
    weight: f64,
    priority: Option<i32>,
    reason: Option<String>,
}

impl SpawnJob {
    /// How much of the parent's progress this child is, beside its other children; 1 unless told otherwise. With 0 it moves
    /// nothing.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// Sets its priority, from -1000 to 1000; its parent's unless told otherwise.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority.clamp(*PRIORITIES.start(), *PRIORITIES.end()));
        self
    }

    /// Says why, for its history.
    pub fn reason(mut self, reason: impl Display) -> Self {
        self.reason = Some(cut(reason.to_string(), REASON_BYTES));
        self
    }

    async fn spawn(self) -> Result<ChildJob, SpawnError> {
        let Self { ctx, type_name, params, weight, priority, reason } = self;
        let (parent, params) = (ctx.attempt, params?);
        let Some(children) = ctx.environment.children else {
            return Err(SpawnError::NotStored("this job runs alone, without a supervisor".to_owned()));
        };
        parent.stop.checkpoint()?;
        let key = ChildKey::reserve(&parent, type_name, &params);
        let spawned = children.spawn(&parent, NewChild { type_name, params, key: key.text(), priority, reason });
        let job_id = parent.stop.unless_requested(spawned).await??;
        key.keep();
        parent.adopt(job_id, weight);
        Ok(ChildJob { job_id, parent, children })
    }
}

impl IntoFuture for SpawnJob {
    type Output = Result<ChildJob, SpawnError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.spawn())
    }
}

/// A child that was started. Dropping it changes nothing for the child.
#[derive(Clone)]
pub struct ChildJob {
    job_id: Uuid,
    parent: Arc<Attempt>,
    children: Arc<dyn Children>,
}

impl ChildJob {
    /// Its id: a committed row.
    pub fn job_id(&self) -> Uuid {
        self.job_id
    }

    /// Waits until it has ended. `Err` at once when the parent is asked to stop: pass it on with `?`.
    ///
    /// As long as one such wait is under way, the parent has no slot, and others run in it.
    pub async fn outcome(&self) -> Result<ChildOutcome, Stopped> {
        self.parent.stop.unless_requested(self.children.outcome(&self.parent, self.job_id)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::BoxFuture;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    use super::{ChildOutcome, Children, NewChild, SpawnError};
    use crate::job::{
        Attempt, Environment, Job, JobContext, JobResult, JobSpec, Outcome, ProgressParser, Status, StopReason, Stopped,
    };

    /// Paints a part of a wall.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Paint {
        part: u32,
    }

    impl Job for Paint {
        const SPEC: JobSpec = JobSpec::new("paint", "Paint");

        async fn run(self, _: JobContext) -> JobResult {
            Ok(Outcome::completed())
        }
    }

    /// Children that fail at once when their part is odd, and never end when it is 0.
    struct Painters(std::sync::Mutex<Vec<NewChild>>);

    impl Children for Painters {
        fn spawn(&self, _: &Arc<Attempt>, child: NewChild) -> BoxFuture<'static, Result<Uuid, SpawnError>> {
            let id = Uuid::from_u128(child.params["part"].as_u64().unwrap().into());
            self.0.lock().unwrap().push(child);
            Box::pin(async move { Ok(id) })
        }

        fn outcome(&self, parent: &Arc<Attempt>, child: Uuid) -> BoxFuture<'static, ChildOutcome> {
            let part = child.as_u128();
            if part == 0 {
                return Box::pin(std::future::pending());
            }
            parent.child_progressed(child, 100.0);
            let status = if part.is_multiple_of(2) { Status::Completed } else { Status::Failed };
            let error = (status == Status::Failed).then(|| "no paint".to_owned());
            let type_name = "paint".to_owned();
            let (outcome, message, result) = (None, None, None);
            let end =
                ChildOutcome { job_id: child, type_name, status, outcome, message, error, result, error_count: 0 };
            Box::pin(async move { end })
        }
    }

    fn context(children: Arc<Painters>) -> (Arc<Attempt>, JobContext) {
        let parser = Arc::new(ProgressParser::new(&[]).unwrap());
        let attempt = Attempt::new(crate::job::Fence::new(Uuid::now_v7(), 1), "wall", parser, None, Box::new(|_| {}));
        let environment = Environment { children: Some(children), ..Environment::default() };
        (Arc::clone(&attempt), JobContext::new(attempt, environment, Arc::new(())))
    }

    fn painters() -> Arc<Painters> {
        Arc::new(Painters(std::sync::Mutex::default()))
    }

    #[tokio::test]
    async fn a_failed_child_is_a_value_until_the_author_makes_it_an_error() {
        let (attempt, ctx) = context(painters());
        ctx.total_weight(8.0);
        let mut children = Vec::new();
        for (part, weight) in [(2, 1.0), (3, 2.0)] {
            children.push(ctx.spawn_job(Paint { part }).weight(weight).await.unwrap());
        }
        let ends = ctx.outcomes(&children).await.unwrap();
        assert_eq!(ends.iter().map(ChildOutcome::is_completed).collect::<Vec<_>>(), [true, false]);
        assert!((attempt.progress().percent - 37.5).abs() < 1e-9, "three of eight parts are over");
        let error = anyhow::Error::from(ends[1].clone().completed().unwrap_err());
        assert!(error.to_string().ends_with("(paint) failed: no paint"), "{error}");
    }

    #[tokio::test]
    async fn equal_children_have_keys_of_their_own_and_another_run_gives_the_same() {
        let mut runs = Vec::new();
        for _ in 0..2 {
            let painters = painters();
            let (_, ctx) = context(Arc::clone(&painters));
            for part in [2, 2, 4] {
                ctx.spawn_job(Paint { part }).await.unwrap();
            }
            runs.push(painters.0.lock().unwrap().iter().map(|child| child.key.clone()).collect::<Vec<_>>());
        }
        assert_eq!(runs[0], runs[1]);
        assert_eq!(runs[0].iter().collect::<std::collections::HashSet<_>>().len(), 3, "{runs:?}");
    }

    #[tokio::test]
    async fn a_parent_that_is_asked_to_stop_waits_no_longer_and_starts_no_more() {
        let (attempt, ctx) = context(painters());
        let child = ctx.spawn_job(Paint { part: 0 }).await.unwrap();
        attempt.stop.request(StopReason::Cancelled);
        assert_eq!(child.outcome().await, Err(Stopped(StopReason::Cancelled)));
        let refused = ctx.spawn_job(Paint { part: 2 }).await.err().unwrap();
        assert!(Stopped::is_cause_of(&refused.into()), "passed on with `?` it is no failure");
    }
}
