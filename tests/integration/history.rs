//! What is kept of a job beside its row: its log, its events, its failed items.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::Api;
use crate::support::server::Server;

async fn logs(api: &Api, id: Uuid, query: &str) -> Value {
    api.get(&format!("/api/jobs/{id}/logs?{query}")).await.expect(200)
}

fn texts(page: &Value, list: &str, field: &str) -> Vec<String> {
    let rows = page[list].as_array().expect("rows");
    rows.iter().map(|row| row[field].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn a_log_is_read_in_pages_from_its_end_and_by_level() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 4, "item_ms": 0, "log_lines": 5, "error_every": 2 })).await;
    server.api.until_status(id, "completed").await;
    let all = logs(&server.api, id, "").await;
    assert_eq!((&all["more"], &all["gaps"]), (&json!(false), &json!([])));
    let lines = texts(&all, "lines", "message");
    let said: Vec<_> = lines.iter().filter(|line| line.contains(", line ")).collect();
    assert_eq!(said.len(), 20, "{lines:#?}");
    assert_eq!(said[0], "item 1, line 1 of 5");

    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = logs(&server.api, id, &format!("limit=3&after={after}")).await;
        paged.extend(texts(&page, "lines", "message"));
        after = page["next"].to_string();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(paged, lines, "pages hang together");
    let nothing = logs(&server.api, id, &format!("after={after}")).await;
    assert_eq!((&nothing["lines"], nothing["next"].to_string()), (&json!([]), after), "the position is kept");
    assert_eq!(texts(&logs(&server.api, id, "tail=2").await, "lines", "message"), lines[lines.len() - 2..]);

    let warned = logs(&server.api, id, "level=warn").await;
    let levels = texts(&warned, "lines", "level");
    assert!(levels.iter().all(|level| level == "warn" || level == "error"), "{warned:#}");
    assert!(levels.len() < lines.len());
    server.stop().await;
}

/// Reads a log upwards from its end. Its lines, oldest first, and how many were left out between them.
async fn upwards(api: &Api, id: Uuid, limit: usize) -> (Vec<String>, u64) {
    let mut page = logs(api, id, &format!("tail={limit}")).await;
    let (mut lines, mut dropped) = (Vec::new(), 0);
    loop {
        let mut earlier = texts(&page, "lines", "message");
        assert!(earlier.len() == limit || page["prev"].is_null(), "{page:#}");
        earlier.append(&mut lines);
        lines = earlier;
        dropped += page["gaps"].as_array().expect("gaps").iter().filter_map(|gap| gap["dropped"].as_u64()).sum::<u64>();
        let Some(prev) = page["prev"].as_i64() else { return (lines, dropped) };
        assert_eq!(page["lines"][0]["seq"], prev);
        page = logs(api, id, &format!("limit={limit}&before={prev}")).await;
        assert_eq!(page["more"], true, "the page below");
    }
}

#[tokio::test]
async fn a_log_is_read_upwards_page_by_page_and_searched() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 7, "item_ms": 0, "log_lines": 3, "error_every": 2 })).await;
    server.api.until_status(id, "completed").await;
    let lines = texts(&logs(&server.api, id, "").await, "lines", "message");
    for limit in [1, 4, lines.len(), 500] {
        assert_eq!(upwards(&server.api, id, limit).await, (lines.clone(), 0), "{limit} at a time");
    }
    let below = logs(&server.api, id, "limit=2").await;
    assert_eq!(below["prev"], Value::Null, "the log begins here");
    let next = logs(&server.api, id, &format!("limit=2&after={}", below["next"])).await;
    let above = logs(&server.api, id, &format!("limit=2&before={}", next["prev"])).await;
    assert_eq!((&above["lines"], &above["next"]), (&below["lines"], &below["next"]), "down and up again");

    let found = logs(&server.api, id, "q=ITEM%203,").await;
    assert_eq!(
        texts(&found, "lines", "message"),
        ["item 3, line 1 of 3", "item 3, line 2 of 3", "item 3, line 3 of 3"]
    );
    let last = logs(&server.api, id, "q=item%203,&tail=1").await;
    assert_eq!(texts(&last, "lines", "message"), ["item 3, line 3 of 3"]);
    let before = logs(&server.api, id, &format!("q=item%203,&limit=1&before={}", last["prev"])).await;
    assert_eq!(texts(&before, "lines", "message"), ["item 3, line 2 of 3"]);
    let failed = logs(&server.api, id, "q=item%204&level=warn").await;
    assert_eq!(texts(&failed, "lines", "message").len(), 1, "{failed:#}");
    for nothing in ["q=%25", "q=_", "q=%5C", "q=item%204&level=error", "before=0"] {
        assert_eq!(logs(&server.api, id, nothing).await["lines"], json!([]), "{nothing}");
    }
    let url = format!("{}/api/jobs/{id}/logs?format=text&q=line%202", server.api.url);
    let text = server.api.client().get(url).send().await.expect("an answer").text().await.expect("a text");
    assert_eq!(text.lines().count(), 7, "{text}");
    server.stop().await;
}

#[tokio::test]
async fn the_head_and_the_tail_of_a_huge_log_are_kept_and_the_gap_is_counted() {
    const SAID: usize = 150_000;
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 1_500, "item_ms": 0, "log_lines": 100 })).await;
    server.api.until_status(id, "completed").await;
    let (mut kept, mut dropped, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = logs(&server.api, id, &format!("limit=10000&after={after}")).await;
        kept.extend(texts(&page, "lines", "message"));
        dropped += page["gaps"].as_array().expect("gaps").iter().filter_map(|gap| gap["dropped"].as_u64()).sum::<u64>();
        after = page["next"].to_string();
        if page["more"] == false {
            break;
        }
    }
    let own = kept.iter().filter(|line| line.contains(", line ")).count();
    assert_eq!(own + usize::try_from(dropped).expect("a count"), SAID, "what is not kept is counted");
    assert!(dropped > 0 && own > 20_000, "{own} lines kept, {dropped} dropped");
    let head: Vec<_> = (0..10_000).map(|n| format!("item {}, line {} of 100", n / 100 + 1, n % 100 + 1)).collect();
    let first = kept.iter().position(|line| *line == head[0]).expect("the first line");
    assert_eq!(kept[first..first + 10_000], head, "the head is whole");
    assert!(kept.iter().rev().take(5).any(|line| line == "item 1500, line 100 of 100"), "and so is the end");
    let tail = logs(&server.api, id, "tail=10").await;
    assert_eq!(texts(&tail, "lines", "message"), kept[kept.len() - 10..]);
    assert_eq!(tail["gaps"], json!([]));
    assert_eq!(upwards(&server.api, id, 10_000).await, (kept.clone(), dropped), "upwards it is the same");

    let url = format!("{}/api/jobs/{id}/logs?format=text", server.api.url);
    let file = server.api.client().get(url).send().await.expect("an answer");
    assert_eq!(file.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(file.headers()["content-disposition"], format!("attachment; filename=\"{id}.log\""));
    let text = file.text().await.expect("the whole file");
    assert_eq!(text.lines().count(), kept.len());
    assert!(text.lines().zip(&kept).all(|(line, message)| line.ends_with(message)));
    server.stop().await;
}

#[tokio::test]
async fn the_events_of_a_job_tell_its_life_and_who_did_what() {
    let server = Server::start().await;
    let body = json!({ "type": "demo", "params": { "items": 1000, "item_ms": 50 }, "reason": "to see it run" });
    let job = server.api.post("/api/jobs", body).await.expect(201);
    let id = crate::support::api::id_of(&job);
    server.api.until_status(id, "running").await;
    let wish = json!({ "reason": "seen enough" });
    server.api.post(&format!("/api/jobs/{id}/cancel"), wish).await.expect(202);
    server.api.until_status(id, "cancelled").await;
    let path = format!("/api/jobs/{id}/events");
    let all = server.api.get(&path).await.expect(200);
    let kinds = texts(&all, "events", "kind");
    assert_eq!(
        kinds.iter().filter(|kind| !kind.starts_with("cancel_")).collect::<Vec<_>>(),
        ["created", "started", "cancelled"]
    );
    assert_eq!(
        (&all["events"][0]["reason"], &all["events"][0]["actor"]),
        (&json!("to see it run"), &json!("anonymous"))
    );
    let asked = all["events"].as_array().expect("events").iter().find(|event| event["kind"] == "cancel_requested");
    assert_eq!(asked.expect("the wish")["reason"], "seen enough");

    let first = server.api.get(&format!("{path}?limit=1")).await.expect(200);
    assert_eq!((texts(&first, "events", "kind"), &first["more"]), (vec!["created".to_owned()], &json!(true)));
    let rest = server.api.get(&format!("{path}?after={}", first["next"])).await.expect(200);
    assert_eq!(texts(&rest, "events", "kind"), kinds[1..]);
    assert_eq!(rest["more"], false);
    server.stop().await;
}

#[tokio::test]
async fn the_items_that_failed_are_listed_searched_and_counted() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 40, "item_ms": 0, "error_every": 4 })).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["outcome"], &job["error_count"]), (&json!("completed_with_errors"), &json!(10)));
    let path = format!("/api/jobs/{id}/item-errors");
    let all = server.api.get(&path).await.expect(200);
    let failed: Vec<_> = (1..=10).map(|n| format!("item {}", n * 4)).collect();
    assert_eq!(texts(&all, "item_errors", "item"), failed);
    assert_eq!(all["item_errors"][0]["error"], "item 4 was told to fail");
    let first = server.api.get(&format!("{path}?limit=4")).await.expect(200);
    assert_eq!((texts(&first, "item_errors", "item").len(), &first["more"]), (4, &json!(true)));
    let rest = server.api.get(&format!("{path}?after={}", first["next"])).await.expect(200);
    assert_eq!(texts(&rest, "item_errors", "item"), failed[4..]);
    let found = server.api.get(&format!("{path}?q=ITEM%203")).await.expect(200);
    assert_eq!(texts(&found, "item_errors", "item"), ["item 32", "item 36"]);
    for nothing in ["%25", "_", "item%201"] {
        let found = server.api.get(&format!("{path}?after=7&q={nothing}")).await.expect(200);
        assert_eq!(found["item_errors"], json!([]), "{nothing}");
    }
    server.stop().await;
}
