//! A job without any service, for people who look around and for tests. Also the example of how a job is written.

use std::fmt;
use std::time::Duration;

use anyhow::{anyhow, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::info;

use crate::job::{
    ChildOutcome, Color, Fatal, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome, SpawnError,
};

/// As many jobs on one level are enough to look around.
const MOST_CHILDREN: u64 = 1_000;

/// Counts to a number, slowly or fast, and misbehaves on request. Touches nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Demo {
    /// How many items to work through. With 0 the job ends at once.
    #[schemars(range(max = 100_000_000))]
    pub items: u64,
    /// How long one item takes, in milliseconds.
    #[schemars(range(max = 3_600_000))]
    pub item_ms: u64,
    /// Every how many items one fails. The job goes on, and completes with errors.
    #[schemars(range(min = 1))]
    pub error_every: Option<u64>,
    /// The item at which the whole job fails.
    #[schemars(range(min = 1))]
    pub fail_at: Option<u64>,
    /// The item at which the job's code panics.
    #[schemars(range(min = 1))]
    pub panic_at: Option<u64>,
    /// Pay no heed to a cancellation, so that the job has to be stopped by force.
    pub ignore_cancel: bool,
    /// Keep a thread busy and never give it back, as a badly written job would: not even force stops it early.
    pub block: bool,
    /// How many lines each item writes to the log.
    #[schemars(range(max = 100_000))]
    pub log_lines: u64,
    /// How many demos to start as children, which do all this in its place. With 0 it does it itself.
    #[schemars(range(max = 100))]
    pub children: u32,
    /// How many levels of children there are: with 2, its children have as many of their own.
    #[schemars(range(min = 1, max = 20))]
    pub levels: u32,
    /// Start the children all at once, not one after the other.
    pub side_by_side: bool,
    /// Go on when a child does not complete, instead of failing with it.
    pub keep_going: bool,
}

impl Default for Demo {
    fn default() -> Self {
        Self {
            items: 30,
            item_ms: 200,
            error_every: None,
            fail_at: None,
            panic_at: None,
            ignore_cancel: false,
            block: false,
            log_lines: 0,
            children: 0,
            levels: 1,
            side_by_side: false,
            keep_going: false,
        }
    }
}

impl Job for Demo {
    const SPEC: JobSpec =
        JobSpec::new("demo", "Demo").category("Demo").color(Color::Purple).icon("experiment").concurrency(4);

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        let last_level = u64::from(self.children).checked_pow(self.levels).unwrap_or(u64::MAX);
        if last_level <= MOST_CHILDREN {
            return Ok(());
        }
        let message = format!("with {} children each these are {last_level} jobs on the last level", self.children);
        Err(vec![FieldError::at("levels", format!("{message}; {MOST_CHILDREN} is the most"))])
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        if self.children > 0 {
            self.through_children(&ctx).await?;
            return Ok(Outcome::completed().data(json!({ "children": self.children })));
        }
        let items = (1..=self.items).map(Item);
        if self.block {
            self.block_through(&ctx, items)?;
        } else if self.ignore_cancel {
            self.ignore_cancel_through(&ctx, items).await?;
        } else {
            ctx.each(items, |item| self.work(item)).await?;
        }
        Ok(Outcome::completed().data(json!({ "items": self.items })))
    }
}

impl Demo {
    /// One item. `Err` is an item error, unless it is `Fatal`.
    async fn work(&self, item: Item) -> anyhow::Result<()> {
        let pause = self.pause();
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        self.end(item)
    }

    /// Its children, one after the other or side by side. What becomes of each is a value, and `keep_going` decides.
    async fn through_children(&self, ctx: &JobContext) -> anyhow::Result<()> {
        ctx.total_weight(f64::from(self.children));
        let mut started = Vec::new();
        for n in 1..=self.children {
            let child = ctx.spawn_job(self.child()).reason(format!("child {n} of {}", self.children));
            match child.await {
                Ok(child) if self.side_by_side => started.push(child),
                Ok(child) => self.heed(ctx, n, failure(child.outcome().await?))?,
                Err(SpawnError::Stopped(stopped)) => return Err(stopped.into()),
                Err(refused) => self.heed(ctx, n, Some(refused.into()))?,
            }
        }
        // In order, so that the first failure is the end of it: what still runs is cancelled with its parent.
        for (n, child) in (1..).zip(started) {
            self.heed(ctx, n, failure(child.outcome().await?))?;
        }
        Ok(())
    }

    fn heed(&self, ctx: &JobContext, n: u32, failure: Option<anyhow::Error>) -> anyhow::Result<()> {
        match failure {
            Some(error) if self.keep_going => ctx.item_error(format!("child {n}"), &error),
            Some(error) => return Err(error),
            None => {}
        }
        Ok(())
    }

    /// A child is a demo like this one, with a level less below it.
    fn child(&self) -> Self {
        let children = if self.levels > 1 { self.children } else { 0 };
        Self { children, levels: (self.levels - 1).max(1), ..self.clone() }
    }

    /// How an item ends, once its time is over.
    fn end(&self, item: Item) -> anyhow::Result<()> {
        for line in 1..=self.log_lines {
            info!("{item}, line {line} of {}", self.log_lines);
        }
        assert!(self.panic_at != Some(item.0), "{item} was told to panic");
        if self.fail_at == Some(item.0) {
            return Err(Fatal(anyhow!("{item} was told to fail the job")).into());
        }
        ensure!(self.error_every.is_none_or(|every| !item.0.is_multiple_of(every)), "{item} was told to fail");
        Ok(())
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(self.item_ms)
    }

    /// How not to write a job: it never asks whether it should stop.
    async fn ignore_cancel_through(&self, ctx: &JobContext, items: impl Iterator<Item = Item>) -> anyhow::Result<()> {
        for item in items {
            tokio::time::sleep(self.pause()).await;
            self.report(ctx, item, self.end(item))?;
        }
        Ok(())
    }

    /// How not to write a job at all: it never reaches an `.await`.
    fn block_through(&self, ctx: &JobContext, items: impl Iterator<Item = Item>) -> anyhow::Result<()> {
        for item in items {
            std::thread::sleep(self.pause());
            self.report(ctx, item, self.end(item))?;
        }
        Ok(())
    }

    /// What `each` does after every item.
    fn report(&self, ctx: &JobContext, item: Item, end: anyhow::Result<()>) -> anyhow::Result<()> {
        match end {
            Err(error) if error.is::<Fatal>() => return Err(error),
            Err(error) => ctx.item_error(item, &error),
            Ok(()) => {}
        }
        ctx.items(item.0, self.items);
        Ok(())
    }
}

/// Why a child did not complete, if it did not.
fn failure(end: ChildOutcome) -> Option<anyhow::Error> {
    end.completed().err().map(Into::into)
}

/// The key of an item, as item errors name it.
#[derive(Clone, Copy)]
struct Item(u64);

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item {}", self.0)
    }
}

inventory::submit!(JobType::of::<Demo>());

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::job::{Attempt, Environment, Fence, JobContext, JobResult, Registry, StopReason, Stopped};

    fn attempt(only_items: Option<HashSet<String>>) -> Arc<Attempt> {
        let registry = Registry::collect().unwrap();
        let parser = Arc::clone(&registry.get("demo").unwrap().progress);
        Attempt::new(Fence::new(Uuid::now_v7(), 1), "demo", parser, only_items, Box::new(|_| {}))
    }

    async fn run(attempt: &Arc<Attempt>, params: Value) -> JobResult {
        let registry = Registry::collect().unwrap();
        let demo = registry.get("demo").unwrap();
        let ctx = JobContext::new(Arc::clone(attempt), Environment::default(), Arc::new(()));
        demo.run(&demo.prepare(Some(params)).unwrap(), ctx).await
    }

    #[tokio::test]
    async fn items_that_fail_are_named_and_the_others_are_done() {
        let attempt = attempt(None);
        let outcome = run(&attempt, json!({"items": 10, "item_ms": 0, "error_every": 4})).await.unwrap();
        assert_eq!(outcome.data, json!({"items": 10}));
        assert_eq!(attempt.progress().processed_items, Some(10));
        let failed: Vec<_> = attempt.take_item_errors().kept.into_iter().map(|e| e.item).collect();
        assert_eq!(failed, ["item 4", "item 8"]);
    }

    #[tokio::test]
    async fn a_retry_of_failed_items_sees_only_those() {
        let attempt = attempt(Some(HashSet::from(["item 4".to_owned(), "item 8".to_owned()])));
        run(&attempt, json!({"items": 10, "item_ms": 0})).await.unwrap();
        let progress = attempt.progress();
        assert_eq!((progress.processed_items, progress.total_items), (Some(2), Some(2)));
    }

    #[tokio::test]
    async fn a_fatal_item_fails_the_job_in_every_mode() {
        for mode in [json!({}), json!({"ignore_cancel": true}), json!({"block": true})] {
            let mut params = json!({"items": 10, "item_ms": 0, "fail_at": 3});
            params.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
            let attempt = attempt(None);
            let error = run(&attempt, params).await.unwrap_err();
            assert_eq!(format!("{error:#}"), "item 3 was told to fail the job");
            assert_eq!(attempt.progress().processed_items, Some(2));
            assert_eq!(attempt.item_error_count(), 0);
        }
    }

    #[tokio::test]
    async fn only_a_job_that_listens_stops_when_asked() {
        let attempt = attempt(None);
        attempt.stop.request(StopReason::Cancelled);
        assert!(run(&attempt, json!({"item_ms": 0})).await.unwrap_err().is::<Stopped>());
        run(&attempt, json!({"item_ms": 0, "ignore_cancel": true})).await.unwrap();
        run(&attempt, json!({"item_ms": 0, "block": true})).await.unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn items_that_take_no_time_starve_nobody() {
        let attempt = attempt(None);
        tokio::select! {
            biased;
            _ = run(&attempt, json!({"items": 100_000_000, "item_ms": 0})) => unreachable!("the other branch is ready"),
            () = tokio::task::yield_now() => {}
        }
        assert!(attempt.progress().processed_items < Some(100_000_000));
    }
}
