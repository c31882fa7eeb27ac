//! Things are done once: what is stored and what is told agree, whatever happens to a statement or its answer on the way.

use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stashhog::job::{Job, JobContext, JobResult, JobSpec, Outcome};
use stashhog::store::outbox::{EnqueueError, EnqueueOptions, enqueue};
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::database::{cut_off, execute, let_in, rows};
use crate::support::live::Live;
use crate::support::server::{Database, Options, Server};
use crate::support::wire::{Fault, Line};
use crate::support::{database, until};

/// A server whose database is reached over a wire that can fail. The database's own address, too.
async fn over_a_wire() -> (Server, Line, String) {
    let url = database::create().await;
    let line = Line::to(&url);
    let database = Database::At(line.database_url.clone());
    let server = Server::start_with(Options { database, ..Options::default() }).await;
    (server, line, url)
}

async fn count(url: &str, condition: &str) -> i64 {
    let found = rows(url, &format!("SELECT count(*) AS n FROM jobs WHERE {condition}")).await;
    found[0]["n"].as_i64().expect("a number")
}

const LATER: &str = "2100-01-01T00:00:00Z";

#[tokio::test]
async fn a_submission_whose_answer_got_lost_is_answered_201_made_once_and_told() {
    let (server, line, url) = over_a_wire().await;
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;

    line.arm(Fault::SwallowAnswer, "INSERT INTO jobs");
    let job =
        server.api.post("/api/jobs", json!({ "type": "demo", "run_at": LATER, "reason": "one" })).await.expect(201);
    assert!(line.happened());
    assert_eq!(count(&url, "reason = 'one'").await, 1);
    live.until_status(id_of(&job), "pending").await;

    // A batch is a transaction: the answer to its COMMIT is lost.
    line.arm_commit(Fault::SwallowAnswer, "INSERT INTO jobs");
    let jobs: Vec<_> = (0..3).map(|_| json!({ "type": "demo", "run_at": LATER, "reason": "batch" })).collect();
    let batch = server.api.post("/api/jobs/batch", json!({ "jobs": jobs })).await.expect(201);
    assert!(line.happened());
    assert_eq!(count(&url, "reason = 'batch'").await, 3);
    live.until_status(id_of(&batch["jobs"][2]), "pending").await;

    // So is a schedule's job.
    let schedule = json!({ "name": "s", "type": "demo", "cron": "0 0 1 1 *", "params": { "items": 0 } });
    let schedule = server.api.post("/api/schedules", schedule).await.expect(201);
    line.arm_commit(Fault::SwallowAnswer, "INSERT INTO jobs");
    let run = format!("/api/schedules/{}/run", schedule["id"].as_str().expect("an id"));
    let job = server.api.post(&run, json!({})).await.expect(201);
    assert!(line.happened());
    assert_eq!(count(&url, &format!("schedule_id = '{}'", schedule["id"].as_str().expect("an id"))).await, 1);
    server.api.until_status(id_of(&job), "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn an_exclusive_job_whose_answer_got_lost_is_not_refused_by_itself() {
    let (server, line, _) = over_a_wire().await;
    line.arm(Fault::SwallowAnswer, "INSERT INTO jobs");
    let wanted = json!({ "type": "cleanup", "params": { "dry_run": true }, "run_at": LATER });
    let job = server.api.post("/api/jobs", wanted.clone()).await.expect(201);
    assert!(line.happened());
    let problem = server.api.post("/api/jobs", wanted).await.expect(409);
    assert_eq!(id_of(&problem["job"]), id_of(&job));
    server.stop().await;
}

#[tokio::test]
async fn a_statement_that_is_delayed_past_its_asker_makes_nothing_twice() {
    let (server, line, url) = over_a_wire().await;
    line.arm(Fault::HoldBack, "INSERT INTO jobs");
    let job =
        server.api.post("/api/jobs", json!({ "type": "demo", "run_at": LATER, "reason": "slow" })).await.expect(201);
    assert!(line.happened());
    line.release();
    // Whatever the held statement does, a later submission comes after it.
    server.api.post("/api/jobs", json!({ "type": "demo", "run_at": LATER, "reason": "next" })).await.expect(201);
    assert_eq!(count(&url, "reason = 'slow'").await, 1);
    assert_eq!(server.api.event_kinds(id_of(&job)).await, ["created"]);
    server.stop().await;
}

#[tokio::test]
async fn what_was_answered_503_is_not_stored_and_is_not_stored_later() {
    let server = Server::start().await;
    let url = server.database_url.clone();
    cut_off(&url).await;
    // What is sent before the server notices that may be stored later.
    until("the server notices", async || {
        let first = server.api.post("/api/jobs", json!({ "type": "demo", "run_at": LATER, "reason": "first" })).await;
        (first.status == 503).then_some(())
    })
    .await;
    let wanted = json!({ "type": "demo", "run_at": LATER, "reason": "away" });
    let problem = server.api.post("/api/jobs", wanted.clone()).await.expect(503);
    assert_eq!(problem["code"], "unavailable");
    let batch = json!({ "jobs": [wanted, wanted] });
    assert_eq!(server.api.post("/api/jobs/batch", batch).await.expect(503)["code"], "unavailable");
    assert_eq!(server.api.post("/api/job-types/demo/pause", json!({})).await.expect(503)["code"], "unavailable");
    let_in(&url).await;
    let after = json!({ "type": "demo", "params": { "items": 0 } });
    let id = until("it accepts jobs again", async || {
        let answer = server.api.post("/api/jobs", after.clone()).await;
        (answer.status == 201).then(|| id_of(&answer.body))
    })
    .await;
    server.api.until_status(id, "completed").await; // which shows besides that the type is not paused
    assert_eq!(count(&url, "reason = 'away'").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_unique_key_holds_until_its_job_has_ended() {
    let server = Server::start().await;
    let api = &server.api;
    let wanted = |key: &str| json!({ "type": "demo", "run_at": LATER, "unique_key": key });
    let first = api.post("/api/jobs", wanted("a")).await.expect(201);
    assert_eq!(first["exclusive_key"], "demo:key:a");
    let problem = api.post("/api/jobs", wanted("a")).await.expect(409);
    assert_eq!((&problem["code"], id_of(&problem["job"])), (&json!("duplicate_job_active"), id_of(&first)));
    api.post("/api/jobs", wanted("b")).await.expect(201);
    api.post("/api/jobs", json!({ "type": "demo", "run_at": LATER })).await.expect(201);

    let batch = json!({ "jobs": [wanted("c"), wanted("a")] });
    let problem = api.post("/api/jobs/batch", batch).await.expect(409);
    assert!(problem["detail"].as_str().expect("a sentence").contains("/jobs/1"), "{problem:#}");
    assert_eq!(count(&server.database_url, "exclusive_key = 'demo:key:c'").await, 0, "all or none");
    let batch = json!({ "jobs": [wanted("d"), wanted("d")] });
    let problem = api.post("/api/jobs/batch", batch).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/jobs/1");

    for bad in ["", &"x".repeat(201), "a\0b"] {
        let problem = api.post("/api/jobs", wanted(bad)).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/unique_key");
    }
    let id = id_of(&first);
    api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    let second = api.post("/api/jobs", wanted("a")).await.expect(201);
    // Its retry keeps the key.
    let problem = api.post(&format!("/api/jobs/{id}/retry"), json!({})).await.expect(409);
    assert_eq!(id_of(&problem["job"]), id_of(&second));
    server.stop().await;
}

#[tokio::test]
async fn two_triggers_with_one_key_at_the_same_instant_make_one_job() {
    let server = Server::start().await;
    let other = server.beside(&[]).await;
    let wanted = json!({ "type": "demo", "run_at": LATER, "unique_key": "same" });
    let posts = (0..20).map(|n| {
        let api = if n % 2 == 0 { server.api.clone() } else { other.api.clone() };
        let wanted = wanted.clone();
        async move { api.post("/api/jobs", wanted).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(posts).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[19]), (201, 409, 409));
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_pending_job_whose_deadline_passes_is_cancelled_and_never_started() {
    let server = Server::start().await;
    let (api, url) = (&server.api, server.database_url.clone());
    let mut live = Live::connect(api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    api.post("/api/job-types/demo/pause", json!({})).await.expect(200);
    let wanted = json!({ "type": "demo", "expires_at": "2099-01-01T00:00:00Z" });
    let job = api.post("/api/jobs", wanted.clone()).await.expect(201);
    let (id, kept) = (id_of(&job), id_of(&api.post("/api/jobs", wanted).await.expect(201)));
    assert_eq!(job["expires_at"], "2099-01-01T00:00:00Z");
    let explained = api.get(&format!("/api/jobs/{id}/explain")).await.expect(200);
    assert!(explained["sentence"].as_str().expect("one").contains("unless it starts before"), "{explained:#}");

    execute(&url, &format!("UPDATE jobs SET expires_at = now() - interval '1 second' WHERE id = '{id}'")).await;
    api.post("/api/job-types/demo/resume", json!({})).await.expect(200);
    let ended = api.until_status(id, "cancelled").await;
    assert_eq!((&ended["attempt"], &ended["cancel"]["requested_by"]), (&json!(0), &json!("deadline")));
    assert_eq!(api.event_kinds(id).await, ["created", "cancel_requested", "cancelled"]);
    live.until_status(id, "cancelled").await;
    api.until_status(kept, "completed").await;

    let late = json!({ "type": "demo", "run_at": LATER, "expires_at": "2099-01-01T00:00:00Z" });
    let problem = api.post("/api/jobs", late).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/expires_at");
    let past = json!({ "type": "demo", "expires_at": "2001-01-01T00:00:00Z" });
    let past = id_of(&api.post("/api/jobs", past).await.expect(201));
    assert_eq!(api.until_status(past, "cancelled").await["attempt"], Value::from(0));
    server.stop().await;
}

/// A request with a key: its status, its body, whether it was replayed, and its `Location`.
async fn keyed(api: &Api, method: Method, path: &str, key: &str, body: &Value) -> (u16, Value, bool, Option<String>) {
    let request = api.client().request(method, format!("{}{path}", api.url)).header("Idempotency-Key", key).json(body);
    let response = request.send().await.expect("an answer");
    let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, replayed, location) =
        (response.status().as_u16(), text("idempotency-replayed").is_some(), text("location"));
    (status, response.json().await.unwrap_or_default(), replayed, location)
}

#[tokio::test]
async fn a_write_with_a_key_is_done_once_on_all_nodes_and_after_a_crash() {
    let server = Server::start().await;
    let other = server.beside(&[]).await;
    let url = server.database_url.clone();
    let wanted = json!({ "type": "demo", "run_at": LATER });
    let first = keyed(&server.api, Method::POST, "/api/jobs", "k1", &wanted).await;
    assert_eq!((first.0, first.2), (201, false));
    let again = keyed(&other.api, Method::POST, "/api/jobs", "k1", &wanted).await;
    assert_eq!((again.0, &again.1, again.2, &again.3), (201, &first.1, true, &first.3));
    assert!(again.3.is_some());

    let batch = json!({ "jobs": [wanted, wanted, wanted] });
    let jobs = keyed(&server.api, Method::POST, "/api/jobs/batch", "k2", &batch).await;
    let server = server.crash_and_restart().await;
    let again = keyed(&server.api, Method::POST, "/api/jobs/batch", "k2", &batch).await;
    assert_eq!((again.0, &again.1, again.2), (201, &jobs.1, true));
    assert_eq!(count(&url, "true").await, 4);

    // Another body, another path.
    for (path, body) in [("/api/jobs", json!({ "type": "demo" })), ("/api/jobs/run/demo", wanted.clone())] {
        let (status, problem, ..) = keyed(&server.api, Method::POST, path, "k1", &body).await;
        assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    }
    // A refusal is an answer too.
    let bad = json!({ "type": "demo", "params": { "items": "many" } });
    for replayed in [false, true] {
        let answer = keyed(&server.api, Method::POST, "/api/jobs", "k3", &bad).await;
        assert_eq!((answer.0, answer.2), (422, replayed));
    }
    for bad in ["", "a b", &"x".repeat(256)] {
        let (status, problem, ..) = keyed(&server.api, Method::POST, "/api/jobs", bad, &wanted).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_idempotency_key")), "{bad:.20}");
    }
    // After a day the key is free.
    execute(&url, "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'").await;
    let new = keyed(&server.api, Method::POST, "/api/jobs", "k1", &wanted).await;
    assert_eq!((new.0, new.2), (201, false));
    until("old keys are forgotten", async || {
        (rows(&url, "SELECT key FROM idempotency_keys").await.len() == 1).then_some(())
    })
    .await;
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn every_kind_of_write_takes_a_key() {
    let server = Server::start().await;
    let api = &server.api;
    let twice = async |method: Method, path: &str, key: &str, body: Value| {
        let first = keyed(api, method.clone(), path, key, &body).await;
        let again = keyed(api, method, path, key, &body).await;
        assert!(first.0 < 300 && !first.2 && again.2, "{path}: {first:?}, {again:?}");
        assert_eq!((first.0, &first.1, &first.3), (again.0, &again.1, &again.3), "{path}");
        first.1
    };
    let schedule = json!({ "name": "once", "type": "demo", "params": { "items": 0 }, "cron": "0 0 1 1 *" });
    let id = twice(Method::POST, "/api/schedules", "s1", schedule).await["id"].as_str().expect("an id").to_owned();
    let job = id_of(&twice(Method::POST, &format!("/api/schedules/{id}/run"), "s2", json!({})).await);
    api.until_status(job, "completed").await;
    twice(Method::POST, &format!("/api/jobs/{job}/retry"), "r1", json!({})).await;
    twice(Method::POST, "/api/jobs/retry", "r2", json!({ "ids": [job] })).await;
    assert_eq!(count(&server.database_url, &format!("retry_of = '{job}'")).await, 2);
    twice(Method::PATCH, &format!("/api/schedules/{id}"), "s3", json!({ "priority": 3 })).await;
    twice(Method::DELETE, &format!("/api/schedules/{id}"), "s4", json!({})).await;
    twice(Method::PATCH, "/api/settings", "e1", json!({ "values": {} })).await;
    twice(Method::POST, "/api/job-types/demo/pause", "p1", json!({})).await;
    let waits = id_of(&api.post("/api/jobs", json!({ "type": "demo" })).await.expect(201));
    twice(Method::POST, &format!("/api/jobs/{waits}/cancel"), "c1", json!({})).await;
    server.stop().await;
}

#[tokio::test]
async fn an_execution_that_lost_its_answer_is_found_and_not_repeated() {
    let server = Server::start().await;
    let url = server.database_url.clone();
    let wanted = json!({ "jobs": [{ "type": "demo", "run_at": LATER }, { "type": "demo", "run_at": LATER }] });
    let first = keyed(&server.api, Method::POST, "/api/jobs/batch", "k", &wanted).await;
    let job = json!({ "type": "demo", "params": { "items": 0 } });
    let done = keyed(&server.api, Method::POST, "/api/jobs", "done", &job).await;
    server.api.until_status(id_of(&done.1), "completed").await;
    // The server dies between the two steps: the jobs are stored, the answer is not kept.
    execute(&url, "UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL").await;
    let busy = keyed(&server.api, Method::POST, "/api/jobs/batch", "k", &wanted).await;
    assert_eq!((busy.0, &busy.1["code"]), (409, &json!("idempotency_key_in_use")));
    let server = server.crash_and_restart().await;
    let again = keyed(&server.api, Method::POST, "/api/jobs/batch", "k", &wanted).await;
    assert_eq!((again.0, again.2), (201, false));
    assert_eq!(again.1["jobs"][1]["id"], first.1["jobs"][1]["id"]);
    let again = keyed(&server.api, Method::POST, "/api/jobs", "done", &job).await;
    assert_eq!((again.0, id_of(&again.1)), (201, id_of(&done.1)));
    assert_eq!(count(&url, "true").await, 3);
    server.stop().await;
}

#[tokio::test]
async fn a_503_frees_its_key_and_a_client_that_leaves_loses_nothing() {
    let (server, line, url) = over_a_wire().await;
    line.arm(Fault::HoldBack, "INSERT INTO jobs");
    let wanted = json!({ "type": "demo", "run_at": LATER });
    let address = format!("{}/api/jobs", server.api.url);
    let request = server.api.client().post(address).header("Idempotency-Key", "left").json(&wanted);
    let leaves = tokio::spawn(request.send());
    until("the statement is held", async || line.happened().then_some(())).await;
    leaves.abort();
    line.release();
    let kept = until("its answer is kept", async || {
        let answer = keyed(&server.api, Method::POST, "/api/jobs", "left", &wanted).await;
        (answer.0 == 201).then_some(answer)
    })
    .await;
    assert!(kept.2, "the execution went on without its client");
    assert_eq!(count(&url, "true").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_is_enqueued_in_sql_lives_and_dies_with_its_transaction() {
    let server = Server::start().await;
    let (api, url) = (&server.api, server.database_url.clone());
    let mut live = Live::connect(api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let enqueue = |args: &str| format!("SELECT stashhog.enqueue({args}) AS id");

    execute(&url, &format!("BEGIN; {}; ROLLBACK", enqueue("'demo', reason => 'rolled back'"))).await;
    let rows_of = rows(&url, &enqueue("'demo', '{\"items\": 0}', reason => 'committed', actor => 'shop'")).await;
    let id = id_of(&rows_of[0]);
    let job = api.until_status(id, "completed").await;
    assert_eq!((&job["created_by"], &job["reason"]), (&json!("shop"), &json!("committed")));
    assert_eq!(job["metadata"], json!({ "triggered_by": "manual", "source": "sql" }));
    assert_eq!(id.get_version_num(), 7);
    live.until_status(id, "completed").await;
    assert_eq!(count(&url, "reason = 'rolled back'").await, 0);

    // Clients hear also of one that is not started.
    let waits = id_of(&rows(&url, &enqueue("'demo', run_at => '2100-01-01', unique_key => 'u'")).await[0]);
    live.until_status(waits, "pending").await;
    until("the outbox is empty", async || rows(&url, "SELECT * FROM enqueue_outbox").await.is_empty().then_some(()))
        .await;
    // Whatever the search path of the caller is.
    let elsewhere = format!("SET search_path = pg_catalog; {}", enqueue("'demo', run_at => '2100-01-01'"));
    execute(&url, &elsewhere).await;

    // It is the same uniqueness as that of the API.
    let same = json!({ "type": "demo", "unique_key": "u" });
    assert_eq!(id_of(&api.post("/api/jobs", same).await.expect(409)["job"]), waits);
    let mut conn = database::connect(&url).await;
    for (args, says) in [
        ("'none'", "has registered a job type"),
        ("'demo', '[]'", "must be a JSON object"),
        ("'demo', NULL", "must be a JSON object"),
        ("'demo', priority => 1001", "priority must be"),
        ("'demo', run_at => 'infinity'", "run_at must be"),
        ("'demo', run_at => '2100-01-01', expires_at => '2099-01-01'", "expires_at must be"),
        ("'demo', unique_key => ''", "unique_key must have"),
        ("'demo', unique_key => 'u'", "a duplicate of this demo job"),
    ] {
        let error = conn.batch_execute(&enqueue(args)).await.expect_err(args).to_string();
        assert!(error.contains(says), "{args}: {error}");
    }
    // What only the type itself can judge is judged when the job is started.
    let bad = id_of(&rows(&url, &enqueue("'demo', '{\"items\": \"many\"}'")).await[0]);
    let failed = api.until_status(bad, "failed").await;
    assert!(failed["error"].as_str().expect("why").contains("items"), "{failed:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_is_enqueued_in_rust_lives_and_dies_with_its_transaction() {
    let server = Server::start().await;
    let url = server.database_url.clone();
    let mut live = Live::connect(&server.api, "/api/jobs/ws").await;
    live.next_of("snapshot").await;
    let mut conn = database::connect(&url).await;
    let lost = conn
        .transaction(async |conn| {
            enqueue(conn, Demo { items: 0 }, EnqueueOptions::default()).await.expect("an id");
            Err::<Uuid, _>(diesel::result::Error::RollbackTransaction)
        })
        .await;
    assert!(lost.is_err());
    assert_eq!(count(&url, "true").await, 0);

    let options =
        EnqueueOptions { unique_key: Some("u".to_owned()), reason: Some("why".to_owned()), ..Default::default() };
    let (id, second) = conn
        .transaction(async |conn| {
            let id = enqueue(conn, Demo { items: 0 }, options.clone()).await.expect("an id");
            let second = enqueue(conn, Demo { items: 0 }, options).await; // which does not spoil the transaction
            Ok::<_, diesel::result::Error>((id, second))
        })
        .await
        .expect("a commit");
    assert!(matches!(second, Err(EnqueueError::Duplicate(existing)) if existing.id == id));
    let wrong = enqueue(&mut conn, Demo { items: -1 }, EnqueueOptions::default()).await;
    assert!(matches!(wrong, Err(EnqueueError::Params(_))), "{wrong:?}");
    live.until_status(id, "completed").await;
    assert_eq!(server.api.job(id).await["reason"], "why");
    server.stop().await;
}

/// The demo, as the crate that has it would write it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Demo {
    #[schemars(range(min = 0))]
    items: i64,
}

impl Job for Demo {
    const SPEC: JobSpec = JobSpec::new("demo", "Demo");

    async fn run(self, _: JobContext) -> JobResult {
        Ok(Outcome::completed())
    }
}
