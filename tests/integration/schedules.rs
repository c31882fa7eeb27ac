//! Schedules over REST: what they are, who may say what, and what is refused.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answer, Api, id_of};
use crate::support::server::Server;
use crate::support::{database, until};

/// A cron line that is not due while the tests run.
pub const FAR: &str = "0 0 29 2 *";

/// A schedule of quick demo jobs, with other fields on top.
pub fn demo(name: &str, fields: Value) -> Value {
    let mut body = json!({ "name": name, "type": "demo", "params": { "items": 0 }, "cron": FAR });
    let all = body.as_object_mut().expect("an object");
    all.extend(fields.as_object().expect("fields").clone());
    body
}

/// Creates a schedule.
pub async fn create(api: &Api, name: &str, fields: Value) -> Value {
    api.post("/api/schedules", demo(name, fields)).await.expect(201)
}

/// The path of a schedule.
pub fn at(schedule: &Value) -> String {
    format!("/api/schedules/{}", id_of(schedule))
}

/// Changes a schedule.
pub async fn edit(api: &Api, schedule: &Value, change: Value) -> Answer {
    api.request(Method::PATCH, &at(schedule), Some(change)).await
}

/// The history of a schedule, oldest first.
pub async fn history(api: &Api, schedule: &Value) -> Vec<Value> {
    let page = api.get(&format!("{}/runs?limit=500", at(schedule))).await.expect(200);
    let mut runs = page["runs"].as_array().expect("runs").clone();
    runs.reverse();
    runs
}

/// The lines of a schedule's history with this outcome, once there are `count` of them.
pub async fn until_runs(api: &Api, schedule: &Value, outcome: &str, count: usize) -> Vec<Value> {
    until(&format!("{count} runs are {outcome}"), async || {
        let runs = history(api, schedule).await;
        let runs: Vec<_> = runs.into_iter().filter(|run| run["outcome"] == outcome).collect();
        (runs.len() >= count).then_some(runs)
    })
    .await
}

/// A time in an answer.
pub fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

#[tokio::test]
async fn a_schedule_is_created_shown_listed_and_deleted() {
    let server = Server::start().await;
    let api = &server.api;
    let body = demo("nightly", json!({ "cron": "30 2 * * *", "time_zone": "Europe/Berlin", "reason": "disk is full" }));
    let request = api.client().post(format!("{}/api/schedules", api.url)).json(&body);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 201);
    let place = response.headers()["location"].to_str().expect("a path").to_owned();
    let made: Value = response.json().await.expect("JSON");
    assert_eq!(place, at(&made));
    for (field, expected) in [
        ("name", json!("nightly")),
        ("type", json!("demo")),
        ("cron", json!("30 2 * * *")),
        ("cron_words", json!("At 02:30")),
        ("time_zone", json!("Europe/Berlin")),
        ("enabled", json!(true)),
        ("overlap", json!("skip")),
        ("catch_up", json!("none")),
        ("priority", Value::Null),
        ("reason", json!("disk is full")),
        ("created_by", json!("anonymous")),
        ("updated_by", json!("anonymous")),
        ("last_run", Value::Null),
        ("problem", Value::Null),
    ] {
        assert_eq!(made[field], expected, "{field}: {made:#}");
    }
    assert_eq!(made["params"]["item_ms"], 200, "defaults are filled in");
    let next: Vec<_> = made["next_runs"].as_array().expect("times").iter().map(time).collect();
    assert_eq!(next.len(), 5);
    assert_eq!(made["next_run_at"], made["next_runs"][0]);
    for due in &next {
        let local = due.with_timezone(&chrono_tz::Europe::Berlin);
        assert_eq!(local.format("%H:%M:%S").to_string(), "02:30:00");
    }
    assert!(next[0] > Utc::now() && next[0] < Utc::now() + TimeDelta::hours(25));

    assert_eq!(api.get(&place).await.expect(200), made);
    let second = create(api, "another", json!({})).await;
    let listed = api.get("/api/schedules").await.expect(200);
    assert_eq!(listed["schedules"], json!([second, made]), "by name");
    let created = &history(api, &made).await[0];
    assert_eq!((&created["outcome"], &created["reason"]), (&json!("created"), &json!("disk is full")));
    assert_eq!((&created["actor"], &created["due_at"]), (&json!("anonymous"), &Value::Null));

    let gone = api.request(Method::DELETE, &place, Some(json!({ "reason": "moved" }))).await;
    assert_eq!(gone.status, 204);
    for path in [place.clone(), format!("{place}/runs")] {
        assert_eq!(api.get(&path).await.expect(404)["code"], "unknown_schedule");
    }
    assert_eq!(api.request(Method::DELETE, &place, None).await.expect(404)["code"], "unknown_schedule");
    assert!(server.log().contains("moved"), "{}", server.log());
    server.stop().await;
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_schedule_is_told_by_its_field() {
    let server = Server::start().await;
    let api = &server.api;
    let taken = create(api, "taken", json!({})).await;
    let long = |n: usize| "x".repeat(n);
    for (fields, pointers) in [
        (json!({ "name": "" }), vec!["/name"]),
        (json!({ "name": " a" }), vec!["/name"]),
        (json!({ "name": "a\nb" }), vec!["/name"]),
        (json!({ "name": "a\0b" }), vec!["/name"]),
        (json!({ "name": long(101) }), vec!["/name"]),
        (json!({ "name": 3 }), vec!["/name"]),
        (json!({ "type": "dmeo" }), vec!["/type"]),
        (json!({ "type": "de\0mo" }), vec!["/type"]),
        (json!({ "type": long(1000) }), vec!["/type"]),
        (json!({ "params": { "items": -1 } }), vec!["/params/items"]),
        (json!({ "params": { "itmes": 1 } }), vec!["/params"]),
        (json!({ "params": 3 }), vec!["/params"]),
        (json!({ "type": "scan_library", "params": { "path": format!("/{}", long(65_536)) } }), vec!["/params"]),
        (json!({ "cron": "" }), vec!["/cron"]),
        (json!({ "cron": "* * * *" }), vec!["/cron"]),
        (json!({ "cron": "61 * * * *" }), vec!["/cron"]),
        (json!({ "cron": "0 0 31 2 *" }), vec!["/cron"]),
        (json!({ "cron": ", * * * *" }), vec!["/cron"]),
        (json!({ "cron": "@midnightly" }), vec!["/cron"]),
        (json!({ "cron": "0 0 * *\0*" }), vec!["/cron"]),
        (json!({ "cron": "0 0 * * \u{661}" }), vec!["/cron"]),
        (json!({ "cron": long(100_000) }), vec!["/cron"]),
        (json!({ "time_zone": "Europe/Belrin" }), vec!["/time_zone"]),
        (json!({ "time_zone": "" }), vec!["/time_zone"]),
        (json!({ "time_zone": "\0" }), vec!["/time_zone"]),
        (json!({ "time_zone": long(100_000) }), vec!["/time_zone"]),
        (json!({ "overlap": "run" }), vec!["/overlap"]),
        (json!({ "catch_up": "all" }), vec!["/catch_up"]),
        (json!({ "priority": 1001 }), vec!["/priority"]),
        (json!({ "priority": i64::MIN }), vec!["/priority"]),
        (json!({ "reason": "a\0" }), vec!["/reason"]),
        (json!({ "reason": long(1001) }), vec!["/reason"]),
        (json!({ "enabled": "yes" }), vec!["/enabled"]),
        (json!({ "crno": "@daily" }), vec!["/crno"]),
        (
            json!({ "name": "", "type": "none", "cron": "x", "time_zone": "y", "priority": 9999, "reason": long(1001) }),
            vec!["/cron", "/name", "/priority", "/reason", "/time_zone", "/type"],
        ),
    ] {
        let problem = api.post("/api/schedules", demo("new", fields.clone())).await.expect(422);
        let mut told: Vec<_> =
            problem["errors"].as_array().expect("errors").iter().map(|e| e["pointer"].as_str().expect("one")).collect();
        told.sort_unstable();
        assert_eq!(told, pointers, "{fields}: {problem:#}");
        // What can be wrong with a new one can be wrong with a change, and changes nothing.
        let problem = edit(api, &taken, fields.clone()).await.expect(422);
        assert_eq!(problem["errors"].as_array().expect("errors").len(), pointers.len(), "{fields}: {problem:#}");
    }
    let problem = api.post("/api/schedules", demo("new", json!({ "time_zone": "berlin" }))).await.expect(422);
    assert!(problem["detail"].as_str().expect("a text").contains("`Europe/Berlin`"), "{problem:#}");
    let problem = api.post("/api/schedules", demo("taken", json!({}))).await.expect(409);
    assert_eq!(problem["code"], "schedule_name_taken");
    let other = create(api, "other", json!({})).await;
    assert_eq!(edit(api, &other, json!({ "name": "taken" })).await.expect(409)["code"], "schedule_name_taken");
    assert_eq!(api.get(&at(&taken)).await.expect(200), taken, "nothing was changed");
    for act in ["enable", "disable", "run"] {
        let path = format!("{}/{act}", at(&taken));
        assert_eq!(api.post(&path, json!({ "reason": "a\0" })).await.expect(422)["errors"][0]["pointer"], "/reason");
        assert_eq!(api.post(&path, json!({ "raeson": "" })).await.expect(422)["errors"][0]["pointer"], "/raeson");
        let unknown = format!("/api/schedules/01890000-0000-7000-8000-000000000000/{act}");
        assert_eq!(api.post(&unknown, json!({})).await.expect(404)["code"], "unknown_schedule");
    }
    assert_eq!(api.get("/api/schedules/nightly").await.expect(400)["code"], "invalid_path");
    server.stop().await;
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name_and_is_written_down() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "weekly", json!({ "priority": 7, "overlap": "queue" })).await;
    let cron = edit(api, &made, json!({ "cron": "@weekly", "reason": "less often" })).await.expect(200);
    assert_eq!((&cron["cron"], &cron["priority"], &cron["overlap"]), (&json!("@weekly"), &json!(7), &json!("queue")));
    assert_ne!(cron["next_run_at"], made["next_run_at"], "due by the new line");
    for nothing in [json!({}), json!({ "cron": "@weekly", "reason": "to no end" })] {
        assert_eq!(edit(api, &made, nothing).await.expect(200), cron, "as it was, and why");
    }
    assert_eq!(edit(api, &made, json!({ "priority": null })).await.expect(200)["priority"], Value::Null);
    let params = edit(api, &made, json!({ "params": { "items": 3 } })).await.expect(200);
    assert_eq!(params["params"]["items"], 3);
    // The params of one type are none of another.
    let problem = edit(api, &made, json!({ "type": "cleanup" })).await.expect(422);
    assert!(problem["errors"][0]["pointer"].as_str().expect("one").starts_with("/params"), "{problem:#}");
    let moved = edit(api, &made, json!({ "type": "cleanup", "params": {}, "name": "tidy", "enabled": false })).await;
    let moved = moved.expect(200);
    assert_eq!((&moved["type"], &moved["name"], &moved["next_runs"]), (&json!("cleanup"), &json!("tidy"), &json!([])));
    assert_eq!(moved["updated_by"], "anonymous");
    assert!(time(&moved["updated_at"]) > time(&made["updated_at"]));
    let changes: Vec<_> = history(api, &made).await.into_iter().map(|run| run["detail"]["changed"].clone()).collect();
    let expected = [
        Value::Null,
        json!(["cron"]),
        json!(["priority"]),
        json!(["params"]),
        json!(["name", "type", "params", "enabled"]),
    ];
    assert_eq!(changes, expected);
    assert_eq!(history(api, &made).await[1]["reason"], "less often");
    server.stop().await;
}

#[tokio::test]
async fn a_schedule_is_switched_off_and_on() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "switched", json!({})).await;
    let (on, off) = (format!("{}/enable", at(&made)), format!("{}/disable", at(&made)));
    let disabled = api.post(&off, json!({ "reason": "holidays" })).await.expect(200);
    assert_eq!((&disabled["enabled"], &disabled["next_runs"]), (&json!(false), &json!([])));
    assert_eq!(disabled["reason"], "holidays");
    assert_eq!(api.request(Method::POST, &off, None).await.expect(200), disabled, "twice is as good as once");
    let enabled = api.request(Method::POST, &on, None).await.expect(200);
    assert_eq!((&enabled["enabled"], &enabled["next_run_at"]), (&json!(true), &made["next_run_at"]));
    let outcomes: Vec<_> = history(api, &made).await.into_iter().map(|run| run["outcome"].clone()).collect();
    assert_eq!(outcomes, ["created", "disabled", "enabled"]);

    // What was never on has missed nothing when it is switched on.
    let asleep = create(api, "asleep", json!({ "enabled": false, "cron": "* * * * * *", "catch_up": "one" })).await;
    assert_eq!(asleep["next_run_at"], Value::Null);
    api.post(&format!("{}/enable", at(&asleep)), json!({})).await.expect(200);
    let first = &until_runs(api, &asleep, "started", 1).await[0];
    assert_eq!(first["detail"], Value::Null, "on time, not caught up");
    server.stop().await;
}

#[tokio::test]
async fn a_cron_line_is_explained_while_it_is_written() {
    let server = Server::start().await;
    let api = &server.api;
    let preview = async |body| api.post("/api/schedules/preview", body).await;
    let told = preview(json!({ "cron": "*/15 * * * * *" })).await.expect(200);
    assert!(told["words"].as_str().expect("words").contains("15 seconds"), "{told:#}");
    let next: Vec<_> = told["next"].as_array().expect("times").iter().map(time).collect();
    assert_eq!(next.len(), 5);
    assert!(next.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::seconds(15)), "{told:#}");
    let told = preview(json!({ "cron": "0 9 * * MON", "time_zone": "America/New_York" })).await.expect(200);
    let local = time(&told["next"][0]).with_timezone(&chrono_tz::America::New_York);
    assert_eq!(local.format("%a %H:%M").to_string(), "Mon 09:00");
    for (body, pointer) in [
        (json!({ "cron": "99 * * * *" }), "/cron"),
        (json!({ "cron": "0 0 30 2 *" }), "/cron"),
        (json!({ "cron": "@daily", "time_zone": "Mars" }), "/time_zone"),
        (json!({ "cron": null }), "/cron"),
        (json!({}), ""),
    ] {
        let problem = preview(body.clone()).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_history_is_read_page_by_page_and_bounded() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "often", json!({})).await;
    for n in 0..5 {
        edit(api, &made, json!({ "priority": n })).await.expect(200);
    }
    let path = format!("{}/runs", at(&made));
    let (mut seen, mut next) = (Vec::new(), Value::Null);
    loop {
        let before = if next.is_null() { String::new() } else { format!("&before={next}") };
        let page = api.get(&format!("{path}?limit=2{before}")).await.expect(200);
        seen.extend(page["runs"].as_array().expect("runs").iter().map(|run| run["id"].as_i64().expect("an id")));
        next = page["next"].clone();
        if next.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, none twice: {seen:?}");
    for bad in ["limit=0", "limit=501", "before=x", "after=1"] {
        assert_eq!(api.get(&format!("{path}?{bad}")).await.expect(400)["code"], "invalid_query", "{bad}");
    }
    let fill = async |outcome: &str| {
        let line = format!("SELECT '{}', '{outcome}' FROM generate_series(1, 300)", id_of(&made));
        let sql = format!("INSERT INTO schedule_runs (schedule_id, outcome) {line}");
        database::execute(&server.database_url, &sql).await;
    };
    fill("skipped").await;
    api.post(&format!("{}/run", at(&made)), json!({})).await.expect(201);
    assert_eq!(history(api, &made).await.len(), 6 + 200, "the oldest runs went, and no change");
    fill("edited").await;
    edit(api, &made, json!({ "priority": 9 })).await.expect(200);
    assert_eq!(history(api, &made).await.len(), 200 + 200, "the oldest changes went, and no run");
    server.stop().await;
}
