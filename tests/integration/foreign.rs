//! Other web sites are kept out, of writes and of live sockets; the own page and programs are let in.

use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HOST, ORIGIN};
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::server::Server;

/// Triggers a job with these headers. The status and the code of the answer.
async fn trigger(api: &Api, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = api.client().post(format!("{}/api/jobs/run/demo", api.url)).json(&json!({ "items": 0 }));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = api.send(request).await;
    (answer.status.as_u16(), answer.body["code"].clone())
}

/// Asks for a WebSocket with these headers besides those that make it one. The status and the code of the answer.
async fn upgrade(api: &Api, headers: &[(&str, &str)]) -> (u16, Value) {
    // A connection of its own: the server closes one on which an upgrade was asked for.
    let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let mut request = client.get(format!("{}/api/jobs/ws", api.url));
    let proper = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (name, value) in proper.iter().filter(|(name, _)| headers.iter().all(|(other, _)| other != name)) {
        request = request.header(*name, *value);
    }
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    if status == 101 {
        return (status, Value::Null);
    }
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let problem: Value = response.json().await.expect("a problem");
    assert_eq!(problem["status"], status);
    (status, problem["code"].clone())
}

const FOREIGN: [&str; 5] =
    ["http://evil.example", "https://localhost.evil.example", "http://localhost:1", "null", "file://"];

#[tokio::test]
async fn a_write_that_another_site_sends_is_refused() {
    let server = Server::start().await;
    for origin in FOREIGN {
        assert_eq!(trigger(&server.api, &[("origin", origin)]).await, (403, json!("foreign_origin")), "{origin}");
    }
    let of_browser = [("sec-fetch-site", "cross-site")];
    assert_eq!(trigger(&server.api, &of_browser).await, (403, json!("foreign_origin")));
    let own = server.api.url.clone();
    let both = [("origin", own.as_str()), ("origin", "http://evil.example")];
    assert_eq!(trigger(&server.api, &both).await, (403, json!("foreign_origin")), "one of two is enough");
    assert_eq!(server.api.get("/api/jobs").await.expect(200)["jobs"], json!([]), "nothing was stored");
    server.stop().await;
}

#[tokio::test]
async fn a_write_of_the_own_page_or_of_a_program_is_done() {
    let server = Server::start().await;
    let own = server.api.url.clone();
    assert_eq!(trigger(&server.api, &[]).await.0, 201);
    assert_eq!(trigger(&server.api, &[("origin", &own)]).await.0, 201);
    assert_eq!(trigger(&server.api, &[("origin", &own), ("sec-fetch-site", "same-origin")]).await.0, 201);
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_asked_under_a_foreign_name_refuses() {
    let server = Server::start().await;
    for host in ["evil.example", "localhost.evil.example", "0.0.0.0", "192.168.1.5:8080"] {
        let request = server.api.client().get(format!("{}/api/jobs", server.api.url)).header(HOST, host);
        assert_eq!(server.api.send(request).await.expect(403)["code"], "foreign_host", "{host}");
        assert_eq!(trigger(&server.api, &[("host", host)]).await, (403, json!("foreign_host")), "{host}");
        assert_eq!(upgrade(&server.api, &[("host", host)]).await, (403, json!("foreign_host")), "{host}");
        let probe = server.api.client().get(format!("{}/health/live", server.api.url)).header(HOST, host);
        server.api.send(probe).await.expect(200);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_name_that_the_server_was_told_is_its_own() {
    let server = Server::with(&["--allowed-host", "hog.example"]).await;
    let named = [("host", "hog.example"), ("origin", "https://hog.example")];
    assert_eq!(trigger(&server.api, &named).await.0, 201);
    assert_eq!(upgrade(&server.api, &named).await.0, 101);
    assert_eq!(trigger(&server.api, &[("host", "hog.example"), ("origin", "http://evil.example")]).await.0, 403);
    server.stop().await;
}

#[tokio::test]
async fn a_live_socket_that_another_site_opens_is_refused() {
    let server = Server::start().await;
    for origin in FOREIGN {
        assert_eq!(upgrade(&server.api, &[("origin", origin)]).await, (403, json!("foreign_origin")), "{origin}");
    }
    let cross = [("sec-fetch-site", "cross-site")];
    assert_eq!(upgrade(&server.api, &cross).await, (403, json!("foreign_origin")));
    let own = server.api.url.clone();
    assert_eq!(upgrade(&server.api, &[("origin", &own)]).await.0, 101, "the own page");
    assert_eq!(upgrade(&server.api, &[]).await.0, 101, "a program");
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_upgrade_is_answered_with_a_problem() {
    let server = Server::start().await;
    for wrong in [
        ("upgrade", ""),
        ("upgrade", "h2c"),
        ("connection", "close"),
        ("sec-websocket-version", ""),
        ("sec-websocket-version", "12"),
        ("sec-websocket-key", ""),
    ] {
        assert_eq!(upgrade(&server.api, &[wrong]).await, (426, json!("upgrade_required")), "{wrong:?}");
    }
    let plain = server.api.client().get(format!("{}/api/jobs/ws", server.api.url)).send().await.expect("an answer");
    assert_eq!(plain.status(), 426);
    assert_eq!(plain.headers()["upgrade"], "websocket");
    assert_eq!(plain.headers()["sec-websocket-version"], "13");
    server.stop().await;
}

#[tokio::test]
async fn no_answer_invites_another_site() {
    let server = Server::start().await;
    let url = format!("{}/api/jobs", server.api.url);
    let asked = server.api.client().request(reqwest::Method::OPTIONS, &url).header(ORIGIN, "http://evil.example");
    let asked = asked.header("access-control-request-method", "POST").send().await.expect("an answer");
    let read = server.api.client().get(&url).header(ORIGIN, "http://evil.example").send().await.expect("an answer");
    for response in [asked, read] {
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{response:?}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["cross-origin-resource-policy"], "same-origin");
    }
    server.stop().await;
}
