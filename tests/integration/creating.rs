//! Creating jobs: one, many, by trigger; what is claimed first, and what waits.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::server::Server;
use crate::support::until;

/// How many jobs a listing holds.
async fn listed(api: &Api, query: &str) -> usize {
    let page = api.get(&format!("/api/jobs?limit=500&{query}")).await.expect(200);
    page["jobs"].as_array().expect("jobs").len()
}

#[tokio::test]
async fn a_created_job_is_answered_whole_with_its_defaults_and_its_path() {
    let server = Server::start().await;
    let body = json!({ "type": "demo", "params": { "items": 0 }, "priority": 7, "reason": "to see" });
    let request = server.api.client().post(format!("{}/api/jobs", server.api.url)).json(&body);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().expect("a path").to_owned();
    let job: Value = response.json().await.expect("JSON");
    assert_eq!(location, format!("/api/jobs/{}", id_of(&job)));
    assert_eq!((&job["status"], &job["priority"], &job["reason"]), (&json!("pending"), &json!(7), &json!("to see")));
    assert_eq!(
        (&job["params"]["items"], &job["params"]["item_ms"]),
        (&json!(0), &json!(200)),
        "defaults are filled in"
    );
    let shown = server.api.get(&location).await.expect(200);
    for field in ["id", "type", "params", "metadata", "priority", "reason", "created_at", "created_by", "run_at"] {
        assert_eq!(shown[field], job[field], "{field}");
    }
    server.api.until_status(id_of(&job), "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn the_trigger_of_a_type_takes_its_params_or_nothing() {
    let server = Server::start().await;
    let triggered = server.api.post("/api/jobs/run/demo", json!({ "items": 2, "item_ms": 1 })).await.expect(201);
    assert_eq!(triggered["success"], true);
    assert!(triggered["message"].as_str().is_some_and(|m| m.contains("Demo")), "{triggered:#}");
    let id: Uuid = serde_json::from_value(triggered["job_id"].clone()).expect("an id");
    assert_eq!(server.api.until_status(id, "completed").await["params"]["items"], 2);
    let request = server.api.client().post(format!("{}/api/jobs/run/demo", server.api.url));
    let bare = server.api.send(request).await.expect(201);
    let id: Uuid = serde_json::from_value(bare["job_id"].clone()).expect("an id");
    assert_eq!(server.api.job(id).await["params"]["items"], 30, "without a body it runs with its defaults");
    server.stop().await;
}

#[tokio::test]
async fn a_batch_is_stored_whole_and_in_its_order() {
    let server = Server::start().await;
    let jobs: Vec<_> = (0..20).map(|n| json!({ "type": "demo", "params": { "items": 0 }, "priority": n })).collect();
    let answer = server.api.post("/api/jobs/batch", json!({ "jobs": jobs })).await.expect(201);
    let stored = answer["jobs"].as_array().expect("jobs");
    assert_eq!(stored.iter().map(|job| job["priority"].clone()).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    for job in stored {
        server.api.until_status(id_of(job), "completed").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_batch_with_one_bad_job_stores_none() {
    let server = Server::start().await;
    let good = json!({ "type": "demo", "params": { "items": 0 } });
    let bad = json!({ "type": "demo", "params": { "items": -1 } });
    let unknown = json!({ "type": "dmeo" });
    let body = json!({ "jobs": [good, bad, good, unknown] });
    let problem = server.api.post("/api/jobs/batch", body).await.expect(422);
    let at: Vec<_> = problem["errors"].as_array().expect("errors").iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(at, [json!("/jobs/1/params/items"), json!("/jobs/3/type")]);
    assert!(problem["errors"][1]["message"].as_str().is_some_and(|m| m.contains("`demo`")), "{problem:#}");
    assert_eq!(listed(&server.api, "").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_batch_that_holds_an_exclusive_type_twice_stores_none() {
    let server = Server::start().await;
    let demo = json!({ "type": "demo", "params": { "items": 0 } });
    let cleanup = json!({ "type": "cleanup", "params": { "dry_run": true }, "run_at": "2100-01-01T00:00:00Z" });
    let twice = json!({ "jobs": [demo, cleanup, cleanup] });
    let problem = server.api.post("/api/jobs/batch", twice).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/jobs/2", "{problem:#}");
    assert_eq!(listed(&server.api, "").await, 0);

    let holder = id_of(&server.api.post("/api/jobs", cleanup.clone()).await.expect(201));
    let problem = server.api.post("/api/jobs/batch", json!({ "jobs": [demo, cleanup] })).await.expect(409);
    assert_eq!(id_of(&problem["job"]), holder);
    assert!(problem["detail"].as_str().is_some_and(|d| d.contains("/jobs/1")), "{problem:#}");
    assert_eq!(listed(&server.api, "").await, 1, "only the first");
    server.stop().await;
}

#[tokio::test]
async fn a_batch_of_ten_thousand_is_stored_whole_and_one_more_is_refused() {
    let server = Server::start().await;
    let params = json!({ "items": 0 });
    let ids = server.api.submit_many("demo", &params, 10_000).await;
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 10_000);
    let jobs: Vec<_> = (0..10_001).map(|_| json!({ "type": "demo", "params": params })).collect();
    let problem = server.api.post("/api/jobs/batch", json!({ "jobs": jobs })).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/jobs");
    assert!(problem["detail"].as_str().is_some_and(|d| d.contains("10000")), "{problem:#}");
    // The newest are claimed last.
    server.api.until_status(ids[9_999], "completed").await;
    until("all are done", async || (listed(&server.api, "status=pending,running").await == 0).then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn two_hundred_triggers_at_once_get_ids_of_their_own_and_all_are_stored() {
    let server = Server::start().await;
    let body = json!({ "type": "demo", "params": { "items": 0 } });
    let answers = join_all((0..200).map(|_| server.api.post("/api/jobs", body.clone()))).await;
    let ids: HashSet<Uuid> = answers.into_iter().map(|answer| id_of(&answer.expect(201))).collect();
    assert_eq!(ids.len(), 200);
    let page = server.api.get("/api/jobs?limit=500").await.expect(200);
    let stored: HashSet<Uuid> = page["jobs"].as_array().expect("jobs").iter().map(id_of).collect();
    assert_eq!(stored, ids);
    server.stop().await;
}

#[tokio::test]
async fn what_has_a_higher_priority_runs_first_and_what_is_alike_in_its_order() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let first = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 20 })).await;
    server.api.until_status(first, "running").await;
    let job = |priority: i64| json!({ "type": "demo", "params": { "items": 0 }, "priority": priority });
    let body = json!({ "jobs": [job(0), job(-1000), job(1000), job(0), job(5)] });
    let answer = server.api.post("/api/jobs/batch", body).await.expect(201);
    let ids: Vec<_> = answer["jobs"].as_array().expect("jobs").iter().map(id_of).collect();
    server.api.post(&format!("/api/jobs/{first}/cancel"), json!({})).await.expect(202);
    let mut started: Vec<(DateTime<Utc>, usize)> = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let job = server.api.until_status(*id, "completed").await;
        started.push((job["started_at"].as_str().expect("a time").parse().expect("a time"), n));
    }
    started.sort_unstable();
    assert_eq!(started.into_iter().map(|(_, n)| n).collect::<Vec<_>>(), [2, 4, 0, 3, 1]);
    server.stop().await;
}

#[tokio::test]
async fn a_job_for_later_waits_for_its_time_and_then_runs() {
    let server = Server::start().await;
    let at = Utc::now() + TimeDelta::seconds(3);
    let body = json!({ "type": "demo", "params": { "items": 0 }, "run_at": at.to_rfc3339() });
    let later = id_of(&server.api.post("/api/jobs", body).await.expect(201));
    // One that came after it and has run shows that it was passed over, not overlooked.
    let now = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(now, "completed").await;
    assert_eq!(server.api.job(later).await["status"], "pending");
    let job = server.api.until_status(later, "completed").await;
    let started: DateTime<Utc> = job["started_at"].as_str().expect("a time").parse().expect("a time");
    assert!(started >= at - TimeDelta::milliseconds(1), "started at {started}, not before {at}");
    server.stop().await;
}
