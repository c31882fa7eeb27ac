//! The guarantees of a job's life, as far as one node goes. Each test fails when its guarantee breaks.

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use serde_json::json;

use crate::support::api::id_of;
use crate::support::server::Server;
use crate::support::{database, until};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn count(url: &str, sql: &str) -> i64 {
    let mut conn = database::connect(url).await;
    sql_query(sql).get_result::<Count>(&mut conn).await.expect(sql).count
}

#[tokio::test]
async fn an_id_that_was_returned_is_a_committed_row() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    let sql = format!("SELECT count(*) FROM jobs WHERE id = '{id}'");
    assert_eq!(count(&server.database_url, &sql).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn no_job_is_lost_or_finished_twice_when_the_server_is_killed() {
    let server = Server::with(&["--concurrency", "demo=100"]).await;
    let running = server.api.submit_many("demo", &json!({ "items": 20, "item_ms": 100 }), 100).await;
    let waiting = server.api.submit_many("demo", &json!({ "items": 0 }), 50).await;
    let url = server.database_url.clone();
    let all_run = "SELECT count(*) FROM jobs WHERE status = 'running'";
    until("100 jobs run", async || (count(&url, all_run).await == 100).then_some(())).await;

    let server = server.crash_and_restart().await;
    for id in running.iter().chain(&waiting) {
        server.api.until_status(*id, "completed").await;
    }
    let twice = "SELECT count(*) FROM (SELECT job_id FROM job_events WHERE kind IN ('completed', 'failed', 'cancelled')
                 GROUP BY job_id HAVING count(*) <> 1) AS odd";
    assert_eq!(count(&url, twice).await, 0);
    let rescued = "SELECT count(*) FROM job_events WHERE kind = 'rescued'";
    assert_eq!(count(&url, rescued).await, 100);
    assert_eq!(count(&url, "SELECT count(*) FROM jobs WHERE status = 'completed' AND attempt = 2").await, 100);
    server.stop().await;
}

#[tokio::test]
async fn a_late_write_of_an_old_attempt_is_rejected_and_recorded() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 5, "item_ms": 200 })).await;
    server.api.until_status(id, "running").await;
    // Another node has taken the job over, as far as the database goes.
    let taken = format!("UPDATE jobs SET claim_id = gen_random_uuid(), node_id = gen_random_uuid() WHERE id = '{id}'");
    database::execute(&server.database_url, &taken).await;
    let late = async || {
        let events = server.api.get(&format!("/api/jobs/{id}/events")).await.expect(200)["events"].clone();
        let events = events.as_array().expect("events").iter();
        events
            .filter(|event| event["kind"] == "late_write_rejected")
            .map(|event| event["data"]["what"].clone())
            .collect()
    };
    let end = until("the late end is recorded", async || {
        let late: Vec<_> = late().await;
        late.contains(&json!("end")).then_some(late)
    })
    .await;
    assert_eq!(end, ["progress", "end"], "each once, however often it tried");
    let job = server.api.job(id).await;
    assert!(job["outcome"].is_null() && job["completed_at"].is_null(), "{job:#}");
    server.stop().await;
}

#[tokio::test]
async fn two_triggers_of_an_exclusive_type_create_one_job() {
    let server = Server::start().await;
    // Nothing is claimed meanwhile: the first stays pending however fast it would be.
    let body = json!({ "type": "cleanup", "params": { "dry_run": true }, "run_at": "2100-01-01T00:00:00Z" });
    let (a, b) = tokio::join!(server.api.post("/api/jobs", body.clone()), server.api.post("/api/jobs", body));
    let (made, refused) = if a.status == 201 { (a, b) } else { (b, a) };
    let made = made.expect(201);
    let refused = refused.expect(409);
    assert_eq!(id_of(&refused["job"]), id_of(&made), "{refused:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_gives_back_what_did_not_end() {
    let server = Server::with(&["--shutdown-grace", "0.2"]).await;
    let stubborn = server.api.submit("demo", json!({ "items": 1000, "item_ms": 100, "ignore_cancel": true })).await;
    let willing = server.api.submit("demo", json!({ "items": 1000, "item_ms": 100 })).await;
    for id in [stubborn, willing] {
        server.api.until_status(id, "running").await;
    }
    let url = server.database_url.clone();
    server.stop().await;
    assert_eq!(count(&url, "SELECT count(*) FROM jobs WHERE status = 'pending' AND node_id IS NULL").await, 2);
    assert_eq!(count(&url, "SELECT count(*) FROM job_events WHERE kind = 'interrupted'").await, 2);
    assert_eq!(count(&url, "SELECT count(*) FROM jobs WHERE interruptions > 0").await, 0);
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    status: String,
}

#[tokio::test]
async fn postgres_restarted_under_running_jobs_delays_their_end_and_loses_none() {
    let server = Server::start().await;
    let long = server.api.submit("demo", json!({ "items": 20, "item_ms": 100 })).await;
    let short = server.api.submit("demo", json!({ "items": 8, "item_ms": 100 })).await;
    server.api.until_status(long, "running").await;
    server.api.until_status(short, "running").await;
    database::cut_off(&server.database_url).await;
    let ready = format!("{}/health/ready", server.api.url);
    until("the server says that its database is away", async || {
        (server.api.client().get(&ready).send().await.ok()?.status() == 503).then_some(())
    })
    .await;
    database::let_in(&server.database_url).await;
    for id in [long, short] {
        let job = server.api.until_status(id, "completed").await;
        assert_eq!(job["attempt"], 1, "it ran once: {job:#}");
        assert_eq!(server.api.event_kinds(id).await, ["created", "started", "completed"]);
    }
    let mut conn = database::connect(&server.database_url).await;
    let rows: Vec<Row> = sql_query("SELECT status FROM jobs").load(&mut conn).await.expect("rows");
    assert!(rows.iter().all(|row| row.status == "completed"));
    server.stop().await;
}
