//! Job types with limits: how many run, how often they start, how long they may take, what follows a failure.
//!
//! A whole server of its own: `cargo run --example policies -- serve`.

use std::future::pending;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stashhog::job::{Job, JobContext, JobResult, JobSpec, JobType, Outcome};

fn main() -> ExitCode {
    stashhog::main()
}

/// How long a job of these types takes.
async fn work(ctx: &JobContext, ms: u64) -> JobResult {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => Ok(Outcome::completed()),
        () = ctx.cancelled() => Ok(Outcome::cancelled()),
    }
}

/// Take turns: one runs in the whole cluster, the others wait.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TakeTurns {
    /// How long it takes.
    #[serde(default)]
    ms: u64,
}

impl Job for TakeTurns {
    const SPEC: JobSpec = JobSpec::new("take_turns", "Take Turns").category("Policies").serial();

    async fn run(self, ctx: JobContext) -> JobResult {
        work(&ctx, self.ms).await
    }
}

inventory::submit!(JobType::of::<TakeTurns>());

/// Walk in pairs: each node has four slots, and yet two run in the whole cluster.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WalkInPairs {
    /// How long it takes.
    #[serde(default)]
    ms: u64,
}

impl Job for WalkInPairs {
    const SPEC: JobSpec =
        JobSpec::new("walk_in_pairs", "Walk in Pairs").category("Policies").concurrency(4).in_cluster(2);

    async fn run(self, ctx: JobContext) -> JobResult {
        work(&ctx, self.ms).await
    }
}

inventory::submit!(JobType::of::<WalkInPairs>());

/// Keep a pace: as many as like run beside each other, and three start within any two seconds.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeepPace {
    /// How long it takes.
    #[serde(default)]
    ms: u64,
}

impl Job for KeepPace {
    const SPEC: JobSpec = JobSpec::new("keep_pace", "Keep Pace")
        .category("Policies")
        .concurrency(100)
        .rate_limit(3, Duration::from_secs(2));

    async fn run(self, ctx: JobContext) -> JobResult {
        work(&ctx, self.ms).await
    }
}

inventory::submit!(JobType::of::<KeepPace>());

/// Try again: three more times after a failure, after 0.4 s at most, then 0.8 s, then 1 s.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TryAgain {
    /// How many attempts fail.
    failures: i32,
    /// How long each attempt takes before that.
    #[serde(default)]
    ms: u64,
}

impl Job for TryAgain {
    const SPEC: JobSpec = JobSpec::new("try_again", "Try Again").category("Policies").concurrency(4).retry(
        3,
        Duration::from_millis(400),
        Duration::from_secs(1),
    );

    async fn run(self, ctx: JobContext) -> JobResult {
        let outcome = work(&ctx, self.ms).await?;
        if ctx.attempt() <= self.failures {
            bail!("attempt {} fails", ctx.attempt());
        }
        Ok(outcome)
    }
}

inventory::submit!(JobType::of::<TryAgain>());

/// Hurry up: after one second it is asked to stop, and after another it is made to.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HurryUp {
    /// Whether it stops when it is asked to.
    #[serde(default)]
    heeds: bool,
}

impl Job for HurryUp {
    const SPEC: JobSpec = JobSpec::new("hurry_up", "Hurry Up")
        .category("Policies")
        .concurrency(2)
        .timeout(Duration::from_secs(1))
        .cancel_grace(Duration::from_secs(1));

    async fn run(self, ctx: JobContext) -> JobResult {
        if !self.heeds {
            pending::<()>().await;
        }
        ctx.cancelled().await;
        ctx.checkpoint()?;
        Ok(Outcome::completed())
    }
}

inventory::submit!(JobType::of::<HurryUp>());
