//! Nodes that die, stall or lose their database: others take their jobs, no two run one at a time, and each ends once.
//!
//! These wait for a lease of ten seconds to run out.

use diesel_async::SimpleAsyncConnection;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::server::{Database, Options, Server};
use crate::support::wire::{Line, Wire};
use crate::support::{database, until};

/// Two nodes with room for two jobs each; all of these jobs run on the first.
async fn pair(params: Value) -> (Server, Server, Vec<Uuid>) {
    let first = Server::with(&["--concurrency", "demo=2"]).await;
    let ids = first.api.submit_many("demo", &params, 2).await;
    for id in &ids {
        first.api.until_status(*id, "running").await;
    }
    let second = first.beside(&["--concurrency", "demo=2"]).await;
    until("they know each other", async || (bus(&first.api).await["others"] == 1).then_some(())).await;
    (first, second, ids)
}

async fn bus(api: &Api) -> Value {
    api.get("/health/ready").await.body["bus"].clone()
}

async fn events(api: &Api, id: Uuid, kind: &str) -> Vec<Value> {
    let all = api.get(&format!("/api/jobs/{id}/events")).await.expect(200)["events"].clone();
    all.as_array().expect("events").iter().filter(|event| event["kind"] == kind).cloned().collect()
}

async fn until_attempt(api: &Api, id: Uuid, attempt: i32) -> Value {
    until(&format!("attempt {attempt} of {id}"), async || {
        let job = api.job(id).await;
        (job["attempt"] == attempt && job["status"] == "running").then_some(job)
    })
    .await
}

#[tokio::test]
async fn the_jobs_of_a_node_that_was_killed_run_again_unless_they_kill_every_node() {
    let (first, second, ids) = pair(json!({ "items": 20, "item_ms": 100 })).await;
    let [plain, poison] = ids[..] else { panic!("two jobs") };
    let dead = first.api.job(plain).await["node_id"].clone();
    let often = format!("UPDATE jobs SET interruptions = max_interruptions WHERE id = '{poison}'");
    database::execute(&first.database_url, &often).await;
    first.signal(Signal::SIGKILL);

    let job = second.api.until_status(plain, "completed").await;
    assert_eq!((&job["attempt"], &job["interruptions"]), (&json!(2), &json!(1)));
    let rescued = events(&second.api, plain, "rescued").await;
    assert_eq!(rescued.len(), 1);
    assert_eq!((&rescued[0]["node_id"], &rescued[0]["data"]["by"]), (&dead, &job["node_id"]));
    assert_eq!(rescued[0]["data"]["from"]["pid"], first.pid());
    assert!(rescued[0]["data"]["from"]["hostname"].is_string(), "{rescued:#?}");

    let job = second.api.until_status(poison, "failed").await;
    assert_eq!((&job["attempt"], &job["error"]), (&json!(1), &json!("its node died under it 4 times")));
    second.stop().await;
}

#[tokio::test]
async fn a_node_that_was_stalled_for_longer_than_its_lease_writes_nothing_of_what_it_lost() {
    let (first, second, ids) = pair(json!({ "items": 60, "item_ms": 100, "log_lines": 1 })).await;
    first.signal(Signal::SIGSTOP);
    for id in &ids {
        until_attempt(&second.api, *id, 2).await;
    }
    first.signal(Signal::SIGCONT);
    for id in &ids {
        let job = second.api.until_status(*id, "completed").await;
        assert_eq!((&job["attempt"], &job["processed_items"]), (&json!(2), &json!(60)), "{job:#}");
        let late = until("its late end is recorded", async || {
            let late = events(&second.api, *id, "late_write_rejected").await;
            late.iter().any(|event| event["data"]["what"] == "end").then_some(late)
        })
        .await;
        let of = |what: &str| late.iter().filter(|event| event["data"]["what"] == what).count();
        assert!(of("end") == 1 && of("progress") <= 1, "{late:#?}");
        assert!(late.iter().all(|event| event["attempt"] == 1), "{late:#?}");
        assert_eq!(events(&second.api, *id, "completed").await.len(), 1);
    }
    assert!(first.log().contains("could not renew its lease"), "{}", first.log());
    until("it claims again", async || (first.api.get("/health/ready").await.body["fenced"] == false).then_some(()))
        .await;
    first.stop().await;
    second.stop().await;
}

/// Ends what a server is doing at the database, as a failover does.
async fn end_sessions(server: &Server) {
    let of_it = format!("FROM pg_stat_activity WHERE application_name LIKE '% {}@%'", server.pid());
    until("its sessions are gone", async || {
        database::execute(&server.database_url, &format!("SELECT pg_terminate_backend(pid) {of_it}")).await;
        database::rows(&server.database_url, &format!("SELECT pid {of_it}")).await.is_empty().then_some(())
    })
    .await;
}

/// What a failover to an asynchronous standby does to a claim that it had not received yet.
async fn lose_claim(url: &str, id: Uuid) {
    let lose = format!(
        "UPDATE jobs SET status = 'pending', attempt = 0, claim_id = NULL, node_id = NULL, started_at = NULL, progress = 0
         WHERE id = '{id}';
         DELETE FROM job_events WHERE job_id = '{id}' AND kind = 'started';
         DELETE FROM job_logs WHERE job_id = '{id}'"
    );
    database::execute(url, &lose).await;
}

#[tokio::test]
async fn two_nodes_with_the_same_attempt_of_a_job_cannot_both_write() {
    let first = Server::with(&["--concurrency", "demo=1"]).await;
    let id = first.api.submit("demo", json!({ "items": 40, "item_ms": 100, "log_lines": 1, "error_every": 10 })).await;
    first.api.until_status(id, "running").await;
    let second = first.beside(&["--concurrency", "demo=1"]).await;
    let loser = first.api.job(id).await["node_id"].clone();
    // It stands still, for less than its lease: it must not notice before the other has the job.
    first.signal(Signal::SIGSTOP);
    end_sessions(&first).await;
    lose_claim(&first.database_url, id).await;
    let owner = until_attempt(&second.api, id, 1).await["node_id"].clone();
    assert_ne!(owner, loser);
    first.signal(Signal::SIGCONT);

    let late = until("its late end is recorded", async || {
        let late = events(&second.api, id, "late_write_rejected").await;
        late.iter().any(|event| event["data"]["what"] == "end").then_some(late)
    })
    .await;
    let job = second.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["node_id"], &job["error_count"]), (&json!(1), &owner, &json!(4)), "{job:#}");
    assert!(late.iter().all(|event| event["node_id"] == loser), "the owner is not late: {late:#?}");
    assert_eq!(events(&second.api, id, "late_write_rejected").await, late, "nor does anybody become so later");
    assert_eq!(events(&second.api, id, "completed").await.len(), 1);
    let lines = format!("SELECT at FROM job_logs WHERE job_id = '{id}' ORDER BY seq");
    let lines = database::rows(&first.database_url, &lines).await;
    assert!(lines.is_sorted_by_key(|line| line["at"].as_str().map(str::to_owned)), "one run's: {lines:#?}");
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_job_whose_row_a_stopped_node_holds_runs_elsewhere() {
    let (first, second, ids) = pair(json!({ "items": 100, "item_ms": 100 })).await;
    // A transaction of a handler, which stands still with its process.
    let of_first =
        format!("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE '%{}@%'", first.pid());
    let named = database::rows(&first.database_url, &of_first).await;
    let name = named[0]["application_name"].as_str().expect("a name").to_owned();
    let mut handler = database::connect(&first.database_url).await;
    let hold =
        format!("SET application_name = '{name}'; BEGIN; SELECT FROM jobs WHERE id = '{}' FOR KEY SHARE", ids[0]);
    handler.batch_execute(&hold).await.expect("the row");
    first.signal(Signal::SIGSTOP);

    until_attempt(&second.api, ids[0], 2).await;
    first.signal(Signal::SIGCONT);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_node_without_its_database_stops_its_jobs_before_another_starts_them() {
    let second = Server::with(&["--concurrency", "demo=0"]).await;
    let line = Line::to(&second.database_url);
    let database = Database::At(line.database_url.clone());
    let first = Server::start_with(Options { database, ..Options::args(&["--concurrency", "demo=2"]) }).await;
    let third = second.beside(&["--concurrency", "demo=2"]).await;
    until("it knows the others", async || (bus(&first.api).await["others"] == 2).then_some(())).await;
    third.api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let ids = second.api.submit_many("demo", &json!({ "items": 100, "item_ms": 100 }), 2).await;
    // Whichever took them, the first is the one that has them.
    let busy = |api: Api| async move { api.get("/health/ready").await.body["runners"]["demo"]["running"].clone() };
    third.signal(Signal::SIGSTOP);
    second.api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
    for id in &ids {
        second.api.until_status(*id, "running").await;
    }
    third.signal(Signal::SIGCONT);
    assert_eq!(busy(first.api.clone()).await, 2);

    line.set(Wire::Cut);
    until("its handlers have stopped", async || (busy(first.api.clone()).await == 0).then_some(())).await;
    // Its bus learns of it by its own ping, at about the same time.
    let health = until("its bus is lost", async || {
        let health = first.api.get("/health/ready").await.body;
        (health["bus"]["state"] == "lost").then_some(health)
    })
    .await;
    assert_eq!((&health["ready"], &health["fenced"]), (&json!(false), &json!(true)), "{health:#}");
    let codes: Vec<_> = health["reasons"].as_array().expect("reasons").iter().map(|reason| &reason["code"]).collect();
    assert_eq!(codes, ["database_unreachable", "fenced"], "{health:#}");
    for id in &ids {
        let job = second.api.job(*id).await;
        assert_eq!((&job["attempt"], &job["status"]), (&json!(1), &json!("running")), "not yet another's: {job:#}");
    }
    for id in &ids {
        until_attempt(&second.api, *id, 2).await;
    }
    line.set(Wire::Whole);
    for id in &ids {
        until("its late end is recorded", async || {
            let late = events(&second.api, *id, "late_write_rejected").await;
            late.iter().any(|event| event["data"]["what"] == "end").then_some(())
        })
        .await;
        let job = second.api.until_status(*id, "completed").await;
        assert_eq!((&job["attempt"], &job["processed_items"]), (&json!(2), &json!(100)), "{job:#}");
    }
    let health = until("it is back", async || {
        let health = first.api.get("/health/ready").await.body;
        (health["fenced"] == false && health["bus"]["state"] == "live").then_some(health)
    })
    .await;
    assert_eq!(health["unwritten"], 0, "{health:#}");
    for server in [first, second, third] {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_node_without_its_database_stops_its_jobs_though_it_knows_of_no_other() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 100, "item_ms": 100 })).await;
    server.api.until_status(id, "running").await;
    database::cut_off(&server.database_url).await;
    let health = async || server.api.get("/health/ready").await;
    until("it is fenced", async || (health().await.body["fenced"] == true).then_some(())).await;
    until("its handler has stopped", async || (health().await.body["runners"]["demo"]["running"] == 0).then_some(()))
        .await;
    database::let_in(&server.database_url).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["processed_items"]), (&json!(2), &json!(100)), "{job:#}");
    until("it is ready", async || (health().await.status == 200).then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn a_node_that_has_no_others_goes_on_through_an_outage_where_it_is_told_to() {
    let server = Server::with(&["--on-database-loss", "continue"]).await;
    let id = server.api.submit("demo", json!({ "items": 90, "item_ms": 100 })).await;
    server.api.until_status(id, "running").await;
    database::cut_off(&server.database_url).await;
    let health = until("the end of its job waits to be stored", async || {
        let health = server.api.get("/health/ready").await.body;
        (health["unwritten"] == 1).then_some(health)
    })
    .await;
    assert_eq!(health["fenced"], false);
    database::let_in(&server.database_url).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(job["attempt"], 1, "{job:#}");
    server.stop().await;
}

/// A node with a job of ten seconds, after this was done to its row in `nodes`: it drops the job and goes on under another id.
async fn registers_anew_after(sql: &str) {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let id = server.api.submit("demo", json!({ "items": 100, "item_ms": 100 })).await;
    let old = server.api.until_status(id, "running").await["node_id"].clone();
    database::execute(&server.database_url, sql).await;
    let job = until("it runs again", async || {
        let job = server.api.job(id).await;
        (job["attempt"] == 2 && job["status"] == "running").then_some(job)
    })
    .await;
    assert_ne!(job["node_id"], old);
    assert_eq!(job["node_id"], server.id(), "the run file names the new id");
    until("it is ready", async || (server.api.get("/health/ready").await.status == 200).then_some(())).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["processed_items"]), (&json!(2), &json!(100)), "{job:#}");
    assert_eq!(events(&server.api, id, "completed").await.len(), 1);
    let nodes = server.api.get("/api/nodes").await.expect(200);
    let this: Vec<_> = nodes["nodes"].as_array().expect("nodes").iter().filter(|node| node["this"] == true).collect();
    assert_eq!((this.len(), &this[0]["live"]), (1, &json!(true)), "{nodes:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_node_that_the_database_does_not_know_registers_anew() {
    registers_anew_after("DELETE FROM nodes").await;
}

#[tokio::test]
async fn a_node_that_was_signed_off_while_it_lives_registers_anew() {
    registers_anew_after("UPDATE nodes SET stopped_at = now()").await;
}

#[tokio::test]
async fn a_server_on_a_copied_data_directory_takes_nothing_from_the_one_that_lives() {
    let first = Server::with(&["--concurrency", "demo=1"]).await;
    let id = first.api.submit("demo", json!({ "items": 60, "item_ms": 100 })).await;
    first.api.until_status(id, "running").await;
    let copy = first.beside_on_a_copy(&["--concurrency", "demo=1"]).await;
    until("they know each other", async || (bus(&copy.api).await["others"] == 1).then_some(())).await;
    let job = copy.api.until_status(id, "completed").await;
    assert_eq!((&job["attempt"], &job["node_id"]), (&json!(1), &json!(first.id())), "{job:#}");
    assert!(copy.log().contains("that node's lease decides"), "{}", copy.log());
    copy.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_silent_run_whose_job_belongs_to_another_is_dropped_within_a_beat_or_two() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let id = server.api.submit("demo", json!({ "items": 1, "item_ms": 60000 })).await;
    server.api.until_status(id, "running").await;
    // By a node that lives, so that nobody rescues the job.
    let other = Uuid::now_v7();
    let taken = format!(
        "INSERT INTO nodes (id, hostname, pid, version, renewed_at) VALUES ('{other}', 'other', 1, '0', now() + interval '1 hour');
         UPDATE jobs SET claim_id = gen_random_uuid(), node_id = '{other}' WHERE id = '{id}'"
    );
    let begun = std::time::Instant::now();
    database::execute(&server.database_url, &taken).await;
    until("its run is dropped", async || {
        (server.api.get("/health/ready").await.body["runners"]["demo"]["running"] == 0).then_some(())
    })
    .await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "not when it ended by itself");
    server.stop().await;
}
