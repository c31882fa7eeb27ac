//! Acts on many jobs at once, and what they leave alone.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::server::Server;

/// A job that stays pending.
async fn for_later(api: &Api) -> Uuid {
    id_of(&api.post("/api/jobs", json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" })).await.expect(201))
}

async fn failed(api: &Api) -> Uuid {
    let id = api.submit("demo", json!({ "items": 1, "item_ms": 0, "fail_at": 1 })).await;
    api.until_status(id, "failed").await;
    id
}

fn counts(answer: &Value, done: &str) -> [u64; 3] {
    ["matched", done, "skipped"].map(|field| answer[field].as_u64().expect("a count"))
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_cancelled_and_cancels_nothing() {
    let server = Server::start().await;
    let api = &server.api;
    let pending = [for_later(api).await, for_later(api).await];
    let running = api.submit("demo", json!({ "items": 1000, "item_ms": 50 })).await;
    api.until_status(running, "running").await;
    let ended = failed(api).await;
    let mut wish = json!({ "all": true, "dry_run": true });
    let would = api.post("/api/jobs/cancel", wish.clone()).await.expect(200);
    assert_eq!((counts(&would, "cancelled"), &would["dry_run"]), ([3, 3, 0], &json!(true)), "{would:#}");
    assert_eq!(api.job(pending[0]).await["status"], "pending");
    assert_eq!(api.job(running).await["status"], "running");

    wish["dry_run"] = json!(false);
    wish["reason"] = json!("spring cleaning");
    let did = api.post("/api/jobs/cancel", wish.clone()).await.expect(200);
    assert_eq!(did["jobs"], would["jobs"], "what it said it would do");
    for id in [pending[0], pending[1], running] {
        let job = api.until_status(id, "cancelled").await;
        assert_eq!(job["cancel"]["reason"], "spring cleaning");
    }
    assert_eq!(api.job(ended).await["status"], "failed");
    let again = api.post("/api/jobs/cancel", wish).await.expect(200);
    assert_eq!(counts(&again, "cancelled"), [0, 0, 0], "nothing is left to be asked");
    server.stop().await;
}

#[tokio::test]
async fn only_the_named_jobs_that_fit_the_filter_are_cancelled() {
    let server = Server::start().await;
    let api = &server.api;
    let (named, other, ended) = (for_later(api).await, for_later(api).await, failed(api).await);
    let wish = json!({ "ids": [named, named, ended, Uuid::now_v7()], "type": ["demo"] });
    let did = api.post("/api/jobs/cancel", wish).await.expect(200);
    assert_eq!(counts(&did, "cancelled"), [1, 1, 2], "{did:#}");
    assert_eq!(api.job(named).await["status"], "cancelled");
    assert_eq!(api.job(other).await["status"], "pending");
    let none = api.post("/api/jobs/cancel", json!({ "ids": [other], "type": ["cleanup"] })).await.expect(200);
    assert_eq!(counts(&none, "cancelled"), [0, 0, 1], "both must fit");
    for (wish, pointer) in
        [(json!({ "status": ["failed"] }), "/status"), (json!({ "outcome": ["failed"] }), "/outcome")]
    {
        let problem = api.post("/api/jobs/cancel", wish).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    server.stop().await;
}

#[tokio::test]
async fn thousands_are_cancelled_in_one_call() {
    let server = Server::start().await;
    let jobs: Vec<_> = (0..3_500).map(|_| json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" })).collect();
    server.api.post("/api/jobs/batch", json!({ "jobs": jobs })).await.expect(201);
    let did = server.api.post("/api/jobs/cancel", json!({ "type": ["demo"] })).await.expect(200);
    assert_eq!((counts(&did, "cancelled"), &did["more"]), ([3_500, 3_500, 0], &json!(false)));
    assert_eq!(did["jobs"].as_array().map(Vec::len), Some(1_000), "the first are named");
    let left = server.api.get("/api/jobs?status=pending,running,cancelling").await.expect(200);
    assert_eq!(left["jobs"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn what_went_wrong_is_retried_once_however_often_one_asks() {
    let server = Server::start().await;
    let api = &server.api;
    let (first, second) = (failed(api).await, failed(api).await);
    let cancelled = for_later(api).await;
    api.post(&format!("/api/jobs/{cancelled}/cancel"), json!({})).await.expect(202);
    let with_errors = api.submit("demo", json!({ "items": 2, "item_ms": 0, "error_every": 2 })).await;
    api.until_status(with_errors, "completed").await;
    let good = api.submit("demo", json!({ "items": 0 })).await;
    api.until_status(good, "completed").await;

    let would = api.post("/api/jobs/retry", json!({ "all": true, "dry_run": true })).await.expect(200);
    assert_eq!(counts(&would, "retried"), [4, 4, 0], "{would:#}");
    assert_eq!(would["jobs"], json!([with_errors, cancelled, second, first]));
    assert_eq!(api.job(first).await["retried_as"], json!([]));

    let did = api.post("/api/jobs/retry", json!({ "all": true, "reason": "again" })).await.expect(200);
    assert_eq!(counts(&did, "retried"), [4, 4, 0], "{did:#}");
    for id in [first, second, cancelled, with_errors] {
        let old = api.job(id).await;
        let new: Uuid = serde_json::from_value(old["retried_as"][0].clone()).expect("a link");
        let new = api.job(new).await;
        assert_eq!((&new["retry_of"], &new["reason"]), (&json!(id), &json!("again")));
    }
    assert_eq!(api.job(good).await["retried_as"], json!([]));
    // The retries fail as well and are met; what was retried before is not.
    let named = api.post("/api/jobs/retry", json!({ "ids": [first, Uuid::now_v7()] })).await.expect(200);
    assert_eq!(counts(&named, "retried"), [1, 1, 1], "named, it is retried once more: {named:#}");
    assert_eq!(named["skipped_because"], json!({ "not_found": 1 }));
    assert_eq!(api.job(first).await["retried_as"].as_array().map(Vec::len), Some(2));
    server.stop().await;
}

#[tokio::test]
async fn of_an_exclusive_type_one_is_retried_and_the_others_are_counted() {
    let server = Server::start().await;
    let api = &server.api;
    let mut ended = Vec::new();
    for _ in 0..3 {
        let body = json!({ "type": "cleanup", "params": { "dry_run": true }, "run_at": "2100-01-01T00:00:00Z" });
        let id = id_of(&api.post("/api/jobs", body).await.expect(201));
        api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
        ended.push(id);
    }
    let did = api.post("/api/jobs/retry", json!({ "type": ["cleanup"] })).await.expect(200);
    assert_eq!(counts(&did, "retried"), [3, 1, 2], "{did:#}");
    assert_eq!(did["skipped_because"], json!({ "exclusive_job_active": 2 }));
    assert_eq!(api.job(ended[2]).await["retried_as"], did["jobs"], "the newest");
    server.stop().await;
}
