//! What several nodes on one Postgres do, measured from outside: release binaries on loopback, one machine, so one clock.
//!
//! Prints one line per figure. Takes about four minutes, most of it waiting for leases to run out, and leaves nothing behind.

#[path = "../tests/integration/support/mod.rs"]
#[allow(dead_code)]
mod support;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::live::Live;
use support::server::{Database, Options, Server};

/// Clusters that lose nodes side by side, and how often each: twenty in all. More would use up the connections of their Postgres.
const CLUSTERS: usize = 4;
const LOSSES: usize = 5;
/// Cancels and ends of jobs.
const TRIES: usize = 300;

#[tokio::main]
async fn main() {
    cancels().await;
    events().await;
    for (what, signal) in [("kill -9", Signal::SIGKILL), ("SIGSTOP", Signal::SIGSTOP)] {
        let each = join_all((0..CLUSTERS).map(|_| losses(signal))).await;
        print_quantiles(&format!("{what} to the next attempt on another node"), each.concat());
    }
}

async fn beside(server: &Server, args: &[&str]) -> Server {
    Server::start_with(Options { database: Database::At(server.database_url.clone()), ..Options::args(args) }).await
}

/// A node that runs demos, and one that does not.
async fn pair() -> (Server, Server) {
    let runs = Server::start().await;
    let asks = beside(&runs, &["--concurrency", "demo=0"]).await;
    support::until("they know of each other", async || {
        let nodes = asks.api.get("/api/nodes").await.expect(200);
        (nodes["nodes"].as_array().is_some_and(|nodes| nodes.len() == 2)).then_some(())
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await; // a beat of each
    (runs, asks)
}

/// A cancel that is asked of one node for a job that another runs, beside one that is asked of its own.
async fn cancels() {
    let (runs, asks) = pair().await;
    for (whom, node) in [("its own node", &runs), ("another node", &asks)] {
        let (mut delivered, mut stopped) = (Vec::new(), Vec::new());
        for _ in 0..TRIES {
            let id = runs.api.submit("demo", json!({ "items": 10_000, "item_ms": 1 })).await;
            runs.api.until_status(id, "running").await;
            let begun = Utc::now();
            node.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
            let job = runs.api.until_status(id, "cancelled").await;
            delivered.push(since(begun, &job["cancel"]["delivered_at"]));
            stopped.push(since(begun, &job["cancel"]["stopped_at"]));
        }
        print_quantiles(&format!("cancel asked of {whom} to heard by the runner"), delivered);
        print_quantiles(&format!("cancel asked of {whom} to stopped (items of 1 ms)"), stopped);
    }
    runs.stop().await;
    asks.stop().await;
}

/// The end of a job, from its time in the database to a client of its own node and to one of another.
async fn events() {
    let (runs, asks) = pair().await;
    for (whom, node) in [("its own node", &runs), ("another node", &asks)] {
        let mut live = Live::connect(&node.api, "/api/jobs/ws").await;
        live.next_of("snapshot").await;
        let mut told = Vec::new();
        for _ in 0..TRIES {
            let id = runs.api.submit("demo", json!({ "items": 0 })).await;
            live.until_status(id, "completed").await;
            let heard = Utc::now();
            let job = runs.api.job(id).await;
            told.push((heard - time(&job["completed_at"])).as_seconds_f64() * 1e3);
        }
        print_quantiles(&format!("end of a job to a client of {whom}"), told);
    }
    runs.stop().await;
    asks.stop().await;
}

/// Takes the node away under a job, again and again. How long until the job ran elsewhere, in milliseconds.
async fn losses(signal: Signal) -> Vec<f64> {
    let mut nodes = vec![Server::start().await];
    nodes.push(beside(&nodes[0], &[]).await);
    let mut took = Vec::new();
    for _ in 0..LOSSES {
        let id = nodes[0].api.submit("demo", json!({ "items": 1_000_000, "item_ms": 50 })).await;
        let job = nodes[0].api.until_status(id, "running").await;
        let listed = nodes[0].api.get("/api/nodes").await.expect(200);
        let of_job = |node: &&Value| node["id"] == job["node_id"];
        let pid = listed["nodes"].as_array().and_then(|nodes| nodes.iter().find(of_job)).map(|n| n["pid"].clone());
        let lost = nodes.iter().position(|node| pid == Some(json!(node.pid()))).expect("the node that runs it");
        let lost = nodes.remove(lost);
        let begun = Utc::now();
        lost.signal(signal);
        let again = support::until("it runs elsewhere", async || {
            let job = nodes[0].api.job(id).await;
            (job["status"] == "running" && job["attempt"] == 2).then_some(job)
        })
        .await;
        took.push(since(begun, &again["started_at"]));
        drop(lost); // killed, if it only stood still
        nodes[0].api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
        nodes[0].api.until_status(id, "cancelled").await;
        nodes.push(beside(&nodes[0], &[]).await);
    }
    for node in nodes {
        node.stop().await;
    }
    took
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

/// Milliseconds since `begun`.
fn since(begun: DateTime<Utc>, at: &Value) -> f64 {
    (time(at) - begun).as_seconds_f64() * 1e3
}

fn print_quantiles(what: &str, mut ms: Vec<f64>) {
    ms.sort_by(f64::total_cmp);
    let at = |q: f64| ms[((ms.len() - 1) as f64 * q) as usize];
    println!("{what}: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms ({} tries)", at(0.5), at(0.99), at(1.0), ms.len());
}
