//! Live clients that misbehave: they are answered or hung up on, cost bounded memory, and hurt nobody else.

use std::fs;

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::live::Live;
use crate::support::server::Server;
use crate::support::{DEADLINE, until};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(api: &Api) -> Socket {
    let url = format!("{}/api/jobs/ws", api.url.replacen("http", "ws", 1));
    connect_async(url).await.expect("an upgrade").0
}

/// The next text.
async fn text(socket: &mut Socket) -> String {
    loop {
        let frame = tokio::time::timeout(DEADLINE, socket.next()).await.expect("a frame in time");
        if let Message::Text(text) = frame.expect("an open socket").expect("a frame") {
            return text.to_string();
        }
    }
}

/// Reads until the server hangs up. Its reason.
async fn close_code(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        match tokio::time::timeout(DEADLINE, socket.next()).await.expect("the end in time") {
            Some(Ok(Message::Close(reason))) => return reason.map(|reason| reason.code),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

async fn no_sessions(api: &Api) {
    until("no session is left", async || (api.get("/health/ready").await.body["sessions"] == 0).then_some(())).await;
}

#[tokio::test]
async fn frames_of_another_kind_are_answered_and_the_socket_stays() {
    let server = Server::start().await;
    let mut socket = connect(&server.api).await;
    text(&mut socket).await; // the snapshot
    let piece = |text: &str, code, last| Message::Frame(Frame::message(text.to_owned(), OpCode::Data(code), last));
    for frame in [
        Message::binary(vec![0xff; 1000]),
        Message::binary(br#"{"type":"ping"}"#.to_vec()),
        piece(r#"{"type":"#, Data::Text, false),
        piece(r#""ping"}"#, Data::Continue, true),
    ] {
        socket.send(frame).await.expect("to send");
        assert!(text(&mut socket).await.contains("bad_message"));
    }
    socket.send(Message::Ping(vec![7; 100].into())).await.expect("to send");
    socket.send(Message::text(r#"{"type":"ping"}"#)).await.expect("to send");
    assert_eq!(text(&mut socket).await, r#"{"type":"pong"}"#);
    drop(socket);
    no_sessions(&server.api).await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_hung_up_on_and_told_why() {
    let server = Server::start().await;
    let mut socket = connect(&server.api).await;
    socket.send(Message::text(" ".repeat(100 << 10))).await.expect("to send");
    assert_eq!(close_code(&mut socket).await, Some(CloseCode::Size));
    let mut socket = connect(&server.api).await;
    let lost = Frame::message("x", OpCode::Data(Data::Continue), true);
    socket.send(Message::Frame(lost)).await.expect("to send");
    assert_eq!(close_code(&mut socket).await, Some(CloseCode::Protocol));
    no_sessions(&server.api).await;
    server.stop().await;
}

#[tokio::test]
async fn what_a_client_may_name_is_bounded() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(id, "completed").await;
    let mut live = Live::connect(&server.api, &format!("/api/jobs/{id}/ws")).await;
    live.next_of("snapshot").await;
    let jobs = |n: usize| json!({ "type": "subscribe", "jobs": (0..n).map(|_| Uuid::now_v7()).collect::<Vec<_>>() });
    let types = |n: usize| json!({ "type": "subscribe", "types": (0..n).map(|k| format!("t{k}")).collect::<Vec<_>>() });
    for (message, code) in [
        (jobs(1_000), "too_many_jobs"),
        (types(201), "too_many_types"),
        (json!({ "type": "subscribe", "types": ["x".repeat(201)] }), "bad_subscription"),
        (json!({ "type": "unsubscribe", "types": ["a\0b"] }), "bad_subscription"),
        (json!({ "type": "subscribe", "all": true, "types": ["demo"] }), "bad_subscription"),
    ] {
        live.send(message).await;
        assert_eq!(live.next().await["code"], code);
    }
    for message in [jobs(999), types(200), types(200)] {
        live.send(message).await;
        assert_eq!(live.next().await["type"], "snapshot", "what it may name, and may name again");
    }
    for since in [i64::MIN, -1, 0, i64::MAX] {
        live.send(json!({ "type": "subscribe", "all": true, "since": since })).await;
        assert!(live.next().await["rev"].is_i64(), "{since}");
    }
    server.stop().await;
}

#[tokio::test]
async fn wishes_are_granted_in_their_order() {
    let server = Server::start().await;
    let first = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(first, "completed").await;
    let mut live = Live::connect(&server.api, &format!("/api/jobs/{first}/ws")).await;
    for kind in ["subscribe", "unsubscribe", "subscribe", "unsubscribe"] {
        live.send(json!({ "type": kind, "types": ["demo"] })).await;
    }
    live.send(json!({ "type": "subscribe", "types": ["cleanup"] })).await;
    for _ in 0..4 {
        live.next_of("snapshot").await;
    }
    let unwanted = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(unwanted, "completed").await;
    let wanted = server.api.submit("cleanup", json!({ "dry_run": true })).await;
    live.until_status(wanted, "completed").await;
    live.send(json!({ "type": "subscribe", "jobs": [unwanted] })).await;
    let snapshot = live.next_of("snapshot").await;
    assert_eq!(snapshot["jobs"][0]["id"], json!(unwanted));
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_is_not_told_of_a_type_any_more_hears_nothing_of_it() {
    let server = Server::start().await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    live.send(json!({ "type": "unsubscribe", "all": true })).await;
    live.send(json!({ "type": "ping" })).await;
    live.next_of("pong").await;
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    server.api.until_status(id, "completed").await;
    live.send(json!({ "type": "ping" })).await;
    assert_eq!(live.next().await["type"], "pong", "and nothing before it");
    server.stop().await;
}

#[tokio::test]
async fn a_thousand_wishes_at_once_are_granted_one_by_one_or_refused() {
    let server = Server::start().await;
    server.api.submit_many("demo", &json!({ "items": 0 }), 200).await;
    let mut socket = connect(&server.api).await;
    for _ in 0..1_000 {
        socket.feed(Message::text(r#"{"type":"subscribe","all":true}"#)).await.expect("to send");
    }
    socket.send(Message::text(r#"{"type":"ping"}"#)).await.expect("to send");
    let (mut snapshots, mut refused) = (0, 0);
    let mut ponged = false;
    while snapshots + refused < 1_001 || !ponged {
        let frame = text(&mut socket).await;
        snapshots += usize::from(frame.starts_with(r#"{"type":"snapshot""#));
        refused += usize::from(frame.contains("too_many_subscriptions"));
        ponged |= frame.contains("pong");
    }
    assert!(snapshots >= 64, "{snapshots} granted, {refused} refused");
    drop(socket);
    no_sessions(&server.api).await;
    server.stop().await;
}

#[tokio::test]
async fn a_socket_for_a_job_that_does_not_exist_is_not_opened() {
    let server = Server::start().await;
    let url = format!("{}/api/jobs/{}/ws", server.api.url.replacen("http", "ws", 1), Uuid::now_v7());
    let Err(Error::Http(answer)) = connect_async(url).await else { panic!("an upgrade") };
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (404, &"application/problem+json".parse().expect("a value"))
    );
    let problem: Value = serde_json::from_slice(answer.body().as_ref().expect("a body")).expect("JSON");
    assert_eq!(problem["code"], "unknown_job");
    no_sessions(&server.api).await;
    server.stop().await;
}

/// How many files a process has open.
fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("its files").count()
}

#[tokio::test]
async fn hundreds_of_clients_that_come_and_go_leave_nothing_behind() {
    let server = Server::start().await;
    server.api.submit("demo", json!({ "items": 100_000, "item_ms": 5, "log_lines": 1 })).await;
    let before = open_files(server.pid());
    for round in 0..5 {
        let sockets = join_all((0..100).map(|_| connect(&server.api))).await;
        if round % 2 == 0 {
            join_all(sockets.into_iter().map(async |mut socket| socket.close(None).await)).await;
        }
    }
    no_sessions(&server.api).await;
    // What it may keep: the connections of its pool, and this test's own.
    until("their sockets are closed", async || (open_files(server.pid()) < before + 40).then_some(())).await;
    server.stop().await;
}
