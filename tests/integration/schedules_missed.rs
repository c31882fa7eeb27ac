//! Due times that nobody kept, and schedules that can make no jobs: never a silent skip.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::schedules::{at, create, edit, history, time, until_runs};
use crate::support::api::{Api, id_of};
use crate::support::server::Server;
use crate::support::{database, until};

/// Not due again while a test looks.
const EVERY_HOUR: &str = "0 * * * *";

/// Makes a schedule due in the past, as if every server had been down since.
async fn due_since(server: &Server, schedule: &Value, hours: i32) {
    let sql = format!(
        "UPDATE schedules SET next_run_at = date_trunc('hour', now()) - interval '{hours} hours' WHERE id = '{}'",
        id_of(schedule)
    );
    database::execute(&server.database_url, &sql).await;
}

/// What the server's probe tells of a schedule, once it does or no longer does.
async fn until_problem(api: &Api, name: &str, code: Option<&str>) -> Value {
    until(&format!("{name} has the problem {code:?}"), async || {
        let ready = api.get("/health/ready").await.expect(200);
        assert_eq!(ready["ready"], true, "the server works all the same");
        let problems = ready["problems"].as_array().expect("problems").clone();
        let found = problems.into_iter().find(|problem| problem["schedule"] == name);
        (found.as_ref().and_then(|problem| problem["code"].as_str()) == code).then_some(found.unwrap_or_default())
    })
    .await
}

#[tokio::test]
async fn missed_times_are_counted_and_nothing_is_caught_up_unless_asked() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "hourly", json!({ "cron": EVERY_HOUR })).await;
    due_since(&server, &made, 5).await;
    let missed = until_runs(api, &made, "missed", 1).await.remove(0);
    let count = missed["detail"]["count"].as_i64().expect("a count");
    assert!((5..=6).contains(&count), "{missed:#}"); // the last hour began within the last seconds, or did not
    assert_eq!((&missed["due_at"], &missed["job_id"]), (&missed["detail"]["first"], &Value::Null));
    let span = time(&missed["detail"]["last"]) - time(&missed["detail"]["first"]);
    assert_eq!(span, TimeDelta::hours(count - 1));
    let shown = until("it is due again", async || {
        let shown = api.get(&at(&made)).await.expect(200);
        (time(&shown["next_run_at"]) > chrono::Utc::now()).then_some(shown)
    })
    .await;
    assert_eq!(shown["last_run"]["outcome"], if count == 6 { "missed" } else { "started" });
    server.stop().await;
}

#[tokio::test]
async fn the_last_missed_time_is_caught_up_when_asked_and_the_others_are_noted() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "hourly", json!({ "cron": EVERY_HOUR, "catch_up": "one" })).await;
    due_since(&server, &made, 5).await;
    let run = until_runs(api, &made, "started", 1).await.remove(0);
    assert_eq!(run["detail"], json!({ "caught_up": true }));
    let missed = until_runs(api, &made, "missed", 1).await.remove(0);
    assert_eq!(missed["detail"]["count"], 5);
    assert_eq!(time(&run["due_at"]) - time(&missed["due_at"]), TimeDelta::hours(5), "the last of six");
    assert_eq!(time(&run["due_at"]) - time(&missed["detail"]["last"]), TimeDelta::hours(1), "the fifth");
    let id = run["job_id"].as_str().expect("a job").parse().expect("an id");
    let job = api.until_status(id, "completed").await;
    assert_eq!(time(&job["metadata"]["due_at"]), time(&run["due_at"]));
    assert!(time(&job["run_at"]) > time(&run["due_at"]), "it takes its turn, and jumps no queue");
    // One alone is no gap: there is nothing to note beside its job.
    let forget = format!("DELETE FROM schedule_runs WHERE schedule_id = '{}'", id_of(&made));
    database::execute(&server.database_url, &forget).await;
    due_since(&server, &made, 0).await;
    until_runs(api, &made, "started", 1).await;
    assert_eq!(history(api, &made).await.len(), 1);
    // A due time that has had its job gets no other, whoever sets the clock back.
    due_since(&server, &made, 0).await;
    until("it has moved on", async || {
        (time(&api.get(&at(&made)).await.expect(200)["next_run_at"]) > chrono::Utc::now()).then_some(())
    })
    .await;
    assert_eq!(history(api, &made).await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn what_was_due_while_the_server_was_down_is_kept_or_missed_by_its_age() {
    let server = Server::start().await;
    let made = create(&server.api, "seconds", json!({ "cron": "* * * * * *", "overlap": "queue" })).await;
    until_runs(&server.api, &made, "started", 2).await;
    let kept = server.stop_and_keep().await;
    let server = Server::start_in(kept, &[]).await;
    let api = &server.api;
    let before = until_runs(api, &made, "started", 2).await.len();
    let runs = until_runs(api, &made, "started", before + 2).await;
    let times: Vec<_> = runs.iter().map(|run| time(&run["due_at"])).collect();
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::seconds(1)),
        "a short stop misses none: {times:?}"
    );

    // Older ones are missed, however many; the last seconds are kept.
    let disabled = api.post(&format!("{}/disable", at(&made)), json!({})).await.expect(200);
    let id = id_of(&disabled);
    let back =
        format!("UPDATE schedules SET next_run_at = date_trunc('second', now()) - interval '1 day' WHERE id = '{id}'");
    let forget = format!("DELETE FROM schedule_runs WHERE schedule_id = '{id}'");
    for sql in [back, forget] {
        database::execute(&server.database_url, &sql).await;
    }
    api.post(&format!("{}/enable", at(&made)), json!({})).await.expect(200);
    let missed = until_runs(api, &made, "missed", 1).await.remove(0);
    assert_eq!((&missed["detail"]["count"], &missed["detail"]["or_more"]), (&json!(10_000), &json!(true)));
    let first = &until_runs(api, &made, "started", 1).await[0];
    assert_eq!(time(&first["due_at"]) - time(&missed["detail"]["last"]), TimeDelta::seconds(1));
    server.stop().await;
}

#[tokio::test]
async fn a_schedule_whose_type_no_server_knows_waits_and_is_told_as_a_problem() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "orphaned", json!({ "cron": EVERY_HOUR, "catch_up": "one" })).await;
    let unknown = format!("UPDATE schedules SET type = 'gone' WHERE id = '{}'", id_of(&made));
    database::execute(&server.database_url, &unknown).await;
    due_since(&server, &made, 2).await;
    let problem = until_problem(api, "orphaned", Some("schedule_type_unknown")).await;
    assert!(problem["message"].as_str().expect("a text").contains("`gone`"), "{problem:#}");
    let shown = api.get(&at(&made)).await.expect(200);
    assert_eq!(shown["problem"], problem);
    assert!(time(&shown["next_run_at"]) < chrono::Utc::now(), "it waits");
    assert_eq!(history(api, &made).await.len(), 1, "created, and nothing else");
    let refused = api.post(&format!("{}/run", at(&made)), json!({})).await.expect(422)["errors"][0].clone();
    let told = "this server does not know the type `gone`; ask one that does";
    assert_eq!((&refused["pointer"], &refused["message"]), (&json!("/type"), &json!(told)));
    // The type comes back: its policy decides.
    let back = format!("UPDATE schedules SET type = 'demo' WHERE id = '{}'", id_of(&made));
    database::execute(&server.database_url, &back).await;
    let run = until_runs(api, &made, "started", 1).await.remove(0);
    assert_eq!(run["detail"]["caught_up"], true);
    until_problem(api, "orphaned", None).await;
    server.stop().await;
}

#[tokio::test]
async fn a_type_that_no_longer_takes_the_params_is_told_and_the_schedule_goes_on_when_they_are_set_right() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "outdated", json!({ "cron": "* * * * * *" })).await;
    let old = format!("UPDATE schedules SET params = '{{\"itmes\": -1}}' WHERE id = '{}'", id_of(&made));
    database::execute(&server.database_url, &old).await;
    let refused = until_runs(api, &made, "refused", 2).await.remove(0);
    let message = refused["detail"]["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains("itmes"), "{refused:#}");
    let problem = until_problem(api, "outdated", Some("schedule_params_refused")).await;
    assert!(problem["message"].as_str().expect("a text").contains("itmes"), "{problem:#}");
    let run = api.post(&format!("{}/run", at(&made)), json!({})).await.expect(422);
    assert_eq!(run["errors"][0]["pointer"], "/params");
    // Who only renames it need not set the params right.
    edit(api, &made, json!({ "name": "renamed" })).await.expect(200);
    until_problem(api, "renamed", Some("schedule_params_refused")).await;
    let before = until_runs(api, &made, "refused", 1).await.len();
    edit(api, &made, json!({ "params": {"items": 0} })).await.expect(200);
    until_runs(api, &made, "started", 1).await;
    assert!(until_runs(api, &made, "refused", 1).await.len() <= before + 2, "it refuses no more");
    until_problem(api, "renamed", None).await;
    // A problem of one that is off is nobody's.
    database::execute(&server.database_url, &old).await;
    until_problem(api, "renamed", Some("schedule_params_refused")).await;
    api.post(&format!("{}/disable", at(&made)), json!({})).await.expect(200);
    until_problem(api, "renamed", None).await;
    server.stop().await;
}

#[tokio::test]
async fn a_broken_cron_line_stops_its_schedule_and_no_other() {
    let server = Server::start().await;
    let api = &server.api;
    let broken = create(api, "broken", json!({ "cron": EVERY_HOUR })).await;
    let other = create(api, "other", json!({ "cron": "* * * * * *" })).await;
    let sql = format!("UPDATE schedules SET cron = 'soon', next_run_at = now() WHERE id = '{}'", id_of(&broken));
    database::execute(&server.database_url, &sql).await;
    let refused = until_runs(api, &broken, "refused", 1).await.remove(0);
    assert_eq!(refused["detail"]["errors"][0]["pointer"], "/cron");
    let shown = api.get(&at(&broken)).await.expect(200);
    assert_eq!((&shown["next_run_at"], &shown["cron_words"]), (&Value::Null, &Value::Null));
    until_problem(api, "broken", Some("schedule_cron_invalid")).await;
    let before = until_runs(api, &other, "started", 1).await.len();
    until_runs(api, &other, "started", before + 1).await;
    let repaired = edit(api, &broken, json!({ "cron": EVERY_HOUR })).await.expect(200);
    assert_eq!((&repaired["problem"], &repaired["next_run_at"]), (&Value::Null, &repaired["next_runs"][0]));
    until_problem(api, "broken", None).await;
    server.stop().await;
}

#[tokio::test]
async fn a_database_that_goes_away_delays_due_times_and_loses_none() {
    let server = Server::start().await;
    let api = &server.api;
    let made = create(api, "seconds", json!({ "cron": "* * * * * *", "overlap": "queue" })).await;
    until_runs(api, &made, "started", 1).await;
    database::cut_off(&server.database_url).await;
    until("the scheduler notices", async || server.log().contains("no schedule was fired").then_some(())).await;
    database::let_in(&server.database_url).await;
    until("the database is back", async || (api.get(&at(&made)).await.status == 200).then_some(())).await;
    let before = until_runs(api, &made, "started", 1).await.len();
    let runs = until_runs(api, &made, "started", before + 2).await;
    let times: Vec<_> = runs.iter().map(|run| time(&run["due_at"])).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::seconds(1)), "{times:?}");
    server.stop().await;
}
