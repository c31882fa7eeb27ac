//! The fencing token: tells one run of a job from every other run of it.

use uuid::Uuid;

/// The fencing token of a run. Every write of the run names it, and is refused once the job has been claimed again or has ended.
///
/// `claim_id` is what counts: the node makes a new one for each claim, so no two runs share it. `attempt` grows with each claim
/// too, except when the database loses commits (a failover to an asynchronous standby, a restored backup): then two nodes can
/// hold the same attempt of a job.
///
/// Writes that a handler makes elsewhere are fenced by comparing `claim_id` in the same statement, or transaction:
///
/// ```sql
/// SELECT FROM jobs WHERE id = $job_id AND claim_id = $claim_id AND status IN ('running', 'cancelling') FOR KEY SHARE
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence {
    /// The job.
    pub job_id: Uuid,
    /// The number of the attempt, from 1.
    pub attempt: i32,
    /// The claim that started this run: a UUID v7.
    pub claim_id: Uuid,
}

impl Fence {
    /// The token of a run that begins now, under a claim of its own.
    pub fn new(job_id: Uuid, attempt: i32) -> Self {
        Self { job_id, attempt, claim_id: Uuid::now_v7() }
    }
}
