//! A job that goes on where it was: what it keeps between its attempts, and what is refused.
//!
//! A whole server of its own: `cargo run --example resuming -- serve`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stashhog::job::{Job, JobContext, JobResult, JobSpec, JobType, Outcome};

fn main() -> ExitCode {
    stashhog::main()
}

/// Walk a path, step by step. The first attempt that comes to a stone fails there.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Walk {
    /// How long the path is.
    steps: u64,
    /// How long each step takes, in milliseconds.
    ms: u64,
    /// Where the stone is.
    #[serde(default)]
    stone: Option<u64>,
    /// How many letters are written down at each step.
    #[serde(default)]
    letters: usize,
}

/// Where it is.
#[derive(Default, Serialize, Deserialize)]
struct Position {
    step: u64,
    letters: String,
}

impl Job for Walk {
    const SPEC: JobSpec = JobSpec::new("walk", "Walk").category("Resuming").retry(
        1,
        Duration::from_millis(100),
        Duration::from_millis(100),
    );

    async fn run(self, ctx: JobContext) -> JobResult {
        let before: Position = ctx.state().await?.unwrap_or_default();
        for step in before.step + 1..=self.steps {
            ctx.checkpoint()?;
            tokio::time::sleep(Duration::from_millis(self.ms)).await;
            if Some(step) == self.stone && ctx.attempt() == 1 {
                bail!("there is a stone");
            }
            ctx.checkpoint_state(&Position { step, letters: "a".repeat(self.letters) }).await?;
            ctx.items(step, self.steps);
        }
        Ok(Outcome::completed().data(json!({ "began_at": before.step, "attempt": ctx.attempt() })))
    }
}

inventory::submit!(JobType::of::<Walk>());
