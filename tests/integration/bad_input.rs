//! What bad input gets: an answer that says what is wrong and what would be right, never a fault of the server.

use reqwest::Method;
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

/// The paths of the API's own document, with the methods that each takes.
async fn paths(api: &Api) -> Vec<(Method, String)> {
    let document = api.get("/api/openapi.json").await.expect(200);
    let paths = document["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").keys();
        methods.map(move |method| (method.to_uppercase().parse().expect("a method"), path.clone()))
    });
    each.collect()
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
async fn an_unknown_query_parameter_is_refused_on_every_path() {
    let server = Server::start().await;
    for (method, path) in paths(&server.api).await {
        if path.starts_with("/health/") || path == "/api/openapi.json" {
            continue; // balancers and browsers add what they like
        }
        let real = path.replace("{id}", &Uuid::now_v7().to_string()).replace("{type}", "demo");
        let body = (method == Method::POST).then(|| json!({}));
        let problem = server.api.request(method, &format!("{real}?stauts=failed"), body).await.expect(400);
        assert_eq!(problem["code"], "invalid_query", "{path}");
        assert_eq!(problem["parameters"][0]["parameter"], "stauts", "{path}: {problem:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_value_of_a_query_parameter_is_told_with_its_name() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 0 })).await;
    let (jobs, of_job) = ("/api/jobs".to_owned(), format!("/api/jobs/{id}"));
    for (path, query, parameter) in [
        (&jobs, "status=done".to_owned(), "status"),
        (&jobs, "outcome=good".to_owned(), "outcome"),
        (&jobs, "limit=0".to_owned(), "limit"),
        (&jobs, "limit=501".to_owned(), "limit"),
        (&jobs, "limit=1&limit=2".to_owned(), "limit"),
        (&jobs, "since=yesterday".to_owned(), "since"),
        (&jobs, "until=0000-00-00T00:00:00Z".to_owned(), "until"),
        (&jobs, "parent=7".to_owned(), "parent"),
        (&jobs, "q=%00".to_owned(), "q"),
        (&jobs, "actor=%00".to_owned(), "actor"),
        (&jobs, "type=%00".to_owned(), "type"),
        (&jobs, "q=%ff".to_owned(), "q"),
        (&jobs, format!("q={}", "x".repeat(201)), "q"),
        (&format!("{of_job}/logs"), "after=-1".to_owned(), "after"),
        (&format!("{of_job}/logs"), "level=loud".to_owned(), "level"),
        (&format!("{of_job}/logs"), "tail=5&after=3".to_owned(), "tail"),
        (&format!("{of_job}/logs"), "format=xml".to_owned(), "format"),
        (&format!("{of_job}/events"), "after=9223372036854775808".to_owned(), "after"),
        (&format!("{of_job}/item-errors"), "after=2147483648".to_owned(), "after"),
        (&"/api/stats".to_owned(), "minutes=1441".to_owned(), "minutes"),
    ] {
        let problem = server.api.get(&format!("{path}?{query}")).await.expect(400);
        assert_eq!(problem["parameters"][0]["parameter"], parameter, "{path}?{query}: {problem:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_largest_positions_are_no_fault() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 1, "item_ms": 0, "log_lines": 1 })).await;
    server.api.until_status(id, "completed").await;
    for path in [
        format!("logs?after={}", i64::MAX),
        format!("logs?after={}&format=text", i64::MAX),
        format!("events?after={}", i64::MAX),
        format!("item-errors?after={}", i32::MAX),
        "logs?tail=10000".to_owned(),
    ] {
        server.api.get(&format!("/api/jobs/{id}/{path}")).await.expect(200);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_is_refused() {
    let server = Server::start().await;
    server.api.submit_many("demo", &json!({ "items": 0 }), 3).await;
    let page = server.api.get("/api/jobs?limit=1").await.expect(200);
    let ours = page["next_cursor"].as_str().expect("a cursor");
    server.api.get(&format!("/api/jobs?limit=1&cursor={ours}")).await.expect(200);
    let (cut, long) = (&ours[..ours.len() - 2], format!("{ours}AA"));
    for foreign in ["1", "eyJpZCI6MX0", &Uuid::now_v7().to_string(), cut, &long, "%F0%9F%90%97", "'--"] {
        let problem = server.api.get(&format!("/api/jobs?cursor={foreign}")).await.expect(400);
        assert_eq!(problem["parameters"][0]["parameter"], "cursor", "{problem:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_id_that_is_no_uuid_is_refused_and_one_of_no_job_is_not_found() {
    let server = Server::start().await;
    for (method, path) in paths(&server.api).await {
        if !path.contains("{id}") {
            continue;
        }
        let ask = async |id: &str| {
            let body = (method == Method::POST).then(|| json!({}));
            server.api.request(method.clone(), &path.replace("{id}", id), body).await
        };
        for id in ["42", "no-uuid", "0189%000", "%ff", "..%2f", &"1".repeat(5000)] {
            assert_eq!(ask(id).await.expect(400)["code"], "invalid_path", "{path} {id}");
        }
        if !path.ends_with("/ws") {
            assert_eq!(ask(&Uuid::now_v7().to_string()).await.expect(404)["code"], "unknown_job", "{path}");
        }
    }
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

#[tokio::test]
async fn what_is_no_http_is_refused_and_is_no_error_of_the_server() {
    let server = Server::start().await;
    let host = server.api.url.trim_start_matches("http://");
    for request in
        ["\x16\x03\x01\x02\r\n\r\n", "GET /api/jobs HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"]
    {
        let mut socket = TcpStream::connect(host).await.expect("a connection");
        socket.write_all(request.as_bytes()).await.expect("to send");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer, and the end");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
    let log = server.stop_after_panics().await;
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_wrong_path_or_method_is_a_problem_too() {
    let server = Server::start().await;
    assert_eq!(server.api.get("/api/nothing").await.expect(404)["code"], "unknown_path");
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let problem = server.api.request(method, "/api/jobs", None).await.expect(405);
        assert_eq!(problem["known"], json!(["GET", "HEAD", "POST"]));
    }
    server.stop().await;
}
