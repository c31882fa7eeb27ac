//! Settings through the API: where their values come from, what is secret, what is refused, and what jobs make of them.

use std::ffi::OsString;

use reqwest::Method;
use serde_json::{Value, json};
use stashhog::testing::stash::FakeStash;

use crate::support::server::{Options, Server};

const SECRET: &str = "k3y-that-nobody-sees";

async fn change(server: &Server, values: Value) -> Value {
    server.api.request(Method::PATCH, "/api/settings", Some(json!({ "values": values }))).await.expect(200)
}

fn setting<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let all = answer["settings"].as_array().expect("settings");
    all.iter().find(|setting| setting["name"] == name).expect("the setting")
}

fn with_env(env: &[(&'static str, &str)]) -> Options {
    Options { env: env.iter().map(|(name, value)| (*name, OsString::from(value))).collect(), ..Options::default() }
}

#[tokio::test]
async fn what_is_set_wins_over_the_environment_and_can_be_taken_back() {
    let server = Server::start_with(with_env(&[("STASHHOG_STASH_URL", "http://127.0.0.1:1")])).await;
    let before = server.api.get("/api/settings").await.expect(200);
    let url = setting(&before, "stash.url");
    assert_eq!((&url["value"], &url["source"]), (&json!("http://127.0.0.1:1"), &json!("environment")));
    assert_eq!(setting(&before, "stash.page_size")["source"], "default");

    let set = change(&server, json!({ "stash.url": "http://127.0.0.1:2" })).await;
    let url = setting(&set, "stash.url");
    assert_eq!((&url["value"], &url["source"]), (&json!("http://127.0.0.1:2"), &json!("database")));
    assert_eq!(url["updated_by"], "anonymous");

    let back = change(&server, json!({ "stash.url": null })).await;
    assert_eq!(setting(&back, "stash.url")["value"], "http://127.0.0.1:1");
    server.stop().await;
}

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    let server = Server::start().await;
    let answer = change(&server, json!({ "stash.api_key": SECRET })).await;
    let key = setting(&answer, "stash.api_key");
    assert_eq!((&key["value"], &key["is_set"], &key["secret"]), (&Value::Null, &json!(true), &json!(true)));
    assert!(!answer.to_string().contains(SECRET));
    let kept = server.stop_and_keep().await;

    // The key of the data directory opens it again; the job sends it.
    let stash = FakeStash::start();
    stash.require_key(SECRET);
    let server = Server::start_in(kept, &[]).await;
    change(&server, json!({ "stash.url": stash.url() })).await;
    let tried = server.api.post("/api/settings/test/stash", json!({ "values": {} })).await.expect(200);
    assert_eq!(tried["ok"], true, "{tried}");
    let wrong = json!({ "values": { "stash.api_key": "another" } });
    let tried = server.api.post("/api/settings/test/stash", wrong).await.expect(200);
    assert_eq!(tried["ok"], false);
    assert!(tried["message"].as_str().is_some_and(|said| said.contains("stash.api_key")), "{tried}");
    // To another address it is not sent unless it is typed again.
    let elsewhere = FakeStash::start();
    elsewhere.require_key(SECRET);
    let values = |key: Value| json!({ "values": { "stash.url": elsewhere.url(), "stash.api_key": key } });
    let url_only = json!({ "values": { "stash.url": elsewhere.url() } });
    let tried = server.api.post("/api/settings/test/stash", url_only).await.expect(200);
    assert_eq!(tried["ok"], false);
    assert!(tried["message"].as_str().is_some_and(|said| said.contains("type it again")), "{tried}");
    assert_eq!(server.api.post("/api/settings/test/stash", values(json!(SECRET))).await.expect(200)["ok"], true);
    // What was tried was not saved.
    let tried = server.api.post("/api/settings/test/stash", json!({ "values": {} })).await.expect(200);
    assert_eq!(tried["ok"], true);
    server.stop().await;
}

#[tokio::test]
async fn wrong_values_are_refused_together_and_none_is_set() {
    let server = Server::start().await;
    let values = json!({ "stash.url": "not an address", "stash.page_size": 0, "no.such": 1, "stash.api_key": "fine" });
    let answer =
        server.api.request(Method::PATCH, "/api/settings", Some(json!({ "values": values }))).await.expect(422);
    let mut pointers: Vec<_> =
        answer["errors"].as_array().expect("errors").iter().map(|e| e["pointer"].clone()).collect();
    pointers.sort_by_key(ToString::to_string);
    assert_eq!(pointers, ["/values/no.such", "/values/stash.page_size", "/values/stash.url"]);
    let after = server.api.get("/api/settings").await.expect(200);
    assert_eq!(setting(&after, "stash.api_key")["is_set"], false);
    server.api.post("/api/settings/test/none", json!({ "values": {} })).await.expect(404);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_needs_a_setting_is_refused_until_it_is_set() {
    let server = Server::start().await;
    let job = json!({ "type": "sync" });
    let batch = json!({ "jobs": [{ "type": "demo" }, { "type": "sync" }] });
    for (path, body) in [("/api/jobs", &job), ("/api/jobs/run/sync", &json!({})), ("/api/jobs/batch", &batch)] {
        let refused = server.api.post(path, body.clone()).await.expect(422);
        assert_eq!(refused["code"], "setting_missing");
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("`stash.url`")), "{refused}");
    }
    assert_eq!(server.api.get("/api/jobs").await.expect(200)["jobs"], json!([]));

    // In force for the next job, without a restart.
    let stash = FakeStash::start();
    change(&server, json!({ "stash.url": stash.url() })).await;
    let id = server.api.submit("sync", json!({})).await;
    assert_eq!(server.api.until_status(id, "completed").await["type"], "sync");
    server.stop().await;
}

#[tokio::test]
async fn the_page_of_the_docs_has_every_setting_as_it_is() {
    let server = Server::start().await;
    let answer = server.api.get("/api/settings").await.expect(200);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md")).expect("the page");
    let rows: Vec<_> = answer["settings"].as_array().expect("settings").iter().map(row).collect();
    let listed: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(listed, rows, "docs/settings.md should have this table:\n{}", rows.join("\n"));
    server.stop().await;
}

/// A setting as a row of the page's table.
fn row(setting: &Value) -> String {
    let text = |field: &str| setting[field].as_str().expect("a text");
    let default = match (&setting["default"], &setting["secret"]) {
        (Value::Null, Value::Bool(true)) => "unset, secret".to_owned(),
        (Value::Null, _) => "unset".to_owned(),
        (Value::String(default), _) => format!("`{default}`"),
        (default, _) => format!("`{default}`"),
    };
    format!("| `{}` | {} | {default} | `{}` |", text("name"), text("description"), text("variable"))
}
