//! Plans as the two analyses build them.

use std::time::Duration;

use serde_json::{Value, json};
use stashhog::services::ai::{MAX_CONCURRENT, MODEL as MODEL_SETTING, URL};
use stashhog::store::pool;
use stashhog::testing::ai::{FakeAi, MODEL, Question, Reply};
use stashhog::testing::rude::{Manner, RudeServer};
use stashhog::testing::{self, JobTest};
use tokio::runtime::Handle;

use crate::support::database;
use crate::support::server::Server;

/// A library with this many scenes, one tag, one performer, two studios.
async fn library(scenes: u32) -> String {
    let url = database::create().await;
    let sql = format!(
        "INSERT INTO tags (id, name, aliases, stash_updated_at) VALUES ('1', 'Harbour', '{{Port}}', now());
         INSERT INTO performers (id, name, stash_updated_at) VALUES ('1', 'Ada Byron', now());
         INSERT INTO studios (id, name, stash_updated_at) VALUES ('1', 'Pier Nine', now()), ('2', 'Lighthouse', now());
         INSERT INTO scenes (id, title, path, stash_updated_at)
         SELECT n, 'Scene ' || n, '/media/Pier Nine/port ' || n || ' ada.byron 2026-01-31.mp4', now()
         FROM generate_series(1, {scenes}) n;
         INSERT INTO scene_tags SELECT n, '1' FROM generate_series(1, {scenes}) n WHERE n % 2 = 0"
    );
    database::execute(&url, &sql).await;
    url
}

fn analysis(url: &str, ai: &str, params: Value) -> JobTest {
    testing::job_named("analysis", params)
        .db(pool::build(url, Handle::current()).unwrap())
        .setting(&URL, ai)
        .setting(&MODEL_SETTING, MODEL)
        .setting(&MAX_CONCURRENT, 1)
}

/// The ids of the scenes that a question is about.
fn asked_about(question: &Question) -> Vec<String> {
    let question: Value = serde_json::from_str(question.user()).unwrap();
    let scenes = question["scenes"].as_array().unwrap();
    scenes.iter().map(|scene| scene["id"].as_str().unwrap().to_owned()).collect()
}

/// The same for each scene: a tag that some have, a new one, a title.
fn answer(question: &Question) -> Reply {
    let scene = |id: String| {
        json!({
            "id": id,
            "tags": [
                { "value": "port", "confidence": 0.9, "reason": "the path says so" },
                { "value": "Seagulls", "confidence": 0.6, "reason": null },
                { "value": "Storm", "confidence": 0.1, "reason": null },
            ],
            "performers": [],
            "studio": { "value": "Pier Nine", "confidence": 0.8, "reason": null },
            "title": { "value": format!("Harbour at Dawn {id}"), "confidence": 0.7, "reason": null },
            "details": null,
        })
    };
    Reply::json(json!({ "scenes": asked_about(question).into_iter().map(scene).collect::<Vec<_>>() }))
}

async fn plans(url: &str) -> Vec<Value> {
    database::rows(url, "SELECT * FROM plans ORDER BY id").await
}

async fn changes(url: &str) -> Vec<Value> {
    database::rows(url, "SELECT * FROM plan_changes ORDER BY scene_id::int, field, key").await
}

#[tokio::test]
async fn a_plan_has_what_differs_from_what_the_scenes_have() {
    let (url, ai) = (library(3).await, FakeAi::start());
    ai.answer_with(answer);
    let run = analysis(&url, ai.url(), json!({ "batch_size": 2 })).await;
    run.assert_completed().assert_items(3, 3);
    let plan = plans(&url).await.remove(0);
    assert_eq!((&plan["status"], &plan["source"], &plan["model"]), (&json!("open"), &json!("ai"), &json!(MODEL)));
    assert_eq!((&plan["scene_total"], &plan["scene_count"], &plan["note"]), (&json!(3), &json!(3), &Value::Null));
    assert_eq!(
        (&plan["requests"], &plan["input_tokens"], &plan["output_tokens"]),
        (&json!(2), &json!(200), &json!(40))
    );
    assert_eq!(run.result().unwrap()["plan_id"], plan["id"]);
    let changes = changes(&url).await;
    // Scene 2 has the tag already.
    let of = |scene: &str| -> Vec<_> {
        let of_it = changes.iter().filter(|change| change["scene_id"] == scene);
        of_it.map(|change| (change["field"].as_str().unwrap(), change["proposed"].clone())).collect()
    };
    let (studio, seagulls) = (json!({ "id": "1", "name": "Pier Nine" }), json!({ "id": null, "name": "Seagulls" }));
    let title = |n| json!(format!("Harbour at Dawn {n}"));
    let harbour = json!({ "id": "1", "name": "Harbour" });
    assert_eq!(
        of("1"),
        [("studio", studio.clone()), ("tags", harbour), ("tags", seagulls.clone()), ("title", title(1))]
    );
    assert_eq!(of("2"), [("studio", studio), ("tags", seagulls), ("title", title(2))]);
    let renamed = changes.iter().find(|change| change["field"] == "title").unwrap();
    assert_eq!((&renamed["current"], &renamed["action"]), (&json!("Scene 1"), &json!("set")));

    // What a plan has looked at, the next one leaves out.
    analysis(&url, ai.url(), json!({})).await.assert_completed().assert_items(0, 0);
    assert_eq!(ai.questions().len(), 2);
    analysis(&url, ai.url(), json!({ "again": true, "max_scenes": 2 })).await.assert_completed().assert_items(2, 2);
}

#[tokio::test]
async fn a_batch_that_fails_makes_item_errors_and_the_rest_goes_on() {
    let (url, ai) = (library(6).await, FakeAi::start());
    ai.answer_with(|question| match asked_about(question).contains(&"3".to_owned()) {
        true => Reply::text("no idea"),
        false => answer(question),
    });
    let run = analysis(&url, ai.url(), json!({ "batch_size": 2, "scene_ids": ["1", "2", "3", "4", "5", "99"] })).await;
    run.assert_completed_with_errors(&["3", "4", "99"]).assert_items(6, 6);
    let plan = plans(&url).await.remove(0);
    assert_eq!((&plan["status"], &plan["scene_count"], &plan["scene_errors"]), (&json!("open"), &json!(3), &json!(3)));
    ai.answer_with(answer);
    let again = analysis(&url, ai.url(), json!({})).only_items(["3", "4"]).await;
    again.assert_completed().assert_items(2, 2);
}

#[tokio::test]
async fn a_scene_that_the_model_left_out_is_an_item_error() {
    let (url, ai) = (library(2).await, FakeAi::start());
    ai.next(Reply::json(json!({ "scenes": [{ "id": "2" }, { "id": "77" }] })));
    let run = analysis(&url, ai.url(), json!({})).await;
    run.assert_completed_with_errors(&["1"]);
    assert!(run.item_errors()[0].error.contains("left it out"));
}

#[tokio::test]
async fn a_job_that_is_cancelled_leaves_a_plan_with_what_was_found() {
    let (url, ai) = (library(4).await, FakeAi::start());
    ai.answer_with(|question| match asked_about(question) == ["1"] {
        true => answer(question),
        false => answer(question).takes(Duration::from_secs(60)),
    });
    let run = analysis(&url, ai.url(), json!({ "batch_size": 1 })).cancel_at_item(1).await;
    run.assert_cancelled().assert_items(1, 4);
    let plan = plans(&url).await.remove(0);
    assert_eq!((&plan["status"], &plan["note"]), (&json!("open"), &json!("stopped after 1 of 4 scenes")));
    assert_eq!(changes(&url).await.len(), 4);
}

#[tokio::test]
async fn a_job_whose_node_dies_goes_on_with_the_same_plan() {
    let (url, ai) = (library(4).await, FakeAi::start());
    ai.answer_with(answer);
    let run = analysis(&url, ai.url(), json!({ "batch_size": 1 })).crash_at_item(2).await;
    run.assert_crashed();
    assert_eq!(plans(&url).await[0]["status"], "building");
    run.resume().await.assert_completed().assert_items(4, 4);
    let plans = plans(&url).await;
    assert_eq!(plans.len(), 1);
    assert_eq!((&plans[0]["status"], &plans[0]["scene_count"]), (&json!("open"), &json!(4)));
    assert_eq!(changes(&url).await.len(), 4 * 4 - 2, "each once");
}

#[tokio::test]
async fn a_service_that_is_of_no_use_fails_the_job_and_the_plan() {
    for (manner, told) in [(Manner::WrongKey, "`ai.api_key`"), (Manner::WebPage, "is the address right?")] {
        let (url, rude) = (library(10).await, RudeServer::start(manner));
        let run = analysis(&url, &rude.url(), json!({ "batch_size": 1 })).await;
        run.assert_failed(told);
        let plan = plans(&url).await.remove(0);
        assert_eq!(plan["status"], "failed", "{plan:#}");
        assert!(plan["note"].as_str().unwrap().contains(told), "{plan:#}");
        assert!(rude.requests() <= 3, "it is not asked about every scene");
    }
}

#[tokio::test]
async fn an_analysis_without_a_service_is_refused_when_it_is_triggered() {
    let server = Server::start().await;
    let body = json!({ "type": "analysis", "params": {} });
    let problem = server.api.post("/api/jobs", body).await.expect(422);
    assert!(problem.to_string().contains("ai.url"), "{problem:#}");
    let nothing = json!({ "detect_tags": false, "detect_performers": false, "detect_studio": false,
                          "detect_title": false, "detect_date": false, "min_confidence": 2 });
    let problem =
        server.api.post("/api/jobs", json!({ "type": "non_ai_analysis", "params": nothing })).await.expect(422);
    assert!(problem.to_string().contains("/params/min_confidence"), "{problem:#}");
    server.stop().await;
}

fn by_names(url: &str, params: Value) -> JobTest {
    testing::job_named("non_ai_analysis", params).db(pool::build(url, Handle::current()).unwrap())
}

#[tokio::test]
async fn names_in_paths_become_a_plan_without_any_service() {
    let url = library(2).await;
    database::execute(&url, "UPDATE scenes SET title = '' WHERE id = '2'").await;
    by_names(&url, json!({})).await.assert_completed().assert_items(2, 2);
    let plan = plans(&url).await.remove(0);
    assert_eq!((&plan["status"], &plan["source"], &plan["cost"]), (&json!("open"), &json!("names"), &Value::Null));
    let found: Vec<_> = changes(&url)
        .await
        .iter()
        .map(|change| format!("{} {} {}", change["scene_id"], change["field"], change["proposed"]).replace('"', ""))
        .collect();
    let (ada, studio) = ("{id:1,name:Ada Byron}", "{id:1,name:Pier Nine}");
    let expected = [
        "1 date 2026-01-31".to_owned(),
        format!("1 performers {ada}"),
        format!("1 studio {studio}"),
        "1 tags {id:1,name:Harbour}".to_owned(),
        "2 date 2026-01-31".to_owned(),
        format!("2 performers {ada}"),
        format!("2 studio {studio}"),
        "2 title port 2 ada byron".to_owned(),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn looking_at_names_stops_and_goes_on() {
    let url = library(600).await;
    let run = by_names(&url, json!({})).crash_at_item(200).await;
    run.assert_crashed();
    run.resume().await.assert_completed().assert_items(600, 600);
    assert_eq!(plans(&url).await[0]["scene_count"], 600);
    let run = by_names(&url, json!({ "again": true })).cancel_at_item(200).await;
    run.assert_cancelled();
    assert_eq!(plans(&url).await[1]["status"], "open");
}
