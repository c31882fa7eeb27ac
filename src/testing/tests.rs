//! The kit on a job that does as it is told, also badly.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{bail, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::job::{
    FieldError, Job, JobContext, JobResult, JobSpec, LogLevel, Outcome, OutcomeKind, Progress, RemovedJob, Status,
};
use crate::store::cancel::Rung;
use crate::testing;

/// Walk along a road.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Walk {
    steps: i64,
    stumble_at: Option<i64>,
    how: How,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
enum How {
    #[default]
    Well,
    Deaf,
    Forever,
    IntoAWall,
    IntoAPanic,
    WithMany,
}

impl Job for Walk {
    const SPEC: JobSpec =
        JobSpec::new("walk", "Walk").unit("step", "steps").retry(1, Duration::from_secs(1), Duration::from_secs(9));

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        if self.steps < 0 { Err(vec![FieldError::at("steps", "nobody walks backwards")]) } else { Ok(()) }
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        tracing::info!(attempt = ctx.attempt(), "off we go");
        match self.how {
            How::Well => {}
            How::Deaf => loop {
                ctx.items(1, 2);
                tokio::time::sleep(Duration::from_millis(1)).await;
            },
            How::Forever => std::future::pending().await,
            How::IntoAWall => bail!("a wall"),
            How::IntoAPanic => panic!("a bear"),
            How::WithMany => {
                ctx.blocking(|| tracing::warn!("the others are slow")).await?;
                ctx.removed(vec![RemovedJob { id: Uuid::nil(), type_name: "walk".to_owned() }]);
            }
        }
        ctx.each(1..=self.steps, async |step| {
            ensure!(self.stumble_at != Some(step), "a stone");
            ctx.message(format!("step {step}"));
            Ok(())
        })
        .await?;
        Ok(Outcome::completed().message("arrived").data(json!({ "walked": self.steps })))
    }
}

fn walk(steps: i64) -> Walk {
    Walk { steps, ..Walk::default() }
}

fn odd(how: How) -> Walk {
    Walk { how, ..Walk::default() }
}

#[tokio::test]
async fn every_progress_is_seen_and_the_last_one_is_what_a_server_would_store() {
    let run = testing::run(walk(100)).await;
    run.assert_completed().assert_items(100, 100);
    let counted: Vec<_> = run.progress().iter().filter_map(|progress| progress.processed_items).collect();
    assert!(counted.is_sorted() && (0..=100).all(|n| counted.contains(&n)), "{counted:?}");
    let expected = (1..=100).map(|n| format!("step {n}")).chain(["arrived".to_owned()]);
    assert_eq!(run.messages(), expected.collect::<Vec<_>>());
    let last = Progress {
        percent: 100.0,
        message: Some("arrived".to_owned()),
        processed_items: Some(100),
        total_items: Some(100),
    };
    assert_eq!(run.last_progress(), last);
    assert_eq!(run.result(), Some(&json!({ "walked": 100 })));
}

#[tokio::test]
async fn item_errors_are_named_and_a_retry_is_about_those() {
    let stumble = || Walk { stumble_at: Some(3), ..walk(5) };
    let run = testing::run(stumble()).await;
    run.assert_completed_with_errors(&["3"]).assert_items(5, 5).assert_logged("3: a stone");
    assert_eq!(run.last_progress().message.as_deref(), Some("arrived (1 error)"));
    testing::job(stumble()).only_items(["3", "4"]).await.assert_completed_with_errors(&["3"]).assert_items(2, 2);
}

#[tokio::test]
async fn a_job_is_cancelled_at_the_very_item() {
    for n in [0, 1, 7] {
        let run = testing::job(walk(1_000)).cancel_at_item(n).await;
        run.assert_cancelled().assert_items(n, 1_000);
        assert_eq!(run.rung(), Some(Rung::Stopped));
    }
    let run = testing::job(walk(9)).cancel_when(|progress| progress.message.as_deref() == Some("step 4")).await;
    run.assert_cancelled().assert_items(4, 9);
}

#[tokio::test]
#[should_panic(expected = "aborted, after a grace of 20ms")]
async fn a_job_that_ignores_its_cancellation_is_found_out() {
    let run = testing::job(odd(How::Deaf)).cancel_grace(Duration::from_millis(20)).cancel_at_item(1).await;
    assert_eq!((run.status(), run.rung()), (Status::Cancelled, Some(Rung::Aborted)));
    run.assert_cancelled();
}

#[tokio::test]
#[should_panic(expected = "it never came to item 5")]
async fn a_cancellation_that_never_came_about_fails_the_test() {
    testing::job(walk(4)).cancel_at_item(5).await;
}

static WALKED: AtomicI64 = AtomicI64::new(0);

/// Leave a mark on every stone.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Mark {
    stones: i64,
}

impl Job for Mark {
    const SPEC: JobSpec = JobSpec::new("mark", "Mark");

    async fn run(self, ctx: JobContext) -> JobResult {
        ctx.each(0..self.stones, async |_| {
            WALKED.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .await?;
        Ok(Outcome::completed())
    }
}

#[tokio::test]
async fn a_crash_takes_the_handler_away_at_the_very_item_and_the_next_run_begins_anew() {
    let run = testing::job(Mark { stones: 50 }).crash_at_item(20).await;
    run.assert_crashed().assert_items(20, 50);
    assert_eq!((run.status(), run.outcome()), (Status::Pending, None));
    assert_eq!(WALKED.load(Ordering::Relaxed), 20, "nothing ran on after the crash, though it never had to wait");

    let again = run.resume().crash_at_item(1).await;
    assert_eq!(again.attempt(), 2);
    let third = again.resume().await;
    third.assert_completed().assert_items(50, 50);
    assert_eq!((third.attempt(), WALKED.load(Ordering::Relaxed)), (3, 20 + 1 + 50));
}

#[tokio::test]
#[should_panic(expected = "a job that has ended does not run again")]
async fn a_job_that_has_ended_does_not_run_again() {
    testing::run(walk(1)).await.resume().await;
}

#[tokio::test]
async fn a_node_that_goes_away_in_order_gives_the_job_back() {
    let run = testing::job(walk(9)).interrupt_at_item(2).await;
    run.assert_interrupted().assert_items(2, 9);
    run.resume().await.assert_completed().assert_logged("off we go attempt=2");
}

#[tokio::test]
async fn a_failure_is_told_with_its_chain_and_tried_again_as_the_type_says() {
    let run = testing::run(odd(How::IntoAWall)).await;
    run.assert_failed("a wall").assert_logged("a wall");
    assert_eq!(run.status(), Status::Pending, "one retry is left");
    let run = run.resume().await;
    run.assert_failed("a wall");
    assert_eq!((run.attempt(), run.status()), (2, Status::Failed));
    testing::run(odd(How::IntoAPanic)).await.assert_failed("panicked: a bear");
}

#[tokio::test]
async fn a_time_limit_is_kept() {
    let job = testing::job(odd(How::Forever)).timeout(Duration::from_millis(20));
    let run = job.cancel_grace(Duration::from_millis(20)).await;
    run.assert_failed("timed out after 0.02 s");
    assert_eq!(run.rung(), Some(Rung::Aborted));
}

#[tokio::test]
#[should_panic(expected = "still running after 20ms, and nobody stops it")]
async fn a_job_without_an_end_fails_the_test() {
    testing::job(odd(How::Forever)).patience(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn what_is_said_on_blocking_threads_is_in_the_log_and_removed_jobs_are_told() {
    let run = testing::run(odd(How::WithMany)).await;
    let lines: Vec<_> = run.logs().iter().map(|line| (line.level, line.message.as_str())).collect();
    assert_eq!(lines, [(LogLevel::Info, "off we go attempt=1"), (LogLevel::Warn, "the others are slow")]);
    assert_eq!(run.removed().len(), 1);
}

#[tokio::test]
async fn params_are_checked_as_those_of_any_trigger() {
    let run = testing::job_of::<Walk>(json!({ "steps": 2 })).await;
    run.assert_completed().assert_items(2, 2);
    let filled = json!({ "steps": 2, "stumble_at": null, "how": "Well" });
    assert_eq!(testing::prepare::<Walk>(json!({ "steps": 2 })).unwrap(), filled);
    let refused = testing::prepare::<Walk>(json!({ "steps": -1 })).unwrap_err();
    assert_eq!(refused.errors, [FieldError::at("steps", "nobody walks backwards")]);
}

#[tokio::test]
#[should_panic(expected = "nobody walks backwards")]
async fn a_job_whose_params_are_refused_does_not_run() {
    testing::run(walk(-1)).await;
}

#[tokio::test]
#[should_panic(expected = "the job is not failed")]
async fn an_assertion_that_does_not_hold_shows_the_run() {
    let run = testing::run(Walk { stumble_at: Some(2), ..walk(2) }).await;
    let shown = run.to_string();
    for part in [
        "`walk`, attempt 1: completed, its handler: completed_with_errors",
        "progress: 2 / 2 steps, \"arrived (1 error)\"",
        "result: {\"walked\":2}",
        "item 2: a stone",
        "log: warn stashhog::job::context: 2: a stone",
    ] {
        assert!(shown.contains(part), "no {part} in\n{shown}");
    }
    assert_eq!(run.outcome(), Some(OutcomeKind::CompletedWithErrors));
    run.assert_failed("a wall");
}
