//! Schedules that are due: one job for each due time, whoever looks, whatever stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::schedules::{at, create, edit, history, time, until_runs};
use crate::support::api::id_of;
use crate::support::live::Live;
use crate::support::server::{Database, Options, Server};
use crate::support::{database, until};

const EVERY_SECOND: &str = "* * * * * *";

/// A job that runs until it is asked to stop.
fn endless() -> Value {
    json!({ "items": 1_000_000, "item_ms": 20 })
}

#[tokio::test]
async fn a_due_schedule_makes_a_job_that_says_where_it_comes_from_and_live_clients_see_it() {
    let server = Server::start().await;
    let api = &server.api;
    let mut live = Live::connect(api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let made = create(api, "ticking", json!({ "cron": EVERY_SECOND, "priority": 5 })).await;
    let run = until_runs(api, &made, "started", 1).await.remove(0);
    let id = run["job_id"].as_str().expect("a job").parse().expect("an id");
    let told = live.until_status(id, "completed").await;
    assert!(told.iter().any(|(status, _)| status == "pending" || status == "running"), "{told:?}");
    let job = api.until_status(id, "completed").await;
    assert_eq!((&job["created_by"], &job["schedule_id"]), (&json!("schedule:ticking"), &made["id"]));
    let (triggered_by, source) = (&job["metadata"]["triggered_by"], &job["metadata"]["source"]);
    assert_eq!((triggered_by, source), (&json!("schedule"), &json!("schedule:ticking")));
    assert_eq!((&job["metadata"]["schedule"], job["priority"].as_i64()), (&json!("ticking"), Some(5)));
    assert_eq!(time(&job["metadata"]["due_at"]), time(&run["due_at"]));
    assert!((time(&run["at"]) - time(&run["due_at"])).num_milliseconds() < 5_000, "{run:#}");
    let shown = api.get(&at(&made)).await.expect(200);
    assert_eq!(shown["last_run"]["outcome"], "started");
    server.stop().await;
}

#[tokio::test]
async fn each_due_time_has_one_job_in_a_cluster_whoever_dies() {
    let first = Server::start().await;
    let url = first.database_url.clone();
    let beside = || Options { database: Database::At(url.clone()), ..Options::default() };
    let second = Server::start_with(beside()).await;
    let third = Server::start_with(beside()).await;
    let fields = json!({ "cron": EVERY_SECOND, "overlap": "queue" });
    let schedules = [
        create(&first.api, "one", fields.clone()).await,
        create(&second.api, "two", fields.clone()).await,
        create(&third.api, "three", fields).await,
    ];
    until_runs(&first.api, &schedules[0], "started", 4).await;
    third.signal(Signal::SIGKILL);
    drop(third);
    until_runs(&first.api, &schedules[0], "started", 8).await;
    second.stop().await;
    until_runs(&first.api, &schedules[2], "started", 11).await;
    for schedule in &schedules {
        first.api.post(&format!("{}/disable", at(schedule)), json!({})).await.expect(200);
        let runs = history(&first.api, schedule).await;
        let mut kept = BTreeMap::new();
        for run in runs.iter().filter(|run| !run["due_at"].is_null()) {
            assert_eq!(run["outcome"], "started", "{run:#}");
            let twice = kept.insert(time(&run["due_at"]), run["job_id"].as_str().expect("a job").to_owned());
            assert_eq!(twice, None, "{run:#}");
        }
        let times: Vec<_> = kept.keys().copied().collect();
        assert!(times.windows(2).all(|pair| (pair[1] - pair[0]).num_seconds() == 1), "none is missing: {times:?}");
        let query =
            format!("SELECT id, metadata->>'due_at' AS due FROM jobs WHERE schedule_id = '{}'", id_of(schedule));
        let jobs = database::rows(&url, &query).await;
        let jobs: BTreeSet<_> =
            jobs.iter().map(|job| (time(&job["due"]), job["id"].as_str().expect("an id").to_owned())).collect();
        assert_eq!(jobs, kept.into_iter().collect(), "a job for each due time, and a due time for each job");
    }
    first.stop().await;
}

#[tokio::test]
async fn a_due_time_is_skipped_while_an_earlier_job_has_not_ended() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "slow", json!({ "cron": EVERY_SECOND, "params": endless() })).await;
    let job = until_runs(api, &made, "started", 1).await[0]["job_id"].clone();
    for run in until_runs(api, &made, "skipped", 2).await {
        assert_eq!((&run["job_id"], &run["detail"]["because"]), (&job, &json!("overlap")));
    }
    assert_eq!(until_runs(api, &made, "started", 1).await.len(), 1);
    let refused = api.post(&format!("{}/run", at(&made)), json!({})).await.expect(409);
    assert_eq!((&refused["code"], &refused["job"]["id"]), (&json!("schedule_job_active"), &job));
    edit(api, &made, json!({ "params": { "items": 0 } })).await.expect(200);
    let id = job.as_str().expect("an id").parse().expect("one");
    api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    api.until_status(id, "cancelled").await;
    until_runs(api, &made, "started", 2).await;
    server.stop().await;
}

#[tokio::test]
async fn jobs_of_a_schedule_that_queues_run_one_after_the_other() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "queue", json!({ "overlap": "queue", "params": endless() })).await;
    let run = async || id_of(&api.post(&format!("{}/run", at(&made)), json!({})).await.expect(201));
    let (first, second, third) = (run().await, run().await, run().await);
    api.until_status(first, "running").await;
    // There is room for four, and what comes after them is claimed.
    let other = api.submit("demo", json!({ "items": 0 })).await;
    api.until_status(other, "completed").await;
    for waiting in [second, third] {
        assert_eq!(api.job(waiting).await["status"], "pending");
    }
    for (running, next) in [(first, second), (second, third)] {
        api.post(&format!("/api/jobs/{running}/cancel"), json!({})).await.expect(202);
        api.until_status(running, "cancelled").await;
        api.until_status(next, "running").await;
    }
    let job = api.job(third).await;
    let by_hand = json!({ "triggered_by": "manual", "source": "api", "schedule": "queue", "due_at": null });
    assert_eq!(job["metadata"], by_hand);
    api.post(&format!("/api/jobs/{third}/cancel"), json!({})).await.expect(202);
    api.until_status(third, "cancelled").await;
    server.stop().await;
}

#[tokio::test]
async fn a_queue_takes_no_more_when_a_hundred_jobs_wait() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let made = create(api, "queue", json!({ "overlap": "queue" })).await;
    let run = async || api.post(&format!("{}/run", at(&made)), json!({})).await;
    for _ in 0..99 {
        run().await.expect(201);
    }
    let last = run().await.expect(201);
    let refused = run().await.expect(409);
    assert_eq!((&refused["code"], &refused["job"]["id"]), (&json!("schedule_job_active"), &last["id"]));
    edit(api, &made, json!({ "cron": EVERY_SECOND })).await.expect(200);
    for run in until_runs(api, &made, "skipped", 2).await {
        assert_eq!((&run["job_id"], &run["detail"]["because"]), (&last["id"], &json!("queue_full")));
    }
    api.post(&format!("/api/jobs/{}/cancel", id_of(&last)), json!({})).await.expect(202);
    until_runs(api, &made, "started", 1).await;
    server.stop().await;
}

#[tokio::test]
async fn an_exclusive_type_whose_place_is_taken_is_skipped_with_the_holder() {
    let server = Server::start().await;
    let api = &server.api;
    api.post("/api/job-types/cleanup/pause", json!({})).await.expect(200);
    let holder = api.submit("cleanup", json!({ "dry_run": true })).await;
    let fields = json!({ "type": "cleanup", "params": {}, "cron": EVERY_SECOND, "overlap": "queue" });
    let made = create(api, "tidy", fields).await;
    for run in until_runs(api, &made, "skipped", 2).await {
        assert_eq!((&run["job_id"], &run["detail"]["because"]), (&json!(holder), &json!("exclusive")));
    }
    let refused = api.post(&format!("{}/run", at(&made)), json!({})).await.expect(409);
    assert_eq!((&refused["code"], &refused["job"]["id"]), (&json!("exclusive_job_active"), &json!(holder)));
    assert!(!server.log().contains("was not fired"), "{}", server.log());
    api.post(&format!("/api/jobs/{holder}/cancel"), json!({})).await.expect(202);
    until_runs(api, &made, "started", 1).await;
    server.stop().await;
}

#[tokio::test]
async fn a_schedule_runs_at_once_when_told_to_also_when_it_is_off() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "by hand", json!({ "enabled": false })).await;
    let job = api.post(&format!("{}/run", at(&made)), json!({ "reason": "to see" })).await.expect(201);
    assert_eq!((&job["created_by"], &job["reason"]), (&json!("anonymous"), &json!("to see")));
    assert_eq!((&job["schedule_id"], &job["params"]["items"]), (&made["id"], &json!(0)));
    api.until_status(id_of(&job), "completed").await;
    let run = history(api, &made).await.pop().expect("a run");
    assert_eq!((&run["outcome"], &run["job_id"], &run["due_at"]), (&json!("manual"), &job["id"], &Value::Null));
    assert_eq!((&run["actor"], &run["reason"]), (&json!("anonymous"), &json!("to see")));
    let other = api.submit("demo", json!({ "items": 0 })).await;
    api.until_status(other, "completed").await;
    let path = format!("/api/jobs?schedule={}", id_of(&made));
    let listed = api.get(&path).await.expect(200)["jobs"].as_array().expect("jobs").clone();
    assert_eq!(listed.iter().map(id_of).collect::<Vec<_>>(), [id_of(&job)], "its own, and no other");
    let bulk = json!({ "schedule": made["id"], "status": ["completed"], "dry_run": true });
    let retried = api.post("/api/jobs/retry", bulk).await.expect(200);
    assert_eq!(retried["matched"], 1, "{retried:#}");
    until("the run tells how its job ended", async || {
        (history(api, &made).await.pop()?["job_status"] == "completed").then_some(())
    })
    .await;
    let shown = api.get(&at(&made)).await.expect(200);
    assert_eq!((&shown["enabled"], &shown["last_run"]["outcome"]), (&json!(false), &json!("manual")));
    server.stop().await;
}

#[tokio::test]
async fn a_schedule_that_is_off_makes_no_job() {
    let server = Server::start().await;
    let api = &server.api;
    let off = create(api, "off", json!({ "cron": EVERY_SECOND })).await;
    api.post(&format!("{}/disable", at(&off)), json!({})).await.expect(200);
    let before = history(api, &off).await.len();
    let on = create(api, "on", json!({ "cron": EVERY_SECOND })).await;
    until_runs(api, &on, "started", 3).await;
    assert_eq!(history(api, &off).await.len(), before);
    // Its jobs outlive it.
    let job = until_runs(api, &on, "started", 1).await[0]["job_id"].as_str().expect("a job").parse().expect("an id");
    api.request(reqwest::Method::DELETE, &at(&on), None).await;
    assert_eq!(api.job(job).await["schedule_id"], on["id"]);
    server.stop().await;
}
