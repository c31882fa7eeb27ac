//! A database that refuses for a while: nothing is lost, nothing becomes a failure, and what is held by one hurts no other.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};
use stashhog::store::connect::connect;
use stashhog::store::failure::sqlstate;
use stashhog::store::link::Link;
use uuid::Uuid;

use crate::support::server::{Database, Options, Server, binary};
use crate::support::{database, until};

/// A server whose role owns nothing, so that its rights can be taken away. And the URL of the owner.
async fn server_of_a_plain_role(role: &str) -> (Server, String) {
    let owner = database::create().await;
    let sql = format!(
        "CREATE ROLE {role};
         GRANT CREATE ON SCHEMA public TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
    );
    database::execute(&owner, &sql).await;
    let url = format!("{owner} options='-c role={role}'");
    let server = Server::start_with(Options { database: Database::At(url), ..Options::default() }).await;
    (server, owner)
}

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
async fn a_finished_job_stays_finished_while_a_right_is_missing() {
    let (server, owner) = server_of_a_plain_role("without_events").await;
    let failing_item = json!({ "items": 3, "item_ms": 300, "error_every": 2 });
    let id = server.api.submit("demo", failing_item).await;
    server.api.until_status(id, "running").await;
    database::execute(&owner, "REVOKE INSERT ON job_events FROM without_events").await;
    let waiting = until_ends_wait(&server).await;
    assert_eq!(waiting["count"], 1, "{waiting:#}");
    assert!(waiting["cause"].as_str().expect("a cause").contains("42501"), "{waiting:#}");
    database::execute(&owner, "GRANT INSERT ON job_events TO without_events").await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["outcome"], &job["error_count"]), (&json!("completed_with_errors"), &json!(1)), "{job:#}");
    until("no end waits", async || health(&server).await["ends_waiting"].is_null().then_some(())).await;
    server.stop().await;
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

#[derive(diesel::QueryableByName)]
struct Shown {
    #[diesel(sql_type = diesel::sql_types::Text)]
    shown: String,
}

#[tokio::test]
async fn a_session_has_our_settings_whatever_its_role_has() {
    let url = format!(
        "{} options='-c statement_timeout=5s -c lock_timeout=5s -c default_transaction_isolation=serializable \
         -c synchronous_commit=off -c jit=on -c idle_session_timeout=5s'",
        database::create().await
    );
    let mut conn = connect(&url).await.expect("a session");
    let shown: Shown = diesel::sql_query(
        "SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'),
                current_setting('default_transaction_isolation'), current_setting('synchronous_commit'),
                current_setting('jit'), current_setting('idle_session_timeout')) AS shown",
    )
    .get_result(&mut conn)
    .await
    .expect("its settings");
    assert_eq!(shown.shown, "0 0 read committed on off 0");
}

#[tokio::test]
async fn an_error_has_its_code_in_whatever_language_it_comes() {
    let mut conn = connect(&database::create().await).await.expect("a session");
    for (sql, code) in [
        ("SELECT 1 / 0", "22012"),
        ("SELECT FROM nowhere", "42P01"),
        ("DO $$ BEGIN RAISE 'Sperre nicht verfügbar' USING ERRCODE = '55P03'; END $$", "55P03"),
    ] {
        let error = conn.batch_execute(sql).await.expect_err(sql);
        assert_eq!(sqlstate(&error), Some(code), "{error}");
    }
}

#[tokio::test]
async fn what_was_given_up_does_not_happen_once_other_work_is_done() {
    let url = database::create().await;
    database::execute(&url, "CREATE TABLE late (n int)").await;
    let mut link = Link::new(url.as_str().into(), "test").limit(Duration::from_millis(300));
    let given_up = link.once(async |conn| {
        conn.batch_execute("DO $$ BEGIN PERFORM pg_sleep(600); INSERT INTO late VALUES (1); END $$").await
    });
    given_up.await.expect_err("it takes too long");
    link.within(Duration::from_secs(30), async |conn| conn.batch_execute("SELECT 1").await).await.expect("other work");
    let asleep = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    assert_eq!(database::rows(&url, asleep).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_database_that_can_not_hold_all_text_is_refused_at_start() {
    let url = database::create().await;
    let sql = "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    database::execute(&url, sql).await;
    let latin = format!("{}dbname=latin", url.split_once("dbname=").expect("a database").0);
    let folder = database::folder();
    let mut serve = tokio::process::Command::new(binary());
    serve
        .args(["serve", "--listen", "127.0.0.1:0", "--database-url", &latin, "--data-dir"])
        .arg(folder.path().join("data"));
    let output = serve.kill_on_drop(true).output().await.expect("an answer");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("LATIN1") && said.contains("UTF8"), "{said}");
}
