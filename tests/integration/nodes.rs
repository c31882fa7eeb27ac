//! The nodes that share a database, as the API and the command line tell of them.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::program::Program;
use crate::support::server::Server;
use crate::support::{database, until};

async fn nodes(api: &Api) -> Vec<Value> {
    api.get("/api/nodes").await.expect(200)["nodes"].as_array().expect("nodes").clone()
}

/// What a node tells of a type.
fn runner<'a>(node: &'a Value, type_name: &str) -> &'a Value {
    let runners = node["runners"].as_array().expect("runners");
    runners.iter().find(|runner| runner["type"] == type_name).unwrap_or_else(|| panic!("{type_name}: {node:#}"))
}

#[tokio::test]
async fn a_node_tells_who_it_is_and_what_it_runs() {
    let server = Server::with(&["--concurrency", "demo=3"]).await;
    let id = server.api.submit("demo", json!({ "items": 1_000_000, "item_ms": 20 })).await;
    let job = server.api.until_status(id, "running").await;
    let all = nodes(&server.api).await;
    let [node] = all.as_slice() else { panic!("one node: {all:#?}") };
    assert_eq!((&node["id"], &node["pid"]), (&job["node_id"], &json!(server.pid())));
    assert_eq!([&node["live"], &node["claiming"], &node["this"]], [true, true, true]);
    assert_eq!((&node["version"], &node["stopped_at"]), (&json!(env!("CARGO_PKG_VERSION")), &Value::Null));
    assert!(node["hostname"].as_str().is_some_and(|name| !name.is_empty()), "{node:#}");
    assert!(node["lease_seconds_left"].as_f64().is_some_and(|left| left > 0.0 && left <= 10.0), "{node:#}");
    assert_eq!(runner(node, "demo"), &json!({ "type": "demo", "slots": 3, "running": 1 }));
    assert_eq!(runner(node, "cleanup"), &json!({ "type": "cleanup", "slots": 1, "running": 0 }));
    until("it beats", async || (nodes(&server.api).await[0]["beat_at"] != node["beat_at"]).then_some(())).await;
    server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    server.api.until_status(id, "cancelled").await;
    assert_eq!(runner(&nodes(&server.api).await[0], "demo")["running"], 0);
    server.stop().await;
}

#[tokio::test]
async fn every_node_tells_of_all_and_of_those_that_went_within_the_hour() {
    let one = Server::start().await;
    let other = one.beside(&["--concurrency", "demo=0"]).await;
    for (api, this) in [(&one.api, 0), (&other.api, 1)] {
        let all = nodes(api).await;
        assert_eq!(all.iter().map(|node| node["this"] == true).collect::<Vec<_>>(), [this == 0, this == 1]);
        assert!(all.iter().all(|node| node["live"] == true), "{all:#?}");
        assert_eq!([&runner(&all[0], "demo")["slots"], &runner(&all[1], "demo")["slots"]], [4, 0]);
    }
    let url = one.database_url.clone();
    other.stop().await;
    let all = nodes(&one.api).await;
    assert_eq!((&all[1]["live"], &all[1]["claiming"], &all[1]["this"]), (&json!(false), &json!(false), &json!(false)));
    assert!(all[1]["stopped_at"].is_string() && all[1]["lease_seconds_left"] == 0.0, "{all:#?}");
    let long_ago = "UPDATE nodes SET stopped_at = now() - interval '61 min' WHERE stopped_at IS NOT NULL";
    database::execute(&url, long_ago).await;
    assert_eq!(nodes(&one.api).await.len(), 1);
    one.stop().await;
}

#[tokio::test]
async fn a_node_that_is_silent_is_gone_when_its_lease_is() {
    let server = Server::start().await;
    let silent = |ago: &str| {
        format!(
            "INSERT INTO nodes (id, hostname, pid, version, renewed_at)
             VALUES (gen_random_uuid(), 'silent', 1, '0', now() - interval '{ago}')"
        )
    };
    for ago in ["11 s", "59 min", "61 min", "5 s"] {
        database::execute(&server.database_url, &silent(ago)).await;
    }
    let all = nodes(&server.api).await;
    let live: Vec<_> =
        all.iter().filter(|node| node["hostname"] == "silent").map(|node| node["live"] == true).collect();
    assert_eq!(live, [false, false, true], "the one of an hour ago is not told: {all:#?}");
    server.stop().await;
}

#[tokio::test]
async fn a_node_that_goes_down_says_that_it_claims_no_more() {
    let one = Server::start().await;
    let other = one.beside(&["--shutdown-grace", "20"]).await;
    let stubborn = json!({ "items": 60, "item_ms": 100, "ignore_cancel": true });
    for id in one.api.submit_many("demo", &stubborn, 8).await {
        one.api.until_status(id, "running").await;
    }
    other.signal(nix::sys::signal::Signal::SIGTERM);
    until("it says so", async || {
        let all = nodes(&one.api).await;
        (all[1]["live"] == true && all[1]["claiming"] == false).then_some(())
    })
    .await;
    // A slot of a node that goes down is no slot.
    one.api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let waiting = one.api.submit("demo", json!({ "items": 0 })).await;
    let told = one.api.get(&format!("/api/jobs/{waiting}/explain")).await.expect(200);
    assert_eq!(told["slots"]["of"], 4, "{told:#}");
    until("it is gone", async || nodes(&one.api).await[1]["stopped_at"].is_string().then_some(())).await;
    drop(other); // a second signal would stop it at once
    one.stop().await;
}

#[tokio::test]
async fn nodes_are_only_read() {
    let server = Server::start().await;
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        assert_eq!(server.api.request(method, "/api/nodes", None).await.expect(405)["known"], json!(["GET", "HEAD"]));
    }
    assert_eq!(server.api.get("/api/nodes?live=true").await.expect(400)["code"], "invalid_query");
    assert_eq!(server.api.get(&format!("/api/nodes/{}", Uuid::nil())).await.expect(404)["code"], "unknown_path");
    server.stop().await;
}

#[tokio::test]
async fn nodes_are_listed_on_the_command_line() {
    let server = Server::start().await;
    let ask = |line: &str| Program::new(line.split(' ')).arg("--server").arg(&server.api.url);
    let told = ask("nodes").run().await.expect(0).out;
    assert!(told.contains("live, this one") && told.contains(&server.pid().to_string()), "{told}");
    let json = ask("nodes --json").run().await.expect(0).json();
    assert_eq!(id_of(&json["nodes"][0]), id_of(&nodes(&server.api).await[0]));
    ask("nodes hog").run().await.expect(2);
    server.stop().await;
}
