//! A database clock that was ahead for a while. What it left in the future heals, and people are told.

use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::schedules::{at, create, time};
use crate::support::server::{Options, Server, example};
use crate::support::{database, until};

/// Waits until the server's probe tells that the clock was ahead. What it says.
async fn until_told(server: &Server, of: &str) -> String {
    until("people are told", async || {
        let ready = server.api.get("/health/ready").await.expect(200);
        let problems = ready["problems"].as_array().expect("problems").clone();
        let told = problems.iter().find(|problem| {
            problem["code"] == "clock_was_ahead" && problem["message"].as_str().is_some_and(|m| m.contains(of))
        });
        told.map(|problem| problem["message"].as_str().expect("a message").to_owned())
    })
    .await
}

#[tokio::test]
async fn a_schedule_that_a_wrong_clock_moved_on_by_years_is_due_again() {
    let server = Server::start().await;
    let made = create(&server.api, "hourly", json!({ "cron": "0 * * * *" })).await;
    database::execute(&server.database_url, "UPDATE schedules SET next_run_at = '2099-01-01'").await;
    until_told(&server, "schedule `hourly` waited until 2099-01-01").await;
    let shown = server.api.get(&at(&made)).await.expect(200);
    assert!(time(&shown["next_run_at"]) <= Utc::now() + TimeDelta::hours(1), "{shown:#}");
    assert_eq!(shown["next_run_at"], shown["next_runs"][0]);
    server.stop().await;
}

#[tokio::test]
async fn jobs_that_a_wrong_clock_stored_do_not_wait_for_its_time() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let url = &server.database_url;
    let [stored, named] = [(); 2].map(|()| Uuid::now_v7());
    // Submitted at once, and for a time that somebody named, while the clock was two years ahead.
    let insert = |id: Uuid, run_at: &str| {
        format!(
            "INSERT INTO jobs (id, type, params, created_by, created_at, updated_at, run_at, turn_at)
             VALUES ('{id}', 'demo', '{{\"items\": 0}}', 'test', now() + interval '2 years', now() + interval '2 years',
                     {run_at}, greatest({run_at}, now() + interval '2 years'))"
        )
    };
    database::execute(url, &insert(stored, "now() + interval '2 years'")).await;
    database::execute(url, &insert(named, "now() + interval '1 year'")).await;
    until("the job ran", async || {
        // A renewal that was under way may have read the row before this.
        database::execute(url, "UPDATE nodes SET renewed_at = now() + interval '2 years'").await;
        (server.api.job(stored).await["status"] == "completed").then_some(())
    })
    .await;
    let waits = server.api.job(named).await;
    assert_eq!(waits["status"], "pending");
    let due = time(&waits["run_at"]) - Utc::now();
    assert!((TimeDelta::days(364)..TimeDelta::days(367)).contains(&due), "{waits:#}");
    until_told(&server, "the database's clock was put back").await;
    server.stop().await;
}

#[tokio::test]
async fn a_lease_in_the_future_runs_out() {
    let server = Server::start().await;
    let (node, job) = (Uuid::now_v7(), Uuid::now_v7());
    let dead = format!(
        "INSERT INTO nodes (id, hostname, pid, version, renewed_at) VALUES ('{node}', 'gone', 1, '0', now() + interval '1 year');
         INSERT INTO jobs (id, type, params, created_by, status, attempt, node_id, started_at)
         VALUES ('{job}', 'demo', '{{\"items\": 0}}', 'test', 'running', 1, '{node}', now())"
    );
    database::execute(&server.database_url, &dead).await;
    let done = server.api.until_status(job, "completed").await;
    assert_eq!((&done["attempt"], &done["interruptions"]), (&json!(2), &json!(1)));
    server.stop().await;
}

#[tokio::test]
async fn starts_in_the_future_hold_up_no_rate_limit() {
    let server = Server::start_with(Options { program: Some(example("policies")), ..Options::default() }).await;
    let fill = "INSERT INTO recent_starts (type, at) SELECT 'keep_pace', now() + interval '1 year' FROM generate_series(1, 1000)";
    database::execute(&server.database_url, fill).await;
    let id = server.api.submit("keep_pace", json!({})).await;
    server.api.until_status(id, "completed").await;
    server.stop().await;
}
