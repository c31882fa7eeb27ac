//! What is there at one moment: rows, nodes, handlers, and what is on its way between them.

use std::collections::BTreeSet;

use stashhog::job::Status;

use crate::row::{Life, Row};

/// A job, and what is known of it outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// Its row.
    pub row: Row,
    /// How often a final status was written.
    pub ends: u8,
    /// The final status that clients were told.
    pub told: Option<Status>,
    /// How many claims of it were made: the next one has the next number, whatever the database has forgotten.
    pub claims: i32,
}

/// One life of a node: its process, and its row in `nodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    pub process: Process,
    pub lease: Lease,
    /// Whether its lease ever was over.
    pub lapsed: bool,
    /// It noticed that it could not renew: it claims nothing until it has.
    pub fenced: bool,
    /// A claim was under way when it died.
    pub claiming: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Process {
    Up,
    /// After SIGTERM: no claims, handlers are told to stop.
    Draining,
    Gone,
    /// There is a next life: of a new process on its data directory, or of this one, which registered anew.
    Replaced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lease {
    Fresh,
    /// Not renewed for so long that the node has to stop its handlers.
    Late,
    RanOut,
    /// `stopped_at` is there.
    SignedOff,
    /// The row is not there: the database went back to a state before it.
    Unknown,
}

/// What the database held at an earlier moment: a backup, or what an asynchronous standby had received.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Backup {
    pub jobs: Vec<Job>,
    pub leases: Vec<Lease>,
}

/// A handler in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Run {
    pub job: usize,
    pub claim: i32,
    pub life: Life,
    pub stop: Option<Stop>,
}

/// Why a handler was told to stop; the first reason stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stop {
    Cancelled,
    Interrupted,
}

/// The end of a run on its way to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Write {
    pub job: usize,
    pub claim: i32,
    pub life: Life,
    pub end: End,
}

/// What `conclude` makes of the end of a handler. A timeout is a failure; `completed_with_errors` is `completed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    Completed,
    Failed,
    Cancelled,
    Released,
}

/// A claim that is stored and whose node has not heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claimed {
    pub life: Life,
    pub job: usize,
    pub claim: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub jobs: Vec<Job>,
    pub nodes: Vec<Node>,
    pub claims: BTreeSet<Claimed>,
    pub runs: BTreeSet<Run>,
    pub writes: BTreeSet<Write>,
    pub misfortunes: u8,
    /// To what the database may go back.
    pub backup: Option<Backup>,
}

impl State {
    pub fn jobs_that(&self, are: impl Fn(&Row) -> bool) -> impl Iterator<Item = usize> {
        self.jobs.iter().enumerate().filter(move |(_, job)| are(&job.row)).map(|(job, _)| job)
    }

    /// Whether every job has ended.
    pub fn all_ended(&self) -> bool {
        self.jobs.iter().all(|job| job.row.status.is_terminal())
    }

    /// Whether only nodes could still change.
    pub fn is_over(&self) -> bool {
        let idle = self.claims.is_empty() && self.runs.is_empty() && self.writes.is_empty();
        self.all_ended() && idle && self.nodes.iter().all(Node::serves)
    }

    /// Forgets what nothing depends on any more, so that states which differ in that only are one.
    pub fn tidy(&mut self) {
        for (life, node) in self.nodes.iter_mut().enumerate() {
            let idle = !self.runs.iter().any(|run| run.life == life) && !self.claims.iter().any(|c| c.life == life);
            if idle && node.lease == Lease::Fresh {
                node.lapsed = false;
            }
        }
    }

    pub fn stop(&mut self, run: Run, reason: Stop) {
        self.runs.remove(&run);
        self.runs.insert(Run { stop: run.stop.or(Some(reason)), ..run });
    }

    pub fn stop_all(&mut self, life: Life) {
        for run in self.runs.clone().into_iter().filter(|run| run.life == life) {
            self.stop(run, Stop::Interrupted);
        }
    }

    /// What a process had in its memory is gone with it; what it had sent is under way.
    pub fn forget(&mut self, life: Life) {
        self.runs.retain(|run| run.life != life);
        self.claims.retain(|claimed| claimed.life != life);
    }
}

impl Node {
    pub const NEW: Self =
        Self { process: Process::Up, lease: Lease::Fresh, lapsed: false, fenced: false, claiming: false };

    pub fn is_gone(&self) -> bool {
        matches!(self.process, Process::Gone | Process::Replaced)
    }

    /// Whether its row is live.
    pub fn is_registered(&self) -> bool {
        !matches!(self.lease, Lease::SignedOff | Lease::Unknown)
    }

    /// Whether it can do its work, if it is to do some.
    pub fn serves(&self) -> bool {
        self.process != Process::Up || self.is_registered()
    }

    pub fn end_lease(&mut self, lease: Lease) {
        self.lease = lease;
        self.lapsed = true;
    }
}

impl Job {
    /// The tracker has the row, and tells.
    pub fn tell(&mut self) {
        if self.row.status.is_terminal() {
            self.told = Some(self.row.status);
        }
    }
}
