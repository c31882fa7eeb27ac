//! Why a job is not running, or what it does, as the API and the command line tell it.

use diesel_async::SimpleAsyncConnection;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Document;
use crate::support::api::{Api, id_of};
use crate::support::program::Program;
use crate::support::server::{Database, Options, Server};
use crate::support::{database, until};

/// A demo that runs until it is stopped.
fn endless() -> Value {
    json!({ "items": 1_000_000, "item_ms": 20 })
}

async fn explain(api: &Api, id: Uuid) -> Value {
    api.get(&format!("/api/jobs/{id}/explain")).await.expect(200)
}

/// The explanation, which has this code, says this, and keeps to the document.
async fn explained(api: &Api, id: Uuid, code: &str, says: &str) -> Value {
    let told = explain(api, id).await;
    let validator = Document::of(api).await.answer("get", "/api/jobs/{id}/explain", 200);
    let wrong: Vec<_> = validator.iter_errors(&told).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(wrong, [""; 0], "{told:#}");
    assert_eq!((&told["code"], &told["job_id"]), (&json!(code), &json!(id)), "{told:#}");
    assert!(told["sentence"].as_str().is_some_and(|sentence| sentence.contains(says)), "{says}: {told:#}");
    told
}

/// The facts beside those that are always there.
fn facts(told: &Value) -> Vec<&str> {
    let always = ["job_id", "type", "status", "code", "sentence"];
    let names = told.as_object().expect("an object").keys().map(String::as_str);
    let mut facts: Vec<_> = names.filter(|name| !always.contains(name)).collect();
    facts.sort_unstable();
    facts
}

async fn cancel(api: &Api, id: Uuid) {
    api.post(&format!("/api/jobs/{id}/cancel"), json!({ "reason": "enough" })).await.expect(202);
}

fn ids(jobs: &Value) -> Vec<Uuid> {
    jobs.as_array().expect("jobs").iter().map(id_of).collect()
}

#[tokio::test]
async fn a_job_whose_time_has_not_come_is_told_when_it_will() {
    let server = Server::start().await;
    let body = json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" });
    let id = id_of(&server.api.post("/api/jobs", body).await.expect(201));
    let told = explained(&server.api, id, "scheduled", "Waits until 2100-01-01 00:00 UTC (in ").await;
    assert_eq!((facts(&told), &told["run_at"]), (vec!["run_at"], &json!("2100-01-01T00:00:00Z")));
    server.api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let told = explained(&server.api, id, "scheduled", "Demo is paused by anonymous").await;
    assert_eq!(facts(&told), ["paused", "run_at"]);
    server.stop().await;
}

#[tokio::test]
async fn a_job_of_a_paused_type_is_told_who_paused_it() {
    let server = Server::start().await;
    let paused = server.api.post("/api/job-types/demo/pause", json!({ "reason": "nightly backup" })).await.expect(200);
    let ids = server.api.submit_many("demo", &json!({ "items": 0 }), 3).await;
    let told = explained(&server.api, ids[2], "paused", "Paused by anonymous since ").await;
    assert!(told["sentence"].as_str().is_some_and(|said| said.ends_with(": nightly backup.")), "{told:#}");
    assert_eq!((&told["paused"], &told["ahead"]), (&paused["paused"], &json!(2)));
    server.api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
    for id in ids {
        server.api.until_status(id, "completed").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_job_without_a_slot_is_told_who_has_them_and_who_comes_first() {
    let server = Server::with(&["--concurrency", "demo=2"]).await;
    let api = &server.api;
    let running = api.submit_many("demo", &endless(), 2).await;
    for id in &running {
        api.until_status(*id, "running").await;
    }
    let submit = async |priority: i32, run_at: &str| {
        let job = json!({ "type": "demo", "params": { "items": 0 }, "priority": priority, "run_at": run_at });
        id_of(&api.post("/api/jobs", job).await.expect(201))
    };
    // By priority, then by time, then in the order of submission.
    let (past, earlier, later) = ("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let mut waiting = Vec::new();
    for (priority, run_at) in [(10, past), (9, past), (0, earlier), (0, past), (0, past), (-5, earlier)] {
        waiting.push(submit(priority, run_at).await);
    }
    for priority in [0, 10, 20] {
        submit(priority, later).await; // their time has not come
    }
    for (n, id) in waiting.iter().enumerate() {
        let told = explained(api, *id, "slots_taken", "All 2 slots of Demo are taken").await;
        assert_eq!((&told["ahead"], &told["slots"]), (&json!(n), &json!({ "taken": 2, "of": 2 })));
        assert_eq!(ids(&told["held_by"]), running);
        assert_eq!(facts(&told), ["ahead", "held_by", "slots"]);
    }
    explained(api, waiting[0], "slots_taken", "; it is the next.").await;
    explained(api, waiting[2], "slots_taken", "; 2 jobs come first.").await;
    for id in running {
        cancel(api, id).await;
    }
    for id in waiting {
        api.until_status(id, "completed").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn slots_are_those_of_every_live_node_that_would_claim() {
    let one = Server::with(&["--concurrency", "demo=1"]).await;
    let options = || Options { database: Database::At(one.database_url.clone()), ..Options::default() };
    let other = Server::start_with(Options { args: vec!["--concurrency".into(), "demo=2".into()], ..options() }).await;
    let running = one.api.submit_many("demo", &endless(), 3).await;
    for id in &running {
        one.api.until_status(*id, "running").await;
    }
    let id = one.api.submit("demo", json!({ "items": 0 })).await;
    let told = explained(&one.api, id, "slots_taken", "All 3 slots of Demo are taken; it is the next.").await;
    assert_eq!(told["slots"], json!({ "taken": 3, "of": 3 }));
    // Either tells the same of a job that runs, but for who they are.
    let here = explain(&one.api, running[0]).await;
    let there = explain(&other.api, running[0]).await;
    assert_eq!(here["node"]["id"], there["node"]["id"]);
    assert_ne!(here["node"]["this"], there["node"]["this"]);
    for id in running {
        cancel(&other.api, id).await;
    }
    one.api.until_status(id, "completed").await;
    other.stop().await;
    one.stop().await;
}

#[tokio::test]
async fn a_job_of_a_serial_type_is_told_which_job_it_waits_for() {
    let server = Server::start().await;
    let api = &server.api;
    // No built-in type is serial; the row says what the claim goes by.
    api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let first = api.submit("demo", endless()).await;
    let waiting = api.submit_many("demo", &json!({ "items": 0 }), 2).await;
    let one_by_one = format!(
        "UPDATE jobs SET serial = true, run_at = CASE id WHEN '{first}' THEN now() ELSE now() + interval '1 day' END"
    );
    database::execute(&server.database_url, &one_by_one).await;
    api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
    api.until_status(first, "running").await;
    database::execute(&server.database_url, "UPDATE jobs SET run_at = now() WHERE status = 'pending'").await;
    let told =
        explained(api, waiting[1], "serial_held", &format!("One Demo runs at a time: waits for job {first}")).await;
    assert_eq!((ids(&told["held_by"]), &told["ahead"]), (vec![first], &json!(1)));
    assert_eq!(facts(&told), ["ahead", "held_by"], "slots don't matter");
    cancel(api, first).await;
    for id in waiting {
        api.until_status(id, "completed").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_nothing_holds_back_is_about_to_be_started() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let id = api.submit("demo", json!({ "items": 0 })).await;
    // A row that somebody else holds is passed over by the claim.
    let mut holder = database::connect(&server.database_url).await;
    let hold = format!("BEGIN; SELECT FROM jobs WHERE id = '{id}' FOR UPDATE");
    holder.batch_execute(&hold).await.expect("the row");
    api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
    let told = explained(api, id, "next", "Is about to be started.").await;
    assert_eq!((&told["slots"], &told["ahead"]), (&json!({ "taken": 0, "of": 4 }), &json!(0)));
    holder.batch_execute("COMMIT").await.expect("an end");
    api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_no_node_would_run_is_told_so() {
    let server = Server::with(&["--concurrency", "demo=0"]).await;
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    let told = explained(&server.api, id, "no_node", "No live node has a slot for Demo.").await;
    assert_eq!(told["slots"], json!({ "taken": 0, "of": 0 }));
    let unknown = format!("UPDATE jobs SET type = 'xyz' WHERE id = '{id}'");
    database::execute(&server.database_url, &unknown).await;
    explained(&server.api, id, "no_node", "No live node knows the type xyz.").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_runs_is_told_where_and_whether_it_blocks_its_thread() {
    let server = Server::with(&["--shutdown-grace", "0.2"]).await;
    let api = &server.api;
    let willing = api.submit("demo", endless()).await;
    let running = api.until_status(willing, "running").await;
    let told = explained(api, willing, "running", "Runs on ").await;
    let node = &told["node"];
    assert_eq!((&node["id"], &node["pid"]), (&running["node_id"], &json!(server.pid())));
    assert_eq!((&node["this"], &node["live"]), (&json!(true), &json!(true)));
    assert_eq!((&told["attempt"], &told["since"]), (&json!(1), &running["started_at"]));
    assert_eq!(facts(&told), ["attempt", "node", "since"]);
    let blocking = api.submit("demo", json!({ "items": 1, "item_ms": 20_000, "block": true })).await;
    until("the blocked thread is told", async || {
        let told = explain(api, blocking).await;
        (told["blocked_seconds"].as_f64()? > 1.0).then_some(())
    })
    .await;
    explained(api, blocking, "running", "It has kept its thread for ").await;
    cancel(api, willing).await;
    api.until_status(willing, "cancelled").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_is_asked_to_stop_is_told_rung_by_rung() {
    let server = Server::with(&["--shutdown-grace", "0.2"]).await;
    let api = &server.api;
    let id = api.submit("demo", json!({ "items": 1, "item_ms": 40_000, "block": true })).await;
    api.until_status(id, "running").await;
    cancel(api, id).await;
    for rung in ["delivered", "aborted"] {
        until(rung, async || (explain(api, id).await["rung"] == rung).then_some(())).await;
        let told = explained(api, id, "cancelling", "Asked to stop by anonymous ").await;
        assert_eq!((&told["cancel"]["reason"], &told["node"]["this"]), (&json!("enough"), &json!(true)));
        assert_eq!(told["since"], told["cancel"]["requested_at"]);
    }
    api.until_status(id, "cancelled").await;
    explained(api, id, "ended", ": enough; it blocked its thread and was abandoned.").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_whose_node_is_gone_is_told_that_it_will_be_handed_back() {
    let server = Server::start().await;
    let api = &server.api;
    let body = json!({ "type": "demo", "params": { "items": 0 }, "run_at": "2100-01-01T00:00:00Z" });
    let id = id_of(&api.post("/api/jobs", body).await.expect(201));
    let mut holder = database::connect(&server.database_url).await;
    // A row that somebody else holds is passed over by the rescue.
    let lose = format!(
        "BEGIN; UPDATE jobs SET status = 'running', attempt = 1, started_at = now(), node_id = gen_random_uuid() WHERE id = '{id}';
         COMMIT; BEGIN; SELECT FROM jobs WHERE id = '{id}' FOR UPDATE"
    );
    holder.batch_execute(&lose).await.expect("the row");
    explained(api, id, "orphan", "Its node is gone; it goes back to the queue within seconds.").await;
    holder.batch_execute("COMMIT").await.expect("an end");
    api.until_status(id, "pending").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_has_ended_is_told_how() {
    let server = Server::start().await;
    let api = &server.api;
    for (params, status, says) in [
        (json!({ "items": 1, "item_ms": 1 }), "completed", "Completed at "),
        (json!({ "items": 2, "item_ms": 1, "error_every": 1 }), "completed", "Completed with 2 errors at "),
        (json!({ "items": 1, "item_ms": 1, "fail_at": 1 }), "failed", "item 1 was told to fail the job."),
    ] {
        let id = api.submit("demo", params).await;
        let job = api.until_status(id, status).await;
        let told = explained(api, id, "ended", says).await;
        assert_eq!((&told["since"], &told["status"]), (&job["completed_at"], &json!(status)));
        assert_eq!(told["error"], job["error"], "null when there is none");
    }
    let body = json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" });
    let id = id_of(&api.post("/api/jobs", body).await.expect(201));
    cancel(api, id).await;
    let told = explained(api, id, "ended", "Cancelled by anonymous at ").await;
    assert!(told["sentence"].as_str().is_some_and(|said| said.ends_with(" before it began: enough.")), "{told:#}");
    assert_eq!(facts(&told), ["cancel", "since"]);
    server.stop().await;
}

#[tokio::test]
async fn only_a_job_can_be_explained_and_only_read() {
    let server = Server::start().await;
    let unknown = format!("/api/jobs/{}/explain", Uuid::now_v7());
    assert_eq!(server.api.get(&unknown).await.expect(404)["code"], "unknown_job");
    for id in ["42", "%00", "no-uuid"] {
        assert_eq!(server.api.get(&format!("/api/jobs/{id}/explain")).await.expect(400)["code"], "invalid_path");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        assert_eq!(server.api.request(method, &unknown, None).await.expect(405)["known"], json!(["GET", "HEAD"]));
    }
    database::cut_off(&server.database_url).await;
    assert_eq!(server.api.get(&unknown).await.expect(503)["code"], "unavailable");
    database::let_in(&server.database_url).await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_is_explained_on_the_command_line() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let api = &server.api;
    let ask = |line: &str| Program::new(line.split(' ')).arg("--server").arg(&server.api.url);
    let running = api.submit("demo", endless()).await;
    api.until_status(running, "running").await;
    let id = api.submit("demo", json!({ "items": 0 })).await.to_string();
    let part = id.rsplit_once('-').expect("an id").1;
    let told = ask(&format!("jobs explain {part}")).run().await.expect(0).out;
    assert!(told.starts_with("The only slot of Demo is taken; it is the next.\n"), "{told}");
    assert!(told.contains(&running.to_string()), "{told}");
    let json = ask(&format!("jobs explain {id} --json")).run().await.expect(0).json();
    assert_eq!(json["code"], "slots_taken");
    let unknown = Uuid::now_v7();
    for wrong in [format!("jobs explain {unknown}"), "jobs explain".to_owned(), "jobs explain xyz".to_owned()] {
        ask(&wrong).run().await.expect(2);
    }
    server.stop().await;

    let folder = database::folder();
    let data_dir = folder.path().join("data");
    let beside = |line: &str| Program::new(line.split(' ')).arg("--data-dir").arg(&data_dir);
    beside("run demo --items 0").run().await.expect(0);
    let listed = beside("jobs list --json").run().await.expect(0).json();
    let id = id_of(&listed["jobs"][0]);
    assert!(beside(&format!("jobs explain {id}")).run().await.expect(0).out.starts_with("Completed at "));
}
