//! What was told of which job, so that nothing older is told after it.
//!
//! A job's changes come from several sides: the tracker's writes, those who store jobs beside it (the supervisor, the scheduler,
//! parents), and what it reads of other nodes. So even the end of a job is remembered: where a node is alone for some seconds,
//! within which whoever stored a job has told of it, else until nothing older can come.

use std::collections::HashMap;
use std::mem;

use uuid::Uuid;

use crate::store::row::JobSummary;

/// The newest change told of each job that may still change, or changed a moment ago.
#[derive(Debug, Default)]
pub struct Told {
    revs: HashMap<Uuid, i64>,
    /// Of jobs that wait or have ended, as long as this node is alone: those of this while, and of the while before.
    lately: [HashMap<Uuid, i64>; 2],
}

impl Told {
    /// Whether a change is newer than what was told of its job; then it counts as told. `alone` says that nobody else writes.
    pub fn is_news(&mut self, job: &JobSummary, alone: bool) -> bool {
        if !self.would_be_news(&job.id, job.rev) {
            return false;
        }
        if alone && (job.status.is_terminal() || job.node_id.is_none()) {
            self.revs.remove(&job.id);
            self.lately[0].insert(job.id, job.rev);
        } else {
            self.revs.insert(job.id, job.rev);
        }
        true
    }

    /// Whether a change is newer than what was told of its job.
    pub fn would_be_news(&self, id: &Uuid, rev: i64) -> bool {
        let older = |told: &HashMap<Uuid, i64>| told.get(id).is_none_or(|told| *told < rev);
        older(&self.revs) && self.lately.iter().all(older)
    }

    /// A while is over: what was told in the one before it is forgotten.
    pub fn turn_over(&mut self) {
        let [now, before] = &mut self.lately;
        *before = mem::take(now);
    }

    /// Forgets what was told up to a number: nothing older than it is still to come.
    pub fn forget(&mut self, rev: i64) {
        self.revs.retain(|_, told| *told > rev);
    }
}
