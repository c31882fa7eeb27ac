//! One run of a job, as its handler and its watchers share it.
//!
//! The handler stores into it (progress, log lines, item errors) and reads its stop signal; the watcher is told "touched" at
//! most once per reading and then reads the newest state. Nothing here waits, and nothing grows without a bound.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use uuid::Uuid;

use super::curve::{Curve, CurvePoint};
use super::family::Family;
use super::fence::Fence;
use super::log::{LogBuffer, LogLine};
use super::pace::{Pace, PaceMeter};
use super::progress::{Progress, ProgressParser, ProgressSlot};
use super::stop::Stop;
use super::text::cut;

/// Item errors that are kept with their text; those beyond are counted only. About 2 MB at 200 bytes each.
const KEPT_ITEM_ERRORS: usize = 10_000;
/// Paths are at most 4 kB on Linux, and an item that is cut could not be retried.
const ITEM_BYTES: usize = 4 << 10;

/// Called when an attempt has news, at most once until [`Attempt::read`].
pub type OnTouched = Box<dyn Fn(&Arc<Attempt>) + Send + Sync>;

/// An item that failed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// What the type calls the item: a path, an id. "Retry only those" hands these back.
    pub item: String,
    /// The whole error chain.
    pub error: String,
}

/// The item errors of an attempt: all counted, the first ones kept.
#[derive(Clone, Debug, Default)]
pub struct ItemErrors {
    /// How many items failed.
    pub count: i64,
    /// The first of them.
    pub kept: Vec<ItemError>,
}

/// What an attempt has to tell when it is read.
#[derive(Debug)]
pub struct Reading {
    /// The newest progress.
    pub progress: Progress,
    /// How fast it is.
    pub pace: Pace,
    /// The course of its progress so far, when it is time to store it.
    pub curve: Option<Vec<CurvePoint>>,
    /// The log lines since the last reading.
    pub lines: Vec<LogLine>,
}

/// What whoever reads an attempt learns from its readings. The handler has no part in it: a progress call costs nothing more.
struct Course {
    curve: Curve,
    meter: PaceMeter,
}

/// The shared state of one run.
pub struct Attempt {
    /// The job.
    pub job_id: Uuid,
    /// Which run of it this is, from 1.
    pub number: i32,
    claim_id: Uuid,
    /// The job's type.
    pub type_name: &'static str,
    /// When set, the items that this run is about; the others were done by the run that it retries.
    pub only_items: Option<HashSet<String>>,
    /// Its stop signal.
    pub stop: Stop,
    pub(super) parser: Arc<ProgressParser>,
    pub(super) progress: ProgressSlot,
    pub(super) log: LogBuffer,
    item_errors: Mutex<ItemErrors>,
    family: Mutex<Family>,
    course: Mutex<Course>,
    touched: AtomicBool,
    on_touched: OnTouched,
    /// When the runtime's current call into the handler began, in ms since `created` and never 0; 0 outside of one.
    polled_at: AtomicU64,
    created: Instant,
}

impl Attempt {
    /// A fresh attempt. `on_touched` is called from the handler's threads and must not block.
    pub fn new(
        fence: Fence,
        type_name: &'static str,
        parser: Arc<ProgressParser>,
        only_items: Option<HashSet<String>>,
        on_touched: OnTouched,
    ) -> Arc<Self> {
        let Fence { job_id, attempt: number, claim_id } = fence;
        Arc::new(Self {
            job_id,
            number,
            claim_id,
            type_name,
            only_items,
            stop: Stop::default(),
            parser,
            progress: ProgressSlot::default(),
            log: LogBuffer::new(number),
            item_errors: Mutex::default(),
            family: Mutex::default(),
            course: Mutex::new(Course { curve: Curve::new(Utc::now()), meter: PaceMeter::default() }),
            touched: AtomicBool::new(false),
            on_touched,
            polled_at: AtomicU64::new(0),
            created: Instant::now(),
        })
    }

    /// The fencing token of the run: every write of it carries this.
    pub fn fence(&self) -> Fence {
        Fence { job_id: self.job_id, attempt: self.number, claim_id: self.claim_id }
    }

    /// Tells the watcher that there is news, unless it has been told since it last read.
    ///
    /// The plain load is enough: the news was stored under a lock that the watcher takes after it cleared the flag, so who
    /// sees the flag still set knows that the watcher has yet to read.
    pub(super) fn touch(self: &Arc<Self>) {
        if !self.touched.load(Ordering::Relaxed) && !self.touched.swap(true, Ordering::AcqRel) {
            (self.on_touched)(self);
        }
    }

    /// Reads the newest progress, which becomes a sample of the course, and takes the log lines since the last call.
    pub fn read(&self) -> Reading {
        self.touched.store(false, Ordering::Release);
        let progress = self.progress.get();
        let now = self.created.elapsed();
        let mut course = self.course();
        let pace = course.meter.sample(now, &progress);
        course.curve.sample(now, progress.percent, progress.processed_items);
        let curve = course.curve.due(now);
        drop(course);
        Reading { progress, pace, curve, lines: self.log.take() }
    }

    /// Whether it should be read although it has no news: its pace is no longer what was read, or its curve is not stored.
    pub fn is_overdue(&self) -> bool {
        let (now, course) = (self.created.elapsed(), self.course());
        course.meter.is_stale(now) || course.curve.is_overdue(now)
    }

    /// Ends the course, with this as its last point. All of it, unless the run was too short to have one.
    pub fn end_curve(&self, percent: f64, processed_items: Option<i64>) -> Option<Vec<CurvePoint>> {
        self.course().curve.end(self.created.elapsed(), percent, processed_items)
    }

    /// Takes the log lines since the last call.
    pub fn take_lines(&self) -> Vec<LogLine> {
        self.log.take()
    }

    /// The newest progress.
    pub fn progress(&self) -> Progress {
        self.progress.get()
    }

    pub(super) fn add_item_error(&self, item: String, error: String) {
        let mut errors = self.lock_item_errors();
        errors.count += 1;
        if errors.kept.len() < KEPT_ITEM_ERRORS {
            errors.kept.push(ItemError { item: cut(item, ITEM_BYTES), error: cut(error, ITEM_BYTES) });
        }
    }

    /// Takes the item errors, at the end.
    pub fn take_item_errors(&self) -> ItemErrors {
        std::mem::take(&mut self.lock_item_errors())
    }

    /// How many items failed so far.
    pub fn item_error_count(&self) -> i64 {
        self.lock_item_errors().count
    }

    /// Reserves the lowest free number among equal children of this run.
    pub(super) fn reserve_child(&self, fingerprint: &str) -> u32 {
        self.lock_family().reserve(fingerprint)
    }

    /// Frees the number of a child that was not started.
    pub(super) fn release_child(&self, fingerprint: &str, number: u32) {
        self.lock_family().release(fingerprint, number);
    }

    /// What all children will weigh together.
    pub(super) fn expect_weight(self: &Arc<Self>, total: f64) {
        self.change_family(|family| family.expect(total));
    }

    /// Counts a child with its weight.
    pub(super) fn adopt(self: &Arc<Self>, child: Uuid, weight: f64) {
        self.change_family(|family| family.adopt(child, weight));
    }

    /// Says how far a child of this run is, 100 once it has ended; the run's own progress follows from all of them.
    pub fn child_progressed(self: &Arc<Self>, child: Uuid, percent: f64) {
        self.change_family(|family| family.progressed(child, percent));
    }

    /// The progress is stored before the family is let go: of two changes at once the later one stays.
    fn change_family(self: &Arc<Self>, change: impl FnOnce(&mut Family)) {
        let mut family = self.lock_family();
        let before = family.percent();
        change(&mut family);
        let Some(percent) = family.percent().filter(|percent| Some(*percent) != before) else { return };
        self.progress.set_percent(percent);
        drop(family);
        self.touch();
    }

    fn lock_family(&self) -> MutexGuard<'_, Family> {
        self.family.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the runtime calls into the handler.
    pub fn poll_begins(&self) {
        let since = u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.polled_at.store(since.max(1), Ordering::Relaxed);
    }

    /// Notes that the handler gave its thread back.
    pub fn poll_ends(&self) {
        self.polled_at.store(0, Ordering::Relaxed);
    }

    /// For how long the handler has kept its thread without an `.await`, when it does so now.
    pub fn blocks_since(&self) -> Option<Duration> {
        let begun = self.polled_at.load(Ordering::Relaxed);
        (begun != 0).then(|| self.created.elapsed().saturating_sub(Duration::from_millis(begun)))
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_item_errors(&self) -> MutexGuard<'_, ItemErrors> {
        self.item_errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("job_id", &self.job_id).field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use uuid::Uuid;

    use super::Attempt;
    use crate::job::{Fence, ProgressParser};

    #[test]
    fn a_million_progress_calls_tell_the_watcher_once_and_the_last_value_is_read() {
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let parser = Arc::new(ProgressParser::new(&[]).unwrap());
        let on_touched = Box::new(move |_: &Arc<Attempt>| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let attempt = Attempt::new(Fence::new(Uuid::now_v7(), 1), "t", parser, None, on_touched);
        for n in 1..=1_000_000 {
            attempt.progress.set_items(n, 1_000_000);
            attempt.touch();
        }
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert_eq!(attempt.read().progress.processed_items, Some(1_000_000));
        attempt.touch();
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }
}
