//! An actor's own connection, which comes back by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::timeout;

use super::connect::connect;

/// First pause after a lost connection; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// A database that is back is noticed within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A batch of the largest size takes a second or two; what takes longer than this waits for somebody, or for nothing.
const USUAL_LIMIT: Duration = Duration::from_secs(15);
/// Nothing takes longer, and what is cut off is to be noticed.
const LONGEST_LIMIT: Duration = Duration::from_secs(300);

/// A dedicated connection.
pub struct Link {
    url: Arc<str>,
    /// What it is for, in the log.
    purpose: &'static str,
    connection: Option<AsyncPgConnection>,
    /// How long work may take: a database that was cut off says nothing, and TCP gives up after minutes.
    limit: Duration,
}

impl Link {
    /// A link that connects when it is first used.
    pub fn new(url: Arc<str>, purpose: &'static str) -> Self {
        Self { url, purpose, connection: None, limit: USUAL_LIMIT }
    }

    /// Gives work up that takes longer than this.
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Does `work` on the connection, once. The connection is thrown away when it broke, or did not answer in time: then the
    /// work may have been done.
    pub async fn once<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let limit = self.limit;
        self.within(limit, work).await
    }

    /// Does `work` on the connection, once, within another limit than its usual one.
    pub async fn within<T>(
        &mut self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let (mut connection, url) = (self.connection.take(), &self.url);
        let working = async {
            let connection = match &mut connection {
                Some(connection) => connection,
                empty => empty.insert(open(url).await?),
            };
            work(connection).await
        };
        let result = match timeout(limit, working).await {
            Ok(result) => result,
            Err(_) => Err(lost(format!("no answer within {limit:?}"))),
        };
        if !result.as_ref().is_err_and(is_lost) {
            self.connection = connection;
        }
        result
    }

    /// Does `work` until the database has answered it, however long that takes. Errors that another connection would not cure
    /// come back. `work` may be repeated after it was done: it must be guarded. Each try may take longer than the one before: a
    /// database that is merely slow gets done with it.
    pub async fn until_answered<T>(
        &mut self,
        mut work: impl AsyncFnMut(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let mut pause = FIRST_PAUSE;
        let mut limit = self.limit;
        loop {
            let begun = Instant::now();
            match self.within(limit, &mut work).await {
                Err(error) if is_lost(&error) => {
                    if begun.elapsed() >= limit {
                        limit = (limit * 2).min(LONGEST_LIMIT);
                    }
                    tracing::warn!(purpose = self.purpose, %error, "the database is away, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                answered => return answered,
            }
        }
    }
}

impl Link {
    /// Does `work` until it is done, whatever the database says: for what can only fail by its fault (a full disk, a standby).
    /// Each try has a fresh connection.
    pub async fn until_done<T>(&mut self, mut work: impl AsyncFnMut(&mut AsyncPgConnection) -> QueryResult<T>) -> T {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.once(&mut work).await {
                Ok(done) => return done,
                Err(error) => {
                    tracing::error!(purpose = self.purpose, %error, "the database refuses what must be written, trying again");
                    self.connection = None;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// How long a transaction may stand still, in the words of Postgres: a process that is stopped in the middle of one holds its
/// locks no longer than that, well within a lease.
pub const MAY_STAND_STILL: &str = "idle_in_transaction_session_timeout = '5s'";

async fn open(url: &str) -> QueryResult<AsyncPgConnection> {
    let mut connection = connect(url).await.map_err(|error| lost(error.to_string()))?;
    connection.batch_execute(&format!("SET {MAY_STAND_STILL}")).await?;
    Ok(connection)
}

/// Whether an error says that the connection is gone or the server goes or comes, so that trying again makes sense.
pub fn is_lost(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::SerializationFailure,
            _,
        ) => true,
        Error::DatabaseError(_, about) => PASSING.iter().any(|sign| about.message().contains(sign)),
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => true,
        _ => false,
    }
}

/// What Postgres says when it is not able, at this moment, to do what it is asked. diesel has no kind for these.
const PASSING: [&str; 11] = [
    "connection closed",
    "terminating connection",
    "shutting down",
    "starting up",
    "recovery mode",
    "deadlock",
    "No space left",
    "could not extend file",
    "out of memory",
    "canceling statement",
    "lock timeout",
];

/// The error of a connection that is gone.
pub fn lost(message: String) -> Error {
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(message))
}
