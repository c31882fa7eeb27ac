//! The states that jobs keep between their attempts, stored over the pool.
//!
//! A database that is away delays a checkpoint, it does not fail the job: storing the same state twice is harmless.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::identity::NodeIdentity;
use crate::job::{Attempt, DbPool, Fence, StateError, States, StopReason, Stopped};
use crate::store::failure::Failure;
use crate::store::link::is_lost;
use crate::store::{find_nul, finish, state};

/// Between two tries while the database is away.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a statement waits for the row of the job; then it is tried again.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";
/// How long the row may be held by somebody else. A handler that holds it itself would wait for itself.
const ROW_HELD: Duration = Duration::from_secs(30);

/// The states of this node's jobs. Cheap to clone.
#[derive(Clone)]
pub struct StoredStates {
    node: Arc<NodeIdentity>,
    db: DbPool,
}

impl StoredStates {
    /// States that are stored by this node.
    pub fn new(node: Arc<NodeIdentity>, db: DbPool) -> Self {
        Self { node, db }
    }

    /// Does `work` until the database answers it. Gives up when the run is asked to stop while the database is away.
    async fn answered<T>(
        &self,
        run: &Attempt,
        work: impl for<'c> Fn(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send,
    ) -> Result<T, StateError> {
        let begun = Instant::now();
        loop {
            let error = match self.db.get().await {
                Ok(mut conn) => match work(&mut conn).await {
                    Ok(done) => return Ok(done),
                    Err(error) if Failure::of(&error) == Failure::Contention && begun.elapsed() > ROW_HELD => {
                        let held = "another transaction holds the job's row; does the handler itself hold it?";
                        return Err(StateError::Unavailable(held.to_owned()));
                    }
                    Err(error) if is_lost(&error) => error.to_string(),
                    Err(error) => {
                        tracing::error!(%error, "the database refused a job's state");
                        return Err(StateError::Unavailable("the database refused it".to_owned()));
                    }
                },
                Err(error) => error.to_string(),
            };
            tracing::warn!(error, job_id = %run.job_id, "a job's state can't be stored or read yet, trying again");
            run.stop.unless_requested(tokio::time::sleep(PAUSE)).await?;
        }
    }

    async fn store_state(self, run: Arc<Attempt>, value: Value, bytes: usize) -> Result<(), StateError> {
        if let Some(pointer) = find_nul(&value) {
            return Err(StateError::Unavailable(format!("it has the character U+0000 at `{pointer}`")));
        }
        let (fence, node) = (run.fence(), self.node.current());
        if self.answered(&run, move |conn| store(conn, fence, value.clone(), bytes).boxed()).await? {
            return Ok(());
        }
        self.answered(&run, move |conn| {
            async move { finish::record_late(conn, node, &[fence], "state").await }.boxed()
        })
        .await?;
        Err(Stopped(StopReason::Interrupted).into())
    }
}

async fn store(conn: &mut AsyncPgConnection, fence: Fence, value: Value, bytes: usize) -> QueryResult<bool> {
    conn.transaction(async move |conn| {
        conn.batch_execute(LOCK_TIMEOUT).await?;
        state::store(conn, fence, value, bytes).await
    })
    .await
}

impl States for StoredStates {
    fn load(&self, run: &Arc<Attempt>) -> BoxFuture<'static, Result<Option<Value>, StateError>> {
        let (states, run) = (self.clone(), Arc::clone(run));
        async move {
            let job_id = run.job_id;
            let kept = states.answered(&run, move |conn| state::of(conn, job_id).boxed()).await?;
            Ok(kept.map(|kept| kept.value))
        }
        .boxed()
    }

    fn store(&self, run: &Arc<Attempt>, state: Value, bytes: usize) -> BoxFuture<'static, Result<(), StateError>> {
        self.clone().store_state(Arc::clone(run), state, bytes).boxed()
    }
}
