//! What a sync costs: the release binary on a private Postgres, a fake Stash with 100,000 scenes, all on loopback.
//!
//! Prints one line per figure. `STASHHOG_BENCH_SCENES` sets another number of scenes. The fake runs in this process and takes its
//! share of the machine. Leaves nothing behind.

#[path = "../tests/integration/support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use stashhog::testing::stash::FakeStash;
use support::server::{Database, Options, Server};

#[tokio::main]
async fn main() {
    let scenes = std::env::var("STASHHOG_BENCH_SCENES").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let stash = FakeStash::start();
    stash.have_scenes(scenes);
    let env = vec![("STASHHOG_STASH_URL", stash.url().into())];
    let server = Server::start_with(Options { database: Database::Private, env, ..Options::default() }).await;
    println!("{scenes} scenes, and the performers, tags and studios that they name");
    for (what, params) in [
        ("first sync", json!({})),
        ("again, nothing changed", json!({})),
        ("full sync, nothing changed", json!({ "full_resync": true })),
    ] {
        measure(&server, &stash, what, params).await;
    }
    server.stop().await;
}

async fn measure(server: &Server, stash: &FakeStash, what: &str, params: Value) {
    let (asked, before) = (stash.calls().len(), work(server).await);
    let over = Arc::new(AtomicBool::new(false));
    let peak = tokio::spawn(peak(server.pid(), Arc::clone(&over)));
    let id = server.api.submit("sync", params).await;
    let job = support::until_within(Duration::from_secs(1_800), "the sync ends", async || {
        let job = server.api.job(id).await;
        matches!(job["status"].as_str(), Some("completed" | "failed")).then_some(job)
    })
    .await;
    over.store(true, Ordering::Relaxed);
    assert_eq!(job["outcome"], "completed", "{job:#}");
    let seconds = (time(&job["completed_at"]) - time(&job["started_at"])).as_seconds_f64();
    let seen = job["processed_items"].as_f64().unwrap_or_default();
    let after = work(server).await;
    println!(
        "  {what}: {seconds:.2} s, {:.0} items/s; {} questions to Stash; {} transactions and {} rows written in the database; \
         {:.1} MiB at most",
        seen / seconds,
        stash.calls().len() - asked,
        after.0 - before.0,
        after.1 - before.1,
        peak.await.expect("its memory")
    );
}

#[derive(diesel::QueryableByName)]
struct Work {
    #[diesel(sql_type = BigInt)]
    transactions: i64,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Transactions and rows written so far in the library's tables, as Postgres counts them, once it has caught up.
async fn work(server: &Server) -> (i64, i64) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let url = format!("host={}/postgres user=stashhog dbname=stashhog", server.data_dir.display());
    let sql = "SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions,
                      (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables
                       WHERE relname IN ('scenes', 'performers', 'tags', 'studios', 'scene_tags', 'scene_performers',
                                         'scene_groups')) AS rows";
    let mut conn = support::database::connect(&url).await;
    let work: Work = sql_query(sql).get_result(&mut conn).await.expect("its work");
    (work.transactions, work.rows)
}

/// The most memory that the server has until it is over.
async fn peak(pid: u32, over: Arc<AtomicBool>) -> f64 {
    let mut most = 0_f64;
    while !AtomicBool::load(&over, Ordering::Relaxed) {
        most = most.max(memory(pid));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    most
}

fn memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}
