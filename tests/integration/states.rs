//! What a job keeps between its attempts: `ctx.checkpoint_state` and `ctx.state`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::program::Program;
use crate::support::server::{Options, Server, example};
use crate::support::{database, until};

async fn server() -> Server {
    Server::start_with(Options { program: Some(example("resuming")), ..Options::default() }).await
}

/// The state of a job once it is at a step.
async fn until_step(api: &Api, id: Uuid, step: u64) -> Value {
    until(&format!("it is at step {step}"), async || {
        let state = api.job(id).await["state"].take();
        state["value"]["step"].as_u64().is_some_and(|at| at >= step).then_some(state)
    })
    .await
}

#[tokio::test]
async fn a_rescued_job_goes_on_where_it_was() {
    let server = server().await;
    let id = server.api.submit("walk", json!({ "steps": 40, "ms": 50 })).await;
    assert_eq!(server.api.job(id).await["state"], Value::Null);
    let seen = until_step(&server.api, id, 5).await;
    assert_eq!((&seen["attempt"], seen["bytes"].is_u64(), seen["updated_at"].is_string()), (&json!(1), true, true));
    let server = server.crash_and_restart().await;
    let job = server.api.until_status(id, "completed").await;
    let began_at = job["result"]["began_at"].as_u64().expect("a step");
    assert!((5..40).contains(&began_at), "{job:#}");
    assert_eq!((&job["result"]["attempt"], &job["state"]["attempt"]), (&json!(2), &json!(2)));
    assert_eq!(job["state"]["value"]["step"], 40);
    let shown = Program::new(["jobs", "show", &id.to_string(), "--server", &server.api.url]).run().await.expect(0).out;
    assert!(shown.contains("step: 40"), "{shown}");
    server.stop().await;
}

#[tokio::test]
async fn an_automatic_retry_goes_on_and_a_retry_by_hand_begins_anew() {
    let server = server().await;
    let api = &server.api;
    let id = api.submit("walk", json!({ "steps": 6, "ms": 0, "stone": 4 })).await;
    let job = api.until_status(id, "completed").await;
    assert_eq!((&job["failures"], &job["result"]), (&json!(1), &json!({ "began_at": 3, "attempt": 2 })));
    let new = id_of(&api.post(&format!("/api/jobs/{id}/retry"), json!({})).await.expect(201));
    assert_eq!(api.until_status(new, "completed").await["result"]["began_at"], 3, "after its own stone");
    // Deleted with the job.
    let cleanup = api.submit("cleanup", json!({ "retention_days": 0 })).await;
    api.until_status(cleanup, "completed").await;
    assert_eq!(database::rows(&server.database_url, "SELECT job_id FROM job_states").await, [] as [Value; 0]);
    server.stop().await;
}

#[tokio::test]
async fn a_state_that_is_too_large_fails_the_job_in_words_and_the_last_one_stays() {
    let server = server().await;
    let id = server.api.submit("walk", json!({ "steps": 1, "ms": 0, "letters": 262_144 })).await;
    let job = server.api.until_status(id, "failed").await;
    assert!(job["error"].as_str().is_some_and(|error| error.contains("may have 262144 bytes of JSON")), "{job:#}");
    assert_eq!(job["state"], Value::Null);
    let id = server.api.submit("walk", json!({ "steps": 2, "ms": 0, "letters": 262_000 })).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(job["state"]["value"]["letters"].as_str().map(str::len), Some(262_000), "up to the bound it is kept");
    server.stop().await;
}

#[tokio::test]
async fn a_run_that_has_lost_its_job_stores_no_state() {
    let server = server().await;
    let (api, url) = (&server.api, &server.database_url);
    let id = api.submit("walk", json!({ "steps": 1_000, "ms": 20 })).await;
    until_step(api, id, 2).await;
    // A run on another node has the job, and has stored its state.
    let taken = format!(
        "INSERT INTO nodes (id, hostname, pid, version, renewed_at)
         VALUES ('{node}', 'other', 1, '0', now() + interval '1 hour');
         UPDATE jobs SET claim_id = gen_random_uuid(), node_id = '{node}' WHERE id = '{id}';
         UPDATE job_states SET state = '{{\"step\": 500, \"letters\": \"\"}}' WHERE job_id = '{id}'",
        node = Uuid::now_v7()
    );
    database::execute(url, &taken).await;
    until("a late write is recorded", async || {
        api.event_kinds(id).await.contains(&"late_write_rejected".to_owned()).then_some(())
    })
    .await;
    assert_eq!(api.job(id).await["state"]["value"]["step"], 500, "what the other run stored stays");
    server.stop().await;
}

#[tokio::test]
async fn a_checkpoint_waits_for_a_database_that_is_away() {
    let server = server().await;
    let id = server.api.submit("walk", json!({ "steps": 30, "ms": 50 })).await;
    until_step(&server.api, id, 3).await;
    database::cut_off(&server.database_url).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    database::let_in(&server.database_url).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["state"]["value"]["step"]), (&json!(1), &json!(30)));
    server.stop().await;
}
