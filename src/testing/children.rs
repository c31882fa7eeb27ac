//! The children of a run: real ones, which run beside it in the same way, or what the test says in their place.

use std::collections::HashMap;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, join_all};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::run::{Run, take};
use super::setup::JobTest;
use super::threads::Threads;
use crate::job::{
    Attempt, ChildOutcome, Children, DbPool, Environment, JobResult, MediaRoots, NewChild, OutcomeKind, Registry,
    Settings, SpawnError, Status,
};

/// What a test says in the place of a child's handler.
pub(super) type Fake = Arc<dyn Fn(&Value) -> JobResult + Send + Sync>;

/// What the children of a run have of it.
#[derive(Clone)]
pub(super) struct World {
    /// The types that can be started.
    pub(super) registry: Registry,
    /// Those that are not run.
    pub(super) fakes: HashMap<&'static str, Fake>,
    pub(super) db: Option<DbPool>,
    pub(super) media_roots: MediaRoots,
    pub(super) settings: Settings,
}

impl World {
    pub(super) fn environment(&self) -> Environment {
        Environment {
            db: self.db.clone(),
            media_roots: self.media_roots.clone(),
            settings: Some(Arc::new(self.settings.clone())),
            ..Environment::default()
        }
    }
}

/// A child that was started.
struct Child {
    key: String,
    id: Uuid,
    end: Shared<BoxFuture<'static, ChildOutcome>>,
}

/// The children of a job, whichever run of it started them.
#[derive(Default)]
pub(super) struct Family(Mutex<Vec<Child>>);

impl Family {
    /// Waits for all. They go on when their parent is gone, unless somebody cancels them.
    pub(super) async fn ends(&self) -> Vec<ChildOutcome> {
        let ends: Vec<_> = self.lock().iter().map(|child| child.end.clone()).collect();
        join_all(ends).await
    }

    /// Their parent failed and runs again: what did not complete is started anew.
    pub(super) fn forget_failed(&self) {
        self.lock().retain(|child| child.end.peek().is_some_and(ChildOutcome::is_completed));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the children of a run.
pub(super) struct TestChildren {
    pub(super) world: World,
    pub(super) family: Arc<Family>,
    pub(super) threads: Arc<Threads>,
    /// Their parent is cancelled.
    pub(super) cancelled: CancellationToken,
    /// Their parent's node died: nobody is there any more who could start one, or tell of one.
    pub(super) crashed: CancellationToken,
}

impl Children for TestChildren {
    fn spawn(&self, parent: &Arc<Attempt>, child: NewChild) -> BoxFuture<'static, Result<Uuid, SpawnError>> {
        if self.crashed.is_cancelled() {
            return pending().boxed();
        }
        let known = self.family.lock().iter().find(|known| known.key == child.key).map(|known| known.id);
        let spawned = known.map_or_else(|| self.start(parent, child), Ok);
        ready(spawned).boxed()
    }

    fn outcome(&self, parent: &Arc<Attempt>, child: Uuid) -> BoxFuture<'static, ChildOutcome> {
        let parent = Arc::clone(parent);
        let end = self.family.lock().iter().find(|known| known.id == child).map(|known| known.end.clone());
        async move {
            let Some(end) = end else { unreachable!("a child that was started is one of the family") };
            let end = end.await;
            parent.child_progressed(child, 100.0);
            end
        }
        .boxed()
    }
}

impl TestChildren {
    fn start(&self, parent: &Arc<Attempt>, child: NewChild) -> Result<Uuid, SpawnError> {
        let NewChild { type_name, params, key, .. } = child;
        let registered = self.world.registry.get(type_name).ok_or(SpawnError::UnknownType(type_name))?;
        let params = registered.prepare(Some(params))?;
        let id = Uuid::now_v7();
        let end = match self.world.fakes.get(type_name) {
            Some(fake) => ready(faked(id, type_name, fake(&params))?).boxed(),
            None => {
                let parent = Arc::clone(parent);
                let mut test = JobTest::new(self.world.clone(), registered.spec, params);
                test.job_id = id;
                test.threads = Some(Arc::clone(&self.threads));
                test.cancelled = self.cancelled.clone();
                test.heard = Some(Arc::new(move |percent| parent.child_progressed(id, percent)));
                let running = self.threads.handle().spawn(until_ended(test));
                async { running.await.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic())) }.boxed()
            }
        };
        self.family.lock().push(Child { key, id, end: end.shared() });
        Ok(id)
    }
}

/// Runs a job as often as its type's policy wants it.
fn until_ended(test: JobTest) -> BoxFuture<'static, ChildOutcome> {
    async {
        let mut run = take(test).await;
        while run.status() == Status::Pending {
            run = take(run.resume()).await;
        }
        ended(&run)
    }
    .boxed()
}

fn ended(run: &Run) -> ChildOutcome {
    ChildOutcome {
        job_id: run.test.job_id,
        type_name: run.test.spec.name.to_owned(),
        status: run.status(),
        outcome: run.outcome(),
        message: run.last_progress().message,
        error: run.error().map(str::to_owned),
        result: run.result().cloned(),
        error_count: i64::try_from(run.item_errors().len()).unwrap_or(i64::MAX),
    }
}

/// `Err` when the test refuses the child.
fn faked(job_id: Uuid, type_name: &str, result: JobResult) -> Result<ChildOutcome, SpawnError> {
    let mut end = ChildOutcome {
        job_id,
        type_name: type_name.to_owned(),
        status: Status::Failed,
        outcome: Some(OutcomeKind::Failed),
        message: None,
        error: None,
        result: None,
        error_count: 0,
    };
    match result.map_err(anyhow::Error::downcast::<SpawnError>) {
        Ok(outcome) => {
            end.status = Status::Running.after(outcome.kind);
            end.outcome = Some(outcome.kind);
            end.error = outcome.message.clone().filter(|_| end.status == Status::Failed);
            end.message = outcome.message;
            end.result = Some(outcome.data).filter(|data| !data.is_null());
        }
        Err(Ok(refused)) => return Err(refused),
        Err(Err(error)) => end.error = Some(format!("{error:#}")),
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use crate::job::{ChildOutcome, Job, JobContext, JobResult, JobSpec, Outcome, SpawnError, Status};
    use crate::testing;

    /// Build a house, its rooms one by one.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct House {
        rooms: Vec<Room>,
    }

    /// Build a room.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    struct Room {
        name: String,
    }

    impl Job for House {
        const SPEC: JobSpec = JobSpec::new("house", "House");

        async fn run(self, ctx: JobContext) -> JobResult {
            let total = self.rooms.len() as u64;
            for (done, room) in (1..).zip(self.rooms) {
                ctx.spawn_job(room).await?.outcome().await?.completed()?;
                ctx.items(done, total);
                ctx.checkpoint()?;
            }
            Ok(Outcome::completed())
        }
    }

    static BUILT: AtomicUsize = AtomicUsize::new(0);

    impl Job for Room {
        const SPEC: JobSpec = JobSpec::new("room", "Room");

        async fn run(self, ctx: JobContext) -> JobResult {
            match self.name.as_str() {
                "cellar" => bail!("ground water"),
                "tower" => ctx.cancelled().await,
                _ => _ = BUILT.fetch_add(1, Ordering::Relaxed),
            }
            ctx.progress(50, "walls");
            ctx.checkpoint()?;
            Ok(Outcome::completed().data(json!({ "name": self.name })))
        }
    }

    fn house(rooms: &[&str]) -> House {
        House { rooms: rooms.iter().map(|name| Room { name: (*name).to_owned() }).collect() }
    }

    fn statuses(children: &[ChildOutcome]) -> Vec<Status> {
        children.iter().map(|child| child.status).collect()
    }

    #[tokio::test]
    async fn children_run_for_real_and_are_not_started_twice() {
        let job = testing::job(house(&["kitchen", "bath", "attic"])).child_type::<Room>();
        let run = job.crash_at_item(2).await;
        run.assert_crashed();
        assert_eq!(statuses(run.children()), [Status::Completed; 2]);
        assert!(run.progress().iter().any(|progress| (progress.percent - 50.0).abs() < 1e-9), "half of the first room");

        let run = run.resume().await;
        run.assert_completed();
        assert_eq!((run.children().len(), BUILT.load(Ordering::Relaxed)), (3, 3), "the first two were found again");
        assert_eq!(run.children()[2].result, Some(json!({ "name": "attic" })));
    }

    #[tokio::test]
    async fn a_child_that_fails_fails_its_parent_where_that_says_so() {
        let run = testing::job(house(&["cellar"])).child_type::<Room>().await;
        run.assert_failed("(room) failed: ground water");
        assert_eq!(statuses(run.children()), [Status::Failed]);
    }

    #[tokio::test]
    async fn whoever_cancels_the_parent_cancels_its_children() {
        let job = testing::job(house(&["tower"])).child_type::<Room>();
        let run = job.timeout(std::time::Duration::from_millis(20)).await;
        run.assert_failed("timed out");
        assert_eq!(statuses(run.children()), [Status::Cancelled]);
    }

    #[tokio::test]
    async fn a_test_may_say_what_becomes_of_a_child() {
        let faked = |room: Room| match room.name.as_str() {
            "cellar" => Ok(Outcome::failed("no shovel")),
            "moat" => Err(SpawnError::TooDeep.into()),
            _ => Ok(Outcome::completed()),
        };
        let run = testing::job(house(&["kitchen", "cellar"])).child(faked).await;
        run.assert_failed("no shovel");
        assert_eq!(statuses(run.children()), [Status::Completed, Status::Failed]);
        testing::job(house(&["moat"])).child(faked).await.assert_failed("it can start none");
    }

    #[tokio::test]
    async fn a_type_that_nobody_knows_is_refused_as_in_a_server() {
        testing::run(house(&["kitchen"])).await.assert_failed("this node has no job type `room`");
    }
}
