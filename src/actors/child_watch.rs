//! The ears of jobs that have children: whatever is announced of a child reaches the run that started it. Requests that wait for
//! the end of a job listen here as well.
//!
//! The tracker lets it hear all that it announces: of this node's jobs as they are stored, of others' as they become known
//! here. A child of which nothing was heard for a while is looked at in the database, so that a lost announcement costs a
//! second. What is kept is bounded by the children that runs of this node have started and that have not ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use uuid::Uuid;

use crate::job::Attempt;
use crate::store::row::JobSummary;

/// Longer than any child may be silent.
const LONG_AGO: Duration = Duration::from_secs(60);

/// Children that runs of this node started.
#[derive(Default)]
pub struct ChildWatch {
    followed: Mutex<HashMap<Uuid, Followed>>,
    /// How many these are: most nodes most of the time need not look.
    count: AtomicUsize,
}

struct Followed {
    parent: Weak<Attempt>,
    /// The newest change that was heard.
    rev: i64,
    /// When that was.
    heard: Instant,
    /// Set when it has ended. Whoever waits for that listens to it.
    ended: watch::Sender<bool>,
}

impl ChildWatch {
    /// Listens for a child of this run. What it gives becomes true when the child has ended, or closes when it may have.
    pub fn follow(&self, child: Uuid, parent: &Arc<Attempt>) -> watch::Receiver<bool> {
        self.entry(child, |known| known.parent = Arc::downgrade(parent))
    }

    /// Listens for the end of any job, as [`follow`](Self::follow) does for a child.
    pub fn follow_end(&self, job: Uuid) -> watch::Receiver<bool> {
        self.entry(job, |_| {})
    }

    fn entry(&self, job: Uuid, change: impl FnOnce(&mut Followed)) -> watch::Receiver<bool> {
        let mut followed = self.lock();
        let known = followed.entry(job).or_insert_with(|| Followed {
            parent: Weak::new(),
            rev: 0,
            heard: Instant::now(),
            ended: watch::Sender::new(false),
        });
        change(known);
        let ended = known.ended.subscribe();
        self.count.store(followed.len(), Ordering::Relaxed);
        ended
    }

    /// Listens no longer: there is no such child.
    pub fn forget(&self, child: &Uuid) {
        let mut followed = self.lock();
        followed.remove(child);
        self.count.store(followed.len(), Ordering::Relaxed);
    }

    /// Whether nobody here wants to hear of any job.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Whether somebody here wants to hear of a job.
    pub fn follows(&self, job: &Uuid) -> bool {
        !self.is_empty() && self.lock().contains_key(job)
    }

    /// Hears of jobs as they are, or were: what is older than what was heard before changes nothing.
    pub fn heard(&self, jobs: &[JobSummary]) {
        if self.is_empty() {
            return;
        }
        let mut followed = self.lock();
        for job in jobs {
            let Some(known) = followed.get_mut(&job.id) else { continue };
            known.heard = Instant::now();
            if job.rev <= known.rev {
                continue;
            }
            known.rev = job.rev;
            let ended = job.status.is_terminal();
            if let Some(parent) = known.parent.upgrade() {
                parent.child_progressed(job.id, if ended { 100.0 } else { job.progress });
            }
            if ended {
                known.ended.send_replace(true);
                followed.remove(&job.id);
            }
        }
        self.count.store(followed.len(), Ordering::Relaxed);
    }

    /// Takes nothing for old any more, and has all children looked at soon: the database has gone back to an earlier state.
    pub fn start_afresh(&self) {
        for known in self.lock().values_mut() {
            known.rev = 0;
            known.heard = known.heard.checked_sub(LONG_AGO).unwrap_or(known.heard);
        }
    }

    /// Hears that these jobs exist no more. Whoever waits for one looks, and finds that.
    pub fn gone(&self, jobs: impl IntoIterator<Item = Uuid>) {
        if !self.is_empty() {
            jobs.into_iter().for_each(|job| self.forget(&job));
        }
    }

    /// The children of which nothing was heard for this long, `most` of them, the longest silent first. They count as heard of.
    pub fn silent(&self, since: Duration, most: usize) -> Vec<Uuid> {
        let mut followed = self.lock();
        followed.retain(|_, known| known.parent.strong_count() > 0 || known.ended.receiver_count() > 0);
        self.count.store(followed.len(), Ordering::Relaxed);
        let mut silent: Vec<_> = followed.iter_mut().filter(|(_, known)| known.heard.elapsed() >= since).collect();
        silent.sort_by_key(|(_, known)| known.heard);
        silent.truncate(most);
        let now = Instant::now();
        let looked_at = silent.into_iter().map(|(child, known)| {
            known.heard = now;
            *child
        });
        looked_at.collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;
    use uuid::Uuid;

    use super::ChildWatch;
    use crate::job::{Attempt, Fence, ProgressParser, Status};
    use crate::store::row::JobSummary;

    fn parent() -> Arc<Attempt> {
        let parser = Arc::new(ProgressParser::new(&[]).unwrap());
        Attempt::new(Fence::new(Uuid::now_v7(), 1), "t", parser, None, Box::new(|_| {}))
    }

    fn child(id: Uuid, status: Status, progress: f64, rev: i64) -> JobSummary {
        let now = chrono::Utc::now();
        serde_json::from_value(json!({
            "id": id, "type": "t", "status": status, "progress": progress, "error_count": 0, "priority": 0, "run_at": now,
            "attempt": 1, "interruptions": 0, "failures": 0, "max_retries": 0, "created_by": "job:x", "created_at": now,
            "updated_at": now, "rev": rev
        }))
        .unwrap()
    }

    #[test]
    fn what_is_heard_late_changes_nothing_and_an_end_is_heard_once() {
        let (watch, parent, id) = (ChildWatch::default(), parent(), Uuid::now_v7());
        let ended = watch.follow(id, &parent);
        watch.heard(&[child(id, Status::Running, 40.0, 5), child(id, Status::Running, 80.0, 4)]);
        assert!(!*ended.borrow() && watch.follows(&id));
        watch.heard(&[child(id, Status::Completed, 100.0, 6)]);
        assert!(*ended.borrow() && !watch.follows(&id));
    }

    #[test]
    fn only_the_silent_are_looked_at_in_turn_and_those_that_nobody_waits_for_are_dropped() {
        let (watch, parent) = (ChildWatch::default(), parent());
        let ids: Vec<_> = (0..3).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            drop(watch.follow(*id, &parent));
        }
        let mut seen = watch.silent(Duration::ZERO, 2);
        seen.extend(watch.silent(Duration::ZERO, 1));
        seen.sort_unstable();
        assert_eq!(seen, ids, "each has its turn");
        assert!(watch.silent(Duration::from_secs(60), 9).is_empty());
        drop(parent);
        assert!(watch.silent(Duration::ZERO, 9).is_empty());
    }

    #[test]
    fn after_a_fresh_start_nothing_is_old_and_all_are_looked_at() {
        let (watch, parent, id) = (ChildWatch::default(), parent(), Uuid::now_v7());
        let ended = watch.follow(id, &parent);
        watch.heard(&[child(id, Status::Running, 80.0, 5)]);
        watch.start_afresh();
        assert_eq!(watch.silent(Duration::from_secs(30), 9), [id]);
        watch.heard(&[child(id, Status::Failed, 10.0, 2)]);
        assert!(*ended.borrow());
    }

    #[test]
    fn a_request_that_waits_no_longer_is_forgotten_and_takes_no_child_from_its_parent() {
        let (watch, parent, id) = (ChildWatch::default(), parent(), Uuid::now_v7());
        let request = watch.follow_end(id);
        assert!(watch.follows(&id));
        drop(request);
        assert!(watch.silent(Duration::ZERO, 9).is_empty() && watch.is_empty());
        drop(watch.follow(id, &parent));
        let request = watch.follow_end(id);
        drop(request);
        assert_eq!(watch.silent(Duration::ZERO, 9), [id]);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_job_that_is_deleted_is_woken() {
        let (watch, parent, id) = (ChildWatch::default(), parent(), Uuid::now_v7());
        let mut ended = watch.follow(id, &parent);
        watch.gone([id]);
        assert!(ended.changed().await.is_err());
    }
}
