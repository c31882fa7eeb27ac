//! What no public door can cause: an actor of ours that dies.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, Addr, Arbiter, Handler, Message};
use diesel_async::AsyncPgConnection;
use serde_json::json;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::bus::NoBus;
use super::child_watch::ChildWatch;
use super::children::{ChildrenParts, StoredChildren};
use super::command::Submit;
use super::health::Health;
use super::identity::NodeIdentity;
use super::runner::JobRunner;
use super::supervisor::{JobSupervisor, SupervisorParts};
use super::tracker::{JobTracker, TrackerParts};
use crate::job::{Environment, Registry, Status};
use crate::store::embedded::PrivatePostgres;
use crate::store::enqueue::NewJob;
use crate::store::link::Link;
use crate::store::nodes::{self, Registration};
use crate::store::origin::Way;
use crate::store::row::JobSummary;
use crate::store::{cancel, children, migrations, pool};

/// A bug in a runner.
#[derive(Message)]
#[rtype(result = "()")]
struct Break;

impl Handler<Break> for JobRunner {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Self::Context) {
        panic!("a bug in the runner");
    }
}

/// Which runner.
#[derive(Message)]
#[rtype(result = "Addr<JobRunner>")]
struct RunnerOf(&'static str);

impl Handler<RunnerOf> for JobSupervisor {
    type Result = actix::MessageResult<RunnerOf>;

    fn handle(&mut self, RunnerOf(type_name): RunnerOf, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.runner(type_name).expect("a runner"))
    }
}

fn demo(params: &serde_json::Value) -> NewJob {
    let registry = Registry::collect().unwrap();
    NewJob {
        id: Uuid::now_v7(),
        type_name: "demo",
        params: registry.get("demo").unwrap().prepare(Some(params.clone())).unwrap(),
        metadata: json!({}),
        priority: 0,
        run_at: None,
        created_by: "test".to_owned(),
        way: Way::default(),
        reason: None,
        retry_of: None,
        only_items: None,
        unique: None,
        expires_at: None,
        serial: false,
        max_interruptions: 3,
        max_retries: 0,
        parent_id: None,
        ancestors: Vec::new(),
        child_key: None,
        schedule_id: None,
        queue_key: None,
    }
}

async fn status(link: &mut Link, id: Uuid) -> (Status, i32) {
    let jobs =
        link.until_answered(async |conn: &mut AsyncPgConnection| cancel::current(conn, &[id]).await).await.unwrap();
    (jobs[0].status, jobs[0].attempt)
}

async fn until_status(link: &mut Link, id: Uuid, wanted: (Status, i32)) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while status(link, id).await != wanted {
        assert!(std::time::Instant::now() < deadline, "{:?} instead of {wanted:?}", status(link, id).await);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// A node without HTTP.
struct Node {
    supervisor: Addr<JobSupervisor>,
    /// To look at what is stored.
    link: Link,
    health: Arc<Health>,
}

impl Node {
    async fn start(url: &Arc<str>, runtime: Handle) -> Self {
        let registry = Registry::collect().unwrap();
        let health = Arc::new(Health::new(&registry));
        let id = Uuid::now_v7();
        let registration = Registration { hostname: "test".to_owned(), slots: json!({ "demo": 4 }) };
        let node = NodeIdentity::new(id);
        let mut link = Link::new(Arc::clone(url), "test");
        link.until_answered(async |conn| nodes::register(conn, id, &registration).await).await.unwrap();
        let watch = Arc::new(ChildWatch::default());
        let tracker = JobTracker::new(TrackerParts {
            node: Arc::clone(&node),
            link: Link::new(Arc::clone(url), "tracker"),
            bus: Arc::new(NoBus),
            children: Arc::clone(&watch),
            health: Arc::clone(&health),
        });
        let tracker = JobTracker::start_in_arbiter(&Arbiter::new().handle(), |_| tracker);
        let (db, told) = (pool::build(url, runtime.clone()).unwrap(), tracker.clone());
        let children = StoredChildren::new(ChildrenParts {
            node: Arc::clone(&node),
            db,
            registry: registry.clone(),
            tracker: told,
            watch,
        });
        let supervisor = JobSupervisor::start(SupervisorParts {
            node,
            registry,
            slots: HashMap::new(),
            link: Link::new(Arc::clone(url), "supervisor"),
            bus: Arc::new(NoBus),
            tracker,
            runtime,
            environment: Environment { children: Some(Arc::new(children.clone())), ..Environment::default() },
            health: Arc::clone(&health),
        });
        children.attach(supervisor.clone());
        Self { supervisor, link, health }
    }

    /// Breaks the runner of a type.
    async fn break_runner(&self, type_name: &'static str) {
        let runner = self.supervisor.send(RunnerOf(type_name)).await.unwrap();
        assert!(runner.send(Break).await.is_err());
        assert!(!runner.connected());
    }

    async fn children_of(&mut self, id: Uuid) -> Vec<JobSummary> {
        self.link.until_answered(async |conn| children::of(conn, id, 10).await).await.unwrap()
    }
}

fn on_a_node(test: impl AsyncFnOnce(&mut Node)) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let postgres = PrivatePostgres::start(dir.path()).unwrap();
    let url: Arc<str> = postgres.database_url().into();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(migrations::run(&url)).unwrap();
    let handle = runtime.handle().clone();
    actix::System::new().block_on(async move { test(&mut Node::start(&url, handle).await).await });
    runtime.shutdown_background();
}

#[test]
fn a_runner_that_dies_is_replaced_and_its_jobs_run_again() {
    on_a_node(async |node| {
        let job = demo(&json!({ "items": 5, "item_ms": 300 }));
        let id = job.id;
        node.supervisor.send(Submit { jobs: vec![job] }).await.unwrap().unwrap();
        until_status(&mut node.link, id, (Status::Running, 1)).await;
        node.break_runner("demo").await;
        until_status(&mut node.link, id, (Status::Completed, 2)).await;
        assert_eq!(node.health.runner_state("demo").unwrap().restarts, 1);
    });
}

#[test]
fn a_parent_that_waits_runs_again_too_when_its_runner_dies() {
    on_a_node(async |node| {
        let job = demo(&json!({ "children": 1, "items": 5, "item_ms": 300 }));
        let id = job.id;
        node.supervisor.send(Submit { jobs: vec![job] }).await.unwrap().unwrap();
        let child = loop {
            match node.children_of(id).await.first() {
                Some(child) => break child.id,
                None => tokio::task::yield_now().await,
            }
        };
        until_status(&mut node.link, child, (Status::Running, 1)).await;
        node.break_runner("demo").await;
        until_status(&mut node.link, id, (Status::Completed, 2)).await;
        until_status(&mut node.link, child, (Status::Completed, 2)).await;
        assert_eq!(node.children_of(id).await.len(), 1);
    });
}
