//! Child jobs as their parents see them: stored over the pool, waited for without a slot.
//!
//! Each spawn is a transaction of its own and goes on when its handler no longer waits for it: no row is left half told. A
//! database that is away delays a spawn, it does not fail it: the key makes trying again harmless.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use actix::Addr;
use diesel::result::Error;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Object;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::child_watch::ChildWatch;
use super::command::MadePending;
use super::identity::NodeIdentity;
use super::supervisor::parking::{Park, Resume};
use super::supervisor::{JobSupervisor, NEXT_TURN};
use super::tracker::{JobTracker, Stored, Waits};
use crate::job::{
    Attempt, ChildOutcome, Children, DbPool, Fence, FieldError, InvalidParams, NewChild, Registry, SpawnError, Status,
    StopReason, Stopped,
};
use crate::store::children::{self, SpawnRefusal, SpawnWrite, Spawned};
use crate::store::enqueue::NewJob;
use crate::store::failure::Failure;
use crate::store::row::JobSummary;
use crate::store::{cancel, find_nul, pool};

/// The params of a child are held to what a request may hold.
const PARAMS_BYTES: usize = 1 << 20;
/// Between two tries while the database is away.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a run that goes on waits until that is stored. Its row may be locked, perhaps by its own handler.
const STORED_LIMIT: Duration = Duration::from_secs(2);
/// How long a child may be silent before it is looked at.
const SILENCE: Duration = Duration::from_secs(1);
/// How many are looked at in that time: a glance of some milliseconds.
const LOOKED_AT: usize = 500;

/// What it stands on.
pub struct ChildrenParts {
    /// This node.
    pub node: Arc<NodeIdentity>,
    /// Connections.
    pub db: DbPool,
    /// The job types.
    pub registry: Registry,
    /// Told of stored children.
    pub tracker: Addr<JobTracker>,
    /// Hears what becomes of them.
    pub watch: Arc<ChildWatch>,
}

/// The children of this node's runs. Cheap to clone.
#[derive(Clone)]
pub struct StoredChildren(Arc<Inner>);

struct Inner {
    parts: ChildrenParts,
    /// The types of which so many run at a time in the cluster.
    limits: HashMap<&'static str, u32>,
    /// Told when there is something to claim, and who gives its slot back or wants one again. It starts after this.
    supervisor: OnceLock<Addr<JobSupervisor>>,
    /// How many waits of a run are under way. With the first its slot goes back, after the last it takes one again; told to the
    /// supervisor under this lock, so that it hears of them in order.
    waits: Mutex<HashMap<Fence, usize>>,
}

impl StoredChildren {
    /// Children that nobody can start yet.
    pub fn new(parts: ChildrenParts) -> Self {
        let specs = parts.registry.iter().map(|known| &known.spec);
        let limits = specs.filter_map(|spec| Some((spec.name, spec.cluster_limit()?))).collect();
        Self(Arc::new(Inner { parts, limits, supervisor: OnceLock::new(), waits: Mutex::default() }))
    }

    /// Says who the supervisor is.
    pub fn attach(&self, supervisor: Addr<JobSupervisor>) {
        let _ = self.0.supervisor.set(supervisor); // there is one
    }

    /// Looks again and again at the children of which nothing is heard.
    pub async fn look_again(self) {
        let Inner { parts: ChildrenParts { db, watch, .. }, .. } = &*self.0;
        loop {
            tokio::time::sleep(SILENCE).await;
            let silent = watch.silent(SILENCE, LOOKED_AT);
            if silent.is_empty() {
                continue;
            }
            let Ok(mut conn) = db.get().await else { continue };
            if let Ok(jobs) = cancel::current(&mut conn, &silent).await {
                watch.heard(&jobs);
                watch.gone(silent.into_iter().filter(|id| jobs.iter().all(|job| job.id != *id)));
            }
        }
    }

    async fn store(self, parent: Arc<Attempt>, child: NewChild) -> Result<Uuid, SpawnError> {
        let type_name = child.type_name;
        let write = self.write(&parent, child)?;
        let (id, watch) = (write.job.id, &self.0.parts.watch);
        // Before it is stored: it may end before we hear that it is.
        watch.follow(id, &parent);
        let refusal = match self.spawned(&parent, write).await {
            Ok(Spawned::New(job)) => {
                watch.follow(id, &parent); // looked for in vain meanwhile, it was forgotten
                self.tell(job);
                return Ok(id);
            }
            Ok(Spawned::Known(job)) if job.id == id => {
                self.tell(job); // stored by a try whose answer was lost
                return Ok(id);
            }
            Ok(Spawned::Known(job)) => {
                watch.forget(&id);
                let known = job.id;
                watch.follow(known, &parent);
                watch.heard(&[job]);
                return Ok(known);
            }
            Ok(Spawned::Refused(refusal)) => Ok(refusal),
            Err(error) => Err(error),
        };
        watch.forget(&id);
        Err(refused(type_name, refusal?))
    }

    /// Checks a child as a request for a job is checked.
    fn write(&self, parent: &Attempt, child: NewChild) -> Result<SpawnWrite, SpawnError> {
        let type_name = child.type_name;
        let registered = self.0.parts.registry.get(type_name).ok_or(SpawnError::UnknownType(type_name))?;
        let params = registered.prepare(Some(child.params))?;
        let bad = |pointer, message: String| {
            Err(SpawnError::Params(InvalidParams { type_name, errors: vec![FieldError { pointer, message }] }))
        };
        if let Some(pointer) = find_nul(&params) {
            return bad(pointer, "must not contain the character U+0000".to_owned());
        }
        if params.to_string().len() > PARAMS_BYTES {
            return bad(String::new(), format!("must be at most {PARAMS_BYTES} bytes of JSON"));
        }
        let job = NewJob {
            reason: child.reason.map(|reason| reason.replace('\0', "")),
            ..NewJob::of(&registered.spec, params, "")
        };
        let (node, parent) = (self.0.parts.node.current(), parent.fence());
        Ok(SpawnWrite { node, parent, job, key: child.key, priority: child.priority })
    }

    /// Tells of a stored child: it may be claimed.
    fn tell(&self, job: JobSummary) {
        if let Some(supervisor) = self.0.supervisor.get() {
            let type_name = job.type_name.clone();
            self.0.parts.tracker.do_send(Stored(vec![job]));
            supervisor.do_send(MadePending(vec![type_name]));
        }
    }

    /// A connection, however long that takes, unless the parent is asked to stop.
    async fn connection(&self, parent: &Attempt) -> Result<Object<AsyncPgConnection>, SpawnError> {
        loop {
            match self.0.parts.db.get().await {
                Ok(conn) => return Ok(conn),
                Err(error) => {
                    tracing::warn!(%error, "no connection for a child job, trying again");
                    parent.stop.unless_requested(tokio::time::sleep(PAUSE)).await?;
                }
            }
        }
    }

    /// Returns when it makes sense to ask the database again. Only what is in the child itself can be refused for good.
    async fn after(&self, error: Error, parent: &Attempt) -> Result<(), SpawnError> {
        match Failure::of(&error) {
            Failure::Content => {
                tracing::error!(%error, "the database refused a child job");
                return Err(SpawnError::NotStored("the database refused it".to_owned()));
            }
            Failure::Contention => tracing::warn!(
                "waiting for another session of the database, which holds a lock on this job or on its child; a handler \
                 that locked its job's row must end that transaction before it starts a child"
            ),
            _ => tracing::warn!(%error, "the database is away, trying again"),
        }
        Ok(parent.stop.unless_requested(tokio::time::sleep(PAUSE)).await?)
    }

    async fn spawned(&self, parent: &Attempt, write: SpawnWrite) -> Result<Spawned, SpawnError> {
        loop {
            let mut conn = self.connection(parent).await?;
            match children::spawn(&mut conn, write.clone(), &self.0.limits).await {
                Ok(Some(spawned)) => return Ok(spawned),
                Ok(None) => {}
                Err(error) => {
                    pool::forget_unfit(&self.0.parts.db, conn, &error);
                    self.after(error, parent).await?;
                    continue;
                }
            }
            drop(conn);
            parent.stop.unless_requested(tokio::time::sleep(NEXT_TURN)).await?;
        }
    }

    async fn read(&self, parent: &Attempt, child: Uuid) -> Result<Option<ChildOutcome>, SpawnError> {
        loop {
            let mut conn = self.connection(parent).await?;
            match children::outcome(&mut conn, child).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => {
                    pool::forget_unfit(&self.0.parts.db, conn, &error);
                    self.after(error, parent).await?;
                }
            }
        }
    }

    /// How a child ended, if it has.
    async fn ended(&self, parent: &Arc<Attempt>, child: Uuid) -> Option<ChildOutcome> {
        let end = match self.read(parent, child).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => lost(child, "it was deleted"),
            Err(SpawnError::Stopped(_)) => return None, // whoever waits is told by the stop itself
            Err(error) => lost(child, &error.to_string()),
        };
        end.status.is_terminal().then(|| {
            parent.child_progressed(child, 100.0);
            end
        })
    }

    async fn wait(self, parent: Arc<Attempt>, child: Uuid) -> ChildOutcome {
        let watch = &self.0.parts.watch;
        let mut ended = watch.follow(child, &parent);
        if let Some(end) = self.ended(&parent, child).await {
            watch.forget(&child);
            return end;
        }
        let wait = Wait::begin(self.clone(), Arc::clone(&parent));
        loop {
            let _ = ended.wait_for(|ended| *ended).await; // closed when it may have ended
            if let Some(end) = self.ended(&parent, child).await {
                wait.end().await;
                return end;
            }
            ended = watch.follow(child, &parent);
        }
    }

    fn waits(&self) -> MutexGuard<'_, HashMap<Fence, usize>> {
        self.0.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Children for StoredChildren {
    fn spawn(&self, parent: &Arc<Attempt>, child: NewChild) -> BoxFuture<'static, Result<Uuid, SpawnError>> {
        let stored = tokio::spawn(self.clone().store(Arc::clone(parent), child));
        let gone = |_| Err(SpawnError::NotStored("the job runtime is shutting down".to_owned()));
        Box::pin(async move { stored.await.unwrap_or_else(gone) })
    }

    fn outcome(&self, parent: &Arc<Attempt>, child: Uuid) -> BoxFuture<'static, ChildOutcome> {
        Box::pin(self.clone().wait(Arc::clone(parent), child))
    }
}

fn refused(type_name: &'static str, refusal: SpawnRefusal) -> SpawnError {
    match refusal {
        SpawnRefusal::Cancelling => Stopped(StopReason::Cancelled).into(),
        SpawnRefusal::NotOwned => Stopped(StopReason::Interrupted).into(),
        SpawnRefusal::TooDeep => SpawnError::TooDeep,
        SpawnRefusal::Exclusive(holder) => {
            SpawnError::Exclusive { type_name, holder: holder.id, status: holder.status }
        }
        SpawnRefusal::Busy => SpawnError::NotStored(format!("jobs of `{type_name}` come and go at this moment")),
        SpawnRefusal::WaitsForItself(why) => SpawnError::WaitsForItself { type_name, why },
    }
}

/// A child whose end nobody knows.
fn lost(job_id: Uuid, why: &str) -> ChildOutcome {
    ChildOutcome {
        job_id,
        type_name: String::new(),
        status: Status::Failed,
        outcome: None,
        message: None,
        error: Some(format!("how it ended is not known: {why}")),
        result: None,
        error_count: 0,
    }
}

/// A wait of a run for one of its children. Dropped before its end, as by a timeout of the handler's own, the run goes on at
/// once, and is counted.
struct Wait {
    children: StoredChildren,
    parent: Arc<Attempt>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waits,
    WantsSlot,
    Over,
}

impl Wait {
    fn begin(children: StoredChildren, parent: Arc<Attempt>) -> Self {
        let fence = parent.fence();
        let mut waits = children.waits();
        let count = waits.entry(fence).or_default();
        *count += 1;
        if *count == 1 {
            children.ask(Park { fence });
            children.0.parts.tracker.do_send(Waits { fence, waits: true, stored: None });
        }
        drop(waits);
        Self { children, parent, stage: Stage::Waits }
    }

    /// Ends it, once there is a slot for the run if it waits for nothing else. One that begins to wait again meanwhile needs
    /// none.
    async fn end(mut self) {
        let (grant, granted) = oneshot::channel();
        let (store, stored) = oneshot::channel();
        let last = self.is_last(Some(grant), Some(store));
        self.stage = if last { Stage::WantsSlot } else { Stage::Over };
        if last {
            let _ = granted.await;
            // Before the handler goes on: from then on it may be the reason why its node dies.
            let _ = tokio::time::timeout(STORED_LIMIT, stored).await;
        }
        self.stage = Stage::Over;
    }

    /// Counts it no longer; if it was the last of its run, asks for a slot, and has it stored that the run goes on.
    fn is_last(&self, grant: Option<oneshot::Sender<()>>, stored: Option<oneshot::Sender<()>>) -> bool {
        let fence = self.parent.fence();
        let mut waits = self.children.waits();
        let Some(count) = waits.get_mut(&fence) else { return false };
        *count -= 1;
        let last = *count == 0;
        if last {
            waits.remove(&fence);
            self.children.0.parts.tracker.do_send(Waits { fence, waits: false, stored });
            if grant.is_some() || !self.parent.stop.is_requested() {
                self.children.ask(Resume { fence, grant });
            }
        }
        last
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        match self.stage {
            Stage::Waits => {
                self.is_last(None, None);
            }
            Stage::WantsSlot if !self.parent.stop.is_requested() => {
                let fence = self.parent.fence();
                let waits = self.children.waits();
                if !waits.contains_key(&fence) {
                    self.children.ask(Resume { fence, grant: None });
                }
            }
            Stage::WantsSlot | Stage::Over => {}
        }
    }
}

impl StoredChildren {
    fn ask<M>(&self, message: M)
    where
        M: actix::Message<Result = ()> + Send + 'static,
        JobSupervisor: actix::Handler<M>,
    {
        if let Some(supervisor) = self.0.supervisor.get() {
            supervisor.do_send(message);
        }
    }
}
