//! What was told of which job, so that nothing older is told after it.
//!
//! A job's changes come in one order where one node writes them. Where there are other nodes they come from two sides: the
//! node's own writes, and what it reads of the others'. There even the end of a job is remembered, until nothing older can
//! come.

use std::collections::HashMap;

use uuid::Uuid;

use crate::store::row::JobSummary;

/// The newest change told of each job that may still change, or changed a moment ago.
#[derive(Debug, Default)]
pub struct Told {
    revs: HashMap<Uuid, i64>,
}

impl Told {
    /// Whether a change is newer than what was told of its job; then it counts as told. `alone` says that nobody else writes.
    pub fn is_news(&mut self, job: &JobSummary, alone: bool) -> bool {
        if !self.would_be_news(&job.id, job.rev) {
            return false;
        }
        if alone && (job.status.is_terminal() || job.node_id.is_none()) {
            self.revs.remove(&job.id);
        } else {
            self.revs.insert(job.id, job.rev);
        }
        true
    }

    /// Whether a change is newer than what was told of its job.
    pub fn would_be_news(&self, id: &Uuid, rev: i64) -> bool {
        self.revs.get(id).is_none_or(|told| *told < rev)
    }

    /// Forgets what was told up to a number: nothing older than it is still to come.
    pub fn forget(&mut self, rev: i64) {
        self.revs.retain(|_, told| *told > rev);
    }
}
