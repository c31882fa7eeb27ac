//! The test kit: runs one job alone, without a server and without a database, and tells what became of it.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use stashhog::job::{Job, JobContext, JobResult, JobSpec, Outcome};
//! use stashhog::testing;
//!
//! /// Greet people, one after the other.
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Greet {
//!     names: Vec<String>,
//! }
//!
//! impl Job for Greet {
//!     const SPEC: JobSpec = JobSpec::new("greet", "Greet").unit("person", "people");
//!
//!     async fn run(self, ctx: JobContext) -> JobResult {
//!         ctx.each(self.names, async |name| {
//!             anyhow::ensure!(name != "Bob", "Bob is not at home");
//!             ctx.message(format!("hello {name}"));
//!             Ok(())
//!         })
//!         .await?;
//!         Ok(Outcome::completed())
//!     }
//! }
//!
//! fn greet(names: &[&str]) -> Greet {
//!     Greet { names: names.iter().map(|name| name.to_string()).collect() }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // What it did.
//! let run = testing::run(greet(&["Ada", "Grace"])).await;
//! run.assert_completed().assert_items(2, 2);
//! assert_eq!(run.messages(), ["hello Ada", "hello Grace"]);
//!
//! // What of it failed.
//! testing::run(greet(&["Ada", "Bob"])).await.assert_completed_with_errors(&["Bob"]);
//!
//! // Whether it stops when it is asked to: here, when one person is greeted.
//! let run = testing::job(greet(&["Ada", "Grace"])).cancel_at_item(1).await;
//! run.assert_cancelled().assert_items(1, 2);
//!
//! // Whether it may run again when its node died under it.
//! let run = testing::job(greet(&["Ada", "Grace"])).crash_at_item(1).await;
//! run.assert_crashed();
//! run.resume().await.assert_completed().assert_items(2, 2);
//! # }
//! ```
//!
//! What is real: the params are checked and filled in as for any trigger; the handler runs on threads of its own, with the
//! context, the log and the item errors that it has in a server; a stop climbs the same ladder (asked, its grace, aborted,
//! abandoned); its end is judged by the code that judges it in a server.
//!
//! Child jobs run beside their parent in the same way, at once; or the test says what becomes of them ([`JobTest::child`]).
//!
//! Services that it would speak to have stand-ins: [`stash`] is a fake of one, [`rude`] is a server that misbehaves.
//!
//! What is not there: the queue with its limits, and whatever the builder was not given ([`JobTest::db`],
//! [`JobTest::media_root`]). For a test of all of it there is [`Server`].

pub mod ai;
mod children;
mod client;
mod ladder;
mod loopback;
pub mod qbittorrent;
mod recorder;
mod report;
pub mod rude;
mod run;
mod server;
mod setup;
pub mod stash;
mod states;
mod threads;

#[cfg(test)]
mod tests;

pub use client::Watch;
pub use run::Run;
pub use server::Server;
pub use setup::JobTest;

use serde_json::Value;

use crate::job::{InvalidParams, Job, Registry};

/// Runs a job: `testing::run(Demo { … }).await`.
pub async fn run<J: Job>(job: J) -> Run {
    self::job(job).await
}

/// A job to be run under the conditions that the methods of [`JobTest`] set; `.await` runs it.
pub fn job<J: Job>(job: J) -> JobTest {
    match serde_json::to_value(&job) {
        Ok(params) => job_of::<J>(params),
        Err(error) => panic!("the params of `{}` can't be written as JSON: {error}", J::SPEC.name),
    }
}

/// The same with params as a client sends them, defaults left out: `testing::job_of::<Demo>(json!({"items": 3}))`.
pub fn job_of<J: Job>(params: Value) -> JobTest {
    JobTest::new(setup::world(setup::registry_with::<J>()), J::SPEC, params)
}

/// A job of the type with this name, one of this program: for a test that can't see the type itself.
///
/// # Panics
///
/// When there is no such type.
pub fn job_named(name: &str, params: Value) -> JobTest {
    let registry = Registry::collect().unwrap_or_else(|error| panic!("{error}"));
    match registry.get(name).map(|known| known.spec) {
        Some(spec) => JobTest::new(setup::world(registry), spec, params),
        None => panic!("this program has no type `{name}`"),
    }
}

/// What becomes of params that a client sends: with all defaults filled in, or refused with one entry per bad field.
pub fn prepare<J: Job>(params: Value) -> Result<Value, InvalidParams> {
    setup::prepare(&setup::registry_with::<J>(), J::SPEC.name, params)
}
