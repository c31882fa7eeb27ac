//! What a witness was told and what it makes of that: the newest state of each job, and every end that it ever heard of.
//!
//! What is not newer than what it holds it ignores, as clients are to; but an end it notes however late it comes.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::history::JobRow;

/// A job as a witness was told of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Told {
    /// The job.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its status.
    pub status: String,
    /// Its outcome.
    pub outcome: Option<String>,
    /// Its attempt.
    pub attempt: i32,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// The number of the change.
    pub rev: i64,
}

impl Told {
    /// Whether it has ended.
    pub fn is_end(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }

    /// Whether it tells of the end that a row holds.
    pub fn is_end_of(&self, row: &JobRow) -> bool {
        (&self.status, &self.outcome, self.attempt, self.completed_at)
            == (&row.status, &row.outcome, row.attempt, row.completed_at)
    }

    /// Whether both tell of the same end.
    pub fn same_end(&self, other: &Self) -> bool {
        (&self.status, &self.outcome, self.attempt, self.completed_at)
            == (&other.status, &other.outcome, other.attempt, other.completed_at)
    }
}

/// What one witness knows.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The newest state of each job.
    pub held: HashMap<Uuid, Told>,
    /// The ends that it was told, by job; of the same end only the first telling.
    pub ends: HashMap<Uuid, Vec<Told>>,
    /// A snapshot that was not the first has left out what ended before this change and was not known.
    pub excused: i64,
    /// How often it had to find another node, or the same again.
    pub reconnects: u64,
    /// The greatest number of a change that it has seen.
    rev: i64,
    /// Whether it has begun.
    begun: bool,
}

/// A frame from a node.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// What it needs to begin with.
    Snapshot {
        /// Every change up to this number is in it.
        rev: i64,
        /// The jobs.
        jobs: Vec<Told>,
    },
    /// What changed.
    JobUpdate {
        /// The greatest number in it.
        rev: i64,
        /// The jobs.
        jobs: Vec<Told>,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

impl Heard {
    /// Whether it has been told where to begin.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Where it goes on when it connects again; 0 for afresh.
    pub fn since(&self) -> i64 {
        self.rev
    }

    /// Has it begin afresh when it connects again.
    pub fn forget_place(&mut self) {
        self.rev = 0;
    }

    /// Has it forget what it holds, but not the ends that it was told.
    pub fn begin_afresh(&mut self) {
        self.held.clear();
        (self.rev, self.excused) = (0, 0);
    }

    /// Takes a frame. The jobs that have to be asked for.
    pub fn take(&mut self, frame: Frame) -> Vec<Uuid> {
        let (rev, jobs, missing) = match frame {
            Frame::Snapshot { rev, jobs } => {
                let known: HashSet<_> = jobs.iter().map(|job| job.id).collect();
                let missing = self.held.values().filter(|job| !job.is_end() && !known.contains(&job.id));
                let missing = missing.map(|job| job.id).collect();
                if std::mem::replace(&mut self.begun, true) {
                    self.excused = self.excused.max(rev);
                }
                (rev, jobs, missing)
            }
            Frame::JobUpdate { rev, jobs } => (rev, jobs, Vec::new()),
            Frame::Other => return Vec::new(),
        };
        self.rev = self.rev.max(rev);
        for job in jobs {
            self.believe(job);
        }
        missing
    }

    /// Takes a state of a job. Ends are noted even when they come late.
    pub fn believe(&mut self, told: Told) {
        if told.is_end() {
            let ends = self.ends.entry(told.id).or_default();
            if !ends.iter().any(|end| end.same_end(&told)) {
                ends.push(told.clone());
            }
        }
        match self.held.get(&told.id) {
            Some(held) if held.rev >= told.rev => {}
            _ => {
                self.held.insert(told.id, told);
            }
        }
    }
}
