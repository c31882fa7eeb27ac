//! Jobs that start jobs, and what comes back to them: ends, refusals, and children that go on without them.
//!
//! A whole server of its own: `cargo run --example workflows -- serve`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stashhog::job::{ChildJob, Job, JobContext, JobResult, JobSpec, JobType, Outcome, SpawnError};

fn main() -> ExitCode {
    stashhog::main()
}

/// A part of a piece.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// A note.
    Note,
    /// A solo, which has a note.
    Solo,
    /// The finale, which has a note.
    Finale,
}

/// Starts what is wanted, one after the other, and tells what became of each. A refusal is no error here.
async fn play(ctx: &JobContext, parts: &[Part], ms: u64) -> anyhow::Result<Value> {
    let mut told = Vec::new();
    for part in parts {
        let started: Result<ChildJob, SpawnError> = match part {
            Part::Note => ctx.spawn_job(Note { ms }).await,
            Part::Solo => ctx.spawn_job(Solo { parts: Vec::new(), ms }).await,
            Part::Finale => ctx.spawn_job(Finale { parts: Vec::new(), ms }).await,
        };
        told.push(match started {
            Ok(child) => json!(child.outcome().await?.status),
            Err(SpawnError::Stopped(stopped)) => return Err(stopped.into()),
            Err(SpawnError::Exclusive { holder, .. }) => json!({ "taken_by": holder }),
            Err(refused) => json!(refused.to_string()),
        });
    }
    Ok(json!(told))
}

/// Play a note.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// How long it takes.
    ms: u64,
}

impl Job for Note {
    const SPEC: JobSpec = JobSpec::new("note", "Note").category("Workflows").concurrency(2);

    async fn run(self, ctx: JobContext) -> JobResult {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(self.ms)) => Ok(Outcome::completed()),
            () = ctx.cancelled() => Ok(Outcome::cancelled()),
        }
    }
}

inventory::submit!(JobType::of::<Note>());

/// Play a solo: one in the whole cluster at a time, also while it waits for its parts.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Solo {
    /// What belongs to it.
    parts: Vec<Part>,
    /// How long each note takes.
    ms: u64,
}

impl Job for Solo {
    const SPEC: JobSpec = JobSpec::new("solo", "Solo").category("Workflows").serial();

    async fn run(self, ctx: JobContext) -> JobResult {
        Ok(Outcome::completed().data(play(&ctx, &self.parts, self.ms).await?))
    }
}

inventory::submit!(JobType::of::<Solo>());

/// Play the finale: there is one, or none.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Finale {
    /// What belongs to it.
    parts: Vec<Part>,
    /// How long each note takes.
    ms: u64,
}

impl Job for Finale {
    const SPEC: JobSpec = JobSpec::new("finale", "Finale").category("Workflows").exclusive();

    async fn run(self, ctx: JobContext) -> JobResult {
        Ok(Outcome::completed().data(play(&ctx, &self.parts, self.ms).await?))
    }
}

inventory::submit!(JobType::of::<Finale>());

/// Rehearse a piece: the first attempt fails at its end, and the second finds what it had played.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rehearse {
    /// What belongs to it.
    parts: Vec<Part>,
}

impl Job for Rehearse {
    const SPEC: JobSpec = JobSpec::new("rehearse", "Rehearse").category("Workflows").retry(
        1,
        Duration::from_millis(100),
        Duration::from_millis(100),
    );

    async fn run(self, ctx: JobContext) -> JobResult {
        let told = play(&ctx, &self.parts, 0).await?;
        if ctx.attempt() == 1 {
            bail!("the last note was wrong");
        }
        Ok(Outcome::completed().data(told))
    }
}

inventory::submit!(JobType::of::<Rehearse>());

/// Walk out: waits for a note a tenth of a second at a time, and at last not any more. The note goes on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WalkOut {
    /// How long the note takes.
    ms: u64,
    /// How often it waits.
    waits: u32,
}

impl Job for WalkOut {
    const SPEC: JobSpec = JobSpec::new("walk_out", "Walk Out").category("Workflows");

    async fn run(self, ctx: JobContext) -> JobResult {
        let note = ctx.spawn_job(Note { ms: self.ms }).await?;
        for _ in 0..self.waits {
            if let Ok(end) = tokio::time::timeout(Duration::from_millis(100), note.outcome()).await {
                return Ok(Outcome::completed().data(json!({ "heard": end?.status })));
            }
        }
        Ok(Outcome::completed().data(json!({ "missed": note.job_id() })))
    }
}

inventory::submit!(JobType::of::<WalkOut>());

/// Insist: asks for the finale until its place is free, and plays a note after it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Insist {
    /// How long the note takes.
    ms: u64,
}

impl Job for Insist {
    const SPEC: JobSpec = JobSpec::new("insist", "Insist").category("Workflows");

    async fn run(self, ctx: JobContext) -> JobResult {
        let finale = loop {
            match ctx.spawn_job(Finale { parts: Vec::new(), ms: 0 }).await {
                Err(SpawnError::Exclusive { holder, .. }) => {
                    ctx.message(format!("job {holder} plays the finale"));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    ctx.checkpoint()?;
                }
                started => break started?,
            }
        };
        finale.outcome().await?.completed()?;
        ctx.spawn_job(Note { ms: self.ms }).await?.outcome().await?.completed()?;
        Ok(Outcome::completed())
    }
}

inventory::submit!(JobType::of::<Insist>());
