//! A database that is away, read-only, full, or refuses something: what the node says of it, and that it recovers by itself.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use stashhog::store::embedded::PrivatePostgres;
use stashhog::store::migrations;

use super::support::api::{Api, id_of};
use super::support::database;
use super::support::server::{Database, Options, Server, binary};
use super::support::wire::Line;
use super::support::{until, until_within};

/// Enough connections for a node and a test.
const PLENTY: u32 = 40;

/// A server on a database of an ordinary role.
async fn server_of_role(connections: u32) -> Server {
    let database = Database::At(database::create_for_role(connections).await);
    Server::start_with(Options { database, ..Options::default() }).await
}

/// Waits until the node says that it is not ready for this reason. The reason.
async fn until_unready(api: &Api, code: &str) -> Value {
    until(&format!("it is not ready because of {code}"), async || {
        let answer = api.get("/health/ready").await;
        let reason = answer.body["reasons"].as_array()?.iter().find(|reason| reason["code"] == code)?.clone();
        assert_eq!((answer.status.as_u16(), &answer.body["ready"]), (503, &json!(false)), "{:#}", answer.body);
        Some(reason)
    })
    .await
}

/// Waits until the node is ready again.
async fn until_ready(api: &Api) {
    let ready = until("it is ready", async || {
        let answer = api.get("/health/ready").await;
        (answer.status == 200).then_some(answer.body)
    })
    .await;
    assert_eq!((&ready["ready"], &ready["reasons"], &ready["database"]), (&json!(true), &json!([]), &json!(true)));
}

/// What a trigger is answered while the database can't take it: a 503 that names the cause.
async fn refusal_of_a_trigger(api: &Api) -> Value {
    let problem = api.post("/api/jobs", json!({ "type": "demo", "params": { "items": 0 } })).await.expect(503);
    assert_eq!(problem["code"], "unavailable", "{problem:#}");
    problem
}

fn assert_tells(reason: &Value, before: DateTime<Utc>, word: &str) {
    let since: DateTime<Utc> = reason["since"].as_str().expect("a time").parse().expect("a time");
    let slack = TimeDelta::seconds(5); // the last success was a little earlier
    assert!(since >= before - slack && since <= Utc::now(), "{reason:#}");
    assert!(reason["message"].as_str().expect("a message").contains(word), "{reason:#}");
}

#[tokio::test]
async fn rights_that_are_missing_are_named_with_the_words_of_the_database() {
    let server = server_of_role(PLENTY).await;
    let (url, api) = (server.database_url.clone(), &server.api);
    let role = url.rsplit_once('=').expect("a database").1.to_owned();
    let before = Utc::now();
    database::execute_as_superuser(
        &url,
        &format!("REVOKE UPDATE ON nodes FROM {role}; REVOKE INSERT ON jobs FROM {role}"),
    )
    .await;
    let reason = until_unready(api, "database_refuses_writes").await;
    assert_tells(&reason, before, "permission denied");
    let problem = refusal_of_a_trigger(api).await;
    assert_eq!(problem["cause"], "database_refuses_writes", "{problem:#}");
    assert!(problem["detail"].as_str().expect("a detail").contains("refuses a write"), "{problem:#}");
    database::execute_as_superuser(&url, &format!("GRANT UPDATE ON nodes TO {role}; GRANT INSERT ON jobs TO {role}"))
        .await;
    until_ready(api).await;
    let id = api.submit("demo", json!({ "items": 1, "item_ms": 1 })).await;
    api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_database_that_only_reads_is_called_read_only() {
    let server = server_of_role(PLENTY).await;
    let (url, api) = (server.database_url.clone(), &server.api);
    let name = url.rsplit_once('=').expect("a database").1.to_owned();
    let before = Utc::now();
    let kill = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'");
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on; {kill}");
    database::execute_as_superuser(&url, &read_only).await;
    assert_tells(&until_unready(api, "database_read_only").await, before, "read-only");
    let problem = refusal_of_a_trigger(api).await;
    assert_eq!(problem["cause"], "database_read_only", "{problem:#}");
    let schedule = json!({ "name": "n", "type": "demo", "cron": "0 0 * * *", "params": {} });
    let problem = api.post("/api/schedules", schedule).await.expect(503);
    assert_eq!(problem["cause"], "database_read_only", "{problem:#}");
    assert_eq!(api.get("/api/jobs").await.status, 200, "reading goes on");
    let writable =
        format!("SET transaction_read_only = off; ALTER DATABASE {name} RESET default_transaction_read_only; {kill}");
    database::execute_as_superuser(&url, &writable).await;
    until_ready(api).await;
    let id = api.submit("demo", json!({ "items": 1, "item_ms": 1 })).await;
    api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_full_disk_is_called_one() {
    let server = Server::start().await;
    let (url, api) = (server.database_url.clone(), &server.api);
    let before = Utc::now();
    // As Postgres says it, in whatever language.
    database::execute(
        &url,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'kein Platz' USING ERRCODE = '53100'; END $$;
         CREATE TRIGGER full_disk BEFORE UPDATE ON nodes FOR EACH ROW EXECUTE FUNCTION full_disk();
         CREATE TRIGGER full_disk BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    .await;
    assert_tells(&until_unready(api, "database_full").await, before, "kein Platz");
    assert_eq!(refusal_of_a_trigger(api).await["cause"], "database_full");
    database::execute(&url, "DROP FUNCTION full_disk CASCADE").await;
    until_ready(api).await;
    let id = api.submit("demo", json!({ "items": 1, "item_ms": 1 })).await;
    api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_called_unreachable_since_it_last_answered() {
    let server = Server::start().await;
    let api = &server.api;
    let job = api.submit("demo", json!({ "items": 10, "item_ms": 100 })).await;
    api.until_status(job, "running").await;
    let before = Utc::now();
    database::cut_off(&server.database_url).await;
    let reason = until_unready(api, "database_unreachable").await;
    assert_tells(&reason, before, "does not answer");
    assert_eq!(api.get("/health/ready").await.body["database"], false);
    let problem = api.get("/api/jobs").await.expect(503);
    assert_eq!((&problem["code"], &problem["cause"]), (&json!("unavailable"), &json!("database_unreachable")));
    assert_eq!(refusal_of_a_trigger(api).await["cause"], "database_unreachable");
    let ends = until_unready(api, "ends_waiting").await;
    assert!(ends["message"].as_str().expect("a message").contains("the ends of 1 jobs"), "{ends:#}");
    database::let_in(&server.database_url).await;
    api.until_status(job, "completed").await;
    until_ready(api).await;
    server.stop().await;
}

#[tokio::test]
async fn handlers_that_take_every_thread_make_the_node_unready_until_they_are_gone() {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) * 4;
    let slots = format!("demo={threads}");
    let server = Server::with(&["--shutdown-grace", "0.2", "--concurrency", &slots]).await;
    let api = &server.api;
    let params = json!({ "items": 1, "item_ms": 12_000, "block": true });
    let ids = api.submit_many("demo", &params, threads).await;
    let reason = until_unready(api, "handler_threads_taken").await;
    assert!(reason["message"].as_str().expect("a message").contains(&format!("all {threads} threads")), "{reason:#}");
    until_ready(api).await;
    for id in ids {
        api.until_status(id, "completed").await;
    }
    server.stop().await;
}

/// How many connections a role has.
async fn connections(url: &str) -> i64 {
    let role = url.rsplit_once('=').expect("a database").1;
    let count = format!("SELECT count(*) AS n FROM pg_stat_activity WHERE usename = '{role}'");
    database::rows(&database::as_superuser(url), &count).await[0]["n"].as_i64().expect("a number")
}

/// Asks for jobs from many clients at once, as long as it is not dropped.
struct Crowd(Vec<tokio::task::JoinHandle<()>>);

impl Crowd {
    fn of(clients: usize, api: &Api) -> Self {
        let ask = |api: Api| async move {
            loop {
                let _ = api.get("/api/jobs").await;
            }
        };
        Self((0..clients).map(|_| tokio::spawn(ask(api.clone()))).collect())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

#[tokio::test]
async fn a_node_works_with_eight_connections_whatever_it_is_asked() {
    let server = server_of_role(8).await;
    let api = &server.api;
    let crowd = Crowd::of(8, api);
    let ids = api.submit_many("demo", &json!({ "items": 1, "item_ms": 1 }), 140).await;
    for id in ids {
        api.until_status(id, "completed").await;
    }
    drop(crowd);
    assert!(connections(&server.database_url).await <= 8);
    until_ready(api).await;
    server.stop().await;
}

#[tokio::test]
async fn a_pool_that_took_the_last_connections_gives_them_back_to_the_actors() {
    let server = server_of_role(PLENTY).await;
    let (url, api) = (server.database_url.clone(), &server.api);
    let role = url.rsplit_once('=').expect("a database").1.to_owned();
    let crowd = Crowd::of(30, api);
    until("the pool is large", async || (connections(&url).await > 12).then_some(())).await;
    // From now on pool and actors have to share eight, and start from nothing: the crowd is faster.
    let fewer = format!(
        "ALTER ROLE {role} CONNECTION LIMIT 8;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
    );
    database::execute_as_superuser(&url, &fewer).await;
    let id = until("a job is stored", async || {
        let answer = api.post("/api/jobs", json!({ "type": "demo", "params": { "items": 1, "item_ms": 1 } })).await;
        (answer.status == 201).then(|| id_of(&answer.body))
    })
    .await;
    until("and completed", async || {
        let job = api.get(&format!("/api/jobs/{id}")).await;
        (job.status == 200 && job.body["status"] == "completed").then_some(())
    })
    .await;
    drop(crowd);
    until_ready(api).await;
    server.stop().await;
}

#[tokio::test]
async fn connections_that_nobody_needs_go_back_to_the_database() {
    let server = server_of_role(PLENTY).await;
    let url = server.database_url.clone();
    let crowd = Crowd::of(30, &server.api);
    until("the pool is large", async || (connections(&url).await > 12).then_some(())).await;
    drop(crowd);
    let few = until_within(Duration::from_secs(150), "it is small", async || {
        let n = connections(&url).await;
        (n <= 6).then_some(n)
    })
    .await;
    assert!(few >= 3, "the actors keep theirs: {few}");
    server.stop().await;
}

#[tokio::test]
async fn too_few_connections_are_refused_at_start_with_what_is_needed() {
    let url = database::create_for_role(5).await;
    let folder = database::folder();
    let ended = std::process::Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--database-url", &url, "--data-dir"])
        .arg(folder.path().join("data"))
        .output()
        .expect("the server");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success());
    assert!(said.contains("5 connections, and a server needs 8"), "{said}");
    until("nothing is left", async || (connections(&url).await == 0).then_some(())).await;
}

#[tokio::test]
async fn the_number_of_connections_is_a_setting() {
    let database = Database::At(database::create_for_role(PLENTY).await);
    let options = Options { database, ..Options::args(&["--db-connections", "9"]) };
    let server = Server::start_with(options).await;
    let crowd = Crowd::of(8, &server.api);
    let ids = server.api.submit_many("demo", &json!({ "items": 20, "item_ms": 10 }), 20).await;
    for id in ids {
        server.api.until_status(id, "completed").await;
        assert!(connections(&server.database_url).await <= 9);
    }
    drop(crowd);
    server.stop().await;
}

/// Processes of a database that serve others than the test.
async fn backends(url: &str) -> Vec<i64> {
    let sql = "SELECT pid FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    database::rows(url, sql).await.iter().map(|row| row["pid"].as_i64().expect("a pid")).collect()
}

/// A migrated database in a cluster of its own.
fn other_server() -> (tempfile::TempDir, PrivatePostgres) {
    let folder = database::folder();
    let postgres = PrivatePostgres::start(folder.path()).expect("the other server");
    let url = postgres.database_url();
    let migrate = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(migrations::run(&url)).expect("migrations");
    };
    std::thread::spawn(migrate).join().expect("migrations");
    (folder, postgres)
}

#[tokio::test]
async fn the_pool_follows_the_actors_after_a_failover_that_leaves_its_sockets_open() {
    let ((_old_folder, old), (_new_folder, new)) = (other_server(), other_server());
    let (old, new) = (old.database_url(), new.database_url());
    let line = Line::to(&old);
    let database = Database::At(line.database_url.clone());
    let server = Server::start_with(Options { database, ..Options::default() }).await;
    let api = &server.api;
    // The actors are connected, each over its own connection, and the pool is not yet.
    let job = json!({ "type": "demo", "params": { "items": 1, "item_ms": 1 } });
    let first = api.post("/api/jobs", job.clone()).await.expect(201);
    until("the actors are connected", async || {
        let done = database::rows(&old, "SELECT 1 AS one FROM jobs WHERE status = 'completed'").await;
        (!done.is_empty()).then_some(())
    })
    .await;
    let actors = backends(&old).await;
    let look = format!("/api/jobs/{}", id_of(&first));
    let looks: Vec<_> = (0..8).map(|_| api.get(&look)).collect();
    for answer in futures_util::future::join_all(looks).await {
        answer.expect(200);
    }
    assert!(backends(&old).await.len() > actors.len(), "the pool is connected");

    // The standby has the node, and becomes the primary. The balancer leads there; the pool's sockets stay open.
    let node = &database::rows(&old, "SELECT * FROM nodes").await[0];
    let copy = format!("INSERT INTO nodes SELECT * FROM jsonb_populate_record(NULL::nodes, $json${node}$json$)");
    database::execute(&new, &copy).await;
    line.switch(&new);
    for pid in actors {
        database::execute(&old, &format!("SELECT pg_terminate_backend({pid})")).await;
    }
    let second = until("a job is stored at the new primary", async || {
        let answer = api.post("/api/jobs", job.clone()).await;
        (answer.status == 201).then_some(answer.body)
    })
    .await;
    let id = id_of(&second);
    assert_eq!(database::rows(&new, &format!("SELECT 1 AS one FROM jobs WHERE id = '{id}'")).await.len(), 1);
    api.until_status(id, "completed").await;
    for _ in 0..20 {
        api.get(&format!("/api/jobs/{id}")).await.expect(200);
        api.get(&look).await.expect(404); // it was lost with the old primary
    }
    server.stop().await;
}
