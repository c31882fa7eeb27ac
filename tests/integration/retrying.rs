//! Doing a job again: as it was, with other params, or its failed items only; linked both ways.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::server::Server;

async fn retry(api: &Api, id: Uuid, body: Value) -> Value {
    api.post(&format!("/api/jobs/{id}/retry"), body).await.expect(201)
}

/// A job of ten items of which the fourth and the eighth failed.
async fn with_errors(api: &Api) -> Uuid {
    let id = api.submit("demo", json!({ "items": 10, "item_ms": 0, "error_every": 4 })).await;
    api.until_status(id, "completed").await;
    id
}

#[tokio::test]
async fn a_retry_is_a_new_job_with_the_same_params_linked_both_ways() {
    let server = Server::start().await;
    let body = json!({ "type": "demo", "params": { "items": 3, "item_ms": 0, "fail_at": 2 }, "priority": 9 });
    let old = id_of(&server.api.post("/api/jobs", body).await.expect(201));
    server.api.until_status(old, "failed").await;
    let new = retry(&server.api, old, json!({ "reason": "once more" })).await;
    assert_ne!(id_of(&new), old);
    assert_eq!((&new["retry_of"], &new["reason"], &new["priority"]), (&json!(old), &json!("once more"), &json!(9)));
    let again = server.api.until_status(id_of(&new), "failed").await;
    let before = server.api.job(old).await;
    assert_eq!(again["params"], before["params"]);
    assert_eq!(before["retried_as"], json!([id_of(&new)]));
    assert_eq!(
        (&before["status"], &before["attempt"]),
        (&json!("failed"), &json!(1)),
        "the old one is left as it ended"
    );

    let third = server.api.client().post(format!("{}/api/jobs/{old}/retry", server.api.url));
    let third = server.api.send(third).await.expect(201);
    assert_eq!(server.api.job(old).await["retried_as"], json!([id_of(&new), id_of(&third)]), "without a body too");
    server.stop().await;
}

#[tokio::test]
async fn a_retry_with_other_params_runs_with_those() {
    let server = Server::start().await;
    let old = server.api.submit("demo", json!({ "items": 3, "item_ms": 0, "fail_at": 2 })).await;
    server.api.until_status(old, "failed").await;
    let new = id_of(&retry(&server.api, old, json!({ "params": { "items": 2, "item_ms": 0 } })).await);
    assert_eq!(server.api.until_status(new, "completed").await["processed_items"], 2);
    let wrong = json!({ "params": { "items": -2 } });
    let problem = server.api.post(&format!("/api/jobs/{old}/retry"), wrong).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/params/items");
    server.stop().await;
}

#[tokio::test]
async fn a_retry_of_the_failed_items_works_through_those_only() {
    let server = Server::start().await;
    let old = with_errors(&server.api).await;
    let new = retry(&server.api, old, json!({ "only_failed_items": true })).await;
    assert_eq!(new["only_items"], json!(["item 4", "item 8"]));
    let done = server.api.until_status(id_of(&new), "completed").await;
    assert_eq!(
        (&done["processed_items"], &done["total_items"], &done["error_count"]),
        (&json!(2), &json!(2), &json!(2))
    );
    // Retried whole, it is still about those two.
    let third = id_of(&retry(&server.api, id_of(&new), json!({})).await);
    assert_eq!(server.api.until_status(third, "completed").await["total_items"], 2);
    let both = json!({ "only_failed_items": true, "params": { "items": 1 } });
    let problem = server.api.post(&format!("/api/jobs/{old}/retry"), both).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/only_failed_items");
    server.stop().await;
}

#[tokio::test]
async fn what_can_not_be_retried_says_why() {
    let server = Server::start().await;
    let api = &server.api;
    let running = api.submit("demo", json!({ "items": 1000, "item_ms": 50 })).await;
    let problem = api.post(&format!("/api/jobs/{running}/retry"), json!({})).await.expect(409);
    assert_eq!((&problem["code"], &problem["job"]["id"]), (&json!("job_not_ended"), &json!(running)));
    let clean = api.submit("demo", json!({ "items": 0 })).await;
    api.until_status(clean, "completed").await;
    let path = format!("/api/jobs/{clean}/retry");
    let problem = api.post(&path, json!({ "only_failed_items": true })).await.expect(409);
    assert_eq!(problem["code"], "no_failed_items");

    let cleanup = json!({ "type": "cleanup", "params": { "dry_run": true }, "run_at": "2100-01-01T00:00:00Z" });
    let ended = id_of(&api.post("/api/jobs", cleanup.clone()).await.expect(201));
    api.post(&format!("/api/jobs/{ended}/cancel"), json!({})).await.expect(202);
    let holder = id_of(&api.post("/api/jobs", cleanup).await.expect(201));
    let problem = api.post(&format!("/api/jobs/{ended}/retry"), json!({})).await.expect(409);
    assert_eq!((&problem["code"], id_of(&problem["job"])), (&json!("exclusive_job_active"), holder));
    server.stop().await;
}
