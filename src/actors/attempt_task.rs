//! The task that runs a handler, and the certainty that its end is reported.
//!
//! A handler ends in one of three ways: it returns, it panics, or its future is dropped (aborted). Each is reported exactly
//! once, the last by a guard that lives as long as anything of the run does, closures on blocking threads included: "dropped"
//! means that nothing of it is left.

use std::any::Any;
use std::future::Future;
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use actix::Message;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tracing::Instrument;

use crate::job::{
    Attempt, Environment, Fence, JobContext, JobResult, LogLevel, Outcome, Registered, Registry, Stopped, cut,
};

/// Fact: a handler is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AttemptEnded {
    /// The run.
    pub fence: Fence,
    /// How.
    pub how: Ended,
}

/// How a handler came to its end.
#[derive(Debug)]
pub enum Ended {
    /// It returned this.
    Returned(Outcome),
    /// It returned the error of a stop.
    Stopped,
    /// It returned an error: its whole chain.
    Failed(String),
    /// It panicked.
    Panicked(String),
    /// Its future was dropped, and nothing of it runs any more.
    Dropped,
}

/// Told of the end of a handler, once. Must not block.
pub type OnEnded = Box<dyn Fn(AttemptEnded) + Send + Sync>;

/// Starts the handler of `attempt` on the job runtime. `on_ended` hears of its end.
pub fn spawn(
    runtime: &Handle,
    registry: &Registry,
    attempt: &Arc<Attempt>,
    params: Value,
    environment: Environment,
    on_ended: OnEnded,
) -> AbortHandle {
    let alive = Arc::new(Alive { fence: attempt.fence(), reported: AtomicBool::new(false), on_ended });
    let ctx = JobContext::new(Arc::clone(attempt), environment, Arc::clone(&alive) as Arc<dyn Send + Sync>);
    let span = ctx.span().clone();
    let (registry, type_name) = (registry.clone(), attempt.type_name);
    let reporter = Arc::clone(attempt);
    // An error is told and dropped in here too: it may be of a type of the handler's own, and panic.
    let handler = async move {
        match registry.get(type_name) {
            Some(registered) => told(prepared(registered, &params, ctx).await, &reporter),
            None => Ended::Failed(format!("this node has no job type `{type_name}`")),
        }
    };
    let watched = Polled { attempt: Arc::clone(attempt), inner: Box::pin(AssertUnwindSafe(handler).catch_unwind()) };
    let task = async move {
        alive.report(watched.await.unwrap_or_else(|panic| Ended::Panicked(panic_message(&*panic))));
    };
    runtime.spawn(task.instrument(span)).abort_handle()
}

/// Runs the handler, unless a setting that its type needs is not set: better now than halfway.
async fn prepared(registered: &Registered, params: &Value, ctx: JobContext) -> JobResult {
    let mut needs = registered.needs(params).peekable();
    if needs.peek().is_some() {
        let settings = ctx.settings().await?;
        needs.try_for_each(|need| settings.check_set(need))?;
    }
    registered.run(params, ctx).await
}

fn told(result: JobResult, attempt: &Arc<Attempt>) -> Ended {
    match result {
        Ok(outcome) => Ended::Returned(bounded(outcome, attempt)),
        Err(error) if Stopped::is_cause_of(&error) => Ended::Stopped,
        Err(error) => Ended::Failed(format!("{error:#}")),
    }
}

/// A larger result is left out: it belongs in a table of the type's own, not in every reader's memory.
const RESULT_BYTES: u64 = 1 << 20;
/// A last line is one line.
const MESSAGE_BYTES: usize = 2 << 10;

/// The outcome without a result that is too large; its job says so. The work was done all the same.
fn bounded(outcome: Outcome, attempt: &Arc<Attempt>) -> Outcome {
    let outcome = Outcome { message: outcome.message.map(|message| cut(message, MESSAGE_BYTES)), ..outcome };
    let mut size = Counter(0);
    // Counting can't fail.
    let _ = serde_json::to_writer(&mut size, &outcome.data);
    if size.0 <= RESULT_BYTES {
        return outcome;
    }
    let note = format!("the result of {} bytes is over the limit of {RESULT_BYTES} and was left out", size.0);
    attempt.say(LogLevel::Warn, module_path!(), note.clone());
    outcome.data(json!({ "omitted": note }))
}

/// Counts what is written and keeps nothing.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shared by all that belongs to a run; reports when the last of it is gone.
struct Alive {
    fence: Fence,
    reported: AtomicBool,
    on_ended: OnEnded,
}

impl Alive {
    fn report(&self, how: Ended) {
        if !self.reported.swap(true, Ordering::AcqRel) {
            (self.on_ended)(AttemptEnded { fence: self.fence, how });
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.report(Ended::Dropped);
    }
}

/// A handler whose every poll is timed, so that one that blocks its thread can be named.
struct Polled<F> {
    attempt: Arc<Attempt>,
    inner: Pin<Box<F>>,
}

impl<F: Future> Future for Polled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.attempt.poll_begins();
        let polled = self.inner.as_mut().poll(cx);
        self.attempt.poll_ends();
        polled
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a value that is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use uuid::Uuid;

    use super::{Ended, RESULT_BYTES, told};
    use crate::job::{Attempt, Fence, Outcome, OutcomeKind, ProgressParser};

    fn attempt() -> Arc<Attempt> {
        let parser = Arc::new(ProgressParser::new(&[]).unwrap());
        Attempt::new(Fence::new(Uuid::now_v7(), 1), "t", parser, None, Box::new(|_| {}))
    }

    #[test]
    fn an_error_is_told_with_its_whole_chain() {
        let error = anyhow::anyhow!("disk full").context("copying a.mp4").context("process downloads");
        let Ended::Failed(text) = told(Err(error), &attempt()) else { panic!("no failure") };
        assert_eq!(text, "process downloads: copying a.mp4: disk full");
    }

    #[test]
    fn a_huge_result_is_left_out_and_the_outcome_stays() {
        let huge = "x".repeat(usize::try_from(RESULT_BYTES).unwrap());
        let outcome = Outcome::completed().data(json!({ "huge": huge }));
        let Ended::Returned(kept) = told(Ok(outcome), &attempt()) else { panic!("no outcome") };
        assert_eq!(kept.kind, OutcomeKind::Completed);
        assert!(kept.data["omitted"].is_string());
    }
}
