//! The list of jobs: every filter, and pages that neither repeat nor skip while new jobs arrive.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::header::USER_AGENT;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::database;
use crate::support::server::Server;

const NONE: [Uuid; 0] = [];

fn ids(page: &Value) -> Vec<Uuid> {
    page["jobs"].as_array().expect("jobs").iter().map(id_of).collect()
}

async fn list(api: &Api, query: &str) -> Vec<Uuid> {
    ids(&api.get(&format!("/api/jobs?{query}")).await.expect(200))
}

/// Walks through all pages. The ids in the order in which they came.
async fn walk(api: &Api, query: &str) -> Vec<Uuid> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/jobs?{query}&cursor={cursor}")).await.expect(200);
        all.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

/// One job of each fate.
struct Fates {
    completed: Uuid,
    with_errors: Uuid,
    failed: Uuid,
    cancelled: Uuid,
    pending: Uuid,
    cleanup: Uuid,
}

impl Fates {
    async fn of(api: &Api) -> Self {
        let completed = api.submit("demo", json!({ "items": 0 })).await;
        let with_errors = api.submit("demo", json!({ "items": 3, "item_ms": 0, "error_every": 2 })).await;
        let failed = api.submit("demo", json!({ "items": 3, "item_ms": 0, "fail_at": 2 })).await;
        let later = json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" });
        let cancelled = id_of(&api.post("/api/jobs", later.clone()).await.expect(201));
        api.post(&format!("/api/jobs/{cancelled}/cancel"), json!({})).await.expect(202);
        let pending = id_of(&api.post("/api/jobs", later).await.expect(201));
        let request = api.client().post(format!("{}/api/jobs/run/cleanup", api.url));
        let by_cli = request.header(USER_AGENT, "stashhog-cli/0").json(&json!({ "dry_run": true }));
        let cleanup = api.send(by_cli).await.expect(201)["job_id"].as_str().and_then(|id| id.parse().ok());
        let fates = Self { completed, with_errors, failed, cancelled, pending, cleanup: cleanup.expect("an id") };
        for (id, status) in [
            (fates.completed, "completed"),
            (fates.with_errors, "completed"),
            (fates.failed, "failed"),
            (fates.cleanup, "completed"),
        ] {
            api.until_status(id, status).await;
        }
        fates
    }
}

#[tokio::test]
async fn each_filter_finds_what_fits_and_nothing_else() {
    let server = Server::start().await;
    let f = Fates::of(&server.api).await;
    let url_of_failed = format!("q={}", f.failed);
    let all = vec![f.cleanup, f.pending, f.cancelled, f.failed, f.with_errors, f.completed];
    for (query, fits) in [
        ("", all.clone()),
        ("status=&type=&q=", all.clone()),
        ("status=failed", vec![f.failed]),
        ("status=pending,cancelled", vec![f.pending, f.cancelled]),
        ("status=pending&status=cancelled", vec![f.pending, f.cancelled]),
        ("status=running", vec![]),
        ("type=cleanup", vec![f.cleanup]),
        ("type=cleanup,demo", all.clone()),
        ("type=nothing", vec![]),
        ("outcome=completed_with_errors", vec![f.with_errors]),
        ("outcome=completed", vec![f.cleanup, f.completed]),
        ("outcome=failed,cancelled", vec![f.cancelled, f.failed]),
        ("q=told%20to%20fail", vec![f.failed]),
        ("q=TOLD+TO+FAIL", vec![f.failed]),
        ("q=clean", vec![f.cleanup]),
        (&url_of_failed, vec![f.failed]),
        ("q=%25", vec![]),
        ("q=_", vec![]),
        ("q=%5C", vec![]),
        ("q=00000000-0000-0000-0000-000000000000", vec![]),
        ("actor=cli", vec![f.cleanup]),
        ("actor=anonymous&status=completed", vec![f.with_errors, f.completed]),
        ("actor=nobody", vec![]),
        ("type=demo&status=completed&outcome=completed&q=x", vec![]),
    ] {
        assert_eq!(list(&server.api, query).await, fits, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn times_and_parents_are_filters_too() {
    let server = Server::start().await;
    let f = Fates::of(&server.api).await;
    let failed_at = server.api.job(f.failed).await["created_at"].as_str().expect("a time").to_owned();
    let (since, until) = (format!("since={failed_at}"), format!("until={failed_at}"));
    assert_eq!(list(&server.api, &since).await, [f.cleanup, f.pending, f.cancelled, f.failed], "at or after");
    assert_eq!(list(&server.api, &until).await, [f.with_errors, f.completed], "before");
    assert_eq!(list(&server.api, &format!("{since}&{until}")).await, NONE);
    assert_eq!(list(&server.api, "since=2999-12-31T23:59:59Z").await, NONE);
    assert_eq!(list(&server.api, "until=1970-01-01T00:00:00Z").await, NONE);
    let adopt = format!("UPDATE jobs SET parent_id = '{}' WHERE id = '{}'", f.completed, f.failed);
    database::execute(&server.database_url, &adopt).await;
    assert_eq!(list(&server.api, &format!("parent={}", f.completed)).await, [f.failed]);
    assert_eq!(list(&server.api, &format!("parent={}", f.failed)).await, NONE);
    server.stop().await;
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_new_jobs_arrive() {
    let server = Server::start().await;
    let mut before = server.api.submit_many("demo", &json!({ "items": 0 }), 200).await;
    before.reverse();
    let enough = AtomicBool::new(false);
    let arrive = async {
        let mut arrived = Vec::new();
        while !enough.load(Ordering::Relaxed) {
            arrived.push(server.api.submit("demo", json!({ "items": 0 })).await);
        }
        arrived
    };
    let read = async {
        let mut walks = Vec::new();
        for query in
            ["limit=1", "limit=7", "limit=50", "type=demo&limit=13", "status=pending,running,completed&limit=9"]
        {
            walks.push((query, walk(&server.api, query).await));
        }
        enough.store(true, Ordering::Relaxed);
        walks
    };
    let (arrived, walks) = tokio::join!(arrive, read);
    assert!(arrived.len() > 10, "jobs came meanwhile");
    for (query, seen) in walks {
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "{query} repeats");
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{query} is not newest first");
        assert!(seen.ends_with(&before), "{query} skips");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_last_page_says_that_it_is_the_last() {
    let server = Server::start().await;
    assert_eq!(
        server.api.get("/api/jobs").await.expect(200),
        json!({ "jobs": [], "next_cursor": null, "searched_until": null })
    );
    server.api.submit_many("demo", &json!({ "items": 0 }), 10).await;
    for (limit, more) in [(9, true), (10, false), (11, false)] {
        let page = server.api.get(&format!("/api/jobs?limit={limit}")).await.expect(200);
        assert_eq!(page["next_cursor"].is_string(), more, "{limit} of 10");
    }
    server.stop().await;
}

/// Finished jobs of long ago, the first of which said `a needle`.
async fn haystack(url: &str) {
    let insert = "INSERT INTO jobs (id, type, status, outcome, params, created_by, message, created_at, run_at, completed_at)
         SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::int8), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
                CASE n % 2 WHEN 0 THEN 'demo' ELSE 'cleanup' END, CASE WHEN n < 3 THEN 'failed' ELSE 'completed' END,
                CASE WHEN n < 3 THEN 'failed' ELSE 'completed' END, '{}', 'test', CASE n WHEN 1 THEN 'a needle' ELSE 'hay' END, at, at, at
         FROM (SELECT n, timestamptz '2026-01-01' + n * interval '1 s' AS at FROM generate_series(1, 30000) n) made";
    database::execute(url, insert).await;
}

#[tokio::test]
async fn a_search_looks_at_so_many_jobs_and_says_how_far_it_came() {
    let server = Server::start().await;
    haystack(&server.database_url).await;
    let page = server.api.get("/api/jobs?q=needle").await.expect(200);
    assert_eq!(ids(&page), NONE);
    let until = page["searched_until"].as_str().expect("how far it looked");
    assert!(("2026-01-01T00:00:01Z".."2026-01-01T08:00:00Z").contains(&until), "{until}");
    let found = walk(&server.api, "q=needle").await;
    assert_eq!(found.len(), 1, "going on finds it");
    assert_eq!(server.api.job(found[0]).await["message"], "a needle");
    assert_eq!(walk(&server.api, "q=nothing").await, NONE);
    assert_eq!(walk(&server.api, "q=hay&type=demo&limit=500").await.len(), 15_000, "no page repeats or skips");
    server.stop().await;
}

/// These have an index, however rare the combination is.
#[tokio::test]
async fn types_statuses_and_actors_are_found_at_once() {
    let server = Server::start().await;
    haystack(&server.database_url).await;
    for (query, count) in [
        ("type=demo&status=failed", 1),
        ("type=demo,cleanup&status=failed,cancelled", 2),
        ("type=cleanup&status=cancelled", 0),
        ("actor=nobody", 0),
        ("actor=nobody&status=failed", 0),
        ("outcome=completed_with_errors", 0),
        ("status=cancelled", 0),
        ("type=nothing", 0),
    ] {
        let page = server.api.get(&format!("/api/jobs?{query}")).await.expect(200);
        assert_eq!(
            (ids(&page).len(), &page["next_cursor"], &page["searched_until"]),
            (count, &Value::Null, &Value::Null),
            "{query}"
        );
    }
    server.stop().await;
}

/// An act on what a search finds goes through all of it.
#[tokio::test]
async fn acts_on_many_jobs_skip_nothing_that_a_search_finds_late() {
    let server = Server::start().await;
    haystack(&server.database_url).await;
    let would = server.api.post("/api/jobs/retry", json!({ "q": "needle", "dry_run": true })).await.expect(200);
    assert_eq!((&would["matched"], &would["more"]), (&json!(1), &json!(false)), "{would:#}");
    let failed = server.api.post("/api/jobs/retry", json!({ "all": true, "dry_run": true })).await.expect(200);
    assert_eq!(failed["matched"], 2, "{failed:#}");
    let bad = server.api.post("/api/jobs/retry", json!({ "all": true, "cursor": "x" })).await;
    assert_eq!(bad.expect(422)["errors"][0]["pointer"], "/cursor");
    server.stop().await;
}
