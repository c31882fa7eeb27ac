//! A server's life: what it runs at a time, how it stops and goes on, and why it would not start.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::program::{Ended, Program};
use crate::support::server::{Options, Server};
use crate::support::{database, until};

/// A demo that runs until it is stopped.
fn endless() -> Value {
    json!({ "items": 1_000_000, "item_ms": 20 })
}

async fn cancel(api: &Api, id: Uuid) {
    api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    api.until_status(id, "cancelled").await;
}

/// How many demos have this status.
async fn count(api: &Api, status: &str) -> usize {
    let page = api.get(&format!("/api/jobs?type=demo&status={status}&limit=500")).await.expect(200);
    page["jobs"].as_array().unwrap().len()
}

#[tokio::test]
async fn as_many_jobs_run_at_a_time_as_the_server_was_told() {
    let server = Server::with(&["--concurrency", "demo=2"]).await;
    let demo = server.api.get("/api/job-types/demo").await.expect(200);
    assert_eq!(demo["runner"]["slots"], 2, "{demo:#}");
    let ids = server.api.submit_many("demo", &endless(), 5).await;
    until("two of them run", async || (count(&server.api, "running").await == 2).then_some(())).await;
    for id in &ids[..3] {
        assert_eq!(count(&server.api, "running").await, 2);
        // In the order in which they were submitted.
        server.api.until_status(*id, "running").await;
        cancel(&server.api, *id).await;
        until("the next one runs", async || (count(&server.api, "running").await == 2).then_some(())).await;
    }
    assert_eq!(count(&server.api, "pending").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_type_without_slots_waits_for_another_server() {
    let server = Server::with(&["--concurrency", "demo=0"]).await;
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    let other = server.api.submit("cleanup", json!({ "dry_run": true })).await;
    server.api.until_status(other, "completed").await;
    assert_eq!(server.api.job(id).await["status"], "pending");
    let server = Server::start_in(server.stop_and_keep().await, &[]).await;
    server.api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn the_highest_priority_goes_first_and_equal_ones_in_order() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let first = server.api.submit("demo", endless()).await;
    server.api.until_status(first, "running").await;
    let mut ids = Vec::new();
    for priority in [0, -5, 10, 0, 10] {
        let job = json!({ "type": "demo", "params": { "items": 1, "item_ms": 1 }, "priority": priority });
        ids.push(id_of(&server.api.post("/api/jobs", job).await.expect(201)));
    }
    cancel(&server.api, first).await;
    for id in &ids {
        server.api.until_status(*id, "completed").await;
    }
    let sql = "SELECT id FROM jobs WHERE status = 'completed' ORDER BY started_at";
    let ran = database::rows(&server.database_url, sql).await;
    let ran: Vec<_> = ran.iter().map(id_of).collect();
    assert_eq!(ran, [2, 4, 0, 3, 1].map(|n: usize| ids[n]));
    server.stop().await;
}

#[tokio::test]
async fn a_stop_lets_jobs_end_and_the_next_start_goes_on_with_the_others() {
    let server = Server::with(&["--shutdown-grace", "30"]).await;
    let willing = server.api.submit("demo", endless()).await;
    // It does not listen, but has little left to do.
    let nearly_done = server.api.submit("demo", json!({ "items": 10, "item_ms": 100, "ignore_cancel": true })).await;
    for id in [willing, nearly_done] {
        server.api.until_status(id, "running").await;
    }
    let kept = server.stop_and_keep().await;
    let server = Server::start_in(kept, &[]).await;
    let done = server.api.job(nearly_done).await;
    assert_eq!((&done["status"], &done["attempt"]), (&json!("completed"), &json!(1)), "it used its grace");
    let again = server.api.until_status(willing, "running").await;
    assert_eq!((&again["attempt"], &again["interruptions"]), (&json!(2), &json!(0)), "{again:#}");
    assert_eq!(server.api.event_kinds(willing).await, ["created", "started", "interrupted", "started"]);
    cancel(&server.api, willing).await;
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_begun_while_a_server_stops() {
    let server = Server::with(&["--shutdown-grace", "30", "--concurrency", "demo=1"]).await;
    let running = server.api.submit("demo", json!({ "items": 10, "item_ms": 100, "ignore_cancel": true })).await;
    server.api.until_status(running, "running").await;
    let waiting = server.api.submit("demo", json!({ "items": 0 })).await;
    let url = server.database_url.clone();
    server.stop().await;
    let jobs = database::rows(&url, "SELECT id, status FROM jobs ORDER BY id").await;
    let expected = [json!({ "id": running, "status": "completed" }), json!({ "id": waiting, "status": "pending" })];
    assert_eq!(jobs, expected);
}

/// `serve` on a folder and a database, to its end, which it is expected to come to by itself.
async fn refused(data_dir: &Path, args: &[&str]) -> Ended {
    let words = ["serve", "--data-dir", data_dir.to_str().unwrap()];
    let ended = Program::new(words.iter().chain(args)).run().await.expect(1);
    assert!(ended.out.is_empty(), "{}", ended.out);
    ended
}

#[track_caller]
fn assert_says(ended: &Ended, words: &[&str]) {
    for word in words {
        assert!(ended.err.contains(word), "`{word}` is missing:\n{}", ended.err);
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_told_who_has_them() {
    let server = Server::start().await;
    let second = refused(&server.data_dir, &["--listen", "127.0.0.1:0", "--database-url", &server.database_url]).await;
    let pid = server.pid().to_string();
    assert_says(&second, &["running server", "--data-dir", &pid, &server.api.url]);
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = database::folder();
    let data_dir = folder.path().join("data");
    let ended = refused(&data_dir, &["--listen", &address]).await;
    assert_says(&ended, &[&address, "--listen", "in use"]);
    assert!(!data_dir.join("postgres").exists() && !data_dir.join("server.json").exists(), "nothing was begun");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let folder = database::folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    // Not even root can make a folder in a file.
    let ended = refused(&file.join("data"), &["--listen", "127.0.0.1:0"]).await;
    assert_says(&ended, &["file/data", "--data-dir"]);
}

#[tokio::test]
async fn a_wrong_database_url_is_told_without_its_password() {
    let folder = database::folder();
    let nobody_listens = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let no_host = format!("postgres://ann:s3cret@{nobody_listens}/hog");
    let no_such_database = {
        let url = database::create().await;
        let (before, _) = url.split_once("dbname=").unwrap();
        format!("{before}password=s3cret dbname=no_such_database")
    };
    let wrong = [
        no_host.as_str(),
        &no_such_database,
        "mysql://ann:s3cret@localhost/hog",
        "postgres://ann:s3cret@localhost:port/hog",
        "postgres://ann:s3cret@localhost/hog?sslmode=maybe",
        "host=localhost password=s3cret nonsense=1",
        "s3cret",
    ];
    for url in wrong {
        let ended = refused(&folder.path().join("data"), &["--listen", "127.0.0.1:0", "--database-url", url]).await;
        assert!(!ended.err.contains("s3cret"), "{url}: {}", ended.err);
        assert!(ended.err.contains("database"), "{url}: {}", ended.err);
    }
}

#[tokio::test]
async fn what_else_is_wrong_is_said_before_anything_is_begun() {
    let folder = database::folder();
    let data_dir = folder.path().join("data");
    let listen = ["--listen", "127.0.0.1:0"];
    let ended = refused(&data_dir, &[listen[0], listen[1], "--concurrency", "dmeo=3"]).await;
    assert_says(&ended, &["dmeo", "near: demo"]);
    let ended = refused(&data_dir, &[listen[0], listen[1], "--media-root", "/no/such/folder"]).await;
    assert_says(&ended, &["/no/such/folder"]);
    assert!(!data_dir.join("postgres").exists());
    let words = ["serve", "--concurrency", "demo=many", "--data-dir", data_dir.to_str().unwrap()];
    Program::new(words).run().await.expect(2);
}

#[tokio::test]
async fn beyond_this_machine_it_listens_only_when_told_twice() {
    let folder = database::folder();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let ended = refused(&folder.path().join("data"), &["--listen", address]).await;
        assert_says(&ended, &["--insecure", "127.0.0.1"]);
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
    let listen = Some("0.0.0.0:0".to_owned());
    let server = Server::start_with(Options { listen, ..Options::args(&["--insecure"]) }).await;
    assert!(server.log().contains("ANYONE"), "it shouts");
    server.api.get("/api/job-types").await.expect(200);
    server.stop().await;
}

#[tokio::test]
async fn a_second_signal_stops_at_once_and_the_next_start_rescues() {
    let server = Server::with(&["--shutdown-grace", "50"]).await;
    let stubborn = server.api.submit("demo", json!({ "items": 1_000_000, "item_ms": 20, "ignore_cancel": true })).await;
    server.api.until_status(stubborn, "running").await;
    server.signal(Signal::SIGTERM);
    until("it is stopping", async || server.log().contains("a second signal stops at once").then_some(())).await;
    let server = server.restart_after(Signal::SIGINT).await;
    // Until it is rescued it is still the running job of a dead server.
    let second = async || Some(server.api.job(stubborn).await).filter(|job| job["attempt"] == 2);
    let job = until("its second attempt", second).await;
    assert_eq!((&job["status"], &job["interruptions"]), (&json!("running"), &json!(1)), "{job:#}");
    cancel(&server.api, stubborn).await;
    server.stop().await;
}
