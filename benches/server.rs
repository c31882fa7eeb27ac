//! What the whole server does, measured from outside: the release binary on a private Postgres, on loopback.
//!
//! Prints one line per figure. `STASHHOG_BENCH_DIR` names the folder that is scanned, `/usr/share` otherwise. Takes about two
//! minutes and leaves nothing behind.

#[path = "../tests/integration/support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use support::server::{Database, Options, Server};

#[tokio::main]
async fn main() {
    start_up().await;
    pickup_and_cancel().await;
    throughput().await;
    scan().await;
}

async fn server(args: &[&str]) -> Server {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    Server::start_with(Options { database: Database::Private, args, ..Options::default() }).await
}

async fn start_up() {
    let begun = Instant::now();
    let first = server(&[]).await;
    println!("first start to ready: {:.0?} (with initdb)", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("memory of the idle server without Postgres: {:.1} MiB", memory(first.pid()));
    let begun = Instant::now();
    let again = first.crash_and_restart().await;
    println!("start after kill -9 to ready: {:.0?}", begun.elapsed());
    let begun = Instant::now();
    let folder = again.stop_and_keep().await;
    println!("stop, Postgres included: {:.0?}", begun.elapsed());
    let begun = Instant::now();
    let warm = Server::start_in(folder, &[]).await;
    println!("later start to ready: {:.0?}", begun.elapsed());
    warm.stop().await;
}

/// Trigger to the handler's first line, cancel to stopped; one at a time on an idle server.
async fn pickup_and_cancel() {
    const PICKUPS: usize = 200;
    const CANCELS: usize = 100;
    let server = server(&[]).await;
    let mut pickups = Vec::new();
    for n in 0..PICKUPS + 20 {
        let begun = Utc::now();
        let id = server.api.submit("demo", json!({ "items": 1, "item_ms": 0, "log_lines": 1 })).await;
        server.api.until_status(id, "completed").await;
        let log = server.api.get(&format!("/api/jobs/{id}/logs")).await.expect(200);
        if n >= 20 {
            pickups.push(since(begun, &log["lines"][0]["at"]));
        }
    }
    print_quantiles("trigger (request begun) to handler started", pickups);
    let mut cancels = Vec::new();
    for _ in 0..CANCELS {
        let id = server.api.submit("demo", json!({ "items": 10_000, "item_ms": 20 })).await;
        server.api.until_status(id, "running").await;
        let begun = Utc::now();
        server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
        let job = server.api.until_status(id, "cancelled").await;
        cancels.push(since(begun, &job["cancel"]["stopped_at"]));
    }
    print_quantiles("cancel (request begun) to stopped and stored, items of 20 ms", cancels);
    server.stop().await;
}

/// No-op jobs from a filled queue.
async fn throughput() {
    const BATCH: usize = 5_000;
    for count in [20_000, 100_000] {
        let filling = server(&["--concurrency", "demo=0"]).await;
        let begun = Instant::now();
        for _ in 0..count / BATCH {
            filling.api.submit_many("demo", &json!({ "items": 0 }), BATCH).await;
        }
        let bulk = count as f64 / begun.elapsed().as_secs_f64();
        let folder = filling.stop_and_keep().await;
        let begun = Instant::now();
        let draining = Server::start_in(folder, &["--concurrency", "demo=500"]).await;
        support::until("the queue is empty", async || {
            let stats = draining.api.get("/api/stats").await.expect(200);
            stats["active"].as_array().is_some_and(Vec::is_empty).then_some(())
        })
        .await;
        let seconds = span(&draining).await;
        println!(
            "{count} no-op jobs: {:.0} jobs/s (first started to last completed), enqueued in batches at {bulk:.0} jobs/s, \
             {:.1} s from the start of the process, {:.1} MiB",
            count as f64 / seconds,
            begun.elapsed().as_secs_f64(),
            memory(draining.pid())
        );
        draining.stop().await;
    }
}

#[derive(diesel::QueryableByName)]
struct Span {
    #[diesel(sql_type = diesel::sql_types::Double)]
    seconds: f64,
}

/// From the first job's start to the last one's end.
async fn span(server: &Server) -> f64 {
    let url = format!("host={}/postgres user=stashhog dbname=stashhog", server.data_dir.display());
    let sql = "SELECT extract(epoch FROM max(completed_at) - min(started_at))::float8 AS seconds FROM jobs";
    let mut conn = support::database::connect(&url).await;
    sql_query(sql).get_result::<Span>(&mut conn).await.expect("a span").seconds
}

/// The scan beside what the system's own tools need for the same files.
async fn scan() {
    let dir = PathBuf::from(std::env::var_os("STASHHOG_BENCH_DIR").unwrap_or_else(|| "/usr/share".into()));
    let shown = dir.display().to_string();
    let server = server(&["--media-root", &shown]).await;
    let find = format!("find '{shown}' -type f | wc -l");
    let hash = format!("find '{shown}' -type f -print0 | xargs -0 sha256sum");
    shell(&hash); // the page cache is warm for all of them
    let files: f64 = String::from_utf8_lossy(&shell(&find).1).trim().parse().expect("a count");
    println!("{shown}: {files} files");
    println!("  find | wc -l: {:.0} files/s", files / shell(&find).0);
    println!("  sha256sum: {:.0} files/s", files / shell(&hash).0);
    for (what, params) in [
        ("first scan", json!({ "path": shown })),
        ("scan again, nothing changed", json!({ "path": shown })),
        ("scan with SHA-256", json!({ "path": shown, "sha256": true })),
    ] {
        let id = server.api.submit("scan_library", params).await;
        let job = server.api.until_status(id, "completed").await;
        let seconds = (time(&job["completed_at"]) - time(&job["started_at"])).as_seconds_f64();
        println!("  {what}: {:.0} files/s ({seconds:.2} s), {:.1} MiB", files / seconds, memory(server.pid()));
    }
    server.stop().await;
}

fn shell(script: &str) -> (f64, Vec<u8>) {
    let begun = Instant::now();
    let ran = Command::new("sh").args(["-c", script]).stderr(Stdio::null()).output().expect("a shell");
    (begun.elapsed().as_secs_f64(), ran.stdout)
}

fn memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

/// Milliseconds since `begun`, by the one clock of this machine.
fn since(begun: DateTime<Utc>, at: &Value) -> f64 {
    (time(at) - begun).as_seconds_f64() * 1e3
}

fn print_quantiles(what: &str, mut ms: Vec<f64>) {
    ms.sort_by(f64::total_cmp);
    let at = |q: f64| ms[((ms.len() - 1) as f64 * q) as usize];
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms ({} tries)", at(0.5), at(0.99), at(1.0), ms.len());
}
