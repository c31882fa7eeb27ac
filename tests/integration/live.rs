//! The live view: never misses a final state, and no slow client can hurt it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::support::live::Live;
use crate::support::server::Server;
use crate::support::until;

#[tokio::test]
async fn states_arrive_in_order_and_end_with_the_final_one() {
    let server = Server::start().await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    let snapshot = live.next().await;
    assert_eq!((&snapshot["type"], &snapshot["jobs"]), (&json!("snapshot"), &json!([])));
    let id = server.api.submit("demo", json!({ "items": 6, "item_ms": 150 })).await;
    let told = live.until_status(id, "completed").await;
    assert!(told.windows(2).all(|w| w[0].1 < w[1].1), "revs grow: {told:?}");
    assert!(told.iter().filter(|(status, _)| status == "running").count() >= 3, "progress is told: {told:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_reconnects_is_told_what_it_missed() {
    let server = Server::start().await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let before = server.api.submit("demo", json!({ "items": 0 })).await;
    let told = live.until_status(before, "completed").await;
    let since = told.last().expect("a state").1;
    drop(live);
    let missed = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(missed, "completed").await;

    let mut live = Live::connect(&server.api, &format!("/api/jobs/ws?since={since}")).await;
    let first = live.next().await;
    assert_eq!(first["type"], "job_update", "changes, no snapshot: {first:#}");
    let job = first["jobs"].as_array().expect("jobs").iter().find(|job| job["id"] == json!(missed));
    assert_eq!(job.expect("the missed job")["status"], "completed");
    // A number from the future, as of a database that was restored, gets a snapshot.
    let mut live = Live::connect(&server.api, "/api/jobs/ws?since=999999999").await;
    assert_eq!(live.next().await["type"], "snapshot");
    server.stop().await;
}

#[tokio::test]
async fn one_job_is_watched_with_its_log() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let other = server.api.submit("demo", json!({ "items": 10_000, "item_ms": 20, "log_lines": 1 })).await;
    let id = server.api.submit("demo", json!({ "items": 5, "item_ms": 100, "log_lines": 2 })).await;
    let mut live = Live::connect(&server.api, &format!("/api/jobs/{id}/ws?logs=true")).await;
    assert_eq!(live.next_of("snapshot").await["jobs"][0]["status"], "pending", "the other one has the only slot");
    server.api.post(&format!("/api/jobs/{other}/cancel"), json!({})).await.expect(202);
    let mut lines = Vec::new();
    let mut ended = false;
    while !(ended && lines.len() == 10) {
        let frame = live.next().await;
        for job in frame["jobs"].as_array().into_iter().flatten() {
            assert_ne!(job["id"], json!(other), "only the one that was asked for");
            ended |= job["status"] == "completed";
        }
        lines.extend(frame["lines"].as_array().into_iter().flatten().cloned());
    }
    let stored = server.api.get(&format!("/api/jobs/{id}/logs")).await.expect(200);
    assert_eq!(stored["lines"], json!(lines), "what was told is what is stored");
    server.stop().await;
}

#[tokio::test]
async fn nonsense_is_answered_and_the_socket_stays() {
    let server = Server::start().await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    for nonsense in
        ["", "{", "[]", r#"{"type":"dance"}"#, r#"{"type":"subscribe"}"#, r#"{"type":"subscribe","jobs":[7]}"#]
    {
        live.send_text(nonsense).await;
        let answer = live.next().await;
        assert_eq!(answer["type"], "error", "{nonsense}: {answer:#}");
        assert!(answer["message"].is_string());
    }
    live.send(json!({ "type": "ping" })).await;
    assert_eq!(live.next().await, json!({ "type": "pong" }));
    server.stop().await;
}

/// The resident memory of a process in KiB.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// A client that asks for everything with its log, and then does not read.
fn stalled_client(url: &str) -> TcpStream {
    let host = url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).expect("a connection");
    let request = format!(
        "GET /api/jobs/ws?logs=true HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).expect("to ask");
    socket
}

/// Reads text frames until one holds `text`; false when the connection ends first.
fn reads_until(socket: &mut TcpStream, text: &str) -> bool {
    let mut kept: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match socket.read(&mut chunk) {
            Ok(0) | Err(_) => return false,
            Ok(n) => kept.extend_from_slice(&chunk[..n]),
        }
        if String::from_utf8_lossy(&kept).contains(text) {
            return true;
        }
        let tail = kept.len().saturating_sub(4 << 10);
        kept.drain(..tail);
    }
}

#[tokio::test]
async fn a_client_that_stops_reading_costs_bounded_memory_and_learns_the_end() {
    let server = Server::start().await;
    let mut stalled = stalled_client(&server.api.url);
    let mut witness = Live::connect(&server.api, "/api/jobs/ws?logs=true").await;
    witness.next_of("snapshot").await;
    let before = memory(server.pid());
    // 100,000 log lines of which every client wants all.
    let id = server.api.submit("demo", json!({ "items": 1_000, "item_ms": 1, "log_lines": 100 })).await;
    witness.until_status(id, "completed").await;
    let grown = memory(server.pid()).saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more than before");
    let end = format!(r#"{{"id":"{id}","type":"demo","status":"completed""#);
    let learnt = tokio::task::spawn_blocking(move || reads_until(&mut stalled, &end)).await.expect("no panic");
    assert!(learnt, "the client that reads again is told the final state");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_stays_silent_is_hung_up_on() {
    let server = Server::start().await;
    let stalled = stalled_client(&server.api.url);
    until("it is there", async || (server.api.get("/health/ready").await.body["sessions"] == 1).then_some(())).await;
    until("it is gone", async || (server.api.get("/health/ready").await.body["sessions"] == 0).then_some(())).await;
    drop(stalled);
    server.stop().await;
}

#[tokio::test]
async fn progress_called_a_million_times_is_written_seldom_and_ends_exact() {
    let server = Server::start().await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    let first = live.next_of("snapshot").await["rev"].as_i64().expect("a rev");
    let id = server.api.submit("demo", json!({ "items": 1_000_000, "item_ms": 0 })).await;
    let told = live.until_status(id, "completed").await;
    let job = server.api.job(id).await;
    assert_eq!((&job["processed_items"], &job["total_items"]), (&json!(1_000_000), &json!(1_000_000)));
    let seconds = chrono::DateTime::parse_from_rfc3339(job["completed_at"].as_str().expect("a time")).expect("a time")
        - chrono::DateTime::parse_from_rfc3339(job["started_at"].as_str().expect("a time")).expect("a time");
    // Ten writes a second, and a handful for its life.
    let writes = job["rev"].as_i64().expect("a rev") - first;
    assert!(writes <= seconds.num_milliseconds() / 100 + 10, "{writes} writes in {seconds}");
    assert!(told.len() > 1, "some of it was seen live");
    server.stop().await;
}
