//! The job in a server: what a client has of it, and what the web UI is given to show.

use own_jobs::ratings;
use serde_json::{Value, json};
use stashhog::testing::Server;
use uuid::Uuid;

use crate::fake::FakeRatings;

/// A server whose rating service knows these titles.
async fn served(titles: &[(&str, i32)]) -> (Server, FakeRatings) {
    let (server, fake) = (Server::start().unwrap(), FakeRatings::start(titles));
    server.set(&ratings::URL, fake.url()).await;
    (server, fake)
}

/// A job that runs until it is cancelled: it waits for an answer that never comes.
async fn endless(server: &Server, fake: &FakeRatings) -> Uuid {
    let id = server.trigger("fetch_ratings", json!({ "titles": ["Slow Train", "silence"] })).await;
    fake.until_asked("silence");
    server.watch(id).await.until(|job| job["processed_items"] == 1).await;
    id
}

/// [ ] It appears in the catalogue with its label and colour, and the form has a field for each parameter.
#[tokio::test]
async fn it_appears_in_the_catalogue_with_label_colour_and_form() {
    let server = Server::start().unwrap();
    let card = server.get("/api/job-types/fetch_ratings").await;
    assert_eq!(
        (&card["label"], &card["color"], &card["icon"]),
        (&json!("Fetch Ratings"), &json!("cyan"), &json!("star"))
    );
    assert_eq!((&card["category"], &card["unit"]["plural"]), (&json!("Own"), &json!("titles")));
    assert_eq!(card["description"], "Fetch the ratings of titles, and keep them.");
    let fields = &card["params_schema"]["properties"];
    assert_eq!(fields["at_least"]["description"], "Ratings below this are not kept.");
    assert_eq!((&fields["at_least"]["default"], &fields["at_least"]["maximum"]), (&json!(0), &json!(10)));
    assert_eq!((&fields["titles"]["type"], &fields["again"]["type"]), (&json!("array"), &json!("boolean")));
    server.stop().unwrap();
}

/// [ ] It is triggered through the API, its parameters reach the handler, and its result is kept and can be read.
#[tokio::test]
async fn it_is_triggered_through_the_api_and_its_result_is_kept() {
    let (server, _fake) = served(&[("Slow Train", 3), ("Harbour at Dawn", 8)]).await;
    let params = json!({ "titles": ["Slow Train", "Harbour at Dawn"], "at_least": 5 });
    let (status, answer) = server.post("/api/jobs/run/fetch_ratings", params).await;
    assert_eq!((status, &answer["success"]), (201, &json!(true)));
    let id: Uuid = answer["job_id"].as_str().unwrap().parse().unwrap();
    let job = server.until_ended(id).await;
    assert_eq!((&job["status"], &job["outcome"]), (&json!("completed"), &json!("completed")));
    assert_eq!(job["params"]["at_least"], 5);
    assert_eq!(job["result"], json!({ "kept": 1, "known": 0, "below": 1 }), "it heard `at_least`");
    assert_eq!(job["metadata"], json!({ "triggered_by": "manual", "source": "api" }));
    server.stop().unwrap();
}

/// [ ] Its progress and its status are told live, in its unit.
#[tokio::test]
async fn its_progress_and_status_are_told_live() {
    let (server, _fake) = served(&[("Slow Train", 3)]).await;
    let id = server.trigger("fetch_ratings", json!({ "titles": ["Slow Train", "silence"] })).await;
    let mut watch = server.watch(id).await;
    let half = watch.until(|job| job["processed_items"] == 1).await;
    assert_eq!(
        (&half["status"], &half["total_items"], &half["progress"]),
        (&json!("running"), &json!(2), &json!(50.0))
    );
    let (status, _) = server.post(&format!("/api/jobs/{id}/cancel"), json!({})).await;
    assert_eq!(status, 202);
    let told = watch.ended().await;
    assert_eq!(told.last().unwrap()["status"], "cancelled", "{told:#?}");
    server.stop().unwrap();
}

/// [ ] It can be cancelled while it runs, also while it waits for a service, and what it had done is kept.
#[tokio::test]
async fn it_is_cancelled_while_it_runs() {
    let (server, fake) = served(&[("Slow Train", 3)]).await;
    let id = endless(&server, &fake).await;
    let (status, _) = server.post(&format!("/api/jobs/{id}/cancel"), json!({ "reason": "enough" })).await;
    assert_eq!(status, 202);
    let job = server.until_ended(id).await;
    assert!(job["cancel"]["stopped_at"].is_string() && job["cancel"]["aborted_at"].is_null(), "by itself: {job:#}");
    assert_eq!((&job["status"], &job["processed_items"]), (&json!("cancelled"), &json!(1)));
    assert_eq!(job["cancel"]["reason"], "enough");
    let again = server.trigger("fetch_ratings", json!({ "titles": ["Slow Train"] })).await;
    assert_eq!(server.until_ended(again).await["result"]["known"], 1);
    server.stop().unwrap();
}

/// [ ] Its failed items are retried, and they alone.
#[tokio::test]
async fn its_failed_items_are_retried_and_they_alone() {
    let (server, fake) = served(&[("Slow Train", 3)]).await;
    let id = server.trigger("fetch_ratings", json!({ "titles": ["Slow Train", "Nowhere"] })).await;
    let job = server.until_ended(id).await;
    assert_eq!((&job["outcome"], &job["error_count"]), (&json!("completed_with_errors"), &json!(1)));

    fake.learn(&[("Nowhere", 6)]);
    let (status, retry) = server.post(&format!("/api/jobs/{id}/retry"), json!({ "only_failed_items": true })).await;
    assert_eq!((status, &retry["metadata"]["triggered_by"]), (201, &json!("retry")));
    let retried = server.until_ended(retry["id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!((&retried["outcome"], &retried["total_items"]), (&json!("completed"), &json!(1)));
    assert_eq!(fake.asked(), ["Slow Train", "Nowhere", "Nowhere"]);
    server.stop().unwrap();
}

/// [ ] It does not run twice at a time: the second trigger is told which job has the place.
#[tokio::test]
async fn it_does_not_run_twice_at_a_time() {
    let (server, fake) = served(&[("Slow Train", 3)]).await;
    let first = endless(&server, &fake).await;
    let (status, refused) = server.post("/api/jobs/run/fetch_ratings", json!({ "titles": ["Slow Train"] })).await;
    let detail = refused["detail"].as_str().unwrap();
    assert!(status == 409 && detail.contains(&format!("already running: {first}")), "{detail}");
    server.post(&format!("/api/jobs/{first}/cancel"), json!({})).await;
    server.until_ended(first).await;
    server.stop().unwrap();
}

/// [ ] Without a setting that it needs it is refused when it is triggered, not halfway; the setting can be tried before.
#[tokio::test]
async fn a_setting_that_is_missing_is_named_when_it_is_triggered() {
    let (server, fake) = (Server::start().unwrap(), FakeRatings::start(&[("Slow Train", 3)]));
    let trigger = async || server.post("/api/jobs/run/fetch_ratings", json!({ "titles": ["Slow Train"] })).await;
    let (status, refused) = trigger().await;
    assert!(status == 422 && refused["detail"].as_str().unwrap().contains("`ratings.url`"), "{refused:#}");

    let typed = |url: &str| json!({ "values": { "ratings.url": url } });
    let tried = async |values: Value| server.post("/api/settings/test/ratings", values).await.1;
    assert_eq!(tried(typed(fake.url())).await, json!({ "ok": true, "message": "it knows 1 titles" }));
    assert_eq!(tried(typed("http://127.0.0.1:9")).await["ok"], false);

    server.set(&ratings::URL, fake.url()).await;
    assert_eq!(trigger().await.0, 201);
    server.stop().unwrap();
}
