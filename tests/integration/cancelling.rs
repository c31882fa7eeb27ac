//! The cancel ladder, rung by rung, and who is left alone by it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::server::Server;
use crate::support::{database, until};

/// A demo that runs until it is stopped.
fn endless() -> Value {
    json!({ "items": 100_000, "item_ms": 50 })
}

async fn cancel(api: &Api, id: Uuid) -> Value {
    api.post(&format!("/api/jobs/{id}/cancel"), json!({ "reason": "enough" })).await.expect(202)
}

#[tokio::test]
async fn a_willing_job_stops_by_itself_and_says_who_asked() {
    let server = Server::start().await;
    let id = server.api.submit("demo", endless()).await;
    server.api.until_status(id, "running").await;
    let asked = cancel(&server.api, id).await;
    assert_eq!(asked["status"], "cancelling");
    let job = server.api.until_status(id, "cancelled").await;
    let ladder = &job["cancel"];
    assert_eq!((&ladder["requested_by"], &ladder["reason"]), (&json!("anonymous"), &json!("enough")));
    for rung in ["requested_at", "delivered_at", "stopped_at"] {
        assert!(ladder[rung].is_string(), "{rung}: {ladder:#}");
    }
    assert!(ladder["aborted_at"].is_null(), "{ladder:#}");
    let kinds = server.api.event_kinds(id).await;
    assert_eq!(kinds, ["created", "started", "cancel_requested", "cancel_delivered", "cancelled"]);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_does_not_listen_is_aborted_at_its_next_await_after_the_grace() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 50, "ignore_cancel": true })).await;
    server.api.until_status(id, "running").await;
    let begun = Instant::now();
    cancel(&server.api, id).await;
    let job = server.api.until_status(id, "cancelled").await;
    assert!(begun.elapsed() >= Duration::from_secs(10), "it had its grace");
    for rung in ["delivered_at", "aborted_at", "stopped_at"] {
        assert!(job["cancel"][rung].is_string(), "{rung}: {job:#}");
    }
    assert!(job["cancel"]["abandoned_at"].is_null());
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_blocks_its_thread_is_abandoned_and_counted_and_hurts_nobody() {
    let server = Server::with(&["--shutdown-grace", "0.2"]).await;
    let id = server.api.submit("demo", json!({ "items": 1, "item_ms": 40_000, "block": true })).await;
    server.api.until_status(id, "running").await;
    until("the blocking job is counted", async || {
        (server.api.get("/health/ready").await.body["blocking_jobs"] == 1).then_some(())
    })
    .await;
    cancel(&server.api, id).await;
    // Others of its type run all the while.
    let other = server.api.submit("demo", json!({ "items": 2, "item_ms": 10 })).await;
    server.api.until_status(other, "completed").await;
    let job = server.api.until_status(id, "cancelled").await;
    assert!(job["cancel"]["aborted_at"].is_string() && job["cancel"]["abandoned_at"].is_string(), "{job:#}");
    assert_eq!(server.api.get("/health/ready").await.body["abandoned_threads"], 1);
    let log = server.api.get(&format!("/api/jobs/{id}/logs")).await.expect(200);
    assert!(log.to_string().contains("blocks its thread"), "{log:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_pending_job_is_cancelled_at_once_and_never_runs() {
    let server = Server::start().await;
    let body = json!({ "type": "demo", "params": {}, "run_at": "2100-01-01T00:00:00Z" });
    let job = server.api.post("/api/jobs", body).await.expect(201);
    let id = crate::support::api::id_of(&job);
    assert_eq!(cancel(&server.api, id).await["status"], "cancelled");
    assert_eq!(server.api.event_kinds(id).await, ["created", "cancel_requested", "cancelled"]);
    let again = server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(409);
    assert!(again["detail"].as_str().is_some_and(|d| d.contains("cancelled")), "{again:#}");
    server.stop().await;
}

#[tokio::test]
async fn asking_twice_is_no_error_and_keeps_the_first_to_ask() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 50, "ignore_cancel": true })).await;
    server.api.until_status(id, "running").await;
    let first = cancel(&server.api, id).await;
    let path = format!("/api/jobs/{id}/cancel");
    let second = server.api.post(&path, json!({ "reason": "now really" })).await.expect(202);
    assert_eq!(second["cancel"]["reason"], first["cancel"]["reason"]);
    assert_eq!(second["cancel"]["requested_at"], first["cancel"]["requested_at"]);
    server.api.until_status(id, "cancelled").await;
    server.stop().await;
}

#[tokio::test]
async fn a_cancel_that_is_stored_late_is_delivered_all_the_same() {
    let server = Server::start().await;
    let id = server.api.submit("demo", endless()).await;
    server.api.until_status(id, "running").await;
    database::cut_off(&server.database_url).await;
    // Longer than a request waits: whoever asked is told to try again, and does not.
    server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(503);
    database::let_in(&server.database_url).await;
    server.api.until_status(id, "cancelled").await;
    server.stop().await;
}

#[tokio::test]
async fn a_panic_hurts_its_own_job_only() {
    let server = Server::start().await;
    let other = server.api.submit("demo", json!({ "items": 10, "item_ms": 50 })).await;
    let id = server.api.submit("demo", json!({ "items": 3, "item_ms": 1, "panic_at": 2 })).await;
    let job = server.api.until_status(id, "failed").await;
    assert!(job["error"].as_str().is_some_and(|e| e.starts_with("panicked: ")), "{job:#}");
    server.api.until_status(other, "completed").await;
    let again = server.api.submit("demo", json!({ "items": 1, "item_ms": 1 })).await;
    server.api.until_status(again, "completed").await;
    let demo = server.api.get("/api/job-types/demo").await.expect(200);
    assert!(demo["runner"]["last_panic"].is_string(), "{demo:#}");
    assert_eq!(demo["runner"]["restarts"], 0);
    server.stop_after_panics().await;
}
