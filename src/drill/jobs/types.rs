//! The types themselves: one does as the other does, and is limited in another way.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::job::{Job, JobContext, JobResult, JobSpec};

/// How long a job of the drill has to stop by itself: short, so that those that ignore it are stopped by force.
const GRACE: Duration = Duration::from_secs(2);

/// The nodes of a drill die under their jobs more often than the default forgives.
const INTERRUPTIONS: i32 = 20;

const fn spec(name: &'static str, label: &'static str) -> JobSpec {
    JobSpec::new(name, label).category("Drill").cancel_grace(GRACE).max_interruptions(INTERRUPTIONS)
}

/// Counts items; several at a time on each node.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillCount(pub(super) Work);

impl Job for DrillCount {
    const SPEC: JobSpec = spec("drill_count", "Drill: count").concurrency(6);

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run(ctx).await
    }
}

/// Counts items, fails now and then, and is tried again.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillFlaky(Work);

impl Job for DrillFlaky {
    const SPEC: JobSpec = spec("drill_flaky", "Drill: fail and try again").concurrency(3).retry(
        3,
        Duration::from_millis(200),
        Duration::from_secs(1),
    );

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run(ctx).await
    }
}

/// Counts items; two run in the whole cluster, the others wait.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillPair(Work);

impl Job for DrillPair {
    const SPEC: JobSpec = spec("drill_pair", "Drill: two at a time").concurrency(2).in_cluster(2);

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run(ctx).await
    }
}

/// Counts items; few are started in a while, the others wait.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillPaced(Work);

impl Job for DrillPaced {
    const SPEC: JobSpec =
        spec("drill_paced", "Drill: a few in a while").concurrency(2).rate_limit(3, Duration::from_secs(2));

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run(ctx).await
    }
}

/// Counts items; one runs in the whole cluster, the others wait.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillSerial(Work);

impl Job for DrillSerial {
    const SPEC: JobSpec = spec("drill_serial", "Drill: one at a time").serial();

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run(ctx).await
    }
}

/// Counts items; only acts on many jobs cancel it or do it again.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillBulk(Work);

impl Job for DrillBulk {
    const SPEC: JobSpec = spec(super::BULK, "Drill: in bulk").concurrency(4);

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run(ctx).await
    }
}

/// Counts items; one exists in the whole cluster, others are refused.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillExclusive(Work);

impl Job for DrillExclusive {
    const SPEC: JobSpec = spec("drill_exclusive", "Drill: only one").exclusive();

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run(ctx).await
    }
}

/// Starts children that count, and waits for them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillParent(Work);

impl Job for DrillParent {
    const SPEC: JobSpec = spec("drill_parent", "Drill: a workflow").concurrency(2);

    async fn run(self, ctx: JobContext) -> JobResult {
        self.0.run_family(ctx).await
    }
}
