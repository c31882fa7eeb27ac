//! A run that is over, and what can be asked of it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::children::TestChildren;
use super::ladder::{End, Started};
use super::recorder::{Recorded, Recorder};
use super::setup::JobTest;
use super::states::TestStates;
use super::threads::Threads;
use crate::actors::attempt_task;
use crate::actors::conclusion::Conclusion;
use crate::job::{
    Attempt, ChildOutcome, Environment, Fence, ItemError, LogLine, OutcomeKind, Progress, RemovedJob, Status,
    StopReason,
};
use crate::store::cancel::Rung;
use crate::store::finish::FinishWrite;

/// A run of a job that is over. What it says of itself is what a server would have stored.
pub struct Run {
    pub(super) test: JobTest,
    /// None when its node died, or went away, before it came to its end.
    finished: Option<Box<FinishWrite>>,
    crashed: bool,
    pub(super) stop: Option<StopReason>,
    pub(super) rung: Option<Rung>,
    progress: Vec<Progress>,
    lines: Vec<LogLine>,
    removed: Vec<RemovedJob>,
    children: Vec<ChildOutcome>,
    took: Duration,
}

/// Runs a job whose params are prepared.
pub(super) async fn take(test: JobTest) -> Run {
    let threads = test.threads.clone().unwrap_or_else(|| Arc::new(Threads::start()));
    let recorder = Recorder::new(test.trip.clone(), test.heard.clone());
    let begun = Instant::now();
    let started = start(&test, &threads, &recorder);
    let cancel_children = started.cancel_children.clone();
    let attempt = Arc::clone(&started.attempt);
    let end = match threads.handle().spawn(started.end()).await {
        Ok(end) => end,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    let (stop, took) = (attempt.stop.reason(), begun.elapsed());
    let Recorded { mut progress, lines, removed, tripped } = recorder.finish(&attempt);
    let still_running = matches!(end, End::StillRunning);
    let (conclusion, rung) = match end {
        End::Concluded(conclusion, rung) => (Some(conclusion), rung),
        End::Crashed | End::StillRunning => (None, None),
    };
    let crashed = conclusion.is_none();
    let finished = match conclusion {
        Some(Conclusion::Finish(write)) => Some(write),
        Some(Conclusion::Release(_)) | None => None,
    };
    if let Some(write) = &finished {
        let last = Progress { percent: write.percent(), ..write.progress.clone() };
        if progress.last() != Some(&last) {
            progress.push(last);
        }
    }
    let mut run = Run { test, finished, crashed, stop, rung, progress, lines, removed, children: Vec::new(), took };
    if matches!(run.status(), Status::Failed | Status::Cancelled) {
        cancel_children.cancel();
    }
    if !still_running {
        run.children = run.test.family.ends().await;
    }
    assert!(!still_running, "still running after {:?}, and nobody stops it\n{run}", run.test.patience);
    if let Some(trip) = run.test.trip.as_ref().filter(|_| !tripped) {
        panic!("it never came to {}\n{run}", trip.at);
    }
    run
}

fn start(test: &JobTest, threads: &Arc<Threads>, recorder: &Arc<Recorder>) -> Started {
    let Some(registered) = test.world.registry.get(test.spec.name) else {
        unreachable!("its params were prepared by its type");
    };
    let (watcher, told) = (Arc::clone(recorder), Arc::clone(recorder));
    let attempt = Attempt::new(
        Fence::new(test.job_id, test.attempt),
        test.spec.name,
        Arc::clone(&registered.progress),
        test.only_items.clone(),
        Box::new(move |attempt| watcher.touched(attempt)),
    );
    let cancel_children = CancellationToken::new();
    let children = TestChildren {
        world: test.world.clone(),
        family: Arc::clone(&test.family),
        threads: Arc::clone(threads),
        cancelled: cancel_children.clone(),
        crashed: recorder.crashed.clone(),
    };
    let environment = Environment {
        on_removed: Some(Arc::new(move |jobs| told.removed(jobs))),
        children: Some(Arc::new(children)),
        states: Some(Arc::new(TestStates { kept: Arc::clone(&test.kept_state), crashed: recorder.crashed.clone() })),
        ..test.world.environment()
    };
    let (tell, ended) = oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let on_ended = Box::new(move |ended: attempt_task::AttemptEnded| {
        let tell = tell.lock().ok().and_then(|mut tell| tell.take());
        let _ = tell.map(|tell| tell.send(ended.how)); // who waited may have given up
    });
    let abort = {
        let mut slot = recorder.abort.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (runtime, params) = (threads.handle(), test.params.clone());
        let abort = tracing::dispatcher::with_default(&threads.log, || {
            attempt_task::spawn(&runtime, &test.world.registry, &attempt, params, environment, on_ended)
        });
        slot.insert(abort).clone()
    };
    let (crashed, cancelled) = (recorder.crashed.clone(), test.cancelled.clone());
    Started { attempt, spec: test.spec, abort, ended, crashed, cancelled, cancel_children, patience: test.patience }
}

impl Run {
    /// The status that its job has now: `pending` when it is to run again.
    pub fn status(&self) -> Status {
        let Some(write) = &self.finished else { return Status::Pending };
        let before = if self.stop == Some(StopReason::Cancelled) { Status::Cancelling } else { Status::Running };
        match before.after(write.outcome) {
            Status::Failed if self.retries_left() => Status::Pending,
            status => status,
        }
    }

    /// Whether its type's policy gives a failed job another attempt.
    fn retries_left(&self) -> bool {
        let pause = self.finished.as_ref().map(|write| write.retry.longest);
        self.test.failures < self.test.spec.retry.retries && pause.is_some_and(|pause| !pause.is_zero())
    }

    /// What its handler came to; none when it never came to an end.
    pub fn outcome(&self) -> Option<OutcomeKind> {
        self.finished.as_ref().map(|write| write.outcome)
    }

    /// Why it failed: the whole chain.
    pub fn error(&self) -> Option<&str> {
        self.finished.as_ref()?.error.as_deref()
    }

    /// What its handler returned besides.
    pub fn result(&self) -> Option<&Value> {
        self.finished.as_ref()?.result.as_ref()
    }

    /// The items that failed, with their errors.
    pub fn item_errors(&self) -> &[ItemError] {
        self.finished.as_ref().map_or(&[], |write| &write.item_errors)
    }

    /// Every progress, in order; the last one is exact. Of a job with more than ten thousand the first ones and the last.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// The last progress.
    pub fn last_progress(&self) -> Progress {
        self.progress.last().cloned().unwrap_or_default()
    }

    /// Every message of its progress, in order, without repetitions.
    pub fn messages(&self) -> Vec<&str> {
        let mut messages: Vec<_> = self.progress.iter().filter_map(|progress| progress.message.as_deref()).collect();
        messages.dedup();
        messages
    }

    /// The lines of its log.
    pub fn logs(&self) -> &[LogLine] {
        &self.lines
    }

    /// The jobs that it said are deleted.
    pub fn removed(&self) -> &[RemovedJob] {
        &self.removed
    }

    /// How the jobs ended that this run of its job, or one before it, has started; the oldest first.
    pub fn children(&self) -> &[ChildOutcome] {
        &self.children
    }

    /// Which run of its job it was, from 1.
    pub fn attempt(&self) -> i32 {
        self.test.attempt
    }

    /// How it stopped, when it was asked to: by itself, aborted after its grace, or not even then.
    pub fn rung(&self) -> Option<Rung> {
        self.rung
    }

    /// Whether its node died under it.
    pub fn crashed(&self) -> bool {
        self.crashed
    }

    /// How long it ran.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The next run of the same job, with the same params, as after a rescue; `.await` runs it. Its conditions can be changed
    /// before.
    ///
    /// # Panics
    ///
    /// When the job has ended: then it does not run again.
    #[track_caller]
    pub fn resume(self) -> JobTest {
        assert_eq!(self.status(), Status::Pending, "a job that has ended does not run again\n{self}");
        let failed = self.outcome() == Some(OutcomeKind::Failed);
        self.test.next(failed)
    }
}
