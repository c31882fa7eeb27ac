//! What a type may say of its jobs (how many run, how often they start, how long they take, what follows a failure) holds in
//! the whole cluster. The types are those of `examples/policies.rs`.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::server::{Database, Options, Server, example};
use crate::support::{database, until};

fn policies() -> PathBuf {
    example("policies")
}

async fn server() -> Server {
    Server::start_with(Options { program: Some(policies()), ..Options::default() }).await
}

/// Two nodes on one database.
async fn two_nodes() -> [Server; 2] {
    let program = policies();
    let one = Server::start_with(Options { program: Some(program.clone()), ..Options::default() }).await;
    let database = Database::At(one.database_url.clone());
    let other = Server::start_with(Options { program: Some(program), database, ..Options::default() }).await;
    [one, other]
}

async fn stop(nodes: [Server; 2]) {
    for node in nodes {
        node.stop().await;
    }
}

/// Submits jobs to both nodes in turn and waits for their ends, and does so again until both nodes have run some: which of them
/// claims a job that both may run is not promised.
async fn run_on_both(nodes: &[Server; 2], type_name: &str, params: &Value, count: usize) {
    until("both nodes ran some", async || {
        let mut ids = Vec::new();
        for node in nodes.iter().cycle().take(count) {
            ids.push(node.api.submit(type_name, params.clone()).await);
        }
        for id in ids {
            nodes[0].api.until_status(id, "completed").await;
        }
        let (_, took_part) = most_beside_each_other(&nodes[0].database_url).await;
        (took_part == 2).then_some(())
    })
    .await;
}

/// The most jobs that ran beside each other, by what is stored of them; and how many nodes ran them.
async fn most_beside_each_other(url: &str) -> (i64, i64) {
    let query = "SELECT max((SELECT count(*) FROM jobs other
                             WHERE other.started_at <= jobs.started_at AND other.completed_at > jobs.started_at)) AS most,
                        count(DISTINCT node_id) AS nodes FROM jobs";
    let found = database::rows(url, query).await;
    (found[0]["most"].as_i64().expect("a number"), found[0]["nodes"].as_i64().expect("a number"))
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

#[tokio::test]
async fn one_of_a_serial_type_runs_in_the_whole_cluster() {
    let nodes = two_nodes().await;
    run_on_both(&nodes, "take_turns", &json!({ "ms": 20 }), 40).await;
    assert_eq!(most_beside_each_other(&nodes[0].database_url).await, (1, 2));
    stop(nodes).await;
}

#[tokio::test]
async fn a_limit_in_the_cluster_holds_however_many_slots_the_nodes_have() {
    let nodes = two_nodes().await;
    let described = nodes[1].api.get("/api/job-types/walk_in_pairs").await.expect(200);
    assert_eq!((&described["concurrency"], &described["in_cluster"]), (&json!(4), &json!(2)));
    run_on_both(&nodes, "walk_in_pairs", &json!({ "ms": 30 }), 40).await;
    assert_eq!(most_beside_each_other(&nodes[0].database_url).await, (2, 2));

    let mut held = Vec::new();
    for node in &nodes {
        held.push(node.api.submit("walk_in_pairs", json!({ "ms": 600_000 })).await);
    }
    for id in &held {
        nodes[0].api.until_status(*id, "running").await;
    }
    let waiting = nodes[0].api.submit("walk_in_pairs", json!({})).await;
    let told = nodes[1].api.get(&format!("/api/jobs/{waiting}/explain")).await.expect(200);
    assert_eq!((&told["code"], &told["in_cluster"]), (&json!("cluster_limit"), &json!(2)), "{told:#}");
    assert_eq!(told["held_by"].as_array().map(Vec::len), Some(2), "{told:#}");
    let says = told["sentence"].as_str().unwrap_or_default();
    assert!(says.starts_with("At most 2 Walk in Pairs run in the cluster, and 2 do"), "{says}");
    for id in held {
        nodes[0].api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    }
    nodes[0].api.until_status(waiting, "completed").await;
    stop(nodes).await;
}

#[tokio::test]
async fn no_more_jobs_start_within_a_period_than_the_rate_limit_says() {
    let nodes = two_nodes().await;
    let ids = nodes[0].api.submit_many("keep_pace", &json!({}), 10).await;
    let last = ids[9];
    let told = until("the limit holds it back", async || {
        let told = nodes[1].api.get(&format!("/api/jobs/{last}/explain")).await.expect(200);
        (told["code"] == "rate_limited").then_some(told)
    })
    .await;
    assert!(time(&told["rate_until"]) <= Utc::now() + TimeDelta::seconds(2), "{told:#}");
    assert!(told["sentence"].as_str().is_some_and(|said| said.starts_with("The rate limit of Keep Pace")), "{told:#}");
    for id in ids {
        nodes[0].api.until_status(id, "completed").await;
    }
    let url = &nodes[0].database_url;
    let spans = "SELECT started_at, (SELECT count(*) FROM jobs other WHERE other.started_at
                    BETWEEN jobs.started_at AND jobs.started_at + interval '1.999 seconds') AS starts
                 FROM jobs ORDER BY started_at";
    let spans = database::rows(url, spans).await;
    assert!(spans.iter().all(|span| span["starts"].as_i64() <= Some(3)), "{spans:#?}");
    let took = time(&spans[9]["started_at"]) - time(&spans[0]["started_at"]);
    assert!(took >= TimeDelta::seconds(6) && took < TimeDelta::seconds(20), "three, three, three and one in {took}");
    assert!(database::rows(url, "SELECT FROM recent_starts").await.len() <= 3, "what the limit looks back to is kept");
    stop(nodes).await;
}

#[tokio::test]
async fn a_job_that_waited_long_enough_comes_before_a_more_important_one() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let (api, url) = (&server.api, &server.database_url);
    let submit = async |priority: i32| {
        let job = json!({ "type": "demo", "params": { "items": 0 }, "priority": priority });
        id_of(&api.post("/api/jobs", job).await.expect(201))
    };
    api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let old = submit(0).await;
    // A point of priority is worth ten minutes.
    database::execute(url, "UPDATE jobs SET turn_at = turn_at - interval '21 minutes'").await;
    let (new, important, less) = (submit(2).await, submit(3).await, submit(-1).await);
    let ahead = async |id: Uuid| api.get(&format!("/api/jobs/{id}/explain")).await.expect(200)["ahead"].clone();
    assert_eq!([ahead(important).await, ahead(old).await, ahead(new).await, ahead(less).await], [0, 1, 2, 3]);
    api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
    for id in [important, old, new, less] {
        api.until_status(id, "completed").await;
    }
    let order = database::rows(url, "SELECT id FROM jobs ORDER BY started_at").await;
    assert_eq!(order.iter().map(id_of).collect::<Vec<_>>(), [important, old, new, less]);
    server.stop().await;
}

async fn attempts(api: &Api, id: Uuid) -> Vec<Value> {
    let page = api.get(&format!("/api/jobs/{id}/attempts")).await.expect(200);
    assert_eq!(page["prev"], Value::Null);
    page["attempts"].as_array().expect("attempts").clone()
}

#[tokio::test]
async fn a_failed_attempt_is_followed_by_another_after_a_pause_that_doubles() {
    let server = server().await;
    let id = server.api.submit("try_again", json!({ "failures": 2 })).await;
    let waits = until("the first attempt failed", async || {
        let job = server.api.job(id).await;
        (job["failures"] == 1).then_some(job)
    })
    .await;
    assert_eq!([&waits["max_retries"], &waits["attempt"]], [&json!(3), &json!(1)]);
    let job = server.api.until_status(id, "completed").await;
    assert_eq!([&job["attempt"], &job["failures"], &job["interruptions"]], [&json!(3), &json!(2), &json!(0)]);
    assert_eq!(job["error"], Value::Null, "what failed before is history");
    assert_eq!(
        server.api.event_kinds(id).await,
        ["created", "started", "attempt_failed", "started", "attempt_failed", "started", "completed"]
    );
    let told = attempts(&server.api, id).await;
    assert_eq!(told.iter().map(|a| a["attempt"].clone()).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(
        told.iter().map(|a| a["ended"].clone()).collect::<Vec<_>>(),
        ["completed", "attempt_failed", "attempt_failed"]
    );
    assert_eq!([&told[1]["error"], &told[2]["error"]], ["attempt 2 fails", "attempt 1 fails"]);
    for (attempt, next, longest) in [(&told[2], &told[1], 400), (&told[1], &told[0], 800)] {
        assert!(attempt["node_id"].is_string() && time(&attempt["started_at"]) <= time(&attempt["ended_at"]));
        let pause = (time(&attempt["retry_at"]) - time(&attempt["ended_at"])).num_milliseconds();
        assert!((longest / 2..=longest).contains(&pause), "{pause} ms: {told:#?}");
        assert!(time(&next["started_at"]) >= time(&attempt["retry_at"]), "{told:#?}");
    }
    let page = server.api.get(&format!("/api/jobs/{id}/attempts?limit=2")).await.expect(200);
    assert_eq!(page["prev"], 2);
    let rest = server.api.get(&format!("/api/jobs/{id}/attempts?before=2")).await.expect(200);
    assert_eq!(rest["attempts"], json!([told[2]]));
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_every_time_has_failed_when_its_retries_are_used_up() {
    let server = server().await;
    let id = server.api.submit("try_again", json!({ "failures": 9 })).await;
    let job = server.api.until_status(id, "failed").await;
    assert_eq!([&job["attempt"], &job["failures"]], [&json!(4), &json!(3)]);
    assert_eq!((&job["error"], &job["outcome"]), (&json!("attempt 4 fails"), &json!("failed")));
    assert_eq!(server.api.event_kinds(id).await.last().map(String::as_str), Some("failed"));
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_waits_for_its_retry_says_so_and_can_be_cancelled() {
    let server = server().await;
    let id = server.api.submit("try_again", json!({ "failures": 9, "ms": 300 })).await;
    server.api.until_status(id, "running").await;
    server.api.post("/api/job-types/try_again/pause", json!({})).await.expect(200); // its second attempt waits for us
    until("it waits", async || (server.api.job(id).await["failures"] == 1).then_some(())).await;
    database::execute(&server.database_url, "UPDATE jobs SET run_at = now() + interval '1 hour'").await;
    server.api.post("/api/job-types/try_again/resume", json!({})).await.expect(200);
    let job = server.api.job(id).await;
    assert_eq!((&job["status"], &job["error"]), (&json!("pending"), &json!("attempt 1 fails")));
    let told = server.api.get(&format!("/api/jobs/{id}/explain")).await.expect(200);
    assert_eq!(told["code"], "retry_at", "{told:#}");
    let says = told["sentence"].as_str().unwrap_or_default();
    assert!(says.starts_with("Attempt 1 failed: attempt 1 fails. Retry 1 of 3 waits until "), "{says}");
    server.api.post(&format!("/api/jobs/{id}/cancel"), json!({ "reason": "enough" })).await.expect(202);
    let job = server.api.until_status(id, "cancelled").await;
    assert_eq!(job["cancel"]["reason"], "enough");
    server.stop().await;
}

#[tokio::test]
async fn a_job_whose_time_is_up_climbs_the_ladder_and_fails() {
    let server = server().await;
    let heeds = server.api.submit("hurry_up", json!({ "heeds": true })).await;
    let stubborn = server.api.submit("hurry_up", json!({})).await;
    let told = until("its time is up", async || {
        let told = server.api.get(&format!("/api/jobs/{stubborn}/explain")).await.expect(200);
        (told["code"] == "timed_out").then_some(told)
    })
    .await;
    assert!(told["sentence"].as_str().is_some_and(|said| said.contains("as its time was up")), "{told:#}");
    for (id, last) in [(heeds, "stopped_at"), (stubborn, "aborted_at")] {
        let job = server.api.until_status(id, "failed").await;
        assert_eq!(job["error"], "timed out after 1 s");
        let ladder = &job["cancel"];
        assert_eq!((&ladder["requested_by"], &ladder["reason"]), (&json!("timeout"), &json!("timeout")));
        assert!(time(&ladder["requested_at"]) <= time(&ladder["delivered_at"]), "{ladder:#}");
        assert!(ladder[last].is_string(), "{ladder:#}");
    }
    let kinds = server.api.event_kinds(stubborn).await;
    assert_eq!(kinds, ["created", "started", "timed_out", "cancel_delivered", "cancel_aborted", "failed"]);
    server.stop().await;
}
