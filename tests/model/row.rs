//! What each statement of `src/store` does to the row of a job.
//!
//! A statement either finds its guard true and changes the row (perhaps to what it was), or the row does not come back: it was
//! refused. `postgres.rs` holds every line of this against the SQL.

use stashhog::job::{OutcomeKind, Status};

/// How often a node may die under a job of the model.
pub const MAX_INTERRUPTIONS: i32 = 1;
/// How many failed attempts of a job of the model are followed by another.
pub const MAX_RETRIES: i32 = 1;

/// One life of a node, from a start to an end: a fresh id each.
pub type Life = usize;

/// What decides a job's fate of the columns of `jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// `status`.
    pub status: Status,
    /// `attempt`.
    pub attempt: i32,
    /// `claim_id`, as the number of the claim; 0 for none.
    pub claim: i32,
    /// `node_id`.
    pub node: Option<Life>,
    /// `interruptions`.
    pub interruptions: i32,
    /// `failures`.
    pub failures: i32,
    /// Whether somebody asked it to stop: `cancel` names who. (One whose time is up has a `cancel` too, and can't tell.)
    pub asked: bool,
}

/// A statement with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statement {
    /// `claim::claim` of this node, which is registered or not, under a fresh claim id.
    Claim { me: Life, registered: bool, claim: i32 },
    /// `finish::finish`, which lets another attempt follow a failure or, of a handler that is still there, does not.
    Finish { claim: i32, outcome: OutcomeKind, again: bool },
    /// `finish::release`.
    Release { claim: i32 },
    /// `rescue::rescue` by this node, when the row's node is dead or lives.
    Rescue { me: Life, dead: bool },
    /// `rescue::unknown` of this node, which knows of the job or not.
    Unknown { me: Life, known: bool },
    /// `cancel::request`.
    Request,
    /// `cancel::climb`, to a rung that it is not on.
    Climb { claim: i32 },
    /// `cancel::climb`, when its time is up.
    TimeOut { claim: i32 },
    /// `progress::write`; `progress::append_logs`, `curve::store` and the item errors have its guard.
    Report { claim: i32 },
}

impl Row {
    /// `enqueue::insert`.
    pub const NEW: Self =
        Self { status: Status::Pending, attempt: 0, claim: 0, node: None, interruptions: 0, failures: 0, asked: false };

    /// Whether some node has it.
    pub fn is_active(&self) -> bool {
        matches!(self.status, Status::Running | Status::Cancelling)
    }

    /// The fence: whether a write of a run under this claim is let in.
    pub fn lets_in(&self, claim: i32) -> bool {
        self.claim == claim && self.is_active()
    }

    /// The row after a statement; none when it was refused.
    pub fn after(self, statement: Statement) -> Option<Self> {
        match statement {
            Statement::Claim { me, registered, claim } => {
                (self.status == Status::Pending && registered).then(|| self.claimed(me, claim))
            }
            Statement::Finish { claim, outcome, again } => self.lets_in(claim).then(|| self.finished(outcome, again)),
            Statement::Release { claim } => self.lets_in(claim).then(|| self.released()),
            Statement::Rescue { me, dead } => {
                (self.is_active() && self.node != Some(me) && dead).then(|| self.rescued())
            }
            Statement::Unknown { me, known } => {
                (self.is_active() && self.node == Some(me) && !known).then(|| self.released())
            }
            Statement::Request => self.requested(),
            Statement::Climb { claim } => (self.lets_in(claim) && self.asked).then_some(self),
            Statement::TimeOut { claim } => (self.lets_in(claim) && !self.asked).then_some(self),
            Statement::Report { claim } => self.lets_in(claim).then_some(self),
        }
    }

    fn claimed(self, life: Life, claim: i32) -> Self {
        Self { status: Status::Running, attempt: self.attempt + 1, claim, node: Some(life), asked: false, ..self }
    }

    /// A failure with retries left is no end, unless somebody asked the job to stop.
    pub fn finished(self, outcome: OutcomeKind, again: bool) -> Self {
        match self.status.after(outcome) {
            Status::Failed if again && self.failures < MAX_RETRIES => {
                Self { status: Status::Pending, node: None, failures: self.failures + 1, interruptions: 0, ..self }
            }
            status => Self { status, ..self },
        }
    }

    /// Back to the queue, unless somebody asked the job to stop.
    pub fn released(self) -> Self {
        let status = if self.status == Status::Cancelling { Status::Cancelled } else { Status::Pending };
        Self { status, node: None, interruptions: 0, ..self }
    }

    fn rescued(self) -> Self {
        let status = match self.status {
            Status::Cancelling => Status::Cancelled,
            _ if self.interruptions >= MAX_INTERRUPTIONS => Status::Failed,
            _ => Status::Pending,
        };
        Self { status, node: None, interruptions: self.interruptions + 1, ..self }
    }

    fn requested(self) -> Option<Self> {
        let status = match self.status {
            Status::Pending => Status::Cancelled,
            Status::Running => Status::Cancelling,
            _ => return None,
        };
        Some(Self { status, asked: true, ..self })
    }
}
