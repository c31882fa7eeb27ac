//! What a job costs the database, counted by Postgres itself. It must not depend on how long the queue is, how much is finished, or
//! what the statistics say: `VACUUM ANALYZE` comes first, as autovacuum does within minutes.

use serde_json::{Value, json};

use crate::support::server::{Database, Options, Server};
use crate::support::{database, until};

/// Jobs that a queue is filled with: enough that reading all of them once shows.
const MANY: u32 = 40_000;

/// Rows of `jobs` from one number to before another, of this status, whose time comes after an interval.
fn rows(from: u32, until: u32, status: &str, after: &str) -> String {
    format!(
        "INSERT INTO jobs (id, type, status, params, created_by, run_at, turn_at, completed_at)
         SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::int8), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
                'demo', '{status}', '{{\"items\": 0}}', 'test', now() + interval '{after}', now() + interval '{after}' + n * interval '1 us',
                CASE '{status}' WHEN 'completed' THEN now() - interval '1 hour' END
         FROM generate_series({from}, {until} - 1) n"
    )
}

/// A database with these jobs, and statistics about them.
async fn filled(inserts: &[String]) -> String {
    let url = database::create().await;
    for insert in inserts {
        database::execute(&url, insert).await;
    }
    for table in ["jobs", "job_events", "recent_starts", "nodes", "pauses"] {
        database::execute(&url, &format!("VACUUM ANALYZE {table}")).await;
    }
    url
}

async fn on(url: &str) -> Server {
    let args = ["--concurrency", "demo=8"].map(str::to_owned).to_vec();
    Server::start_with(Options { database: Database::At(url.to_owned()), args, ..Options::default() }).await
}

/// Counted without a look at `jobs`: that would be counted too.
async fn ended(url: &str) -> i64 {
    count(url, "SELECT count(*) AS n FROM job_events WHERE kind = 'completed'").await
}

async fn count(url: &str, query: &str) -> i64 {
    database::rows(url, query).await[0]["n"].as_i64().expect(query)
}

/// What was read of `jobs` since the database was made.
struct Read {
    sequentially: i64,
    by_index: i64,
    of_the_queue: i64,
}

impl Read {
    /// Sessions report their last figures when they end: the servers have stopped.
    async fn of(url: &str) -> Self {
        let others = "SELECT count(*) AS n FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        until("all sessions are over", async || (count(url, others).await == 0).then_some(())).await;
        let table: Value = database::rows(
            url,
            "SELECT seq_tup_read, idx_tup_fetch,
                    (SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_claim') AS claim
             FROM pg_stat_user_tables WHERE relname = 'jobs'",
        )
        .await
        .remove(0);
        let figure = |name: &str| table[name].as_i64().expect("a figure");
        Self { sequentially: figure("seq_tup_read"), by_index: figure("idx_tup_fetch"), of_the_queue: figure("claim") }
    }
}

/// Runs jobs on a database and asserts that each cost a bounded number of rows, whatever else is in it.
async fn assert_cheap(case: &str, url: &str, run: impl AsyncFnOnce(&Server)) {
    let before = Read::of(url).await;
    let server = on(url).await;
    run(&server).await;
    server.stop().await;
    let jobs = ended(url).await;
    let after = Read::of(url).await;
    let (by_index, queue) = (after.by_index - before.by_index, after.of_the_queue - before.of_the_queue);
    println!("{case}: {jobs} jobs, {by_index} rows by index, {queue} entries of the queue");
    assert_eq!(after.sequentially - before.sequentially, 0, "{case}: rows read one after the other, for {jobs} jobs");
    assert!(by_index <= 60 * jobs, "{case}: {by_index} rows read by index for {jobs} jobs");
    assert!(queue <= 40 * jobs, "{case}: {queue} entries of the queue read for {jobs} jobs");
}

/// Until some hundred more of the jobs that wait have ended.
async fn some_end(server: &Server) {
    let url = &server.database_url;
    until("jobs ended", async || (ended(url).await >= 400).then_some(())).await;
}

#[tokio::test]
async fn a_job_costs_the_same_when_all_of_a_long_table_waits() {
    let url = filled(&[rows(0, MANY, "pending", "0")]).await;
    assert_cheap("all pending", &url, some_end).await;
}

#[tokio::test]
async fn a_job_costs_the_same_when_few_of_a_long_table_wait() {
    let url = filled(&[rows(0, MANY, "completed", "0"), rows(MANY, MANY + 2_000, "pending", "0")]).await;
    assert_cheap("few pending", &url, some_end).await;
}

/// Statistics of a time at which next to nothing waited.
#[tokio::test]
async fn a_job_costs_the_same_when_the_statistics_are_wrong() {
    let url = filled(&[rows(0, MANY, "completed", "0"), rows(MANY, MANY + 100, "pending", "0")]).await;
    database::execute(&url, "ALTER TABLE jobs SET (autovacuum_enabled = off)").await;
    database::execute(&url, &rows(MANY + 100, 2 * MANY, "pending", "0")).await;
    assert_cheap("stale statistics", &url, some_end).await;
}

#[tokio::test]
async fn jobs_that_wait_for_their_time_cost_the_others_nothing() {
    let url = filled(&[rows(0, MANY, "pending", "1 day")]).await;
    assert_cheap("all later", &url, async |server| {
        for _ in 0..40 {
            let id = server.api.submit("demo", json!({ "items": 0 })).await;
            server.api.until_status(id, "completed").await;
        }
    })
    .await;
}
