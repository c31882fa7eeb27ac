//! The way from "please stop" to an end, as a runner goes it: asked, its grace, aborted, abandoned.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::actors::attempt_task::Ended;
use crate::actors::conclusion::{Conclusion, abandon, conclude};
use crate::actors::runner::ABORT_GRACE;
use crate::job::{Attempt, JobSpec, StopReason};
use crate::store::cancel::Rung;

/// A handler that was started.
pub(super) struct Started {
    pub(super) attempt: Arc<Attempt>,
    pub(super) spec: JobSpec,
    pub(super) abort: AbortHandle,
    pub(super) ended: oneshot::Receiver<Ended>,
    pub(super) crashed: CancellationToken,
    /// Its parent is cancelled.
    pub(super) cancelled: CancellationToken,
    /// Its children are to be cancelled.
    pub(super) cancel_children: CancellationToken,
    pub(super) patience: Duration,
}

/// What became of it.
pub(super) enum End {
    /// As it is to be written down, and the last rung that it reached when it was asked to stop.
    Concluded(Conclusion, Option<Rung>),
    /// Its node died.
    Crashed,
    /// Nobody stopped it, and the test waits no longer.
    StillRunning,
}

impl Started {
    /// Waits for the end, and sees to it that there is one once the handler was asked to stop.
    pub(super) async fn end(mut self) -> End {
        let limit = self.spec.timeout;
        let time_is_up = async move {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.crashed.cancelled() => {
                let _ = timeout(ABORT_GRACE, self.ended).await; // one that blocks is left where it is
                return End::Crashed;
            }
            how = &mut self.ended => return self.over(how, None),
            () = self.attempt.stop.requested() => {}
            () = self.cancelled.cancelled() => {
                self.attempt.stop.request(StopReason::Cancelled);
            }
            () = time_is_up => {
                self.attempt.stop.request(StopReason::TimedOut);
            }
            () = sleep(self.patience) => {
                self.abort.abort();
                return End::StillRunning;
            }
        }
        if self.attempt.stop.reason() == Some(StopReason::Cancelled) {
            self.cancel_children.cancel();
        }
        if let Ok(how) = timeout(self.spec.cancel_grace, &mut self.ended).await {
            return self.over(how, Some(Rung::Stopped));
        }
        self.abort.abort();
        if let Ok(how) = timeout(ABORT_GRACE, &mut self.ended).await {
            return self.over(how, Some(Rung::Aborted));
        }
        End::Concluded(abandon(&self.attempt), Some(Rung::Abandoned))
    }

    /// A handler that was asked to stop may have come to its end before anyone looked.
    fn over(self, how: Result<Ended, oneshot::error::RecvError>, rung: Option<Rung>) -> End {
        if self.crashed.is_cancelled() {
            return End::Crashed;
        }
        let rung = rung.or_else(|| self.attempt.stop.reason().map(|_| Rung::Stopped));
        let how = how.unwrap_or(Ended::Dropped); // reports itself, whatever happens
        End::Concluded(conclude(&self.attempt, how, &self.spec), rung)
    }
}
