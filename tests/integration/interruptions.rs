//! `max_interruptions`: how many deaths of nodes in a row a job survives, and which of them count.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::server::{Options, Server, example};
use crate::support::{database, until};

/// Waits until a job runs, as its attempt of this number.
async fn until_attempt(api: &Api, id: Uuid, attempt: i64) -> Value {
    until(&format!("attempt {attempt} runs"), async || {
        let job = api.job(id).await;
        assert_ne!(job["status"], "failed", "{job:#}");
        (job["status"] == "running" && job["attempt"] == attempt).then_some(job)
    })
    .await
}

async fn set(server: &Server, id: Uuid, what: &str) {
    database::execute(&server.database_url, &format!("UPDATE jobs SET {what} WHERE id = '{id}'")).await;
}

#[tokio::test]
async fn the_fourth_death_in_a_row_fails_the_job() {
    let mut server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 20 })).await;
    for attempt in 1..=4 {
        assert_eq!(until_attempt(&server.api, id, attempt).await["interruptions"], attempt - 1);
        server = server.crash_and_restart().await;
    }
    let job = server.api.until_status(id, "failed").await;
    assert_eq!((&job["error"], &job["interruptions"]), (&json!("its node died under it 4 times"), &json!(4)));
    server.stop().await;
}

#[tokio::test]
async fn an_attempt_that_ended_otherwise_interrupts_the_row() {
    let server = Server::start_with(Options { program: Some(example("resuming")), ..Options::default() }).await;
    // The first attempt fails at the stone, and another follows.
    let id = server.api.submit("walk", json!({ "steps": 1_000, "ms": 20, "stone": 50 })).await;
    set(&server, id, "interruptions = 3").await;
    assert_eq!(until_attempt(&server.api, id, 2).await["interruptions"], 0);
    server.stop().await;

    // So does one whose server went away in order.
    let server = Server::with(&["--shutdown-grace", "1"]).await;
    let id = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 20 })).await;
    until_attempt(&server.api, id, 1).await;
    set(&server, id, "interruptions = 3").await;
    let server = server.restart_after(nix::sys::signal::Signal::SIGTERM).await;
    assert_eq!(until_attempt(&server.api, id, 2).await["interruptions"], 0);
    server.stop().await;
}

#[tokio::test]
async fn a_death_after_a_checkpoint_or_a_long_run_begins_a_new_row() {
    let mut server = Server::start_with(Options { program: Some(example("resuming")), ..Options::default() }).await;
    let id = server.api.submit("walk", json!({ "steps": 10_000, "ms": 20 })).await;
    for attempt in 1..=3 {
        until_attempt(&server.api, id, attempt).await;
        set(&server, id, "interruptions = 3").await;
        let step = server.api.job(id).await["state"]["value"]["step"].as_u64().unwrap_or(0);
        until("it has made progress", async || {
            (server.api.job(id).await["state"]["value"]["step"].as_u64()? > step + 1).then_some(())
        })
        .await;
        server = server.crash_and_restart().await;
    }
    assert_eq!(until_attempt(&server.api, id, 4).await["interruptions"], 1);
    server.stop().await;

    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 20 })).await;
    until_attempt(&server.api, id, 1).await;
    set(&server, id, "interruptions = 3, started_at = now() - interval '11 minutes'").await;
    let server = server.crash_and_restart().await;
    assert_eq!(until_attempt(&server.api, id, 2).await["interruptions"], 1);
    server.stop().await;
}

#[tokio::test]
async fn a_parent_that_only_waits_is_not_the_reason() {
    let mut server = Server::start().await;
    let id = server.api.submit("demo", json!({ "children": 1, "items": 3, "item_ms": 1_000 })).await;
    let url = server.database_url.clone();
    for attempt in 1..=5 {
        until("it waits", async || {
            let waits = "SELECT attempt FROM jobs WHERE waiting_claim_id = claim_id AND status = 'running'";
            database::rows(&url, waits).await.contains(&json!({ "attempt": attempt })).then_some(())
        })
        .await;
        // Its child is not what this is about.
        let spare = format!("UPDATE jobs SET interruptions = 0 WHERE parent_id = '{id}'");
        database::execute(&url, &spare).await;
        server = server.crash_and_restart().await;
    }
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["interruptions"]), (&json!(6), &json!(0)));
    let waits = format!("SELECT waiting_claim_id FROM jobs WHERE id = '{id}'");
    assert_eq!(database::rows(&url, &waits).await, [json!({ "waiting_claim_id": null })], "it went on after that");
    server.stop().await;
}
