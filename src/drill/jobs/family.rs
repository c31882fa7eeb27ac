//! The drill's workflow: starts some children, waits for them, and writes each down.

use std::time::Duration;

use serde_json::json;

use super::record::Step;
use super::types::DrillCount;
use super::work::{Run, Work};
use crate::job::{JobContext, JobResult, Outcome};

/// Children of one parent have the numbers that follow its own: so many are left free.
pub const TAGS: u64 = 16;

impl Work {
    /// Starts a child for each item, and waits for all of them. A run that follows another finds the children of that one.
    pub(super) async fn run_family(self, ctx: JobContext) -> JobResult {
        let mut run = Run::new(ctx, Duration::ZERO);
        run.write(0, Step::Start).await?;
        let mut children = Vec::new();
        for item in 1..=self.items {
            children.push(run.ctx.spawn_job(DrillCount(self.child(item))).await?);
        }
        let mut completed = 0;
        for (item, child) in (1..).zip(&children) {
            completed += u64::from(child.outcome().await?.is_completed());
            run.act(item)?;
            run.write(item, Step::Item).await?;
            run.ctx.items(item, self.items);
        }
        run.write(self.items + 1, Step::End).await?;
        Ok(Outcome::completed().data(json!({ "completed": completed })))
    }

    fn child(&self, item: u64) -> Self {
        Self { tag: self.tag + item, items: 2 + (self.tag + item) % 9, item_ms: self.item_ms, ..Self::default() }
    }
}
