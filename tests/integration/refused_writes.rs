//! A database that refuses for a while: nothing is lost, nothing becomes a failure, and what is held by one hurts no other.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::server::Server;
use crate::support::{database, until};

async fn health(server: &Server) -> Value {
    server.api.get("/health/ready").await.body
}

/// Waits until the server says that ends can't be stored, and why.
async fn until_ends_wait(server: &Server) -> Value {
    until("ends wait", async || {
        let health = health(server).await;
        health["ends_waiting"].is_object().then(|| health["ends_waiting"].clone())
    })
    .await
}

#[tokio::test]
async fn only_values_make_an_end_unstorable() {
    let server = Server::start().await;
    let (bad, good) = (json!({ "items": 7, "item_ms": 50 }), json!({ "items": 8, "item_ms": 50 }));
    // A job with these values can't be stored as completed, and can as failed.
    database::execute(
        &server.database_url,
        "ALTER TABLE jobs ADD CONSTRAINT odd CHECK (NOT (status = 'completed' AND (params->>'items')::int = 7))",
    )
    .await;
    let (bad, good) = (server.api.submit("demo", bad).await, server.api.submit("demo", good).await);
    server.api.until_status(good, "completed").await;
    let failed = server.api.until_status(bad, "failed").await;
    let error = failed["error"].as_str().expect("an error");
    assert!(error.contains("could not be stored") && error.contains("23514"), "{error}");
    server.stop().await;
}

/// A transaction that holds the row of a job until it is dropped.
async fn hold(url: &str, id: Uuid) -> AsyncPgConnection {
    let mut holder = database::connect(url).await;
    holder.batch_execute(&format!("BEGIN; SELECT FROM jobs WHERE id = '{id}' FOR UPDATE")).await.expect("its row");
    holder
}

#[tokio::test]
async fn a_locked_row_holds_up_its_own_job_only() {
    let server = Server::with(&["--concurrency", "demo=20"]).await;
    let held = server.api.submit("demo", json!({ "items": 3, "item_ms": 100 })).await;
    server.api.until_status(held, "running").await;
    let holder = hold(&server.database_url, held).await;
    let short = server.api.submit_many("demo", &json!({ "items": 3, "item_ms": 100 }), 5).await;
    let long = server.api.submit_many("demo", &json!({ "items": 1_000, "item_ms": 50 }), 5).await;
    for id in &short {
        server.api.until_status(*id, "completed").await;
    }
    let waiting = until_ends_wait(&server).await;
    assert_eq!(waiting["count"], 1, "{waiting:#}");
    assert!(waiting["cause"].as_str().expect("a cause").contains("rows"), "{waiting:#}");
    for id in &long {
        until("its progress is stored", async || {
            server.api.job(*id).await["processed_items"].as_i64().filter(|items| *items > 20)
        })
        .await;
        server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
        server.api.until_status(*id, "cancelled").await;
    }
    assert_eq!(server.api.job(held).await["status"], "running");
    drop(holder);
    let job = server.api.until_status(held, "completed").await;
    assert_eq!(job["processed_items"], 3, "{job:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_cancel_of_a_locked_job_is_heard_kept_and_stored_later() {
    let server = Server::start().await;
    let held = server.api.submit("demo", json!({ "items": 1_000, "item_ms": 50 })).await;
    server.api.until_status(held, "running").await;
    let holder = hold(&server.database_url, held).await;
    let answer = server.api.post(&format!("/api/jobs/{held}/cancel"), json!({ "reason": "enough" })).await.expect(503);
    assert!(answer["detail"].as_str().expect("a detail").contains("kept"), "{answer:#}");
    until("its handler has stopped", async || (health(&server).await["unwritten"] == 1).then_some(())).await;
    drop(holder);
    let job = server.api.until_status(held, "cancelled").await;
    assert_eq!(job["cancel"]["reason"], "enough", "{job:#}");
    server.stop().await;
}

#[tokio::test]
async fn rescue_passes_over_a_locked_row() {
    let server = Server::start().await;
    let ids = server.api.submit_many("demo", &json!({ "items": 1_000, "item_ms": 50 }), 1).await;
    let held = ids[0];
    server.api.until_status(held, "running").await;
    let holder = hold(&server.database_url, held).await;
    let server = server.crash_and_restart().await;
    let other = server.api.submit("demo", json!({ "items": 1, "item_ms": 10 })).await;
    server.api.until_status(other, "completed").await;
    assert_eq!(server.api.job(held).await["attempt"], 1);
    drop(holder);
    until("it runs again", async || (server.api.job(held).await["attempt"] == 2).then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn a_run_waits_for_a_database_that_is_cut_off_while_it_reads_its_settings() {
    let server = Server::start().await;
    database::execute(&server.database_url, "ALTER TABLE settings RENAME TO settings_away").await;
    let id = server.api.submit("cleanup", json!({})).await;
    until("it says that it waits", async || {
        let log = server.api.get(&format!("/api/jobs/{id}/logs")).await.body;
        log.to_string().contains("settings can't be read").then_some(())
    })
    .await;
    assert_eq!(server.api.job(id).await["status"], "running");
    database::execute(&server.database_url, "ALTER TABLE settings_away RENAME TO settings").await;
    server.api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_column_that_changed_its_type_under_a_server_heals() {
    let server = Server::start().await;
    let first = server.api.submit("demo", json!({ "items": 1, "item_ms": 1 })).await;
    server.api.until_status(first, "completed").await;
    database::execute(&server.database_url, "ALTER TABLE jobs ALTER COLUMN type TYPE varchar(200)").await;
    let second = until("a job is taken", async || {
        let answer =
            server.api.post("/api/jobs", json!({ "type": "demo", "params": { "items": 1, "item_ms": 1 } })).await;
        (answer.status.as_u16() == 201).then(|| crate::support::api::id_of(&answer.body))
    })
    .await;
    until("it is completed", async || {
        let answer = server.api.get(&format!("/api/jobs/{second}")).await;
        (answer.status.as_u16() == 200 && answer.body["status"] == "completed").then_some(())
    })
    .await;
    server.stop().await;
}
