//! Jobs that something in this process waits for, as a parent waits for its children, whichever node runs them.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use uuid::Uuid;

use crate::store::row::JobSummary;

/// Told of every change of a watched job. Must not block.
pub type Ear = Box<dyn Fn(&JobSummary) + Send + Sync>;

/// The watched jobs, and who hears of them.
///
/// Whoever begins to watch a job looks at it once after that: what happened before is not told.
#[derive(Default)]
pub struct Watched {
    jobs: Mutex<HashSet<Uuid>>,
    ear: OnceLock<Ear>,
}

impl Watched {
    /// Says who hears of the watched jobs; the first one stays.
    pub fn listen(&self, ear: Ear) {
        let _ = self.ear.set(ear);
    }

    /// Begins to watch jobs.
    pub fn add(&self, ids: impl IntoIterator<Item = Uuid>) {
        self.lock().extend(ids);
    }

    /// Watches a job no longer.
    pub fn remove(&self, id: &Uuid) {
        self.lock().remove(id);
    }

    /// Whether no job is watched.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether a job is watched.
    pub fn has(&self, id: &Uuid) -> bool {
        self.lock().contains(id)
    }

    /// Tells of changed jobs: of those that are watched, and in the order in which they are announced.
    pub fn tell(&self, jobs: &[JobSummary]) {
        let Some(ear) = self.ear.get() else { return };
        let watched: Vec<_> = {
            let ids = self.lock();
            if ids.is_empty() {
                return;
            }
            jobs.iter().filter(|job| ids.contains(&job.id)).collect()
        };
        // Without the lock: who hears may stop watching.
        watched.into_iter().for_each(ear);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
