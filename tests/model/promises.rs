//! What has to hold: the guarantees that `src/lib.rs` gives, as far as the life of a job goes.
//!
//! About `eventually`: stateright looks at the ends of paths only, misses an end that is a circle, and takes what one path
//! showed for shown on every path that meets it later. Neither can hide anything here. There are no circles: what could be done
//! for ever (to crash, to be late, to lose an answer) is a misfortune, and their number is bounded; everything else is done once
//! (`no_path_is_a_circle` looks). And "has ended" is never left, so that it is a matter of the state, not of the path. Bounded
//! misfortunes are also what stands for fairness: whatever goes wrong, if it stops going wrong, every job ends.

use stateright::Property;

use crate::cluster::Cluster;
use crate::row::Row;
use crate::state::{Process, State};
use stashhog::job::Status;

pub const ONE_WRITER: &str = "at most one run of a job may write, the newest";
pub const ONE_END: &str = "a final status is written once and never left";
pub const TRUTH: &str = "whoever was told of an end was told what is stored";
pub const NONE_LOST: &str = "a job that runs has a node, and one that waits has none";
pub const ASKED: &str = "what was asked to stop ends as cancelled";
pub const KEPT: &str = "nobody takes a job from a node that renews";
pub const ONE_HANDLER: &str = "at most one handler of a job runs at a time";
pub const ALL_END: &str = "every job ends";
pub const ALL_SERVE: &str = "a process that lives is registered in the end";

/// The promises, and some things that must be possible, or the promises would be empty.
pub fn promises(cluster: &Cluster) -> Vec<Property<Cluster>> {
    let mut promises = vec![
        Property::always(ONE_WRITER, one_writer),
        Property::always(ONE_END, |_, s: &State| s.jobs.iter().all(|job| job.ends <= 1)),
        Property::always(TRUTH, |_, s: &State| {
            s.jobs.iter().all(|job| job.told.is_none() || job.told == Some(job.row.status))
        }),
        Property::always(NONE_LOST, |_, s: &State| rows(s).all(has_its_place)),
        Property::always(ASKED, |_, s: &State| {
            rows(s).all(|row| !row.asked || matches!(row.status, Status::Cancelling | Status::Cancelled))
        }),
        Property::always(KEPT, kept),
        Property::eventually(ALL_END, |_, s: &State| s.all_ended()),
        Property::eventually(ALL_SERVE, |_, s: &State| s.is_over()),
    ];
    if cluster.timely {
        promises.push(Property::always(ONE_HANDLER, one_handler));
    }
    if cluster.bug.is_none() {
        promises.extend([
            Property::sometimes("a job completes in its second attempt", |_, s: &State| {
                rows(s).any(|row| row.status == Status::Completed && row.attempt == 2)
            }),
            Property::sometimes("a job is failed as poisonous", |c: &Cluster, s: &State| {
                c.misfortunes < 2 || rows(s).any(|row| row.status == Status::Failed && row.interruptions == 2)
            }),
            Property::sometimes("a dead process's write is under way to a job that is another's", |_, s: &State| {
                s.writes.iter().any(|w| s.nodes[w.life].process == Process::Gone && !lets_in(s, w.job, w.claim))
            }),
        ]);
    }
    promises
}

fn rows(state: &State) -> impl Iterator<Item = &Row> {
    state.jobs.iter().map(|job| &job.row)
}

/// Where nobody would look for it, a job would be lost.
fn has_its_place(row: &Row) -> bool {
    match row.status {
        Status::Pending => row.node.is_none(),
        Status::Running | Status::Cancelling => row.node.is_some(),
        Status::Completed | Status::Failed | Status::Cancelled => true,
    }
}

fn lets_in(state: &State, job: usize, claim: i32) -> bool {
    state.jobs[job].row.lets_in(claim)
}

/// Asked of the model's guard, which a bug may have weakened; who is in the right is a matter of the numbers. Two nodes with
/// one number would pass any fence.
fn one_writer(cluster: &Cluster, state: &State) -> bool {
    (0..state.jobs.len()).all(|job| {
        let row = state.jobs[job].row;
        let runs = state.runs.iter().filter(|r| r.job == job).map(|r| (r.claim, r.life));
        let writes = state.writes.iter().filter(|w| w.job == job).map(|w| (w.claim, w.life));
        let mut writers = runs.chain(writes).filter(|(claim, _)| cluster.lets_in(&row, *claim));
        match writers.next() {
            Some(first) => first.0 == row.claim && writers.all(|other| other == first),
            None => true,
        }
    })
}

/// A node whose lease never ran out and that was not told to stop a run has it.
fn kept(_: &Cluster, state: &State) -> bool {
    state.runs.iter().all(|run| state.nodes[run.life].lapsed || lets_in(state, run.job, run.claim))
}

fn one_handler(_: &Cluster, state: &State) -> bool {
    (0..state.jobs.len()).all(|job| state.runs.iter().filter(|run| run.job == job).count() <= 1)
}
