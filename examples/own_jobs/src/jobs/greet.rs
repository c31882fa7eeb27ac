//! Greets people, in its progress. Safe to run again: a second greeting offends nobody.

use std::future::ready;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stashhog::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome};

/// Greet people, one after the other.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Greet {
    /// Whom to greet.
    pub names: Vec<String>,
    /// The word to greet with.
    #[serde(default = "hello")]
    pub word: String,
}

fn hello() -> String {
    "hello".to_owned()
}

impl Job for Greet {
    const SPEC: JobSpec =
        JobSpec::new("greet", "Greet").category("Own").color(Color::Gold).icon("smile").unit("person", "people");

    async fn run(self, ctx: JobContext) -> JobResult {
        let greet = |name| {
            ctx.message(format!("{} {name}", self.word));
            ready(Ok(()))
        };
        ctx.each(self.names, greet).await?;
        Ok(Outcome::completed())
    }
}

inventory::submit!(JobType::of::<Greet>());
