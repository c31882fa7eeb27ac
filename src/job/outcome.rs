//! What a handler returns when it ends.

use std::fmt;

use serde_json::Value;

use super::status::OutcomeKind;

/// What a handler returns: an outcome, or an error whose whole chain is stored.
pub type JobResult = anyhow::Result<Outcome>;

/// How a handler ended, in its own words.
///
/// Item errors are not part of it: they are recorded as they happen ([`JobContext::item_error`](super::JobContext::item_error),
/// or by [`each`](super::JobContext::each)), and an outcome of `completed` with item errors becomes `completed_with_errors`.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub kind: OutcomeKind,
    /// The last line that people read; the last progress message stays when there is none.
    pub message: Option<String>,
    /// Whatever else the type wants to tell; stored as the job's result.
    pub data: Value,
}

impl Outcome {
    /// The work was done.
    pub const fn completed() -> Self {
        Self::of(OutcomeKind::Completed)
    }

    /// The work was not done, and `message` says why. For errors of Rust use `?`.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::of(OutcomeKind::Failed).message(message)
    }

    /// The handler stopped because it was asked to. The same as returning the error of `checkpoint()?`, with data.
    pub const fn cancelled() -> Self {
        Self::of(OutcomeKind::Cancelled)
    }

    const fn of(kind: OutcomeKind) -> Self {
        Self { kind, message: None, data: Value::Null }
    }

    /// Sets the last line that people read.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets the job's result.
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// Makes the error of one item the error of the whole job: inside [`each`](super::JobContext::each) return
/// `Err(Fatal(error).into())` when no other item can fare better, as when the database is gone.
#[derive(Debug)]
pub struct Fatal(pub anyhow::Error);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Fatal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
