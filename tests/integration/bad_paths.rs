//! What bad paths, query strings and requests get. The first ask every path of the API's own document.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::server::Server;

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
        (&format!("{of_job}/logs"), "before=-1".to_owned(), "before"),
        (&format!("{of_job}/logs"), "before=9&after=3".to_owned(), "before"),
        (&format!("{of_job}/logs"), "before=9&tail=3".to_owned(), "tail"),
        (&format!("{of_job}/logs"), "q=%00".to_owned(), "q"),
        (&format!("{of_job}/logs"), format!("q={}", "x".repeat(201)), "q"),
        (&format!("{of_job}/item-errors"), "q=%00".to_owned(), "q"),
        (&format!("{of_job}/item-errors"), format!("q={}", "x".repeat(201)), "q"),
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
        format!("logs?before={}", i64::MAX),
        format!("logs?before={}&format=text", i64::MAX),
        "logs?before=0&limit=10000".to_owned(),
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
async fn an_id_that_is_no_uuid_is_refused_and_one_of_nothing_is_not_found() {
    let server = Server::start().await;
    for (method, path) in paths(&server.api).await {
        // The ids of the library are those of Stash: texts.
        if !path.contains("{id}") || path.starts_with("/api/library/") {
            continue;
        }
        let (unknown, body) = match path.split('/').nth(2) {
            Some("schedules") => ("unknown_schedule", json!({})),
            Some("plans") => ("unknown_plan", json!({ "all": true })),
            _ => ("unknown_job", json!({})),
        };
        let ask = async |id: &str| {
            let body = match method {
                Method::POST => Some(body.clone()),
                Method::PATCH => Some(json!({ "cron": "0 3 * * *" })),
                _ => None,
            };
            server.api.request(method.clone(), &path.replace("{id}", id), body).await
        };
        for id in ["42", "no-uuid", "0189%000", "%ff", "..%2f", &"1".repeat(5000)] {
            assert_eq!(ask(id).await.expect(400)["code"], "invalid_path", "{path} {id}");
        }
        assert_eq!(ask(&Uuid::now_v7().to_string()).await.expect(404)["code"], unknown, "{path}");
    }
    server.stop().await;
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
