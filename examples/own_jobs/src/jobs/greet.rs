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

#[cfg(test)]
mod tests {
    use stashhog::testing;

    use super::Greet;

    fn greet(names: &[&str]) -> Greet {
        Greet { names: names.iter().map(|name| (*name).to_owned()).collect(), word: "hello".to_owned() }
    }

    #[tokio::test]
    async fn everybody_is_greeted() {
        let run = testing::run(greet(&["Ada", "Grace"])).await;
        run.assert_completed().assert_items(2, 2);
        assert_eq!(run.messages(), ["hello Ada", "hello Grace"]);
    }

    #[tokio::test]
    async fn it_stops_between_two_people_when_it_is_cancelled() {
        let run = testing::job(greet(&["Ada", "Grace", "Joan"])).cancel_at_item(1).await;
        run.assert_cancelled().assert_items(1, 3);
    }

    #[tokio::test]
    async fn after_a_crash_it_begins_anew() {
        let run = testing::job(greet(&["Ada", "Grace"])).crash_at_item(1).await;
        run.assert_crashed();
        run.resume().await.assert_completed().assert_items(2, 2);
    }
}
