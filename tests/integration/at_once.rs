//! The same act at the same instant on two servers: one wins, or each does its share; nothing is done twice.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::preconditions::{plan, two};
use crate::schedules::{at, create, history};
use crate::support::api::{Answer, id_of};
use crate::support::database;
use crate::support::server::Server;

/// So many times in turn, as what goes wrong needs luck.
const ROUNDS: usize = 5;

/// The same request many times at once, half of them to each server.
async fn at_once(servers: &[Server; 2], method: Method, path: &str, body: Value) -> Vec<Answer> {
    let ask = |n: usize| servers[n % 2].api.request(method.clone(), path, Some(body.clone()));
    join_all((0..8).map(ask)).await
}

/// How many of them were answered with each of these statuses; there are no others.
#[track_caller]
fn statuses(answers: &[Answer], expected: [u16; 2]) -> [usize; 2] {
    let counts = expected.map(|status| answers.iter().filter(|answer| answer.status.as_u16() == status).count());
    assert_eq!(counts[0] + counts[1], answers.len(), "{answers:#?}");
    counts
}

fn sum(answers: &[Answer], field: &str) -> u64 {
    let counts = answers.iter().map(|answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body[field].as_u64().expect("a count")
    });
    counts.sum()
}

async fn stop(servers: [Server; 2]) {
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn each_job_is_cancelled_by_one_of_many_bulk_cancels() {
    let servers = two().await;
    let api = &servers[0].api;
    for round in 0..ROUNDS {
        let jobs: Vec<_> = (0..300).map(|_| json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" })).collect();
        api.post("/api/jobs/batch", json!({ "jobs": jobs })).await.expect(201);
        let endless = json!({ "children": 2, "side_by_side": true, "items": 100_000, "item_ms": 20 });
        let family = api.submit("demo", endless).await;
        api.until_status(family, "running").await;
        let answers = at_once(&servers, Method::POST, "/api/jobs/cancel", json!({ "all": true })).await;
        // The children of the family are asked by its cancel, if no call was faster.
        let cancelled = sum(&answers, "cancelled");
        assert!((301..=303).contains(&cancelled), "round {round}: {answers:#?}");
        api.until_status(family, "cancelled").await;
    }
    let twice =
        "SELECT job_id, count(*) AS n FROM job_events WHERE kind = 'cancel_requested' GROUP BY 1 HAVING count(*) > 1";
    assert_eq!(database::rows(&servers[0].database_url, twice).await, [] as [Value; 0]);
    stop(servers).await;
}

/// Jobs that were cancelled, and that will not end soon when they are retried.
async fn cancelled(servers: &[Server; 2], count: usize) -> Vec<Uuid> {
    let api = &servers[0].api;
    let jobs: Vec<_> = (0..count).map(|_| json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" })).collect();
    let jobs = api.post("/api/jobs/batch", json!({ "jobs": jobs })).await.expect(201);
    api.post("/api/jobs/cancel", json!({ "all": true })).await.expect(200);
    jobs["jobs"].as_array().expect("jobs").iter().map(id_of).collect()
}

#[tokio::test]
async fn each_job_is_retried_by_one_of_many_bulk_retries() {
    let servers = two().await;
    let api = &servers[0].api;
    api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    for _ in 0..ROUNDS {
        let old = cancelled(&servers, 250).await;
        let answers = at_once(&servers, Method::POST, "/api/jobs/retry", json!({ "all": true })).await;
        assert_eq!(sum(&answers, "retried"), 250, "{answers:#?}");
        let retries = "SELECT retry_of, count(*) AS n FROM jobs WHERE retry_of IS NOT NULL GROUP BY 1";
        let retries = database::rows(&servers[0].database_url, retries).await;
        assert_eq!(retries.len(), old.len());
        assert!(retries.iter().all(|retry| retry["n"] == 1), "{retries:#?}");
        database::execute(&servers[0].database_url, "DELETE FROM jobs").await;
    }
    stop(servers).await;
}

#[tokio::test]
async fn a_retry_that_is_pressed_many_times_makes_one_job() {
    let servers = two().await;
    let api = &servers[0].api;
    api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    for _ in 0..ROUNDS {
        let old = cancelled(&servers, 1).await[0];
        let path = format!("/api/jobs/{old}/retry");
        let pressed = at_once(&servers, Method::POST, &path, json!({})).await;
        assert_eq!(statuses(&pressed, [201, 409]), [1, 7]);
        let new = pressed.iter().find(|answer| answer.status == 201).map(|answer| id_of(&answer.body)).expect("a job");
        for refused in pressed.iter().filter(|answer| answer.status == 409) {
            assert_eq!((&refused.body["code"], id_of(&refused.body["job"])), (&json!("already_retried"), new));
        }
        assert_eq!(api.job(old).await["retried_as"], json!([new]));
        // Other params are another wish, and whoever knows of the first can ask for a second.
        api.post(&path, json!({ "params": { "items": 1 } })).await.expect(201);
        let again = at_once(&servers, Method::POST, &path, json!({ "again": true })).await;
        assert!(statuses(&again, [201, 409])[0] >= 1);
        // Once it has ended, it can be done once more.
        api.post("/api/jobs/cancel", json!({ "all": true })).await.expect(200);
        api.post(&path, json!({})).await.expect(201);
    }
    stop(servers).await;
}

#[tokio::test]
async fn each_change_of_a_plan_is_decided_on_once() {
    let servers = two().await;
    for _ in 0..ROUNDS {
        let plan = plan(&servers[0].database_url).await;
        let path = format!("/api/plans/{plan}");
        let approved = at_once(&servers, Method::POST, &format!("{path}/approve"), json!({ "all": true })).await;
        assert_eq!(sum(&approved, "changed"), 2);
        let deleted = at_once(&servers, Method::DELETE, &path, json!({})).await;
        assert_eq!(statuses(&deleted, [204, 404]), [1, 7]);
    }
    stop(servers).await;
}

#[tokio::test]
async fn a_schedule_is_switched_run_and_deleted_once() {
    let servers = two().await;
    let api = &servers[0].api;
    for round in 0..ROUNDS {
        let fields = json!({ "enabled": false, "params": { "items": 100_000, "item_ms": 20 } });
        let schedule = create(api, &format!("nightly {round}"), fields).await;
        let path = at(&schedule);
        let enabled = at_once(&servers, Method::POST, &format!("{path}/enable"), json!({})).await;
        assert_eq!(statuses(&enabled, [200, 0]), [8, 0]);
        let runs = at_once(&servers, Method::POST, &format!("{path}/run"), json!({})).await;
        assert_eq!(statuses(&runs, [201, 409]), [1, 7]);
        let job = runs.iter().find(|answer| answer.status == 201).map(|answer| id_of(&answer.body)).expect("a job");
        assert!(runs.iter().all(|answer| answer.status == 201 || id_of(&answer.body["job"]) == job), "{runs:#?}");
        let told: Vec<_> = history(api, &schedule).await.iter().map(|line| line["outcome"].clone()).collect();
        assert_eq!(told, ["created", "enabled", "manual"]);
        let deleted = at_once(&servers, Method::DELETE, &path, json!({})).await;
        assert_eq!(statuses(&deleted, [204, 404]), [1, 7]);
        api.post(&format!("/api/jobs/{job}/cancel"), json!({})).await.expect(202);
    }
    let names = at_once(&servers, Method::POST, "/api/schedules", crate::schedules::demo("one", json!({}))).await;
    assert_eq!(statuses(&names, [201, 409]), [1, 7]);
    stop(servers).await;
}

#[tokio::test]
async fn a_type_is_paused_once_and_resumed_once() {
    let servers = two().await;
    for _ in 0..ROUNDS {
        let paused = at_once(&servers, Method::POST, "/api/job-types/demo/pause", json!({ "reason": "why" })).await;
        let mut pauses: Vec<_> = paused.into_iter().map(|answer| answer.expect(200)["paused"].take()).collect();
        pauses.dedup();
        assert_eq!(pauses.len(), 1, "all are told of the same pause: {pauses:#?}");
        let resumed = at_once(&servers, Method::POST, "/api/job-types/demo/resume", json!({})).await;
        assert!(resumed.into_iter().all(|answer| answer.expect(200)["paused"].is_null()));
    }
    stop(servers).await;
}

#[tokio::test]
async fn a_setting_that_many_set_has_one_of_their_values() {
    let servers = two().await;
    let set = |n: usize| {
        let (one, other) = ("cleanup.retention_days", "cleanup.stale_minutes");
        let values =
            if n.is_multiple_of(2) { json!({ one: n + 1, other: n + 1 }) } else { json!({ other: n + 1, one: n + 1 }) };
        let api = &servers[n / 2 % 2].api;
        async move { api.request(Method::PATCH, "/api/settings", Some(json!({ "values": values }))).await }
    };
    for answer in join_all((0..20).map(set)).await {
        answer.expect(200);
    }
    let values = database::rows(&servers[0].database_url, "SELECT DISTINCT value FROM settings").await;
    assert_eq!(values.len(), 1, "both of one change: {values:?}");
    stop(servers).await;
}
