//! Plans as clients see them: pages, filters, decisions.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::database;
use crate::support::server::Server;

/// A plan with changes whose confidences are 0.1 to 1, alternately titles and tags.
async fn insert(url: &str, status: &str) -> Uuid {
    let plan = Uuid::now_v7();
    let mut sql = format!(
        "INSERT INTO plans (id, job_id, name, status, source, params)
         VALUES ('{plan}', gen_random_uuid(), 'A plan', '{status}', 'ai', '{{}}');"
    );
    for n in 1..=10 {
        let (field, proposed) = if n % 2 == 0 { ("tags", r#"{"id":null,"name":"a"}"#) } else { ("title", r#""b""#) };
        let scene = (n + 1) / 2;
        sql += &format!(
            "INSERT INTO plan_changes (id, plan_id, scene_id, scene_title, field, action, key, proposed, confidence)
             VALUES ('{}', '{plan}', '{scene}', 'Scene {scene}', '{field}', 'set', '', '{proposed}', {n} / 10.0);",
            Uuid::now_v7()
        );
    }
    database::execute(url, &sql).await;
    plan
}

#[tokio::test]
async fn plans_and_their_changes_come_in_pages_that_hang_together() {
    let server = Server::start().await;
    let api = &server.api;
    let mut plans = Vec::new();
    for status in ["open", "applied", "building"] {
        plans.push(insert(&server.database_url, status).await.to_string());
    }
    let first = api.get("/api/plans?limit=2").await.expect(200);
    let ids = |page: &Value, of: &str| -> Vec<String> {
        page[of].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&first, "plans"), [plans[2].clone(), plans[1].clone()]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = api.get(&format!("/api/plans?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!((ids(&rest, "plans"), &rest["next_cursor"]), (vec![plans[0].clone()], &Value::Null));
    assert_eq!(rest["plans"][0]["changes"]["pending"], 10);
    let open = api.get("/api/plans?status=open,failed").await.expect(200);
    assert_eq!(ids(&open, "plans"), [plans[0].clone()]);

    let path = format!("/api/plans/{}/changes", plans[0]);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}?limit=4&cursor={cursor}")).await.expect(200);
        seen.extend(page["changes"].as_array().unwrap().iter().map(|change| change["scene_id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(seen, ["1", "1", "2", "2", "3", "3", "4", "4", "5", "5"], "those of a scene stand together");
    for (filter, count) in [
        ("field=tags", 5),
        ("field=tags,title&scene=2", 2),
        ("min_confidence=0.7", 4),
        ("status=approved,rejected", 0),
        ("status=pending&field=title&min_confidence=0.5", 3),
    ] {
        let page = api.get(&format!("{path}?{filter}")).await.expect(200);
        assert_eq!(page["changes"].as_array().unwrap().len(), count, "{filter}");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_many_all_or_the_sure_changes_are_decided_on() {
    let server = Server::start().await;
    let (api, url) = (&server.api, &server.database_url);
    let plan = insert(url, "open").await;
    let path = |act: &str| format!("/api/plans/{plan}/{act}");
    let changes = api.get(&path("changes")).await.expect(200);
    let ids: Vec<_> = changes["changes"].as_array().unwrap().iter().map(|change| change["id"].clone()).collect();
    let decide = async |act: &str, body: Value| {
        let done = api.post(&path(act), body).await.expect(200);
        (done["changed"].as_i64().unwrap(), done["changes"].clone())
    };
    let (changed, counts) = decide("approve", json!({ "min_confidence": 0.7, "reason": "sure enough" })).await;
    assert_eq!((changed, &counts["approved"], &counts["pending"]), (4, &json!(4), &json!(6)));
    assert_eq!(decide("approve", json!({ "min_confidence": 0.7 })).await.0, 0, "they are approved already");
    assert_eq!(decide("reject", json!({ "changes": [ids[9], ids[0], Uuid::now_v7()] })).await.0, 2);
    assert_eq!(decide("reject", json!({ "all": true, "field": ["tags"] })).await.0, 4);
    database::execute(url, "UPDATE plan_changes SET status = 'applied' WHERE status = 'approved'").await;
    let (changed, counts) = decide("approve", json!({ "all": true })).await;
    assert_eq!((changed, &counts["applied"], &counts["approved"]), (8, &json!(2), &json!(8)), "what is applied stays");
    let last = api.get(&format!("{}?status=approved&limit=1", path("changes"))).await.expect(200);
    let last = &last["changes"][0];
    assert_eq!((&last["decided_by"], last["decided_at"].is_string()), (&json!("anonymous"), true));
    // A plan that was applied is open again once something of it is approved anew.
    database::execute(url, "UPDATE plans SET status = 'applied'; UPDATE plan_changes SET status = 'rejected'").await;
    decide("approve", json!({ "changes": [ids[3]] })).await;
    assert_eq!(api.get(&format!("/api/plans/{plan}")).await.expect(200)["status"], "open");
    server.stop().await;
}

#[tokio::test]
async fn wrong_decisions_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let api = &server.api;
    let plan = insert(&server.database_url, "open").await;
    let many: Vec<_> = (0..10_001).map(|_| Uuid::nil()).collect();
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "all": false }), ""),
        (json!({ "all": true, "min_confidence": 0.5 }), ""),
        (json!({ "changes": [] }), "/changes"),
        (json!({ "changes": many }), "/changes"),
        (json!({ "changes": ["x"] }), "/changes/0"),
        (json!({ "min_confidence": 1.1 }), "/min_confidence"),
        (json!({ "min_confidence": "all" }), "/min_confidence"),
        (json!({ "all": true, "field": ["name"] }), "/field/0"),
        (json!({ "all": true, "reason": "x".repeat(1001) }), "/reason"),
        (json!({ "everything": true }), "/everything"),
    ] {
        let problem = api.post(&format!("/api/plans/{plan}/approve"), body.clone()).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem:#}");
    }
    assert_eq!(api.get(&format!("/api/plans/{plan}")).await.expect(200)["changes"]["pending"], 10);
    let nowhere = Uuid::now_v7();
    for answer in [
        api.get(&format!("/api/plans/{nowhere}")).await,
        api.get(&format!("/api/plans/{nowhere}/changes")).await,
        api.post(&format!("/api/plans/{nowhere}/reject"), json!({ "all": true })).await,
        api.request(Method::DELETE, &format!("/api/plans/{nowhere}"), None).await,
    ] {
        assert_eq!(answer.expect(404)["code"], "unknown_plan");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_plan_is_deleted_with_its_changes_unless_it_is_being_built() {
    let server = Server::start().await;
    let (api, url) = (&server.api, &server.database_url);
    let (open, building) = (insert(url, "open").await, insert(url, "building").await);
    let refused = api.request(Method::DELETE, &format!("/api/plans/{building}"), None).await.expect(409);
    assert_eq!(refused["code"], "plan_building");
    api.request(Method::DELETE, &format!("/api/plans/{open}"), Some(json!({ "reason": "old" }))).await.expect(204);
    api.get(&format!("/api/plans/{open}")).await.expect(404);
    let left = database::rows(url, "SELECT DISTINCT plan_id FROM plan_changes").await;
    assert_eq!(left, [json!({ "plan_id": building })]);
    server.stop().await;
}
