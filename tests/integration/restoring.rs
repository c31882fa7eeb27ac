//! A database that goes back to an earlier state under running servers: a restored backup, a failover that lost commits.

use serde_json::json;
use uuid::Uuid;

use crate::support::api::id_of;
use crate::support::live::Live;
use crate::support::server::Server;
use crate::support::{database, until};

/// Keeps a copy of what is stored.
const BACK_UP: &str = "
    CREATE SCHEMA backup;
    CREATE TABLE backup.jobs AS TABLE jobs;
    CREATE TABLE backup.job_events AS TABLE job_events;
    CREATE TABLE backup.nodes AS TABLE nodes;
    CREATE TABLE backup.rev AS SELECT last_value FROM job_rev;";

/// Puts the copy in the place of what is stored, numbers of changes included.
const RESTORE: &str = "
    BEGIN;
    LOCK TABLE jobs, nodes IN ACCESS EXCLUSIVE MODE;
    DELETE FROM jobs;
    DELETE FROM nodes;
    DELETE FROM job_events;
    INSERT INTO nodes SELECT * FROM backup.nodes;
    INSERT INTO jobs SELECT * FROM backup.jobs;
    INSERT INTO job_events OVERRIDING SYSTEM VALUE SELECT * FROM backup.job_events;
    SELECT setval('job_rev', last_value) FROM backup.rev;
    COMMIT;";

/// Waits for the server to renew its lease: what it has seen by then, it misses afterwards.
async fn until_renewed(server: &Server) {
    let now = database::rows(&server.database_url, "SELECT now() AS at").await;
    let query = format!("SELECT 1 AS one FROM nodes WHERE renewed_at > '{}'", now[0]["at"].as_str().expect("a time"));
    until("the lease is renewed", async || {
        (!database::rows(&server.database_url, &query).await.is_empty()).then_some(())
    })
    .await;
}

/// The jobs of the next snapshot.
async fn next_snapshot(live: &mut Live) -> Vec<Uuid> {
    live.next_of("snapshot").await["jobs"].as_array().expect("jobs").iter().map(id_of).collect()
}

#[tokio::test]
async fn a_restored_backup_is_noticed_and_everything_that_follows_is_told() {
    let server = Server::with(&["--concurrency", "demo=2"]).await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let running = server.api.submit("demo", json!({ "items": 80, "item_ms": 100 })).await;
    server.api.until_status(running, "running").await;
    let again = server.api.submit("demo", json!({ "items": 3, "item_ms": 100 })).await;
    let back_up = format!(
        "{BACK_UP} UPDATE backup.jobs SET status = 'pending', attempt = 0, claim_id = NULL, node_id = NULL, started_at = NULL,
         progress = 0, outcome = NULL, completed_at = NULL WHERE id = '{again}';"
    );
    database::execute(&server.database_url, &back_up).await;
    live.until_status(again, "completed").await;
    let lost = server.api.submit("demo", json!({ "items": 0 })).await;
    let told = live.until_status(lost, "completed").await;
    let before = told.last().expect("its end").1;
    until_renewed(&server).await;

    database::execute(&server.database_url, RESTORE).await;
    let jobs = next_snapshot(&mut live).await;
    assert!(jobs.contains(&running) && jobs.contains(&again) && !jobs.contains(&lost), "{jobs:?}");
    assert_eq!(server.api.get(&format!("/api/jobs/{lost}")).await.status, 404);
    let told = live.until_status(running, "completed").await;
    assert!(told.last().is_some_and(|(_, rev)| *rev > before), "newer than all that was told: {told:?} after {before}");
    server.api.until_status(again, "completed").await;
    let fresh = server.api.submit("demo", json!({ "items": 0 })).await;
    live.until_status(fresh, "completed").await;
    assert_eq!(server.api.job(running).await["attempt"], 1, "its run was never another's");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_was_away_while_the_database_went_back_begins_with_a_snapshot() {
    let server = Server::start().await;
    for _ in 0..3 {
        let id = server.api.submit("demo", json!({ "items": 0 })).await;
        server.api.until_status(id, "completed").await;
    }
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    let since = live.next_of("snapshot").await["rev"].as_i64().expect("a number");
    drop(live);
    until_renewed(&server).await;
    // Also a time without a change: the rows are the same, and so is the lease.
    database::execute(&server.database_url, &format!("SELECT setval('job_rev', {})", since - 5)).await;
    until("the numbers are greater than all that was told", async || {
        let rev = database::rows(&server.database_url, "SELECT last_value FROM job_rev").await;
        (rev[0]["last_value"].as_i64() > Some(since)).then_some(())
    })
    .await;
    let mut live = Live::connect(&server.api, &format!("/api/jobs/ws?since={since}")).await;
    assert_eq!(live.next().await["type"], "snapshot");
    server.stop().await;
}
