//! `ETag`, `If-Match` and `If-None-Match`: of two people who edit the same thing on two servers, one wins and the other is told.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::schedules::{at, create};
use crate::support::api::{Answer, Api};
use crate::support::database;
use crate::support::server::{Database, Options, Server};

/// Two servers on one database.
pub async fn two() -> [Server; 2] {
    let one = Server::start().await;
    let database = Database::At(one.database_url.clone());
    let other = Server::start_with(Options { database, ..Options::default() }).await;
    [one, other]
}

/// A write by somebody who has seen the version with this tag.
async fn write(api: &Api, method: Method, path: &str, tag: &str, body: Value) -> Answer {
    let request = api.client().request(method, format!("{}{path}", api.url)).header("if-match", tag).json(&body);
    api.send(request).await
}

/// The `ETag` header of an answer, which its body repeats.
async fn tag(api: &Api, path: &str) -> String {
    let response = api.client().get(format!("{}{path}", api.url)).send().await.expect("an answer");
    let tag = response.headers()["etag"].to_str().expect("a tag").to_owned();
    assert_eq!(response.json::<Value>().await.expect("JSON")["etag"], tag);
    tag
}

/// Asserts that of many writes at once, half of them on each server, one took effect and the others are told.
async fn assert_one_wins(servers: &[Server; 2], method: Method, path: &str, bodies: impl Fn(usize) -> Value) -> Value {
    let seen = tag(&servers[0].api, path.trim_end_matches("/approve")).await;
    let writes = (0..20).map(|n| write(&servers[n % 2].api, method.clone(), path, &seen, bodies(n)));
    let (done, refused): (Vec<_>, Vec<_>) = join_all(writes).await.into_iter().partition(|a| a.status.is_success());
    for refused in &refused {
        assert_eq!(
            (refused.status.as_u16(), &refused.body["code"]),
            (412, &json!("precondition_failed")),
            "{refused:?}"
        );
        assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains("read it again")), "{refused:?}");
    }
    assert_eq!((done.len(), refused.len()), (1, 19));
    done.into_iter().next().expect("one").body
}

#[tokio::test]
async fn a_schedule_is_changed_by_those_who_have_seen_it_as_it_is() {
    let servers = two().await;
    let api = &servers[0].api;
    let schedule = create(api, "nightly", json!({})).await;
    let path = at(&schedule);
    assert_eq!(schedule["etag"], tag(api, &path).await, "it is told to who creates it");
    let edited = assert_one_wins(&servers, Method::PATCH, &path, |n| json!({ "priority": n })).await;
    let now = servers[1].api.get(&path).await.expect(200);
    assert_eq!((&now["priority"], &now["etag"]), (&edited["priority"], &edited["etag"]));
    assert_eq!(api.get("/api/schedules").await.expect(200)["schedules"][0]["etag"], now["etag"]);

    let stale = schedule["etag"].as_str().expect("a tag");
    for act in ["enable", "disable"] {
        write(api, Method::POST, &format!("{path}/{act}"), stale, json!({})).await.expect(412);
    }
    write(api, Method::DELETE, &path, stale, json!({})).await.expect(412);
    // A job that it makes is no change of it, and whoever says nothing of what he has seen is not asked.
    let fresh = tag(api, &path).await;
    api.post(&format!("{path}/run"), json!({})).await.expect(201);
    write(api, Method::POST, &format!("{path}/disable"), &fresh, json!({})).await.expect(200);
    api.request(Method::PATCH, &path, Some(json!({ "priority": 100 }))).await.expect(200);
    let fresh = tag(api, &path).await;
    write(api, Method::DELETE, &path, &format!("\"other\", {fresh}"), json!({})).await.expect(204);
    write(api, Method::PATCH, &path, &fresh, json!({ "priority": 1 })).await.expect(404);
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn settings_are_changed_by_those_who_have_seen_them_as_they_are() {
    let servers = two().await;
    let api = &servers[0].api;
    let before = tag(api, "/api/settings").await;
    // Each another setting: they stand on one page, and may depend on each other.
    let names = ["cleanup.retention_days", "cleanup.stale_minutes"];
    let changed =
        assert_one_wins(&servers, Method::PATCH, "/api/settings", |n| json!({ "values": { names[n % 2]: n + 1 } }))
            .await;
    let now = tag(&servers[1].api, "/api/settings").await;
    assert_eq!(changed["etag"], now);
    let values = database::rows(&servers[0].database_url, "SELECT name FROM settings").await;
    assert_eq!(values.len(), 1, "one of them was stored");
    // A secret that is set anew changes the tag, though its value is not shown.
    let secret = json!({ "values": { "stash.api_key": "secret" } });
    let set = write(api, Method::PATCH, "/api/settings", &now, secret.clone()).await.expect(200);
    let again = api.request(Method::PATCH, "/api/settings", Some(secret)).await.expect(200);
    assert!(set["etag"] != now && again["etag"] != set["etag"]);
    write(api, Method::PATCH, "/api/settings", &before, json!({ "values": { "stash.api_key": null } }))
        .await
        .expect(412);
    for server in servers {
        server.stop().await;
    }
}

/// A plan with two changes.
pub async fn plan(url: &str) -> Uuid {
    let plan = Uuid::now_v7();
    let sql = format!(
        "INSERT INTO plans (id, job_id, name, status, source, params)
         VALUES ('{plan}', gen_random_uuid(), 'A plan', 'open', 'ai', '{{}}');
         INSERT INTO plan_changes (id, plan_id, scene_id, scene_title, field, action, key, proposed, confidence)
         SELECT gen_random_uuid(), '{plan}', n, 'Scene', 'title', 'set', '', '\"b\"', 0.5 FROM generate_series(1, 2) n"
    );
    database::execute(url, &sql).await;
    plan
}

#[tokio::test]
async fn a_plan_is_decided_on_by_those_who_have_seen_it_as_it_is() {
    let servers = two().await;
    let (api, url) = (&servers[0].api, &servers[0].database_url);
    let plan = plan(url).await;
    let path = format!("/api/plans/{plan}");
    let changes = api.get(&format!("{path}/changes")).await.expect(200);
    let ids: Vec<_> =
        changes["changes"].as_array().expect("changes").iter().map(|change| change["id"].clone()).collect();
    let approve = format!("{path}/approve");
    let decided = assert_one_wins(&servers, Method::POST, &approve, |n| json!({ "changes": [ids[n % 2]] })).await;
    assert_eq!((&decided["changed"], &decided["changes"]["approved"]), (&json!(1), &json!(1)));
    let seen = tag(api, &path).await;
    assert_eq!(decided["etag"], seen);
    // Two decisions after which the numbers are what they were: the plan is another one all the same.
    let reject = json!({ "all": true });
    api.post(&format!("{path}/reject"), reject.clone()).await.expect(200);
    api.post(&approve, json!({ "changes": [ids[0]] })).await.expect(200);
    let now = api.get(&path).await.expect(200);
    write(api, Method::POST, &format!("{path}/reject"), &seen, reject).await.expect(412);
    write(api, Method::DELETE, &path, &seen, json!({})).await.expect(412);
    assert_eq!(now["changes"]["approved"], 1);
    write(api, Method::DELETE, &path, now["etag"].as_str().expect("a tag"), json!({})).await.expect(204);
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn who_holds_the_newest_version_is_sent_nothing() {
    let server = Server::start().await;
    let plan = plan(&server.database_url).await;
    for path in [format!("/api/plans/{plan}"), "/api/settings".to_owned()] {
        let api = &server.api;
        let tag = tag(api, &path).await;
        let ask = |tag: &str| api.client().get(format!("{}{path}", api.url)).header("if-none-match", tag);
        let held = api.send(ask(&tag)).await;
        assert_eq!((held.status.as_u16(), held.body), (304, json!("")));
        api.send(ask("\"another\"")).await.expect(200);
    }
    server.stop().await;
}
