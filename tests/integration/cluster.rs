//! Several nodes on one database: whatever is asked of one holds on all, and each tells its clients of all.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::live::Live;
use crate::support::program::Program;
use crate::support::server::{Database, Options, Server};
use crate::support::wire::{Line, Wire};
use crate::support::{database, until};

/// Runs no job.
const IDLE: &[&str] = &["--concurrency", "demo=0,cleanup=0"];

/// The connections of the buses, by what they did last.
const LISTENERS: &str = "(query LIKE 'LISTEN%' OR query LIKE '%pg_notify%')";

async fn bus(api: &Api) -> Value {
    api.get("/health/ready").await.body["bus"].clone()
}

async fn until_bus(api: &Api, state: &str) {
    until(&format!("the bus is {state}"), async || (bus(api).await["state"] == state).then_some(())).await;
}

/// Two nodes that hear each other; the second runs no job.
async fn worker_and_watcher(args: &[&str]) -> (Server, Server) {
    let worker = Server::with(args).await;
    let watcher = worker.beside(&[args, IDLE].concat()).await;
    let state = if args.contains(&"none") { "off" } else { "live" };
    for server in [&worker, &watcher] {
        until_bus(&server.api, state).await;
    }
    (worker, watcher)
}

/// Does something in rounds of five, and fails when each round takes as long as one beat each: then nobody was told, and looked
/// by himself. Each time begins where the one before ended: at a beat, if it was a beat that ended it. One quick round among
/// many proves that somebody was told; a busy machine makes some slow.
async fn sooner_than_beats<T>(mut once: impl AsyncFnMut() -> T) {
    const TIMES: u32 = 5;
    const BEAT: Duration = Duration::from_secs(1);
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..TIMES {
            once().await;
        }
        if begun.elapsed() < BEAT * (TIMES - 1) / 2 {
            return;
        }
    }
    panic!("only the beats told");
}

#[tokio::test]
async fn a_node_that_has_no_others_sends_nothing_and_knows_when_it_has() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(id, "completed").await;
    let alone = json!({ "state": "alone", "others": 0, "sent": 0, "heard": 0 });
    assert_eq!(bus(&server.api).await, alone);
    let listeners = format!(
        "SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND {LISTENERS}"
    );
    assert!(database::rows(&server.database_url, &listeners).await.is_empty());

    let other = server.beside(IDLE).await;
    for api in [&server.api, &other.api] {
        until_bus(api, "live").await;
        assert_eq!(bus(api).await["others"], 1);
    }
    other.stop().await;
    until_bus(&server.api, "alone").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_is_cancelled_at_once_from_whichever_node() {
    let one = Server::with(&["--concurrency", "demo=30"]).await;
    let other = one.beside(&["--concurrency", "demo=30"]).await;
    for server in [&one, &other] {
        until_bus(&server.api, "live").await;
    }
    // Each has room for thirty; in turns, so that each node runs some that the other one is asked to stop.
    let ids = one.api.submit_many("demo", &json!({ "items": 100_000, "item_ms": 100 }), 60).await;
    let mut running = HashMap::new();
    for id in ids {
        let node = one.api.until_status(id, "running").await["node_id"].as_str().expect("a node").to_owned();
        running.entry(node).or_insert_with(Vec::new).push(id);
    }
    assert_eq!(running.len(), 2, "each took its share");
    for server in [&one, &other] {
        let elsewhere = running.iter_mut().find(|(node, _)| **node != server.id()).expect("another node").1;
        sooner_than_beats(async || {
            let id = elsewhere.pop().expect("enough jobs");
            server.api.post(&format!("/api/jobs/{id}/cancel"), json!({ "reason": "enough" })).await.expect(202);
            let job = server.api.until_status(id, "cancelled").await;
            assert_eq!(job["cancel"]["reason"], "enough");
            assert!(job["cancel"]["delivered_at"].is_string(), "{job:#}");
        })
        .await;
    }
    for server in [one, other] {
        server.stop().await;
    }
}

/// A job on one node, watched with its log at another, from its beginning to its deletion.
async fn follow_a_job_elsewhere(worker: &Server, watcher: &Server) {
    let mut live = Live::connect(&watcher.api, "/api/jobs/ws?logs=true").await;
    live.next_of("snapshot").await;
    let id = worker.api.submit("demo", json!({ "items": 12, "item_ms": 150, "log_lines": 3 })).await;
    let mut told = Vec::new();
    let mut lines = Vec::new();
    while !(told.last().is_some_and(|(status, _)| status == "completed") && lines.len() == 36) {
        let frame = live.next().await;
        for job in frame["jobs"].as_array().into_iter().flatten() {
            told.push((job["status"].as_str().expect("a status").to_owned(), job["rev"].as_i64().expect("a rev")));
        }
        lines.extend(frame["lines"].as_array().into_iter().flatten().cloned());
    }
    assert!(told.windows(2).all(|w| w[0].1 < w[1].1), "revs grow: {told:?}");
    assert!(told.iter().any(|(status, _)| status == "running"), "progress is told: {told:?}");
    let stored = worker.api.get(&format!("/api/jobs/{id}/logs")).await.expect(200);
    assert_eq!(stored["lines"], json!(lines), "what was told is what is stored");

    let long_ago = format!("UPDATE jobs SET completed_at = now() - interval '1000 days' WHERE id = '{id}'");
    database::execute(&worker.database_url, &long_ago).await;
    worker.api.submit("cleanup", json!({})).await;
    assert_eq!(live.next_of("job_removed").await["jobs"], json!([id]));
}

#[tokio::test]
async fn clients_of_one_node_are_told_of_the_jobs_of_another() {
    let (worker, watcher) = worker_and_watcher(&[]).await;
    follow_a_job_elsewhere(&worker, &watcher).await;
    let mut live = Live::connect(&watcher.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    sooner_than_beats(async || {
        let id = worker.api.submit("demo", json!({ "items": 0 })).await;
        live.until_status(id, "completed").await;
    })
    .await;
    worker.stop().await;
    watcher.stop().await;
}

#[tokio::test]
async fn without_a_bus_nodes_tell_the_same_by_the_next_beat() {
    let (worker, watcher) = worker_and_watcher(&["--bus", "none"]).await;
    follow_a_job_elsewhere(&worker, &watcher).await;
    let id = watcher.api.submit("demo", json!({ "items": 100_000, "item_ms": 100 })).await;
    worker.api.until_status(id, "running").await;
    watcher.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    worker.api.until_status(id, "cancelled").await;
    let told = Program::new(["nodes", "--server", watcher.api.url.as_str()]).run().await.expect(0);
    assert!(told.err.contains("told not to listen"), "{}", told.err);
    assert_eq!(bus(&worker.api).await, json!({ "state": "off", "others": 1, "sent": 0, "heard": 0 }));
    worker.stop().await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_log_is_followed_from_where_it_is_and_in_one_piece() {
    let (worker, watcher) = worker_and_watcher(&[]).await;
    let id = worker.api.submit("demo", json!({ "items": 20, "item_ms": 100, "log_lines": 50 })).await;
    let logs = format!("/api/jobs/{id}/logs?limit=1000");
    until("it has a log", async || {
        let lines = worker.api.get(&logs).await.expect(200);
        (lines["lines"].as_array()?.len() >= 100).then_some(())
    })
    .await;
    let mut live = Live::connect(&watcher.api, &format!("/api/jobs/{id}/ws?logs=true")).await;
    live.next_of("snapshot").await;
    let before = watcher.api.get(&logs).await.expect(200)["lines"].as_array().expect("lines").clone();
    let mut after = Vec::new();
    let last = |lines: &[Value]| lines.last().map_or(0, |line: &Value| line["seq"].as_i64().unwrap_or(0) & 0xffff_ffff);
    while last(&after) < 999 {
        after.extend(live.next_of("job_log").await["lines"].as_array().expect("lines").clone());
    }
    let first = after[0]["seq"].as_i64().expect("a position");
    assert!(first > before[0]["seq"].as_i64().expect("a position"), "not from the beginning");
    let unseen = before.iter().filter(|line| line["seq"].as_i64().expect("a position") < first);
    let whole: Vec<_> = unseen.chain(&after).cloned().collect();
    let stored = worker.api.get(&logs).await.expect(200);
    assert_eq!(json!(whole), stored["lines"], "what was there and what came make the whole log");
    worker.stop().await;
    watcher.stop().await;
}

#[tokio::test]
async fn the_end_of_every_job_is_told_although_listeners_are_killed() {
    let (worker, watcher) = worker_and_watcher(&["--concurrency", "demo=50"]).await;
    let mut live = Live::connect(&watcher.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND {LISTENERS}"
    );
    let mut waiting: Vec<Uuid> = Vec::new();
    for round in 0..10 {
        let job = json!({ "items": 10, "item_ms": 37 + round });
        waiting.extend(worker.api.submit_many("demo", &job, 10).await);
        database::execute(&worker.database_url, &kill).await;
    }
    let mut revs = HashMap::new();
    while !waiting.is_empty() {
        let frame = live.next().await;
        for job in frame["jobs"].as_array().into_iter().flatten() {
            let (id, rev) = (id_of(job), job["rev"].as_i64().expect("a rev"));
            assert!(revs.insert(id, rev).is_none_or(|before| before < rev), "nothing older is told: {job:#}");
            if job["status"] == "completed" {
                waiting.retain(|other| *other != id);
            }
        }
    }
    until_bus(&watcher.api, "live").await;
    worker.stop().await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_job_is_started_at_once_by_the_node_that_has_room() {
    let (worker, watcher) = worker_and_watcher(&[]).await;
    sooner_than_beats(async || {
        let id = watcher.api.submit("demo", json!({ "items": 0 })).await;
        let job = watcher.api.until_status(id, "completed").await;
        assert_ne!(job["node_id"], Value::Null);
    })
    .await;
    // And so is one that had to wait for its type to be resumed, on whichever node.
    sooner_than_beats(async || {
        watcher.api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
        let id = worker.api.submit("demo", json!({ "items": 0 })).await;
        assert_eq!(worker.api.job(id).await["status"], "pending");
        watcher.api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
        worker.api.until_status(id, "completed").await;
    })
    .await;
    worker.stop().await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_type_that_is_paused_at_one_node_is_not_started_at_another() {
    let (worker, watcher) = worker_and_watcher(&[]).await;
    watcher.api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let id = worker.api.submit("demo", json!({ "items": 0 })).await;
    // The worker claims what it can: a job of another type, submitted later, is over before.
    for _ in 0..2 {
        let other = worker.api.submit("cleanup", json!({ "dry_run": true })).await;
        worker.api.until_status(other, "completed").await;
    }
    assert_eq!(worker.api.job(id).await["status"], "pending");
    watcher.api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
    worker.api.until_status(id, "completed").await;
    worker.stop().await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_node_says_that_it_lost_the_bus_and_hears_all_the_same() {
    let (worker, watcher) = worker_and_watcher(&[]).await;
    let mut live = Live::connect(&watcher.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let before = watcher.api.submit("demo", json!({ "items": 0 })).await;
    live.until_status(before, "completed").await;
    // The connections that are there stay; the buses lose theirs, and get no other.
    database::cut_off_some(&worker.database_url, LISTENERS).await;
    for server in [&worker, &watcher] {
        until_bus(&server.api, "lost").await;
        assert_eq!(server.api.get("/health/ready").await.expect(200)["ready"], true);
    }
    let id = worker.api.submit("demo", json!({ "items": 0 })).await;
    live.until_status(id, "completed").await;
    database::let_in(&worker.database_url).await;
    for server in [&worker, &watcher] {
        until_bus(&server.api, "live").await;
    }
    worker.stop().await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_node_that_does_not_hear_itself_says_so_and_looks_each_beat() {
    let worker = Server::start().await;
    let line = Line::to(&worker.database_url);
    line.set(Wire::Deaf);
    let database = Database::At(line.database_url.clone());
    let watcher = Server::start_with(Options { database, ..Options::args(IDLE) }).await;
    until_bus(&watcher.api, "deaf").await;
    assert_eq!(watcher.api.get("/health/ready").await.expect(200)["ready"], true);
    follow_a_job_elsewhere(&worker, &watcher).await;
    let told = Program::new(["nodes", "--server", watcher.api.url.as_str()]).run().await.expect(0);
    assert!(told.err.contains("do not arrive"), "{}", told.err);
    line.set(Wire::Whole);
    until_bus(&watcher.api, "live").await;
    worker.stop().await;
    watcher.stop().await;
}
