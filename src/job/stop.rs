//! How a handler is asked to stop, and how it says that it did.
//!
//! One signal serves every reason (someone cancelled it, its time is up, its node goes away), because a handler does the
//! same thing in each case. The first reason stays.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Why a handler was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody cancelled the job: it ends as cancelled.
    Cancelled,
    /// The attempt ran longer than its type allows: the job fails.
    TimedOut,
    /// Its node goes away: the job goes back to pending.
    Interrupted,
}

/// The signal itself. Clones are one signal.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    token: CancellationToken,
    reason: Arc<OnceLock<StopReason>>,
}

impl Stop {
    /// Asks the handler to stop. Returns false when it had been asked before; the first reason stays.
    pub fn request(&self, reason: StopReason) -> bool {
        let first = self.reason.set(reason).is_ok();
        self.token.cancel();
        first
    }

    /// Why it was asked to stop, if it was.
    pub fn reason(&self) -> Option<StopReason> {
        self.reason.get().copied()
    }

    /// Whether it was asked to stop. A load of an atomic: fit for a tight loop.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until it is asked to stop.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// What `work` comes to, unless it is asked to stop before: then `Err` at once, and `work` is dropped.
    pub async fn unless_requested<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            // The reason is set before the token is.
            () = self.requested() => Err(Stopped(self.reason().unwrap_or(StopReason::Interrupted))),
            done = work => Ok(done),
        }
    }

    /// `Err` once it was asked to stop.
    pub fn checkpoint(&self) -> Result<(), Stopped> {
        match self.reason() {
            Some(reason) => Err(Stopped(reason)),
            None => Ok(()),
        }
    }
}

/// The error of a handler that stopped because it was asked to. Pass it on with `?`: it is no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped(pub StopReason);

impl Stopped {
    /// Whether an error came of this one, however it was wrapped on its way.
    pub fn is_cause_of(error: &anyhow::Error) -> bool {
        error.chain().any(|cause| cause.is::<Self>())
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            StopReason::Cancelled => "stopped: cancelled",
            StopReason::TimedOut => "stopped: timed out",
            StopReason::Interrupted => "stopped: interrupted",
        })
    }
}

impl std::error::Error for Stopped {}
