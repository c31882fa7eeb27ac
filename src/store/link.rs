//! An actor's own connection, which comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::AsyncPgConnection;

use super::connect::connect;

/// First pause after a lost connection; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// A database that is back is noticed within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A dedicated connection.
pub struct Link {
    url: Arc<str>,
    /// What it is for, in the log.
    purpose: &'static str,
    connection: Option<AsyncPgConnection>,
}

impl Link {
    /// A link that connects when it is first used.
    pub fn new(url: Arc<str>, purpose: &'static str) -> Self {
        Self { url, purpose, connection: None }
    }

    /// Does `work` on the connection, once. The connection is thrown away when it broke.
    pub async fn once<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(connect(&self.url).await.map_err(|e| lost(e.to_string()))?),
        };
        let result = work(connection).await;
        if result.as_ref().is_err_and(is_lost) {
            self.connection = None;
        }
        result
    }

    /// Does `work` until the database has answered it, however long that takes. Errors that another connection would not cure
    /// come back. `work` may be repeated after it was done: it must be guarded.
    pub async fn until_answered<T>(
        &mut self,
        mut work: impl AsyncFnMut(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.once(&mut work).await {
                Err(error) if is_lost(&error) => {
                    tracing::warn!(purpose = self.purpose, %error, "the database is away, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                answered => return answered,
            }
        }
    }
}

/// Whether an error says that the connection is gone or the server goes or comes, so that trying again makes sense.
pub fn is_lost(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _) => true,
        Error::DatabaseError(_, about) => {
            let text = about.message();
            ["connection closed", "terminating connection", "shutting down", "starting up", "recovery mode", "deadlock"]
                .iter()
                .any(|sign| text.contains(sign))
        }
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => true,
        _ => false,
    }
}

fn lost(message: String) -> Error {
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(message))
}
