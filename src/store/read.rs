//! Reading, and the little writing that no actor has to do, on behalf of somebody who waits.
//!
//! Every question is a read-only transaction with a time limit, so that a listing over a huge table says "too long" instead of
//! holding one of a few connections for minutes. The limit belongs to the transaction and not to the pool: handlers of jobs
//! use the same pool, and may take their time.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::result::Error;
use diesel::sql_types::{Nullable, Text};
use diesel_async::pooled_connection::deadpool::{Object, PoolError};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, TransactionManager};

use super::failure::{Failure, sqlstate};
use super::link::MAY_STAND_STILL;
use super::outage::Outage;
use super::pool;
use crate::job::DbPool;

/// How long a statement may take. People wait no longer, and whoever asks automatically asks again.
pub const STATEMENT: Duration = Duration::from_secs(5);
/// How long the whole transaction may take. Longer means that the database, or the way to it, is stuck.
const TRANSACTION: Duration = Duration::from_secs(12);

/// How long the database is asked whether it has committed what it did not answer.
const RESOLUTION: Duration = Duration::from_secs(20);
/// Between two such questions.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// All connections of the pool are in use.
    #[error("all connections of this server to the database are in use")]
    Busy,
    /// No connection could be had.
    #[error("no connection to the database: {1}")]
    NoConnection(Outage, #[source] PoolError),
    /// The connection broke, nothing came over it, or the database can't do what it was asked.
    #[error("{}", .0.message())]
    Lost(Outage),
    /// The database was asked to commit, and can't be asked since whether it has.
    #[error("the database has not answered whether it stored this")]
    OutcomeUnknown,
    /// Somebody else was in the way: the next try is better off.
    #[error("the database could not do it at this moment")]
    Passing,
    /// The question was too hard.
    #[error("the database took longer than {} s", STATEMENT.as_secs())]
    TooLong,
    /// A bug.
    #[error("the database refused a question")]
    Refused(#[source] Error),
}

/// Does `work` in a read-only transaction. All of its statements see the same state: a job that changes meanwhile is neither missed
/// nor met twice.
pub async fn read<T>(
    db: &DbPool,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
) -> Result<T, ReadError> {
    transact(db, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", work).await
}

/// Does `work` in a transaction that may write. When the answer to its COMMIT is lost, the database is asked what became of it:
/// [`ReadError::Lost`] means that nothing is stored, and nothing will be.
pub async fn write<T>(
    db: &DbPool,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
) -> Result<T, ReadError> {
    let (mut answer, mut commit): (_, Option<String>) = (None, None);
    let worked = transact(db, "BEGIN", async |conn| {
        answer = Some(work(conn).await?);
        commit =
            diesel::select(sql::<Nullable<Text>>("pg_current_xact_id_if_assigned()::text")).get_result(conn).await?;
        Ok(())
    });
    let worked = worked.await;
    match (worked, answer, commit) {
        (Ok(()), Some(answer), _) => Ok(answer),
        (Err(error @ (ReadError::Lost(_) | ReadError::TooLong)), Some(answer), Some(transaction)) => {
            match is_committed(db, &transaction).await {
                Some(true) => Ok(answer),
                Some(false) => Err(error),
                None => Err(ReadError::OutcomeUnknown),
            }
        }
        (Err(error), ..) => Err(error),
        (Ok(()), None, _) => Err(ReadError::Lost(Outage::Unreachable)), // never: work that succeeded has an answer
    }
}

/// Whether a transaction whose COMMIT was not answered is committed. None when the database can't be asked. A backend that never
/// receives the COMMIT rolls back within [`MAY_STAND_STILL`].
async fn is_committed(db: &DbPool, transaction: &str) -> Option<bool> {
    let deadline = Instant::now() + RESOLUTION;
    while Instant::now() < deadline {
        let asked = async {
            let mut connection = db.get().await.ok()?;
            let status = sql::<Nullable<Text>>("pg_xact_status(").bind::<Text, _>(transaction).sql("::xid8)");
            Some(diesel::select(status).get_result::<Option<String>>(&mut *connection).await)
        };
        match tokio::time::timeout(STATEMENT, asked).await.ok().flatten() {
            Some(Ok(Some(status))) if status == "committed" => return Some(true),
            Some(Ok(Some(status))) if status == "aborted" => return Some(false),
            // A standby that was promoted and does not know it.
            Some(Err(error)) if !Failure::of(&error).is_passing() => return Some(false),
            _ => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
    None
}

async fn transact<T>(
    db: &DbPool,
    begin: &'static str,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
) -> Result<T, ReadError> {
    let mut connection = db.get().await?;
    match tokio::time::timeout(TRANSACTION, transaction(&mut connection, begin, work)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            pool::forget_unfit(db, connection, &error);
            Err(reason(error))
        }
        Err(_) => {
            // Its statement may still run: the next one must not wait for it.
            drop(Object::take(connection));
            Err(ReadError::Lost(Outage::Unreachable))
        }
    }
}

impl From<PoolError> for ReadError {
    fn from(error: PoolError) -> Self {
        match pool::outage(&error) {
            Some(outage) => Self::NoConnection(outage, error),
            None => Self::Busy,
        }
    }
}

/// The transaction, step by step: diesel's own wants futures that can move between threads, which a handler's can't promise. One
/// that is dropped on the way (its client left) leaves the connection inside of it, and the pool throws such connections away.
async fn transaction<T>(
    connection: &mut AsyncPgConnection,
    begin: &str,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    AnsiTransactionManager::begin_transaction_sql(connection, begin).await?;
    let limit = format!("SET LOCAL statement_timeout = {}; SET LOCAL {MAY_STAND_STILL}", STATEMENT.as_millis());
    let answer = match connection.batch_execute(&limit).await {
        Ok(()) => work(connection).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => AnsiTransactionManager::commit_transaction(connection).await.map(|()| answer),
        Err(error) => {
            // When this fails too, the connection is broken and is not used again.
            let _ = AnsiTransactionManager::rollback_transaction(connection).await;
            Err(error)
        }
    }
}

/// Postgres cancels a statement at the limit; an administrator may do so earlier.
fn reason(error: Error) -> ReadError {
    const QUERY_CANCELED: &str = "57014";
    match (Failure::of(&error), Outage::of(&error)) {
        (Failure::Contention, _) if sqlstate(&error) == Some(QUERY_CANCELED) => ReadError::TooLong,
        (Failure::Contention | Failure::Stale, _) => ReadError::Passing,
        (Failure::Refused, Some(outage)) => {
            tracing::error!(%error, "the database refuses a request");
            ReadError::Lost(outage)
        }
        (_, Some(outage)) => ReadError::Lost(outage),
        _ => ReadError::Refused(error),
    }
}
