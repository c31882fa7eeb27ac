//! What no public door can cause: an actor of ours that dies.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, Addr, Arbiter, Handler, Message};
use diesel_async::AsyncPgConnection;
use serde_json::json;
use uuid::Uuid;

use super::bus::NoBus;
use super::command::Submit;
use super::health::Health;
use super::runner::JobRunner;
use super::supervisor::{JobSupervisor, SupervisorParts};
use super::tracker::{JobTracker, TrackerParts};
use crate::job::{Environment, Registry, Status};
use crate::store::embedded::PrivatePostgres;
use crate::store::enqueue::NewJob;
use crate::store::link::Link;
use crate::store::{cancel, migrations, nodes};

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
        reason: None,
        retry_of: None,
        only_items: None,
        exclusive: false,
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

#[test]
fn a_runner_that_dies_is_replaced_and_its_jobs_run_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let postgres = PrivatePostgres::start(dir.path()).unwrap();
    let url: Arc<str> = postgres.database_url().into();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(migrations::run(&url)).unwrap();

    let handle = runtime.handle().clone();
    actix::System::new().block_on(async move {
        let registry = Registry::collect().unwrap();
        let health = Arc::new(Health::new(&registry));
        let node = Uuid::now_v7();
        let mut link = Link::new(Arc::clone(&url), "test");
        link.until_answered(async |conn| nodes::register(conn, node, "test", &json!({ "demo": 4 })).await)
            .await
            .unwrap();
        let tracker = JobTracker::new(TrackerParts {
            node,
            link: Link::new(Arc::clone(&url), "tracker"),
            bus: Arc::new(NoBus),
            watched: Arc::default(),
            health: Arc::clone(&health),
        });
        let tracker = JobTracker::start_in_arbiter(&Arbiter::new().handle(), |_| tracker);
        let supervisor = JobSupervisor::start(SupervisorParts {
            node,
            registry,
            slots: HashMap::new(),
            alone: true,
            link: Link::new(Arc::clone(&url), "supervisor"),
            bus: Arc::new(NoBus),
            tracker,
            runtime: handle,
            environment: Environment::default(),
            health: Arc::clone(&health),
        });
        let job = demo(&json!({ "items": 5, "item_ms": 300 }));
        let id = job.id;
        supervisor.send(Submit { jobs: vec![job] }).await.unwrap().unwrap();
        until_status(&mut link, id, (Status::Running, 1)).await;

        let runner = supervisor.send(RunnerOf("demo")).await.unwrap();
        assert!(runner.send(Break).await.is_err());
        until_status(&mut link, id, (Status::Completed, 2)).await;
        assert_eq!(health.runner_state("demo").unwrap().restarts, 1);
        assert!(!runner.connected());
    });
    runtime.shutdown_background();
}
