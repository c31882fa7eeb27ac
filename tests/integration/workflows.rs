//! Jobs that start jobs: in sequence, side by side, through failures, cancels, crashes and refusals.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel_async::SimpleAsyncConnection;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use stashhog::job::{Fence, JobSpec, Status};
use stashhog::store::children::{self, SpawnRefusal, SpawnWrite, Spawned};
use stashhog::store::connect::connect;
use stashhog::store::enqueue::NewJob;
use stashhog::store::failure::Failure;
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::live::Live;
use crate::support::program::Program;
use crate::support::server::{Database, Options, Server, example};
use crate::support::{database, until};

/// The children of a job, the oldest first.
async fn children_of(api: &Api, id: Uuid) -> Vec<Value> {
    let mut jobs = api.get(&format!("/api/jobs?parent={id}&limit=500")).await.expect(200)["jobs"].take();
    let mut jobs = std::mem::take(jobs.as_array_mut().expect("jobs"));
    jobs.reverse();
    jobs
}

/// All jobs below a job, level by level.
async fn below(api: &Api, id: Uuid) -> Vec<Value> {
    let mut all = Vec::new();
    let mut level = vec![id];
    while !level.is_empty() {
        let mut next = Vec::new();
        for id in level {
            next.extend(children_of(api, id).await);
        }
        level = next.iter().map(id_of).collect();
        all.extend(next);
    }
    all
}

fn time(job: &Value, name: &str) -> DateTime<Utc> {
    job[name].as_str().and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("no {name}: {job:#}"))
}

/// Asserts that no two handlers worked at the same time: each wrote a line to its log after every item.
async fn assert_one_at_a_time(server: &Server, jobs: usize) {
    let worked =
        "SELECT min(at) AS began, max(at) AS ended FROM job_logs GROUP BY job_id HAVING count(*) > 1 ORDER BY 1";
    let worked = database::rows(&server.database_url, worked).await;
    assert_eq!(worked.len(), jobs);
    for pair in worked.windows(2) {
        assert!(time(&pair[0], "ended") <= time(&pair[1], "began"), "two worked at once: {pair:#?}");
    }
}

#[tokio::test]
async fn children_run_one_after_the_other_and_say_whose_they_are() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "children": 3, "items": 2, "item_ms": 20 })).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["progress"], &job["result"]), (&json!(100.0), &json!({ "children": 3 })));
    let children = children_of(&server.api, id).await;
    assert_eq!(children.len(), 3);
    for (n, child) in children.iter().enumerate() {
        assert_eq!([&child["status"], &child["parent_id"]], [&json!("completed"), &json!(id)]);
        assert_eq!(child["created_by"], format!("job:{id}"));
        assert_eq!(child["reason"], format!("child {} of 3", n + 1));
    }
    for pair in children.windows(2) {
        assert!(time(&pair[0], "completed_at") <= time(&pair[1], "created_at"), "{pair:#?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_parent_that_waits_gives_its_slot_to_its_children() {
    let server = Server::with(&["--concurrency", "demo=3"]).await;
    let endless = json!({ "children": 4, "side_by_side": true, "items": 100_000, "item_ms": 20 });
    let id = server.api.submit("demo", endless).await;
    until("three children run at once", async || {
        let children = children_of(&server.api, id).await;
        (children.iter().filter(|child| child["status"] == "running").count() == 3).then_some(())
    })
    .await;
    let told = server.api.get(&format!("/api/jobs/{id}/explain")).await.expect(200);
    assert_eq!((&told["status"], &told["code"]), (&json!("running"), &json!("waiting_for_children")));
    assert_eq!(told["children"].as_array().map(Vec::len), Some(4), "{told:#}");
    let says = told["sentence"].as_str().expect("a sentence");
    assert!(says.contains("Its child job ") && says.ends_with(" is running, and 3 more have not ended."), "{says}");
    server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    server.api.until_status(id, "cancelled").await;
    server.stop().await;
}

#[tokio::test]
async fn a_parents_bar_never_goes_back_and_ends_full() {
    let server = Server::start().await;
    let params = json!({ "children": 3, "levels": 2, "items": 4, "item_ms": 60 });
    let id = server.api.submit("demo", params).await;
    let mut live = Live::connect(&server.api, &format!("/api/jobs/{id}/ws")).await;
    let mut seen = Vec::new();
    loop {
        let frame = live.next().await;
        let jobs = frame["jobs"].as_array().cloned().unwrap_or_default();
        let of_parent: Vec<_> = jobs.into_iter().filter(|job| id_of(job) == id).collect();
        seen.extend(of_parent.iter().filter_map(|job| job["progress"].as_f64()));
        if of_parent.iter().any(|job| job["status"] == "completed") {
            break;
        }
    }
    assert!(seen.is_sorted() && seen.last() == Some(&100.0), "{seen:?}");
    let steps = seen.iter().filter(|percent| **percent > 0.0 && **percent < 100.0).count();
    assert!(steps > 5, "it moved with the progress of its children's children: {seen:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_job_is_shown_with_its_children_and_with_the_jobs_above_it() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "children": 2, "levels": 2, "items": 0 })).await;
    let mut live = Live::connect(&server.api, &format!("/api/jobs/{id}/ws")).await;
    let job = server.api.until_status(id, "completed").await;
    let ids = |jobs: &Value| jobs.as_array().expect("jobs").iter().map(id_of).collect::<Vec<_>>();
    let children = ids(&job["children"]);
    assert_eq!((children.len(), &job["more_children"], &job["ancestors"]), (2, &json!(false), &json!([])));
    let child = server.api.job(children[1]).await;
    assert_eq!((ids(&child["ancestors"]), ids(&child["children"]).len()), (vec![id], 2));
    let grandchild = server.api.job(ids(&child["children"])[0]).await;
    assert_eq!((ids(&grandchild["ancestors"]), ids(&grandchild["children"])), (vec![id, children[1]], vec![]));
    // Who watches a job hears of its children too.
    live.until_status(children[1], "completed").await;
    let shown = Program::new(["jobs", "show", &id.to_string(), "--server", &server.api.url]).run().await.expect(0).out;
    for child in children {
        assert!(shown.contains(&format!("{child}  Demo: completed")), "{shown}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_becomes_of_a_child_is_a_value_to_its_parent() {
    let server = Server::start().await;
    let failing = |more: Value| {
        let mut params = json!({ "children": 3, "items": 2, "item_ms": 0, "fail_at": 2 });
        params.as_object_mut().expect("params").extend(more.as_object().expect("more").clone());
        params
    };
    let id = server.api.submit("demo", failing(json!({ "keep_going": true }))).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["outcome"], &job["error_count"]), (&json!("completed_with_errors"), &json!(3)));
    for params in [failing(json!({})), failing(json!({ "side_by_side": true }))] {
        let id = server.api.submit("demo", params).await;
        let job = server.api.until_status(id, "failed").await;
        let error = job["error"].as_str().expect("an error");
        assert!(error.starts_with("its child job ") && error.ends_with("item 2 was told to fail the job"), "{error}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_child_that_somebody_cancels_does_not_cancel_its_parent() {
    let server = Server::start().await;
    let params = json!({ "children": 2, "side_by_side": true, "items": 100, "item_ms": 20, "keep_going": true });
    let id = server.api.submit("demo", params).await;
    let child = until("a child runs", async || {
        let children = children_of(&server.api, id).await;
        children.iter().find(|child| child["status"] == "running").map(id_of)
    })
    .await;
    server.api.post(&format!("/api/jobs/{child}/cancel"), json!({})).await.expect(202);
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(job["error_count"], 1);
    let mut statuses: Vec<_> = children_of(&server.api, id).await.iter().map(|child| child["status"].clone()).collect();
    statuses.sort_by_key(Value::to_string);
    assert_eq!(statuses, ["cancelled", "completed"]);
    server.stop().await;
}

#[tokio::test]
async fn a_cancelled_parent_takes_all_below_it_along_and_says_why() {
    let server = Server::with(&["--concurrency", "demo=5"]).await;
    let params = json!({ "children": 2, "levels": 3, "side_by_side": true, "items": 100_000, "item_ms": 20, "keep_going": true });
    let id = server.api.submit("demo", params).await;
    until("its whole tree is there", async || (below(&server.api, id).await.len() == 14).then_some(())).await;
    server.api.post(&format!("/api/jobs/{id}/cancel"), json!({ "reason": "enough" })).await.expect(202);
    server.api.until_status(id, "cancelled").await;
    let all = below(&server.api, id).await;
    assert_eq!(all.len(), 14);
    for job in all {
        let (job_id, parent) = (id_of(&job), job["parent_id"].as_str().expect("a parent").to_owned());
        let job = server.api.until_status(job_id, "cancelled").await;
        assert_eq!(job["cancel"]["requested_by"], format!("job:{parent}"));
        let whose = if parent == id.to_string() { "its parent".to_owned() } else { format!("job {id} above it") };
        assert_eq!(job["cancel"]["reason"], format!("{whose} was cancelled by anonymous: enough"));
        assert!(server.api.event_kinds(job_id).await.contains(&"cancel_requested".to_owned()));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_parent_that_fails_takes_its_children_along() {
    let server = Server::with(&["--concurrency", "demo=4"]).await;
    let api = &server.api;
    let endless = json!({ "children": 2, "side_by_side": true, "items": 100_000, "item_ms": 20 });
    let id = api.submit("demo", endless).await;
    let running = until("its children run", async || {
        let children = children_of(api, id).await;
        children.iter().all(|child| child["status"] == "running").then_some(children).filter(|c| c.len() == 2)
    })
    .await;
    // By this the parent fails, as it does not keep going.
    api.post(&format!("/api/jobs/{}/cancel", id_of(&running[0])), json!({})).await.expect(202);
    let job = api.until_status(id, "failed").await;
    assert!(job["error"].as_str().is_some_and(|error| error.ends_with("was cancelled")), "{job:#}");
    let other = api.until_status(id_of(&running[1]), "cancelled").await;
    assert_eq!(other["cancel"]["requested_by"], format!("job:{id}"));
    assert_eq!(other["cancel"]["reason"], "its parent failed");
    server.stop().await;
}

#[tokio::test]
async fn with_one_slot_jobs_that_wait_for_jobs_of_their_own_type_come_to_their_end() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let params = json!({ "children": 3, "levels": 3, "side_by_side": true, "items": 3, "item_ms": 10, "log_lines": 1 });
    let id = server.api.submit("demo", params).await;
    server.api.until_status(id, "completed").await;
    let all = below(&server.api, id).await;
    assert_eq!(all.len(), 3 + 9 + 27);
    assert_one_at_a_time(&server, 27).await;
    server.stop().await;
}

#[tokio::test]
async fn twenty_parents_share_one_slot_and_what_was_begun_ends_before_more_is_begun() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let params = json!({ "children": 2, "items": 3, "item_ms": 5, "log_lines": 1 });
    let parents = server.api.submit_many("demo", &params, 20).await;
    let mut ends = Vec::new();
    for id in &parents {
        let job = server.api.until_status(*id, "completed").await;
        ends.push((time(&job, "started_at"), time(&job, "completed_at")));
    }
    assert_one_at_a_time(&server, 40).await;
    assert!(ends.windows(2).all(|pair| pair[0].0 < pair[1].0), "in their order: {ends:?}");
    server.stop().await;
}

#[tokio::test]
async fn after_a_crash_a_parent_finds_its_children_again() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "children": 3, "items": 10, "item_ms": 60 })).await;
    let before = until("the second child runs", async || {
        let children = children_of(&server.api, id).await;
        (children.len() == 2 && children[1]["status"] == "running").then_some(children)
    })
    .await;
    let server = server.crash_and_restart().await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(job["attempt"], 2);
    let after = children_of(&server.api, id).await;
    assert_eq!(after.len(), 3, "{after:#?}");
    assert_eq!([id_of(&after[0]), id_of(&after[1])], [id_of(&before[0]), id_of(&before[1])]);
    let attempts: Vec<_> = after.iter().map(|child| child["attempt"].clone()).collect();
    assert_eq!(attempts, [1, 2, 1], "what had ended was not done again, what ran was rescued");
    assert_eq!(after[0]["rev"], before[0]["rev"]);
    server.stop().await;
}

#[tokio::test]
async fn a_node_that_goes_down_gives_back_a_parent_that_waits() {
    let server = Server::with(&["--concurrency", "demo=1", "--shutdown-grace", "1"]).await;
    let id = server.api.submit("demo", json!({ "children": 2, "items": 20, "item_ms": 50 })).await;
    until("a child runs", async || {
        children_of(&server.api, id).await.first().filter(|child| child["status"] == "running").map(id_of)
    })
    .await;
    let server = server.restart_after(Signal::SIGTERM).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["interruptions"]), (&json!(2), &json!(0)));
    assert_eq!(children_of(&server.api, id).await.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn children_run_on_whichever_node_has_room() {
    let one = Server::with(&["--concurrency", "demo=1"]).await;
    let database = Database::At(one.database_url.clone());
    let other = Server::start_with(Options { database, ..Options::args(&["--concurrency", "demo=1"]) }).await;
    let params = json!({ "children": 2, "side_by_side": true, "items": 40, "item_ms": 50 });
    let id = one.api.submit("demo", params).await;
    let children = until("both children run", async || {
        let children = children_of(&one.api, id).await;
        (children.iter().filter(|child| child["status"] == "running").count() == 2).then_some(children)
    })
    .await;
    assert_ne!(children[0]["node_id"], children[1]["node_id"]);
    let path = format!("/api/jobs/{id}/ws");
    // Whoever watches the parent hears of children that run elsewhere, too.
    let mut live = [Live::connect(&one.api, &path).await, Live::connect(&other.api, &path).await];
    one.api.until_status(id, "completed").await;
    for live in &mut live {
        let mut awaited: Vec<_> = children.iter().map(id_of).collect();
        while !awaited.is_empty() {
            let frame = live.next().await;
            let jobs = frame["jobs"].as_array().cloned().unwrap_or_default();
            let ended = |id: &Uuid| jobs.iter().any(|job| id_of(job) == *id && job["status"] == "completed");
            awaited.retain(|id| !ended(id));
        }
    }
    other.stop().await;
    one.stop().await;
}

#[tokio::test]
async fn a_chain_of_jobs_has_an_end() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "children": 1, "levels": 20, "items": 0 })).await;
    let job = server.api.until_status(id, "failed").await;
    assert!(job["error"].as_str().is_some_and(|error| error.contains("16 jobs stand above this one")), "{job:#}");
    assert_eq!(below(&server.api, id).await.len(), 16);
    server.stop().await;
}

/// A server with the types of `examples/workflows.rs`.
async fn orchestra(args: &[&str]) -> Server {
    Server::start_with(Options { program: Some(example("workflows")), ..Options::args(args) }).await
}

#[tokio::test]
async fn a_refused_child_is_a_value_to_its_parent() {
    let server = orchestra(&[]).await;
    let api = &server.api;
    let solo = api.submit("solo", json!({ "parts": ["solo", "note", "finale"], "ms": 0 })).await;
    let told = &api.until_status(solo, "completed").await["result"];
    assert!(told[0].as_str().is_some_and(|told| told.contains("would wait for itself")), "{told:#}");
    assert_eq!([&told[1], &told[2]], ["completed", "completed"]);
    let finale = api.submit("finale", json!({ "parts": ["finale", "solo"], "ms": 0 })).await;
    let told = &api.until_status(finale, "completed").await["result"];
    assert_eq!(told, &json!([{ "taken_by": finale }, "completed"]));
    server.stop().await;
}

#[tokio::test]
async fn a_serial_job_keeps_its_place_while_it_waits() {
    let server = orchestra(&[]).await;
    let one = server.api.submit("solo", json!({ "parts": ["note"], "ms": 500 })).await;
    let other = server.api.submit("solo", json!({ "parts": ["note"], "ms": 0 })).await;
    let one = server.api.until_status(one, "completed").await;
    let other = server.api.until_status(other, "completed").await;
    let note = &children_of(&server.api, id_of(&one)).await[0];
    assert!(time(note, "completed_at") <= time(&other, "started_at"), "{one:#}\n{other:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_parent_that_is_tried_again_finds_what_it_had_done() {
    let server = orchestra(&[]).await;
    let id = server.api.submit("rehearse", json!({ "parts": ["note", "finale"] })).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["result"]), (&json!(2), &json!(["completed", "completed"])));
    let children = children_of(&server.api, id).await;
    assert_eq!(children.iter().map(|child| child["attempt"].clone()).collect::<Vec<_>>(), [1, 1]);
    server.stop().await;
}

#[tokio::test]
async fn a_child_that_had_to_wait_for_its_place_is_started_once() {
    let server = orchestra(&[]).await;
    let api = &server.api;
    let holder = api.submit("finale", json!({ "parts": ["note"], "ms": 600_000 })).await;
    let id = api.submit("insist", json!({ "ms": 2_000 })).await;
    until("its child was refused", async || {
        let message = api.job(id).await["message"].take();
        message.as_str().is_some_and(|message| message.contains(&holder.to_string())).then_some(())
    })
    .await;
    api.post(&format!("/api/jobs/{holder}/cancel"), json!({})).await.expect(202);
    let before = until("its finale is over and the note is played", async || {
        let children = children_of(api, id).await;
        (children.len() == 2 && children[1]["status"] == "running").then_some(children)
    })
    .await;
    assert_eq!((&before[0]["type"], &before[0]["status"]), (&json!("finale"), &json!("completed")));
    let server = server.crash_and_restart().await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(job["attempt"], 2);
    let after = children_of(&server.api, id).await;
    assert_eq!(after.iter().map(id_of).collect::<Vec<_>>(), before.iter().map(id_of).collect::<Vec<_>>());
    assert_eq!(after[0]["rev"], before[0]["rev"], "the finale was not played again");
    server.stop().await;
}

#[tokio::test]
async fn cleanup_leaves_the_children_of_a_parent_that_has_not_ended() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "children": 3, "levels": 2, "items": 8, "item_ms": 60 })).await;
    let cleanup = async |server: &Server| {
        let cleanup = server.api.submit("cleanup", json!({ "retention_days": 0 })).await;
        server.api.until_status(cleanup, "completed").await["result"]["jobs"].take()
    };
    let before = until("the first child and its children are over", async || {
        let children = children_of(&server.api, id).await;
        (children.len() == 2).then_some(children)
    })
    .await;
    let done = below(&server.api, id_of(&before[0])).await;
    assert_eq!((done.len(), &before[0]["status"]), (3, &json!("completed")));
    assert_eq!(cleanup(&server).await, 0, "all that has ended stands below a job that has not");
    let server = server.crash_and_restart().await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["error"]), (&json!(2), &Value::Null));
    assert_eq!(below(&server.api, id).await.len(), 3 + 9);
    let after = below(&server.api, id_of(&before[0])).await;
    let revs = |jobs: &[Value]| jobs.iter().map(|job| job["rev"].clone()).collect::<Vec<_>>();
    assert_eq!(revs(&after), revs(&done), "what was done was not done again");
    assert_eq!(cleanup(&server).await, 1 + 3 + 9 + 1, "the whole family, once it has ended, and the cleanup before");
    server.stop().await;
}

#[tokio::test]
async fn a_parent_may_wait_no_longer_and_its_child_goes_on() {
    let server = orchestra(&["--concurrency", "walk_out=1"]).await;
    let api = &server.api;
    let patient = api.submit("walk_out", json!({ "ms": 250, "waits": 100 })).await;
    let hasty = api.submit("walk_out", json!({ "ms": 1_500, "waits": 2 })).await;
    assert_eq!(api.until_status(patient, "completed").await["result"], json!({ "heard": "completed" }));
    let hasty = api.until_status(hasty, "completed").await;
    let note = hasty["result"]["missed"].as_str().and_then(|id| id.parse().ok()).expect("the note");
    let note = api.until_status(note, "completed").await;
    assert!(time(&note, "completed_at") > time(&hasty, "completed_at"));
    // The books are right after all that: its only slot is free.
    let again = api.submit("walk_out", json!({ "ms": 0, "waits": 100 })).await;
    api.until_status(again, "completed").await;
    server.stop().await;
}

/// A run that may start children, as the store sees it.
struct Run {
    url: String,
    id: Uuid,
    fence: Fence,
}

const LIMITED: [JobSpec; 3] = [
    JobSpec::new("alone", "Alone").serial(),
    JobSpec::new("single", "Single").serial(),
    JobSpec::new("pair", "Pair").in_cluster(2),
];
const FREE: JobSpec = JobSpec::new("free", "Free");
const ONLY: JobSpec = JobSpec::new("only", "Only").exclusive();

fn limits() -> HashMap<&'static str, u32> {
    LIMITED.iter().filter_map(|spec| Some((spec.name, spec.cluster_limit()?))).collect()
}

fn new_job(spec: &JobSpec) -> NewJob {
    NewJob::of(spec, json!({}), "test")
}

impl Run {
    /// A job that somebody triggered and that runs.
    async fn of(url: &str, spec: &JobSpec) -> Self {
        let job = new_job(spec);
        let run = Self { url: url.to_owned(), id: job.id, fence: Fence::new(job.id, 1) };
        let stored = stashhog::store::enqueue::insert(&mut database::connect(url).await, &[job]).await.expect("a row");
        assert_eq!(stored.len(), 1);
        run.begin().await;
        run
    }

    async fn begin(&self) {
        self.set(&format!("status = 'running', attempt = 1, claim_id = '{}'", self.fence.claim_id)).await;
    }

    async fn set(&self, what: &str) {
        database::execute(&self.url, &format!("UPDATE jobs SET {what} WHERE id = '{}'", self.id)).await;
    }

    async fn spawn(&self, spec: &JobSpec, key: &str) -> Spawned {
        let (job, key) = (new_job(spec), key.to_owned());
        let write = SpawnWrite { node: Uuid::nil(), parent: self.fence, job, key, priority: None };
        let spawned = children::spawn(&mut database::connect(&self.url).await, write, &limits()).await;
        spawned.expect("an answer").expect("nobody else decides")
    }

    /// A child that runs by now.
    async fn run_child(&self, spec: &JobSpec) -> Self {
        let id = new(self.spawn(spec, spec.name).await);
        let child = Self { url: self.url.clone(), id, fence: Fence::new(id, 1) };
        child.begin().await;
        child
    }
}

#[track_caller]
fn new(spawned: Spawned) -> Uuid {
    match spawned {
        Spawned::New(job) => job.id,
        other => panic!("not stored: {other:?}"),
    }
}

#[track_caller]
fn refusal(spawned: Spawned) -> SpawnRefusal {
    match spawned {
        Spawned::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_parent_that_is_asked_to_stop_or_lost_its_job_starts_no_more() {
    let url = database::create().await;
    let parent = Run::of(&url, &FREE).await;
    parent.set("status = 'cancelling'").await;
    assert!(matches!(refusal(parent.spawn(&FREE, "k").await), SpawnRefusal::Cancelling));
    parent.set("status = 'running', claim_id = gen_random_uuid()").await;
    assert!(matches!(refusal(parent.spawn(&FREE, "k").await), SpawnRefusal::NotOwned));
    let late = database::rows(&url, "SELECT attempt, data FROM job_events WHERE kind = 'late_write_rejected'").await;
    assert_eq!(late, [json!({ "attempt": 1, "data": { "what": "child", "claim_id": parent.fence.claim_id } })]);
    assert_eq!(database::rows(&url, "SELECT id FROM jobs").await.len(), 1);
}

#[tokio::test]
async fn a_child_waits_for_a_held_parent_without_the_lock_of_the_limits() {
    let url = database::create().await;
    let parent = Run::of(&url, &FREE).await;
    let mut holder = database::connect(&url).await;
    let hold = format!("BEGIN; SELECT FROM jobs WHERE id = '{}' FOR SHARE", parent.id);
    holder.batch_execute(&hold).await.expect("its row");
    let (job, key) = (new_job(&LIMITED[0]), "k".to_owned());
    let write = SpawnWrite { node: Uuid::nil(), parent: parent.fence, job, key, priority: None };
    let mut conn = connect(&url).await.expect("a session");
    let error = children::spawn(&mut conn, write.clone(), &limits()).await.expect_err("its row is held");
    assert_eq!(Failure::of(&error), Failure::Contention, "{error}");
    let free = database::rows(&url, "SELECT pg_try_advisory_lock(hashtext('stashhog limits')) AS free").await;
    assert_eq!(free[0]["free"], true);
    holder.batch_execute("COMMIT").await.expect("it lets go");
    new(children::spawn(&mut conn, write, &limits()).await.expect("an answer").expect("nobody else decides"));
}

#[tokio::test]
async fn a_parent_that_is_tried_again_keeps_what_completed_and_starts_the_rest_anew() {
    let url = database::create().await;
    let parent = Run::of(&url, &FREE).await;
    let set = async |id: Uuid, status: Status| {
        database::execute(&url, &format!("UPDATE jobs SET status = '{status}' WHERE id = '{id}'")).await;
    };
    let mut first = HashMap::new();
    for (key, status) in
        [("a", Status::Completed), ("b", Status::Failed), ("c", Status::Cancelled), ("d", Status::Running)]
    {
        first.insert(key, new(parent.spawn(&FREE, key).await));
        set(first[key], status).await;
        let Spawned::Known(known) = parent.spawn(&FREE, key).await else { panic!("the same run finds it") };
        assert_eq!((known.id, known.status), (first[key], status));
    }
    parent.set("failures = 1").await;
    for (key, anew) in [("a", false), ("b", true), ("c", true), ("d", false)] {
        match parent.spawn(&FREE, key).await {
            Spawned::New(job) => assert!(anew && job.id != first[key], "{key}"),
            Spawned::Known(job) => assert!(!anew && job.id == first[key], "{key}"),
            Spawned::Refused(refusal) => panic!("{refusal:?}"),
        }
    }
}

#[tokio::test]
async fn a_child_that_would_wait_for_itself_is_refused() {
    let url = database::create().await;
    let alone = Run::of(&url, &LIMITED[0]).await;
    assert!(matches!(refusal(alone.spawn(&LIMITED[0], "k").await), SpawnRefusal::WaitsForItself(_)));
    let between = alone.run_child(&FREE).await;
    let SpawnRefusal::WaitsForItself(why) = refusal(between.spawn(&LIMITED[0], "k").await) else { panic!("refused") };
    assert!(why.contains(&alone.id.to_string()), "{why}");
    // Round a circle: `alone` waits for a `single`, whose place another workflow has, which wants an `alone`.
    let other = Run::of(&url, &LIMITED[1]).await;
    new(between.spawn(&LIMITED[1], "k").await);
    assert!(matches!(refusal(other.spawn(&LIMITED[0], "k").await), SpawnRefusal::WaitsForItself(_)));
    // The first goes back to the queue: it will have its place again before it ends.
    alone.set("status = 'pending'").await;
    assert!(matches!(refusal(other.spawn(&LIMITED[0], "k").await), SpawnRefusal::WaitsForItself(_)));
    alone.set("status = 'cancelling'").await;
    new(other.spawn(&LIMITED[0], "k").await);
}

#[tokio::test]
async fn with_two_places_the_second_that_would_wait_for_the_first_is_refused() {
    let url = database::create().await;
    let (one, other) = (Run::of(&url, &LIMITED[2]).await, Run::of(&url, &LIMITED[2]).await);
    new(one.spawn(&LIMITED[2], "k").await);
    assert!(matches!(refusal(other.spawn(&LIMITED[2], "k").await), SpawnRefusal::WaitsForItself(_)));
}

#[tokio::test]
async fn an_exclusive_type_whose_place_is_taken_is_refused_with_who_has_it() {
    let url = database::create().await;
    let parent = Run::of(&url, &ONLY).await;
    let SpawnRefusal::Exclusive(holder) = refusal(parent.spawn(&ONLY, "k").await) else { panic!("refused") };
    assert_eq!(holder.id, parent.id, "the parent itself");
    parent.set("exclusive_key = NULL").await;
    let child = new(parent.spawn(&ONLY, "k").await);
    let Spawned::Known(known) = parent.spawn(&ONLY, "k").await else { panic!("its own child is no stranger") };
    assert_eq!(known.id, child);
}
