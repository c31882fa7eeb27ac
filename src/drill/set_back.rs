//! What was lost when the database went back in time: the difference between what it held before and after.
//!
//! It is read while no node has a session, so it is exact. What is in it may be gone; everything else has to be there.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use super::heard::Told;
use super::history::{self, JobRow, WriteRow};
use super::jobs;

/// What the database held at a moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The drill's jobs.
    pub jobs: Vec<JobRow>,
    /// What their runs wrote down.
    pub writes: Vec<WriteRow>,
}

impl Snapshot {
    /// Reads it.
    pub async fn read(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Self> {
        let jobs = history::jobs(conn, &jobs::names()).await?;
        Ok(Self { jobs, writes: history::writes(conn).await? })
    }
}

/// What the database lost at a moment.
#[derive(Clone, Debug)]
pub struct SetBack {
    /// When it was back with less.
    pub at: DateTime<Utc>,
    /// Jobs that it no longer had, or as they had been before, with what they had become.
    pub jobs: HashMap<Uuid, JobRow>,
    /// Of these, the jobs that it no longer had.
    pub gone: HashSet<Uuid>,
    /// Writes that it no longer had.
    pub writes: Vec<WriteRow>,
}

impl SetBack {
    /// The difference.
    pub fn between(before: Snapshot, after: &Snapshot) -> Self {
        let kept: HashMap<Uuid, i64> = after.jobs.iter().map(|job| (job.id, job.rev)).collect();
        let jobs = before.jobs.into_iter().filter(|job| kept.get(&job.id) != Some(&job.rev));
        let jobs: HashMap<Uuid, JobRow> = jobs.map(|job| (job.id, job)).collect();
        let gone = jobs.keys().filter(|job| !kept.contains_key(*job)).copied().collect();
        let written: HashSet<_> = after.writes.iter().map(WriteRow::key).collect();
        let writes = before.writes.into_iter().filter(|write| !written.contains(&write.key())).collect();
        Self { at: Utc::now(), jobs, gone, writes }
    }

    /// Whether it lost that a job was to stop.
    pub fn lost_cancel(&self, job: Uuid) -> bool {
        self.jobs.get(&job).is_some_and(|job| matches!(job.status.as_str(), "cancelling" | "cancelled"))
    }

    /// Whether it lost an end that had been told.
    pub fn lost_end(&self, told: &Told) -> bool {
        self.jobs.get(&told.id).is_some_and(|job| told.is_end_of(job))
    }
}

#[cfg(test)]
mod tests {
    use super::{SetBack, Snapshot};
    use crate::drill::check::sample::{id, job, writes};
    use crate::drill::history::JobRow;

    #[test]
    fn what_was_lost_is_what_one_has_and_the_other_has_not() {
        let ended = JobRow { rev: 11, status: "cancelled".to_owned(), ..job(2) };
        let written = writes(1, &[("start", 1), ("item", 2)]);
        let before = Snapshot { jobs: vec![job(1), ended, job(3)], writes: written.clone() };
        let after = Snapshot { jobs: vec![job(1), job(2)], writes: written[..1].to_vec() };
        let lost = SetBack::between(before, &after);
        assert!(lost.lost_cancel(id(2)) && !lost.lost_cancel(id(3)) && !lost.jobs.contains_key(&id(1)));
        assert_eq!((lost.gone.len(), lost.gone.contains(&id(3)), lost.writes.len()), (1, true, 1));
    }
}
