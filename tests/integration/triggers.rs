//! Dedicated triggers, and what a job tells of where it comes from.

use reqwest::header::{ORIGIN, USER_AGENT};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::server::Server;

/// Triggers a job by the address of its type. Its id.
async fn trigger(api: &Api, type_name: &str, params: Value) -> Uuid {
    let answer = api.post(&format!("/api/jobs/run/{type_name}"), params).await.expect(201);
    assert_eq!(answer["success"], true, "{answer:#}");
    serde_json::from_value(answer["job_id"].clone()).expect("an id")
}

/// What the metadata of a job must be.
fn origin(triggered_by: &str, source: &str) -> Value {
    json!({ "triggered_by": triggered_by, "source": source })
}

#[tokio::test]
async fn a_second_trigger_of_an_exclusive_type_is_told_which_job_it_is_already() {
    let server = Server::start().await;
    let later = json!({ "type": "cleanup", "params": { "dry_run": true }, "run_at": "2100-01-01T00:00:00Z" });
    let holder = id_of(&server.api.post("/api/jobs", later).await.expect(201));
    let problem = server.api.post("/api/jobs/run/cleanup", json!({})).await.expect(409);
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains(&format!("already pending: {holder}")), "{detail}");
    assert_eq!((&problem["code"], id_of(&problem["job"])), (&json!("exclusive_job_active"), holder));

    server.api.post(&format!("/api/jobs/{holder}/cancel"), json!({})).await.expect(202);
    server.api.until_status(holder, "cancelled").await;
    let id = trigger(&server.api, "cleanup", json!({ "dry_run": true })).await;
    server.api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_tells_who_had_it_made_and_by_which_way() {
    let server = Server::start().await;
    let api = &server.api;
    let none = json!({ "items": 0 });
    let by_api = trigger(api, "demo", none.clone()).await;
    assert_eq!(api.job(by_api).await["metadata"], origin("manual", "api"));

    for (header, value, source) in
        [(ORIGIN, api.url.clone(), "ui"), (USER_AGENT, "stashhog-cli/0.1.0".to_owned(), "cli")]
    {
        let body = json!({ "type": "demo", "params": none });
        let request = api.client().post(format!("{}/api/jobs", api.url)).header(header, value).json(&body);
        let job = api.send(request).await.expect(201);
        assert_eq!(job["metadata"], origin("manual", source), "told at once");
        assert_eq!(api.job(id_of(&job)).await["metadata"], job["metadata"], "and kept");
    }

    let batch = json!({ "jobs": [{ "type": "demo", "params": none }] });
    let batch = api.post("/api/jobs/batch", batch).await.expect(201);
    assert_eq!(api.job(id_of(&batch["jobs"][0])).await["metadata"], origin("manual", "api"));

    api.until_status(by_api, "completed").await;
    let again = api.post(&format!("/api/jobs/{by_api}/retry"), json!({})).await.expect(201);
    assert_eq!(again["metadata"], origin("retry", "api"));
    let bulk = api.post("/api/jobs/retry", json!({ "ids": [by_api] })).await.expect(200);
    let bulk: Uuid = serde_json::from_value(bulk["jobs"][0].clone()).expect("an id");
    assert_eq!(api.job(bulk).await["metadata"], origin("retry", "api"));

    let parent = trigger(api, "demo", json!({ "items": 0, "children": 1 })).await;
    let parent = api.until_status(parent, "completed").await;
    let child = api.job(id_of(&parent["children"][0])).await;
    assert_eq!(child["metadata"], origin("job", &format!("job:{}", id_of(&parent))));
    server.stop().await;
}
