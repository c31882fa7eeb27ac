//! Watches an attempt as the tracker does, but at every touch and on the handler's own thread: nothing of what it reports is
//! missed, and what is planned for a moment happens at that moment.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::job::{Attempt, LogLine, Progress, RemovedJob, StopReason};

/// Of a job that says more, the newest is kept, and what it said first.
const KEPT: usize = 10_000;

/// Something to happen to a run once it has come so far.
#[derive(Clone)]
pub(super) struct Trip {
    /// What is waited for, in words.
    pub(super) at: String,
    reached: Arc<dyn Fn(&Progress) -> bool + Send + Sync>,
    what: Tripped,
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tripped {
    Cancelled,
    Interrupted,
    Crashed,
}

impl Trip {
    pub(super) fn new(at: &str, reached: impl Fn(&Progress) -> bool + Send + Sync + 'static, what: Tripped) -> Self {
        Self { at: at.to_owned(), reached: Arc::new(reached), what }
    }
}

/// Told how far a run is, in percent.
pub(super) type Heard = Arc<dyn Fn(f64) + Send + Sync>;

/// What a run reported.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) progress: Vec<Progress>,
    pub(super) lines: Vec<LogLine>,
    pub(super) removed: Vec<RemovedJob>,
    /// Whether what was planned has happened.
    pub(super) tripped: bool,
}

/// Shared by the attempt and whoever runs it.
pub(super) struct Recorder {
    recorded: Mutex<Recorded>,
    trip: Option<Trip>,
    heard: Option<Heard>,
    /// Held while the handler is started: one that is quick waits until it can be aborted.
    pub(super) abort: Mutex<Option<AbortHandle>>,
    /// The node died.
    pub(super) crashed: CancellationToken,
}

impl Recorder {
    pub(super) fn new(trip: Option<Trip>, heard: Option<Heard>) -> Arc<Self> {
        let (recorded, abort, crashed) = (Mutex::default(), Mutex::default(), CancellationToken::new());
        Arc::new(Self { recorded, trip, heard, abort, crashed })
    }

    /// The attempt has news.
    pub(super) fn touched(&self, attempt: &Arc<Attempt>) {
        let mut recorded = self.lock();
        let reading = attempt.read();
        if self.crashed.is_cancelled() {
            return;
        }
        keep(&mut recorded.lines, reading.lines);
        if recorded.progress.last() != Some(&reading.progress) {
            keep(&mut recorded.progress, [reading.progress.clone()]);
            if let Some(heard) = &self.heard {
                heard(reading.progress.percent);
            }
        }
        let Some(trip) = self.trip.as_ref().filter(|trip| !recorded.tripped && (trip.reached)(&reading.progress))
        else {
            return;
        };
        recorded.tripped = true;
        drop(recorded);
        match trip.what {
            Tripped::Cancelled => _ = attempt.stop.request(StopReason::Cancelled),
            Tripped::Interrupted => _ = attempt.stop.request(StopReason::Interrupted),
            Tripped::Crashed => self.crash(),
        }
    }

    fn crash(&self) {
        self.crashed.cancel();
        if let Some(abort) = &*self.abort.lock().unwrap_or_else(PoisonError::into_inner) {
            abort.abort();
        }
        use_up_turn();
    }

    pub(super) fn removed(&self, jobs: Vec<RemovedJob>) {
        self.lock().removed.extend(jobs);
    }

    /// Takes what was recorded, with what the attempt had still to say.
    pub(super) fn finish(&self, attempt: &Arc<Attempt>) -> Recorded {
        self.touched(attempt);
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep<T>(kept: &mut Vec<T>, new: impl IntoIterator<Item = T>) {
    for item in new {
        if kept.len() >= KEPT {
            kept.pop();
        }
        kept.push(item);
    }
}

/// Uses up the turn that the runtime has given the task that calls this, so that its next `.await` gives the thread back and it
/// is dropped there. Otherwise a handler that never has to wait would come to its end before anyone could stop it.
fn use_up_turn() {
    const MORE_THAN_A_TURN: usize = 1_000;
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MORE_THAN_A_TURN {
        if pin!(tokio::task::consume_budget()).poll(&mut context).is_pending() {
            return;
        }
    }
}
