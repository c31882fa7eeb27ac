//! What bad bodies get: an answer that says what is wrong and what would be right, never a fault of the server.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::api::{Answer, Api};
use crate::support::server::Server;

/// Sends a body as it is.
async fn send_text(api: &Api, path: &str, body: impl Into<String>) -> Answer {
    let request = api.client().post(format!("{}{path}", api.url)).header(CONTENT_TYPE, "application/json");
    api.send(request.body(body.into())).await
}

/// Sends a body in pieces that say their length one by one. The answer as it comes.
async fn send_in_chunks(api: &Api, body: &str) -> String {
    let host = api.url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).await.expect("a connection");
    let head = format!(
        "POST /api/jobs HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("to send");
    for chunk in body.as_bytes().chunks(16 << 10) {
        let piece = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        if socket.write_all(&piece).await.is_err() {
            break; // the server has heard enough
        }
    }
    let mut answer = vec![0; 4 << 10];
    let n = socket.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..n]).into_owned()
}

/// The pointers of a problem's errors, sorted. Every one of them has a sentence.
fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().expect("errors");
    assert!(errors.iter().all(|error| error["message"].as_str().is_some_and(|m| m.len() > 3)), "{problem:#}");
    let mut pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect();
    pointers.sort_unstable();
    pointers
}

#[tokio::test]
async fn an_unknown_type_is_answered_with_the_names_that_may_have_been_meant() {
    let server = Server::start().await;
    let api = &server.api;
    for answer in [
        api.post("/api/jobs", json!({ "type": "scan_libary", "params": {} })).await,
        api.post("/api/jobs/run/scan_libary", json!({})).await,
        api.get("/api/job-types/scan_libary").await,
    ] {
        let problem = answer.expect(404);
        assert_eq!((&problem["code"], &problem["near"][0]), (&json!("unknown_job_type"), &json!("scan_library")));
        let known = problem["known"].as_array().expect("all names");
        assert!(known.contains(&json!("demo")) && known.contains(&json!("cleanup")), "{problem:#}");
        assert!(problem["detail"].as_str().is_some_and(|d| d.contains("did you mean `scan_library`")), "{problem:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_wrong_field_is_told_with_its_pointer_and_a_sentence() {
    let server = Server::start().await;
    let wrong = json!({
        "type": "demo",
        "params": { "items": -1, "item_ms": "slow", "fail_at": 0, "speed": 3 },
        "priority": 1001,
        "run_at": "tomorrow",
        "reason": "x".repeat(1001),
    });
    let problem = server.api.post("/api/jobs", wrong).await.expect(422);
    assert_eq!(problem["code"], "invalid_fields");
    let mut at: Vec<_> = pointers(&problem);
    at.dedup();
    assert!(at.starts_with(&["/params"]) || at.contains(&"/params/speed"), "the unknown param is told: {at:?}");
    for field in ["/params/fail_at", "/params/item_ms", "/params/items", "/priority", "/reason", "/run_at"] {
        assert!(at.contains(&field), "{field} is told: {problem:#}");
    }
    assert!(problem.to_string().contains("speed"), "{problem:#}");
    let problem = server.api.post("/api/jobs/run/demo", json!({ "items": -1, "item_ms": null })).await.expect(422);
    assert_eq!(pointers(&problem), ["/item_ms", "/items"], "the body is the params: {problem:#}");
    server.stop().await;
}

#[tokio::test]
async fn values_of_another_kind_are_refused_where_they_stand() {
    let server = Server::start().await;
    for (body, pointer) in [
        (json!({ "type": "demo", "params": [] }), "/params"),
        (json!({ "type": "demo", "params": "items" }), "/params"),
        (json!({ "type": "demo", "params": { "items": 1.5 } }), "/params/items"),
        (json!({ "type": "demo", "params": { "items": 1e300 } }), "/params/items"),
        (json!({ "type": "demo", "params": { "items": u64::MAX } }), "/params/items"),
        (json!({ "type": "demo", "params": { "block": 1 } }), "/params/block"),
        (json!({ "type": "demo", "priority": 1e10 }), "/priority"),
        (json!({ "type": "demo", "priority": "high" }), "/priority"),
        (json!({ "type": "demo", "run_at": 7 }), "/run_at"),
        (json!({ "type": "demo", "run_at": "9999-12-31T23:59:59Z" }), "/run_at"),
        (json!({ "type": "demo", "reason": "a\0b" }), "/reason"),
        (json!({ "type": "scan_library", "params": { "path": "a\0b" } }), "/params/path"),
        (json!({ "type": "demo", "prams": {} }), "/prams"),
        (json!({ "type": 7 }), "/type"),
        (json!({}), ""),
        (json!([]), ""),
        (json!("demo"), ""),
        (Value::Null, ""),
    ] {
        let problem = server.api.post("/api/jobs", body.clone()).await.expect(422);
        assert_eq!(pointers(&problem), [pointer], "{body}: {problem:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_json_is_told_where_it_breaks_off() {
    let server = Server::start().await;
    let deep = format!(r#"{{"type":"demo","params":{}"#, "[".repeat(100_000));
    for body in ["", "{", "{\"type\":\n\"demo\",}", r#"{"type":"demo"} {}"#, r#"{"type":"\ud800"}"#, "nul", &deep] {
        for path in ["/api/jobs", "/api/jobs/run/demo"] {
            if body.is_empty() && path.ends_with("demo") {
                continue; // nothing is as good as `{}` there
            }
            let problem = send_text(&server.api, path, body).await.expect(400);
            assert_eq!(problem["code"], "invalid_json", "{path} {body:.40}");
            assert!(problem["detail"].as_str().is_some_and(|d| d.contains("line")), "{problem:#}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn every_path_that_takes_a_body_refuses_half_a_one() {
    let server = Server::start().await;
    let id = Uuid::now_v7();
    for path in ["", "/batch", "/cancel", "/retry", "/run/demo", &format!("/{id}/cancel"), &format!("/{id}/retry")] {
        let problem = send_text(&server.api, &format!("/api/jobs{path}"), "{").await.expect(400);
        assert_eq!(problem["code"], "invalid_json", "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_refused() {
    let server = Server::start().await;
    let url = format!("{}/api/jobs", server.api.url);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/json-seq"] {
        let request = server.api.client().post(&url).header(CONTENT_TYPE, media_type).body(r#"{"type":"demo"}"#);
        assert_eq!(server.api.send(request).await.expect(415)["code"], "unsupported_media_type");
    }
    let request = server.api.client().post(&url).header(CONTENT_TYPE, "application/json; charset=utf-8");
    server.api.send(request.body(r#"{"type":"demo","params":{"items":0}}"#)).await.expect(201);
    server.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_next_request_is_answered() {
    let server = Server::start().await;
    let api = &server.api;
    let of = |bytes: usize| format!(r#"{{"type":"demo","reason":"{}"}}"#, "x".repeat(bytes));
    for bytes in [1 << 20, 3 << 20] {
        assert_eq!(send_text(api, "/api/jobs", of(bytes)).await.expect(413)["code"], "body_too_large");
        assert!(send_in_chunks(api, &of(bytes)).await.contains("body_too_large"), "without its length announced");
    }
    send_text(api, "/api/jobs", of((1 << 20) - 100)).await.expect(422); // its reason is too long, the body is not
    assert_eq!(send_text(api, "/api/jobs/batch", of(16 << 20)).await.expect(413)["code"], "body_too_large");
    api.get("/api/jobs").await.expect(200);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_has_ended_can_not_be_cancelled_and_its_status_is_told() {
    let server = Server::start().await;
    let api = &server.api;
    let completed = api.submit("demo", json!({ "items": 0 })).await;
    let failed = api.submit("demo", json!({ "items": 1, "item_ms": 0, "fail_at": 1 })).await;
    let cancelled = api.submit("demo", json!({ "items": 1000, "item_ms": 50 })).await;
    api.until_status(cancelled, "running").await;
    api.post(&format!("/api/jobs/{cancelled}/cancel"), json!({})).await.expect(202);
    for (id, status) in [(completed, "completed"), (failed, "failed"), (cancelled, "cancelled")] {
        api.until_status(id, status).await;
        let problem = api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(409);
        assert_eq!((&problem["code"], &problem["job"]["status"]), (&json!("job_ended"), &json!(status)));
        assert!(problem["detail"].as_str().is_some_and(|d| d.contains(status)), "{problem:#}");
        assert_eq!(api.job(id).await["status"], status, "it stays what it was");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_act_on_many_must_say_on_which() {
    let server = Server::start().await;
    for act in ["/api/jobs/cancel", "/api/jobs/retry"] {
        for (body, pointer) in [
            (json!({}), ""),
            (json!({ "dry_run": true, "reason": "x" }), ""),
            (json!({ "all": true, "type": ["demo"] }), "/all"),
            (json!({ "ids": [] }), "/ids"),
            (json!({ "ids": ["x"] }), "/ids/0"),
            (json!({ "status": ["done"] }), "/status/0"),
            (json!({ "status": "failed" }), "/status"),
            (json!({ "since": "x" }), "/since"),
            (json!({ "q": "\0" }), "/q"),
            (json!({ "all": true, "reason": "x".repeat(1001) }), "/reason"),
            (json!({ "filter": {} }), "/filter"),
        ] {
            let problem = server.api.post(act, body.clone()).await.expect(422);
            assert_eq!(pointers(&problem), [pointer], "{act} {body}: {problem:#}");
        }
    }
    server.stop().await;
}
