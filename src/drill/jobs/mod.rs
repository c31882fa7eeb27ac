//! The job types of the drill, which only its nodes know: each works through items and writes down every one.
//!
//! A row per write goes into a table of the drill's own, with the database's clock. Such a write passes by the tracker and its
//! fence, as the writes of a job into its own tables do. So it is fenced in the way that a job's author should: it counts only
//! when the job is, at that moment, still this attempt's ([`record`]).

mod record;
mod work;

pub use record::{TABLE, set_process};

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{Job, JobContext, JobResult, JobSpec, JobType, Registry, RegistryError};
use work::Work;

/// How long a job of the drill has to stop by itself: short, so that those that ignore it are stopped by force.
const GRACE: Duration = Duration::from_secs(2);

/// The nodes of a drill die under their jobs more often than the default forgives.
const INTERRUPTIONS: i32 = 20;

/// The drill's types.
const ALL: [JobType; 6] = [
    JobType::of::<DrillCount>(),
    JobType::of::<DrillFlaky>(),
    JobType::of::<DrillPair>(),
    JobType::of::<DrillPaced>(),
    JobType::of::<DrillSerial>(),
    JobType::of::<DrillExclusive>(),
];

/// What is special about them.
pub const SPECS: [JobSpec; 6] =
    [DrillCount::SPEC, DrillFlaky::SPEC, DrillPair::SPEC, DrillPaced::SPEC, DrillSerial::SPEC, DrillExclusive::SPEC];

/// Their names.
pub fn names() -> Vec<&'static str> {
    SPECS.iter().map(|spec| spec.name).collect()
}

/// The program's types and the drill's.
pub fn with_drill_types(registry: &Registry) -> Result<Registry, RegistryError> {
    ALL.into_iter().try_fold(registry.clone(), |registry, job_type| registry.with(job_type))
}

const fn spec(name: &'static str, label: &'static str) -> JobSpec {
    JobSpec::new(name, label).category("Drill").cancel_grace(GRACE).max_interruptions(INTERRUPTIONS)
}

/// Counts items; several at a time on each node.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DrillCount(Work);

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

#[cfg(test)]
mod tests {
    use super::{names, with_drill_types};
    use crate::job::Registry;

    #[test]
    fn the_drills_types_stand_beside_the_programs() {
        let registry = Registry::collect().unwrap();
        let with = with_drill_types(&registry).unwrap();
        for name in names() {
            assert!(registry.get(name).is_none() && with.get(name).is_some(), "{name}");
        }
    }
}
