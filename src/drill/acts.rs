//! What the drill's jobs do outside the database: a line per item in a file that all nodes append to.
//!
//! No fence keeps such a side effect out, and no database takes it back. What StashHog can do is stop a run soon after its job
//! belongs to another.

use std::path::Path;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The name of the file.
pub const FILE: &str = "acts";

/// A side effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// The job.
    pub job_id: Uuid,
    /// Its attempt.
    pub attempt: i32,
    /// The claim of the run.
    pub claim_id: Uuid,
    /// The item.
    pub seq: u64,
    /// The process of the drill.
    pub process: i32,
    /// When, by the clock of the machine.
    pub at: DateTime<Utc>,
}

impl Act {
    /// Its line.
    pub fn line(&self) -> String {
        let Self { job_id, attempt, claim_id, seq, process, at } = self;
        format!("{job_id} {attempt} {claim_id} {seq} {process} {}\n", at.timestamp_micros())
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            job_id: words.next()?.parse().ok()?,
            attempt: words.next()?.parse().ok()?,
            claim_id: words.next()?.parse().ok()?,
            seq: words.next()?.parse().ok()?,
            process: words.next()?.parse().ok()?,
            at: DateTime::from_timestamp_micros(words.next()?.parse().ok()?)?,
        })
    }
}

/// Reads all. A node that was killed may have left part of a line.
pub fn read(path: &Path) -> std::io::Result<Vec<Act>> {
    Ok(std::fs::read_to_string(path)?.lines().filter_map(Act::parse).collect())
}

#[cfg(test)]
mod tests {
    use super::Act;
    use crate::drill::check::sample::{at, id};

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let act = Act { job_id: id(1), attempt: 2, claim_id: id(3), seq: 4, process: 5, at: at(6) };
        assert_eq!(Act::parse(act.line().trim_end()), Some(act));
        assert_eq!(Act::parse("half a"), None);
    }
}
