//! What a job keeps between its attempts: a cursor, the items that are done.
//!
//! A handler that runs again, as its node died or as it failed and is retried, goes on where the last checkpoint was. The state is
//! stored under the fence: a run that has lost its job can't overwrite what its successor stored. Who stores it is behind
//! [`States`]: this folder knows no table.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::attempt::Attempt;
use super::context::JobContext;
use super::stop::Stopped;

/// The largest state, in bytes of JSON: a cursor and some thousand ids. It is written as a whole at each checkpoint.
pub const STATE_BYTES: usize = 256 << 10;

/// Who keeps the states of jobs.
pub trait States: Send + Sync {
    /// What the job of this run keeps, if it keeps something.
    fn load(&self, run: &Arc<Attempt>) -> BoxFuture<'static, Result<Option<Value>, StateError>>;

    /// Stores it, unless the job belongs to another run by now. It is committed when this returns.
    fn store(&self, run: &Arc<Attempt>, state: Value, bytes: usize) -> BoxFuture<'static, Result<(), StateError>>;
}

/// Why a state was not stored, or not read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The job is asked to stop, or belongs to another run by now. Pass it on with `?`.
    #[error("{0}")]
    Stopped(#[from] Stopped),
    /// It is too large.
    #[error("the state of a job may have {STATE_BYTES} bytes of JSON, and this one has {0}; keep less, or use a table")]
    TooLarge(usize),
    /// It can't be written as JSON.
    #[error("the state can't be written as JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// What is stored is not of this type: perhaps an older version of the program stored it.
    #[error("the stored state does not fit: {0}")]
    Unfit(#[source] serde_json::Error),
    /// The database refused it, or there is none.
    #[error("the state was not stored or read: {0}")]
    Unavailable(String),
}

impl JobContext {
    /// What the last [`checkpoint_state`](Self::checkpoint_state) of this job stored, in this attempt or an earlier one; none before
    /// the first.
    pub async fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, StateError> {
        let load = self.states()?.load(&self.attempt);
        let stored = self.attempt.stop.unless_requested(load).await??;
        let state = stored.filter(|state| !state.is_null()).map(serde_json::from_value).transpose();
        state.map_err(StateError::Unfit)
    }

    /// Keeps `state` for the next attempt, in place of what was kept before: `ctx.checkpoint_state(&cursor).await?`. It is
    /// committed when this returns.
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    /// use stashhog::job::{Job, JobContext, JobResult, JobSpec, Outcome};
    ///
    /// /// Count the pages of a book.
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// struct Count {
    ///     pages: u64,
    /// }
    ///
    /// /// Where it is.
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Cursor {
    ///     page: u64,
    /// }
    ///
    /// impl Job for Count {
    ///     const SPEC: JobSpec = JobSpec::new("count", "Count");
    ///
    ///     async fn run(self, ctx: JobContext) -> JobResult {
    ///         let mut cursor: Cursor = ctx.state().await?.unwrap_or_default();
    ///         while cursor.page < self.pages {
    ///             ctx.checkpoint()?;
    ///             cursor.page += 1; // the work
    ///             ctx.checkpoint_state(&cursor).await?;
    ///             ctx.items(cursor.page, self.pages);
    ///         }
    ///         Ok(Outcome::completed())
    ///     }
    /// }
    /// ```
    ///
    /// Each call is a write to the database: checkpoint every few seconds of work rather than after every millisecond of it. Work
    /// done since the last checkpoint is done again, so repeating it must be harmless.
    ///
    /// The state belongs to the job: it is shown with it, and deleted with it. A retry that somebody asks for is a new job, and
    /// begins without a state. `null` clears it.
    ///
    /// A job that is asked to stop still stores its state, so that it can go on from there when its server only went away. Once the
    /// job belongs to another run, nothing is stored and the error is [`Stopped`].
    pub fn checkpoint_state<T: Serialize + ?Sized>(&self, state: &T) -> BoxFuture<'static, Result<(), StateError>> {
        // At once: the future holds nothing of the handler's.
        match self.checked(state) {
            Ok((states, state, bytes)) => states.store(&self.attempt, state, bytes),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn checked<T: Serialize + ?Sized>(&self, state: &T) -> Result<(&dyn States, Value, usize), StateError> {
        let state = serde_json::to_value(state).map_err(StateError::NotJson)?;
        match state.to_string().len() {
            bytes if bytes > STATE_BYTES => Err(StateError::TooLarge(bytes)),
            bytes => Ok((self.states()?, state, bytes)),
        }
    }

    fn states(&self) -> Result<&dyn States, StateError> {
        let alone = || StateError::Unavailable("this job runs alone, without a supervisor".to_owned());
        self.environment.states.as_deref().ok_or_else(alone)
    }
}
