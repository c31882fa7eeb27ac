//! What the end of a handler means for its job.

use std::sync::Arc;

use super::attempt_task::Ended;
use crate::job::{Attempt, JobSpec, LogLevel, Outcome, OutcomeKind, RetryPolicy, StopReason, cut};
use crate::store::cancel::Rung;
use crate::store::finish::{FinishWrite, ReleaseWrite};

/// An error chain is read by people.
const ERROR_BYTES: usize = 16 << 10;

/// How a run is to be written down.
pub enum Conclusion {
    /// For good.
    Finish(Box<FinishWrite>),
    /// Back to the queue.
    Release(ReleaseWrite),
}

/// Works out what to write about a run that came to its end. An error is in its log, too.
pub fn conclude(attempt: &Arc<Attempt>, how: Ended, spec: &JobSpec) -> Conclusion {
    let reason = attempt.stop.reason();
    let (outcome, error) = match how {
        Ended::Returned(outcome) => (outcome, None),
        Ended::Failed(error) => {
            attempt.say(LogLevel::Error, module_path!(), error.as_str());
            (Outcome::failed(""), Some(error))
        }
        Ended::Panicked(message) => (Outcome::failed(""), Some(format!("panicked: {message}"))),
        Ended::Stopped | Ended::Dropped => (Outcome::cancelled(), None),
    };
    match (reason, outcome.kind) {
        (Some(StopReason::Interrupted), OutcomeKind::Cancelled) => release(attempt, "its node is shutting down"),
        (Some(StopReason::TimedOut), OutcomeKind::Cancelled) => {
            let limit = spec.timeout.map_or_else(String::new, |t| format!(" after {} s", t.as_secs_f64()));
            finish(attempt, Outcome::failed(""), Some(format!("timed out{limit}")), Rung::Stopped, spec.retry)
        }
        _ => finish(attempt, outcome, error, Rung::Stopped, spec.retry),
    }
}

/// What to write about a run that still holds a thread and is given up. No other attempt follows: it would run beside this one.
pub fn abandon(attempt: &Arc<Attempt>) -> Conclusion {
    match attempt.stop.reason() {
        Some(StopReason::Interrupted) => release(attempt, "its node is shutting down; it blocked its thread"),
        Some(StopReason::TimedOut) => {
            let error = "timed out; it blocked its thread and was abandoned".to_owned();
            finish(attempt, Outcome::failed(""), Some(error), Rung::Abandoned, RetryPolicy::NEVER)
        }
        Some(StopReason::Cancelled) | None => {
            finish(attempt, Outcome::cancelled(), None, Rung::Abandoned, RetryPolicy::NEVER)
        }
    }
}

/// Gives the job of a run back to the queue.
pub fn release(attempt: &Arc<Attempt>, reason: &str) -> Conclusion {
    Conclusion::Release(ReleaseWrite { fence: attempt.fence(), reason: reason.to_owned() })
}

fn finish(
    attempt: &Arc<Attempt>,
    outcome: Outcome,
    error: Option<String>,
    rung: Rung,
    retry: RetryPolicy,
) -> Conclusion {
    let item_errors = attempt.take_item_errors();
    let mut progress = attempt.progress();
    let mut kind = outcome.kind;
    let mut error = error;
    if kind == OutcomeKind::Failed && error.is_none() {
        error = Some(outcome.message.clone().unwrap_or_else(|| "failed without a reason".to_owned()));
    }
    if kind == OutcomeKind::Completed && item_errors.count > 0 {
        kind = OutcomeKind::CompletedWithErrors;
    }
    if let Some(message) = outcome.message.filter(|m| !m.is_empty()) {
        progress.message = Some(message);
    }
    if kind == OutcomeKind::CompletedWithErrors {
        progress.message = Some(with_error_count(progress.message.take(), item_errors.count));
    }
    Conclusion::Finish(Box::new(FinishWrite {
        fence: attempt.fence(),
        outcome: kind,
        error: error.map(|error| cut(error, ERROR_BYTES)),
        result: Some(outcome.data).filter(|data| !data.is_null()),
        progress,
        error_count: item_errors.count,
        item_errors: item_errors.kept,
        rung,
        retry,
    }))
}

fn with_error_count(message: Option<String>, count: i64) -> String {
    let errors = if count == 1 { "1 error".to_owned() } else { format!("{count} errors") };
    match message {
        Some(message) => format!("{message} ({errors})"),
        None => errors,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::{Conclusion, conclude};
    use crate::actors::attempt_task::Ended;
    use crate::job::{Attempt, Fence, JobSpec, Outcome, OutcomeKind, ProgressParser, StopReason};
    use crate::store::finish::FinishWrite;

    fn attempt() -> Arc<Attempt> {
        let parser = Arc::new(ProgressParser::new(&[]).unwrap());
        Attempt::new(Fence::new(Uuid::now_v7(), 1), "t", parser, None, Box::new(|_| {}))
    }

    fn finished(attempt: &Arc<Attempt>, how: Ended) -> FinishWrite {
        match conclude(attempt, how, &JobSpec::new("t", "T")) {
            Conclusion::Finish(write) => *write,
            Conclusion::Release(_) => panic!("released"),
        }
    }

    #[test]
    fn stopping_when_asked_is_no_failure() {
        let attempt = attempt();
        attempt.stop.request(StopReason::Cancelled);
        let write = finished(&attempt, Ended::Stopped);
        assert_eq!((write.outcome, write.error), (OutcomeKind::Cancelled, None));
    }

    #[test]
    fn a_job_whose_time_is_up_fails_unless_it_was_done() {
        let attempt = attempt();
        attempt.stop.request(StopReason::TimedOut);
        let write = finished(&attempt, Ended::Dropped);
        assert_eq!((write.outcome, write.error.as_deref()), (OutcomeKind::Failed, Some("timed out")));
        assert_eq!(finished(&attempt, Ended::Returned(Outcome::completed())).outcome, OutcomeKind::Completed);
    }

    #[test]
    fn an_interrupted_run_goes_back_to_the_queue_unless_it_was_done() {
        let attempt = attempt();
        attempt.stop.request(StopReason::Interrupted);
        assert!(matches!(conclude(&attempt, Ended::Dropped, &JobSpec::new("t", "T")), Conclusion::Release(_)));
        let write = finished(&attempt, Ended::Returned(Outcome::completed()));
        assert_eq!(write.outcome, OutcomeKind::Completed);
    }
}
