//! The job types of the drill, which only its nodes know: each works through items and writes down every one.
//!
//! A row per write goes into a table of the drill's own, with the database's clock. Such a write passes by the tracker and its
//! fence, as the writes of a job into its own tables do. So it is fenced in the way that a job's author should: it counts only
//! when the job is, at that moment, still this attempt's ([`record`]).

mod family;
mod record;
mod types;
mod work;

pub use family::TAGS;
pub use record::{TABLE, set_process};

use crate::job::{Job, JobSpec, JobType, Registry, RegistryError};
use types::{DrillBulk, DrillCount, DrillExclusive, DrillFlaky, DrillPaced, DrillPair, DrillParent, DrillSerial};

/// The type whose jobs are cancelled and done again in bulk.
pub const BULK: &str = "drill_bulk";

/// The drill's types.
const ALL: [JobType; 8] = [
    JobType::of::<DrillCount>(),
    JobType::of::<DrillFlaky>(),
    JobType::of::<DrillPair>(),
    JobType::of::<DrillPaced>(),
    JobType::of::<DrillSerial>(),
    JobType::of::<DrillExclusive>(),
    JobType::of::<DrillParent>(),
    JobType::of::<DrillBulk>(),
];

/// What is special about them.
pub const SPECS: [JobSpec; 8] = [
    DrillCount::SPEC,
    DrillFlaky::SPEC,
    DrillPair::SPEC,
    DrillPaced::SPEC,
    DrillSerial::SPEC,
    DrillExclusive::SPEC,
    DrillParent::SPEC,
    DrillBulk::SPEC,
];

/// Their names.
pub fn names() -> Vec<&'static str> {
    SPECS.iter().map(|spec| spec.name).collect()
}

/// The program's types and the drill's.
pub fn with_drill_types(registry: &Registry) -> Result<Registry, RegistryError> {
    ALL.into_iter().try_fold(registry.clone(), |registry, job_type| registry.with(job_type))
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
