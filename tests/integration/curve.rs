//! How a job's progress went, how fast it is, and how long it will still take.

use serde_json::{Value, json};

use crate::support::database;
use crate::support::live::Live;
use crate::support::server::Server;
use crate::support::until;

fn points(job: &Value) -> &[Value] {
    job["curve"]["points"].as_array().unwrap_or_else(|| panic!("no curve: {job:#}"))
}

#[tokio::test]
async fn a_running_job_tells_its_pace_and_an_ended_one_its_curve() {
    let server = Server::start().await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    let id = server.api.submit("demo", json!({ "items": 400, "item_ms": 20 })).await;
    let fresh = server.api.job(id).await;
    assert_eq!((&fresh["rate_per_second"], &fresh["eta_seconds"]), (&Value::Null, &Value::Null), "too early to tell");
    let told = loop {
        let frame = live.next().await;
        let jobs = frame["jobs"].as_array().cloned().unwrap_or_default();
        if let Some(job) = jobs.into_iter().find(|job| job["id"] == json!(id) && job["eta_seconds"].is_i64()) {
            break job;
        }
    };
    let rate = told["rate_per_second"].as_f64().expect("a rate");
    assert!(rate > 1.0 && rate <= 51.0, "{told:#}");
    assert!((1..400).contains(&told["eta_seconds"].as_i64().expect("seconds")), "{told:#}");
    let running = server.api.job(id).await;
    assert_eq!((&running["curve"]["attempt"], points(&running).len() > 2), (&json!(1), true), "{running:#}");
    let listed = server.api.get("/api/jobs").await.expect(200);
    assert!(listed["jobs"][0]["rate_per_second"].is_f64() && listed["jobs"][0].get("curve").is_none(), "{listed:#}");

    let ended = server.api.until_status(id, "completed").await;
    assert_eq!((&ended["rate_per_second"], &ended["eta_seconds"]), (&Value::Null, &Value::Null));
    let points = points(&ended);
    assert!((10..=200).contains(&points.len()), "{} points", points.len());
    assert_eq!((&points[0]["progress"], &points[0]["processed_items"]), (&json!(0.0), &Value::Null));
    let last = points.last().expect("a point");
    assert_eq!((&last["progress"], &last["processed_items"]), (&json!(100.0), &json!(400)));
    let times: Vec<_> = points.iter().map(|point| point["at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_job_of_a_moment_keeps_no_curve_and_a_failed_one_ends_where_it_failed() {
    let server = Server::start().await;
    let short = server.api.submit("demo", json!({ "items": 3, "item_ms": 0 })).await;
    let failing = server.api.submit("demo", json!({ "items": 100, "item_ms": 30, "fail_at": 51 })).await;
    assert_eq!(server.api.until_status(short, "completed").await["curve"], Value::Null);
    let failed = server.api.until_status(failing, "failed").await;
    let last = points(&failed).last().expect("a point");
    assert_eq!((&last["progress"], &last["processed_items"]), (&json!(50.0), &json!(50)));
    assert_eq!((&last["progress"], &last["processed_items"]), (&failed["progress"], &failed["processed_items"]));
    let kept = database::rows(&server.database_url, "SELECT job_id FROM job_curves").await;
    assert_eq!(kept, [json!({ "job_id": failing })]);
    server.stop().await;
}

#[tokio::test]
async fn the_curve_of_a_run_that_falls_silent_is_stored_all_the_same() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 2, "item_ms": 3_600_000 })).await;
    let job = until("what it said is stored", async || {
        let job = server.api.job(id).await;
        job["curve"].is_object().then_some(job)
    })
    .await;
    assert_eq!(points(&job).last().expect("a point")["processed_items"], 0, "{job:#}");
    assert_eq!((&job["rate_per_second"], &job["eta_seconds"]), (&Value::Null, &Value::Null), "nothing is known");
    server.stop().await;
}

#[tokio::test]
async fn a_new_attempt_begins_a_new_curve() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 60, "item_ms": 100 })).await;
    let first = until("a curve is stored", async || {
        let job = server.api.job(id).await;
        job["curve"].is_object().then_some(job)
    })
    .await;
    assert_eq!(first["curve"]["attempt"], 1);
    let server = server.crash_and_restart().await;
    let ended = server.api.until_status(id, "completed").await;
    assert_eq!((&ended["attempt"], &ended["curve"]["attempt"]), (&json!(2), &json!(2)));
    let points = points(&ended);
    assert!(points[0]["at"].as_str() > first["curve"]["points"][1]["at"].as_str(), "{points:#?}");
    assert_eq!(points.last().expect("a point")["processed_items"], 60);
    let pace = "SELECT id FROM jobs WHERE rate_per_second IS NOT NULL OR eta_seconds IS NOT NULL";
    assert!(database::rows(&server.database_url, pace).await.is_empty());
    server.stop().await;
}
