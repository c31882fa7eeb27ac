//! What every job of the drill does: item after item, each written down.

use std::time::Duration;

use anyhow::anyhow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::record::{Record, Step};
use crate::job::{JobContext, JobResult, Outcome};

/// How long a write waits that the database did not take: it may be away.
const AGAIN: Duration = Duration::from_millis(100);

/// What a job of the drill is told to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Work {
    /// The number of the request that asked for it.
    pub tag: u64,
    /// How many items.
    pub items: u64,
    /// How long one takes, in milliseconds.
    pub item_ms: u64,
    /// How likely an attempt is to fail, in percent.
    pub fail_percent: u8,
    /// How long it goes on after it was asked to stop, in milliseconds.
    pub ignore_ms: u64,
}

/// A run of it.
pub(super) struct Run {
    /// What it can do.
    pub(super) ctx: JobContext,
    record: Record,
    ignore: Duration,
    /// When it first saw that it should stop.
    asked: Option<Instant>,
}

impl Work {
    /// Works through the items.
    pub(super) async fn run(self, ctx: JobContext) -> JobResult {
        let fails_at = self.fails_at(ctx.job_id(), ctx.attempt());
        let mut run = Run::new(ctx, Duration::from_millis(self.ignore_ms));
        run.write(0, Step::Start).await?;
        for item in 1..=self.items {
            sleep(Duration::from_millis(self.item_ms)).await;
            run.heed()?;
            if fails_at == Some(item) {
                return Err(anyhow!("told to fail at item {item}"));
            }
            run.act(item)?;
            run.write(item, Step::Item).await?;
            run.ctx.items(item, self.items);
        }
        run.write(self.items + 1, Step::End).await?;
        Ok(Outcome::completed().data(json!({ "items": self.items })))
    }

    /// The item at which this attempt fails. The same attempt of the same job always does the same.
    fn fails_at(&self, job: Uuid, attempt: i32) -> Option<u64> {
        let mut dice = fastrand::Rng::with_seed(job.as_u64_pair().1 ^ u64::from(attempt.unsigned_abs()));
        (dice.u8(0..100) < self.fail_percent).then(|| dice.u64(1..=self.items.max(1)))
    }
}

impl Run {
    /// A run that ignores for this long that it should stop.
    pub(super) fn new(ctx: JobContext, ignore: Duration) -> Self {
        Self { record: Record::of(&ctx), ctx, ignore, asked: None }
    }

    /// Writes a step down, however long the database is away. Writing it twice changes nothing.
    pub(super) async fn write(&mut self, seq: u64, step: Step) -> anyhow::Result<()> {
        while let Err(error) = self.record.write(&self.ctx, seq, step).await {
            tracing::debug!("not written yet: {error:#}");
            self.heed()?;
            sleep(AGAIN).await;
        }
        Ok(())
    }

    /// Does an item's work outside the database.
    pub(super) fn act(&self, seq: u64) -> anyhow::Result<()> {
        Ok(self.record.act(seq)?)
    }

    /// `Err` once it was asked to stop and has ignored that for as long as it was told to.
    fn heed(&mut self) -> anyhow::Result<()> {
        if self.ctx.is_cancelled() {
            let asked = *self.asked.get_or_insert_with(Instant::now);
            if asked.elapsed() >= self.ignore {
                self.ctx.checkpoint()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Work;

    #[test]
    fn an_attempt_fails_at_the_same_item_whenever_it_is_asked() {
        let work = Work { items: 10, fail_percent: 50, ..Work::default() };
        let at: Vec<_> = (0..100).map(|n| work.fails_at(Uuid::from_u128(n), 1)).collect();
        assert!(at.iter().any(Option::is_some) && at.iter().any(Option::is_none));
        assert!(at.iter().flatten().all(|item| (1..=10).contains(item)));
        assert_eq!(at, (0..100).map(|n| work.fails_at(Uuid::from_u128(n), 1)).collect::<Vec<_>>());
    }
}
