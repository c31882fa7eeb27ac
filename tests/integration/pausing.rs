//! Pausing a job type and resuming it: what waits, what goes on, who did it, and that every server keeps to it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Api, id_of};
use crate::support::program::Program;
use crate::support::server::{Database, Options, Server};
use crate::support::{database, until};

/// A demo that runs until it is stopped.
fn endless() -> Value {
    json!({ "items": 1_000_000, "item_ms": 20 })
}

async fn pause(api: &Api, body: Value) -> Value {
    api.post("/api/job-types/demo/pause", body).await.expect(200)
}

async fn resume(api: &Api) -> Value {
    api.post("/api/job-types/demo/resume", json!({})).await.expect(200)
}

/// Waits until every server on the database has claimed: a lease is renewed in a turn that claims after it, so that the second
/// renewal comes after a claim.
async fn every_server_claims(server: &Server) {
    for _ in 0..2 {
        let renewed = "SELECT id, renewed_at FROM nodes WHERE stopped_at IS NULL";
        let before = database::rows(&server.database_url, renewed).await;
        until("every lease is renewed", async || {
            let now = database::rows(&server.database_url, renewed).await;
            before.iter().all(|node| !now.contains(node)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn jobs_of_a_paused_type_wait_until_it_is_resumed() {
    let server = Server::start().await;
    let api = &server.api;
    let running = api.submit("demo", endless()).await;
    api.until_status(running, "running").await;
    let paused = pause(api, json!({ "reason": "nightly backup" })).await;
    assert_eq!(
        (&paused["type"], &paused["paused"]["by"], &paused["paused"]["reason"]),
        (&json!("demo"), &json!("anonymous"), &json!("nightly backup"))
    );
    let waiting = api.submit("demo", json!({ "items": 0 })).await;
    every_server_claims(&server).await;
    assert_eq!(api.job(waiting).await["status"], "pending");
    assert_eq!(api.job(running).await["status"], "running", "what runs goes on");
    assert_eq!(resume(api).await["paused"], Value::Null);
    api.until_status(waiting, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_pause_is_shown_with_the_type_and_survives_a_restart() {
    let server = Server::start().await;
    let paused = pause(&server.api, Value::Null).await;
    assert_eq!(paused["paused"]["reason"], Value::Null);
    let server = server.crash_and_restart().await;
    let shown = server.api.get("/api/job-types/demo").await.expect(200);
    assert_eq!(shown["paused"], paused["paused"]);
    let all = server.api.get("/api/job-types").await.expect(200);
    for described in all["job_types"].as_array().expect("types") {
        let expected = if described["type"] == "demo" { &paused["paused"] } else { &Value::Null };
        assert_eq!(&described["paused"], expected, "{described:#}");
    }
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    every_server_claims(&server).await;
    assert_eq!(server.api.job(id).await["status"], "pending");
    server.stop().await;
}

#[tokio::test]
async fn pausing_twice_keeps_the_first_to_do_it_and_takes_a_new_reason() {
    let server = Server::start().await;
    let first = pause(&server.api, json!({ "reason": "backup" })).await["paused"].clone();
    assert_eq!(pause(&server.api, json!({})).await["paused"], first, "no reason is no other reason");
    let by_cli = Program::new(["types", "pause", "demo", "--reason", "disk full", "--json"]);
    let again = by_cli.arg("--server").arg(&server.api.url).run().await.expect(0).json();
    let expected = json!({ "by": "anonymous", "at": first["at"], "reason": "disk full" });
    assert_eq!(again["paused"], expected);
    for _ in 0..2 {
        assert_eq!(resume(&server.api).await["paused"], Value::Null);
    }
    server.stop().await;
}

#[tokio::test]
async fn every_server_on_the_database_keeps_to_a_pause() {
    // Only the other one has room for it.
    let one = Server::with(&["--concurrency", "demo=0"]).await;
    let at = Database::At(one.database_url.clone());
    let other = Server::start_with(Options { database: at, ..Options::default() }).await;
    pause(&one.api, json!({})).await;
    assert!(other.api.get("/api/job-types/demo").await.expect(200)["paused"].is_object());
    let id = other.api.submit("demo", json!({ "items": 0 })).await;
    every_server_claims(&other).await;
    assert_eq!(other.api.job(id).await["status"], "pending");
    // Nobody tells it: it looks by itself.
    resume(&one.api).await;
    other.api.until_status(id, "completed").await;
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_resume_wakes_a_full_queue_at_once() {
    let server = Server::start().await;
    pause(&server.api, json!({})).await;
    let ids = server.api.submit_many("demo", &json!({ "items": 0 }), 50).await;
    resume(&server.api).await;
    for id in ids {
        assert_eq!(server.api.until_status(id, "completed").await["attempt"], 1);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_paused_exclusive_type_still_refuses_a_second_job() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/api/job-types/cleanup/pause", json!({})).await.expect(200);
    let first = api.submit("cleanup", json!({ "dry_run": true })).await;
    let refused = api.post("/api/jobs", json!({ "type": "cleanup" })).await.expect(409);
    assert_eq!((&refused["code"], id_of(&refused["job"])), (&json!("exclusive_job_active"), first));
    // A waiting job can be cancelled like any other.
    api.post(&format!("/api/jobs/{first}/cancel"), json!({})).await.expect(202);
    api.until_status(first, "cancelled").await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_pause_is_told() {
    let server = Server::start().await;
    let api = &server.api;
    for verb in ["pause", "resume"] {
        let at = |name: &str| format!("/api/job-types/{name}/{verb}");
        let problem = api.post(&at("dmeo"), json!({})).await.expect(404);
        assert_eq!((&problem["code"], &problem["near"][0]), (&json!("unknown_job_type"), &json!("demo")));
        assert_eq!(api.post(&at("%00"), json!({})).await.expect(404)["code"], "unknown_job_type");
        for (body, pointer) in [
            (json!({ "reason": 7 }), "/reason"),
            (json!({ "reason": "x".repeat(1001) }), "/reason"),
            (json!({ "reason": "a\0b" }), "/reason"),
            (json!({ "raeson": "x" }), "/raeson"),
            (json!([]), ""),
        ] {
            let problem = api.post(&at("demo"), body.clone()).await.expect(422);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{verb} {body}");
        }
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let problem = api.request(method, &at("demo"), None).await.expect(405);
            assert_eq!(problem["known"], json!(["POST"]));
        }
        // No body is as good as an empty one.
        api.request(Method::POST, &at("demo"), None).await.expect(200);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_pause_that_cannot_be_stored_is_not_told_as_one() {
    let server = Server::start().await;
    database::cut_off(&server.database_url).await;
    let refused = server.api.post("/api/job-types/demo/pause", json!({})).await.expect(503);
    assert_eq!(refused["code"], "unavailable");
    database::let_in(&server.database_url).await;
    until("the database is back", async || (server.api.get("/api/job-types/demo").await.status == 200).then_some(()))
        .await;
    assert_eq!(server.api.get("/api/job-types/demo").await.expect(200)["paused"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn a_type_is_paused_and_resumed_from_the_command_line() {
    let server = Server::start().await;
    let ask = |line: &str| Program::new(line.split(' ')).arg("--server").arg(&server.api.url);
    let paused = ask("types pause demo --reason backup").run().await.expect(0).out;
    assert!(paused.contains("Demo is paused by cli") && paused.contains("backup"), "{paused}");
    assert!(ask("types").run().await.expect(0).out.contains("Demo (paused)"));
    assert!(ask("types demo").run().await.expect(0).out.contains("paused by cli"));
    // Who runs a job of it is told why nothing happens.
    let run = ask("run demo --items 0 --json").start();
    until("it says so", async || run.err().contains("types resume demo").then_some(())).await;
    let resumed = ask("types resume demo").run().await.expect(0).out;
    assert!(resumed.contains("Demo is not paused"), "{resumed}");
    assert_eq!(run.ended().await.expect(0).json()["status"], "completed");

    let unknown = ask("types pause dmeo").run().await.expect(2);
    assert!(unknown.err.contains("did you mean `demo`?"), "{}", unknown.err);
    for wrong in ["types pause", "types demo pause", "types resume demo --resaon x"] {
        ask(wrong).run().await.expect(2);
    }
    let help = ask("types --help").run().await.expect(0).out;
    assert!(help.contains("pause") && help.contains("resume"), "{help}");
    // Dashes are as good as underscores.
    let json = ask("types pause scan-library --json").run().await.expect(0).json();
    assert_eq!((&json["type"], &json["paused"]["by"]), (&json!("scan_library"), &json!("cli")));
    server.stop().await;
}

#[tokio::test]
async fn without_a_server_a_pause_is_stored_for_the_next_one() {
    let folder = database::folder();
    let data_dir = folder.path().join("data");
    let beside = |line: &str| Program::new(line.split(' ')).arg("--data-dir").arg(&data_dir);
    beside("types pause demo").run().await.expect(0);
    let run = beside("run demo --items 0 --json").start();
    until("it is still paused", async || run.err().contains("types resume demo").then_some(())).await;
    beside("types resume demo").run().await.expect(0);
    assert_eq!(run.ended().await.expect(0).json()["status"], "completed");
}
