//! The cleanup job: what it deletes, what it ends, and what it leaves alone.

use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::database;
use crate::support::live::Live;
use crate::support::server::{Options, Server};

/// A job of long ago or not so long ago, with two log lines, an event, an item error and a curve.
async fn insert(url: &str, status: &str, age_days: u32) -> Uuid {
    let id = Uuid::now_v7();
    let (ended, outcome) = match status {
        "pending" => ("NULL".to_owned(), "NULL".to_owned()),
        _ => (format!("now() - interval '{age_days} days'"), format!("'{status}'")),
    };
    let sql = format!(
        "INSERT INTO jobs (id, type, status, outcome, params, created_by, run_at, created_at, completed_at)
         VALUES ('{id}', 'demo', '{status}', {outcome}, '{{}}', 'anonymous', now() + interval '1 day',
                 now() - interval '{age_days} days', {ended});
         INSERT INTO job_logs (job_id, seq, at, level, target, message)
         VALUES ('{id}', 1, now(), 'info', 'demo', 'one'), ('{id}', 2, now(), 'info', 'demo', 'two');
         INSERT INTO job_events (job_id, kind, attempt) VALUES ('{id}', 'created', 0);
         INSERT INTO job_item_errors (job_id, seq, item, error) VALUES ('{id}', 1, 'item', 'error');
         INSERT INTO job_curves (job_id, attempt, points) VALUES ('{id}', 1, '[]')"
    );
    database::connect(url).await.batch_execute(&sql).await.unwrap();
    id
}

/// How many rows each table has of a job.
async fn rows_of(url: &str, id: Uuid) -> Value {
    let sql = format!(
        "SELECT (SELECT count(*) FROM jobs WHERE id = '{id}') AS jobs,
                (SELECT count(*) FROM job_logs WHERE job_id = '{id}') AS logs,
                (SELECT count(*) FROM job_events WHERE job_id = '{id}') AS events,
                (SELECT count(*) FROM job_item_errors WHERE job_id = '{id}') AS item_errors,
                (SELECT count(*) FROM job_curves WHERE job_id = '{id}') AS curves"
    );
    database::rows(url, &sql).await.remove(0)
}

/// Runs it. Its result, and its id.
async fn cleanup(server: &Server, params: Value) -> (Value, Uuid) {
    let id = server.api.submit("cleanup", params).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(job["outcome"], "completed", "{job:#}");
    (job["result"].clone(), id)
}

#[tokio::test]
async fn old_jobs_go_with_all_that_belongs_to_them_and_the_others_stay() {
    let server = Server::start().await;
    let url = &server.database_url;
    let mut old = Vec::new();
    for status in ["completed", "failed", "cancelled"] {
        old.push(insert(url, status, 31).await);
    }
    let kept = [insert(url, "completed", 29).await, insert(url, "failed", 0).await, insert(url, "pending", 400).await];
    let whole = json!({ "jobs": 1, "logs": 2, "events": 1, "item_errors": 1, "curves": 1 });

    let (mut counted, looked) = cleanup(&server, json!({ "dry_run": true })).await;
    for id in old.iter().chain(&kept) {
        assert_eq!(rows_of(url, *id).await, whole);
    }
    let (mut deleted, did) = cleanup(&server, json!({})).await;
    for id in &old {
        assert_eq!(
            rows_of(url, *id).await,
            json!({ "jobs": 0, "logs": 0, "events": 0, "item_errors": 0, "curves": 0 })
        );
    }
    for id in &kept {
        assert_eq!(rows_of(url, *id).await, whole);
    }
    assert_eq!((counted["dry_run"].take(), deleted["dry_run"].take()), (json!(true), json!(false)));
    assert_eq!(counted, deleted, "a look counts what is deleted then");
    assert_eq!((&deleted["jobs"], &deleted["logs"]), (&json!(3), &json!(6)));
    assert_eq!((&deleted["events"], &deleted["item_errors"]), (&json!(3), &json!(3)));

    // With no retention at all everything that has ended goes, but not the one that does it.
    let (deleted, itself) = cleanup(&server, json!({ "retention_days": 0 })).await;
    assert_eq!(deleted["jobs"], 4, "two that were kept, and two cleanups");
    for id in [looked, did] {
        assert_eq!(rows_of(url, id).await["jobs"], 0);
    }
    assert_eq!(rows_of(url, itself).await["jobs"], 1);
    assert_eq!(server.api.event_kinds(itself).await, ["created", "started", "completed"]);
    assert_eq!(rows_of(url, kept[2]).await, whole, "it has not ended");
    server.stop().await;
}

#[tokio::test]
async fn more_old_jobs_than_one_step_deletes_all_go() {
    let server = Server::start().await;
    let url = &server.database_url;
    let many = "INSERT INTO jobs (id, type, status, outcome, params, created_by, completed_at)
                SELECT gen_random_uuid(), 'demo', 'completed', 'completed', '{}', 'anonymous', now() - interval '90 days'
                FROM generate_series(1, 2500);
                INSERT INTO job_logs (job_id, seq, at, level, target, message)
                SELECT (SELECT min(id::text)::uuid FROM jobs), n, now(), 'info', 'demo', 'a line'
                FROM generate_series(1, 25000) n";
    database::execute(url, many).await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let (deleted, id) = cleanup(&server, json!({})).await;
    assert_eq!(removed(&mut live, 2500).await.len(), 2500, "each is told once");
    assert_eq!((&deleted["jobs"], &deleted["logs"]), (&json!(2500), &json!(25_000)));
    let job = server.api.job(id).await;
    assert_eq!((&job["processed_items"], &job["total_items"]), (&json!(2500), &json!(2500)));
    let left =
        database::rows(url, "SELECT count(*) AS n FROM jobs WHERE completed_at < now() - interval '30 days'").await;
    assert_eq!(left[0]["n"], 0);
    server.stop().await;
}

/// The jobs that a client is told are gone, up to this many.
async fn removed(live: &mut Live, count: usize) -> Vec<Value> {
    let mut removed = Vec::new();
    while removed.len() < count {
        removed.extend(live.next_of("job_removed").await["jobs"].as_array().expect("ids").iter().cloned());
    }
    removed
}

#[tokio::test]
async fn those_who_watch_a_job_are_told_that_it_is_gone() {
    let server = Server::start().await;
    let api = &server.api;
    let ids = api.submit_many("demo", &json!({ "items": 0 }), 3).await;
    for id in &ids {
        api.until_status(*id, "completed").await;
    }
    let mut all = Live::connect(api, "/api/jobs/ws").await;
    let mut one = Live::connect(api, &format!("/api/jobs/{}/ws", ids[1])).await;
    let mut others = Live::connect(api, "/api/jobs/ws").await;
    for live in [&mut all, &mut one, &mut others] {
        live.next_of("snapshot").await;
    }
    others.send(json!({ "type": "unsubscribe", "all": true })).await;
    others.send(json!({ "type": "subscribe", "types": ["cleanup"] })).await;
    others.next_of("snapshot").await;

    cleanup(&server, json!({ "retention_days": 0, "dry_run": true })).await;
    let (deleted, _) = cleanup(&server, json!({ "retention_days": 0 })).await;
    assert_eq!(deleted["jobs"], 4, "three, and the cleanup that only looked");
    let told = removed(&mut all, 4).await;
    assert!(ids.iter().all(|id| told.contains(&json!(id))), "{told:?}");
    assert_eq!(one.next_of("job_removed").await, json!({ "type": "job_removed", "jobs": [ids[1]] }));
    let told = removed(&mut others, 1).await;
    assert!(told.len() == 1 && ids.iter().all(|id| !told.contains(&json!(id))), "{told:?}");
    server.stop().await;
}

#[tokio::test]
async fn stale_jobs_of_dead_nodes_are_ended_and_jobs_that_run_are_not() {
    let server = Server::start().await;
    let url = &server.database_url;
    // The supervisor would rescue such jobs at once. This is about those that it can't.
    let out_of_its_reach = "
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.interruptions > OLD.interruptions THEN RETURN NULL; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER keep BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION keep()";
    database::execute(url, out_of_its_reach).await;
    let node = Uuid::now_v7();
    let (stale, cancelling, fresh) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let dead = format!(
        "INSERT INTO nodes (id, hostname, pid, version, started_at, renewed_at)
         VALUES ('{node}', 'gone', 1, '0', now() - interval '2 hours', now() - interval '11 minutes');
         INSERT INTO jobs (id, type, status, params, created_by, attempt, node_id, started_at, updated_at)
         VALUES ('{stale}', 'demo', 'running', '{{}}', 'anonymous', 1, '{node}', now(), now()),
                ('{cancelling}', 'demo', 'cancelling', '{{}}', 'anonymous', 1, '{node}', now(), now()),
                ('{fresh}', 'demo', 'running', '{{}}', 'anonymous', 1, gen_random_uuid(), now(), now())"
    );
    database::execute(url, &dead).await;
    let running = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 20 })).await;
    server.api.until_status(running, "running").await;

    let (counted, _) = cleanup(&server, json!({ "dry_run": true })).await;
    assert_eq!(counted["stale_jobs"], 2);
    assert_eq!(server.api.job(stale).await["status"], "running");
    let (ended, _) = cleanup(&server, json!({})).await;
    assert_eq!(ended["stale_jobs"], 2);
    let job = server.api.job(stale).await;
    assert_eq!((&job["status"], &job["outcome"]), (&json!("failed"), &json!("failed")));
    assert!(
        job["error"].as_str().is_some_and(|e| e.starts_with("stale")) && job["completed_at"].is_string(),
        "{job:#}"
    );
    assert_eq!(server.api.event_kinds(stale).await, ["failed"]);
    assert_eq!(server.api.job(cancelling).await["status"], "cancelled");
    assert_eq!(server.api.job(fresh).await["status"], "running", "its node was heard of a moment ago");
    assert_eq!(server.api.job(running).await["status"], "running");
    server.stop().await;
}

#[tokio::test]
async fn bad_params_are_refused_field_by_field() {
    let server = Server::start().await;
    let params = json!({ "retention_days": -1, "stale_minutes": 0, "dry_run": "maybe" });
    let refused = server.api.post("/api/jobs", json!({ "type": "cleanup", "params": params })).await.expect(422);
    let errors = refused["errors"].as_array().unwrap();
    for pointer in ["/params/retention_days", "/params/stale_minutes", "/params/dry_run"] {
        assert!(errors.iter().any(|error| error["pointer"] == pointer), "{pointer}: {refused:#}");
    }
    server.stop().await;
}

/// Files of a download that were handled so many days ago; one of them has a copy that was cut short.
async fn insert_downloads(url: &str, name: &str, age_days: u32) {
    let sql = format!(
        "INSERT INTO handled_downloads
            (torrent_hash, file_index, torrent_name, file, path, how, size_bytes, partial, job_id, handled_at)
         SELECT '{name}', n, '{name}', 'f' || n, '/library/f' || n, CASE n WHEN 3 THEN 'copying' ELSE 'linked' END, 1,
                CASE n WHEN 3 THEN '/library/.stashhog-3.part' END, gen_random_uuid(), now() - interval '{age_days} days'
         FROM generate_series(1, 3) n"
    );
    database::execute(url, &sql).await;
}

async fn downloads(url: &str) -> Vec<(String, i64)> {
    let rows =
        database::rows(url, "SELECT torrent_name, count(*) AS n FROM handled_downloads GROUP BY 1 ORDER BY 1").await;
    rows.iter().map(|row| (row["torrent_name"].as_str().unwrap().to_owned(), row["n"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn handled_downloads_are_forgotten_after_two_weeks_but_not_copies_that_were_cut_short() {
    let server = Server::start().await;
    let url = &server.database_url;
    insert_downloads(url, "new", 13).await;
    insert_downloads(url, "old", 15).await;
    let (counted, _) = cleanup(&server, json!({ "dry_run": true })).await;
    assert_eq!((counted["handled_downloads"].as_i64(), downloads(url).await.len()), (Some(2), 2));
    let (deleted, _) = cleanup(&server, json!({})).await;
    assert_eq!(deleted["handled_downloads"], 2);
    assert_eq!(downloads(url).await, [("new".to_owned(), 3), ("old".to_owned(), 1)]);
    let (deleted, _) = cleanup(&server, json!({ "handled_downloads_days": 0 })).await;
    assert_eq!(deleted["handled_downloads"], 2);
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_said_for_a_run_the_settings_say() {
    let env = vec![
        ("STASHHOG_CLEANUP_RETENTION_DAYS", "10".into()),
        ("STASHHOG_CLEANUP_HANDLED_DOWNLOADS_DAYS", "20".into()),
    ];
    let server = Server::start_with(Options { env, ..Options::default() }).await;
    let url = &server.database_url;
    let (old, new) = (insert(url, "completed", 11).await, insert(url, "completed", 9).await);
    insert_downloads(url, "kept", 19).await;
    let (deleted, _) = cleanup(&server, json!({ "retention_days": null })).await;
    assert_eq!((&deleted["jobs"], &deleted["handled_downloads"]), (&json!(1), &json!(0)));
    assert_eq!(
        (rows_of(url, old).await["jobs"].as_i64(), rows_of(url, new).await["jobs"].as_i64()),
        (Some(0), Some(1))
    );
    let (deleted, _) = cleanup(&server, json!({ "retention_days": 8 })).await;
    assert_eq!(deleted["jobs"], 1, "what is said wins");
    server.stop().await;
}

#[tokio::test]
async fn plans_whose_job_is_gone_are_opened_with_what_they_have_and_the_others_are_left_alone() {
    let server = Server::start().await;
    let url = &server.database_url;
    let (failed, pending) = (insert(url, "failed", 1).await, insert(url, "pending", 1).await);
    let ids: [Uuid; 4] = std::array::from_fn(|_| Uuid::now_v7());
    let [with_changes, empty, waiting, open] = ids;
    let sql = format!(
        "INSERT INTO plans (id, job_id, name, status, source, params) VALUES
            ('{with_changes}', gen_random_uuid(), 'a', 'building', 'names', '{{}}'),
            ('{empty}', '{failed}', 'b', 'building', 'names', '{{}}'),
            ('{waiting}', '{pending}', 'c', 'building', 'names', '{{}}'),
            ('{open}', gen_random_uuid(), 'd', 'open', 'names', '{{}}');
         INSERT INTO plan_changes (id, plan_id, scene_id, scene_title, field, action, key, confidence)
         VALUES (gen_random_uuid(), '{with_changes}', '1', 'Harbour at Dawn', 'title', 'set', '', 1)"
    );
    database::execute(url, &sql).await;
    let statuses = async || {
        let rows = database::rows(url, "SELECT status FROM plans ORDER BY name").await;
        rows.iter().map(|row| row["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (counted, _) = cleanup(&server, json!({ "dry_run": true })).await;
    assert_eq!((counted["stuck_plans"].as_i64(), statuses().await[0].as_str()), (Some(2), "building"));
    let (ended, _) = cleanup(&server, json!({})).await;
    assert_eq!(ended["stuck_plans"], 2);
    assert_eq!(statuses().await, ["open", "failed", "building", "open"]);
    server.stop().await;
}
