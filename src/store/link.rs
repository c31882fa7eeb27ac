//! An actor's own connection, which comes back by itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::time::timeout;

use super::connect::{Backend, Session, connect_session};
use super::failure::{self, Failure};
use super::watch::DatabaseWatch;

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
    session: Option<Session>,
    /// The process that served a connection which broke: what it was doing must not take effect any more when the work is
    /// done again over another.
    abandoned: Option<Backend>,
    /// How long work may take: a database that was cut off says nothing, and TCP gives up after minutes.
    limit: Duration,
    /// How long a statement may wait for a lock; as long as it takes when none.
    lock_timeout: Option<Duration>,
    trouble: Arc<Mutex<Option<String>>>,
    /// Told how each try ends.
    watch: Arc<DatabaseWatch>,
}

impl Link {
    /// A link that connects when it is first used.
    pub fn new(url: Arc<str>, purpose: &'static str) -> Self {
        let (limit, trouble) = (USUAL_LIMIT, Arc::default());
        let watch = Arc::default();
        Self { url, purpose, session: None, abandoned: None, limit, lock_timeout: None, trouble, watch }
    }

    /// Notes there how each try ends.
    pub fn watched(self, watch: Arc<DatabaseWatch>) -> Self {
        Self { watch, ..self }
    }

    /// Gives work up that takes longer than this.
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Lets a statement wait for a lock no longer than this.
    pub fn lock_timeout(self, limit: Duration) -> Self {
        Self { lock_timeout: Some(limit), ..self }
    }

    /// Does `work` on the connection, once. The connection is thrown away when it broke, or did not answer in time: then the
    /// work may have been done. It is not done any more once other work was: the process that had it is ended first.
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
        // One that broke while it was idle is not used: nothing would be known of what was sent over it.
        if self.session.take_if(|session| session.connection.is_broken()).is_some() {
            self.watch.connection_lost();
        }
        let mut session = self.session.take();
        let (url, abandoned, lock_timeout) = (&self.url, &mut self.abandoned, self.lock_timeout);
        let working = async {
            let session = match &mut session {
                Some(session) => session,
                empty => empty.insert(open(url, lock_timeout, abandoned).await?),
            };
            *abandoned = session.backend.clone(); // unless we get to the end of it
            work(&mut session.connection).await
        };
        let result = match timeout(limit, working).await {
            Ok(result) => result,
            Err(_) => Err(lost(format!("no answer within {limit:?}"))),
        };
        match &result {
            Ok(_) => self.watch.succeeded(self.purpose),
            Err(error) => self.watch.failed(self.purpose, error),
        }
        if result.as_ref().err().is_none_or(|error| Failure::of(error).keeps_connection()) {
            self.abandoned = None;
            self.session = session;
        }
        result
    }

    /// Does `work` until the database has answered it, however long that takes. Errors that do not pass by themselves come
    /// back. `work` may be repeated after it was done: it must be guarded. Each try may take longer than the one before: a
    /// database that is merely slow gets done with it.
    pub async fn until_answered<T>(
        &mut self,
        work: impl AsyncFnMut(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        self.retry(work, Failure::is_passing).await
    }

    /// Like [`until_answered`](Self::until_answered), for whoever has something better to do than to wait for a lock.
    pub async fn until_reached<T>(
        &mut self,
        work: impl AsyncFnMut(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        self.retry(work, |failure| failure.is_passing() && failure != Failure::Contention).await
    }

    async fn retry<T>(
        &mut self,
        mut work: impl AsyncFnMut(&mut AsyncPgConnection) -> QueryResult<T>,
        is_repeated: impl Fn(Failure) -> bool,
    ) -> QueryResult<T> {
        let mut pause = FIRST_PAUSE;
        let mut limit = self.limit;
        loop {
            let begun = Instant::now();
            let is_fresh = self.session.is_none();
            let error = match self.within(limit, &mut work).await {
                Ok(done) => {
                    self.set_trouble(None);
                    return Ok(done);
                }
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            // What a fresh connection does not know better, the next one will not either.
            if !is_repeated(failure) || (is_fresh && failure == Failure::Stale) {
                return Err(error);
            }
            if begun.elapsed() >= limit {
                limit = (limit * 2).min(LONGEST_LIMIT);
            }
            self.set_trouble(Some(failure::explain(&error)));
            tracing::warn!(purpose = self.purpose, %error, "the database is away, trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn set_trouble(&self, cause: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    /// Why work is being repeated, for people; none while it goes on.
    pub fn trouble(&self) -> Arc<Mutex<Option<String>>> {
        Arc::clone(&self.trouble)
    }
}

/// How long a transaction may stand still, in the words of Postgres: a process that is stopped in the middle of one holds its
/// locks no longer than that, well within a lease.
pub const MAY_STAND_STILL: &str = "idle_in_transaction_session_timeout = '5s'";

/// Actors look jobs up by keys, with the same few statements. The planner must not take a sequential scan for cheaper because it
/// expects a batch to be larger, or the table to be smaller, than it is; and planning a claim anew takes longer than to do it.
const BY_INDEX: &str = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";

async fn open(url: &str, lock_timeout: Option<Duration>, abandoned: &mut Option<Backend>) -> QueryResult<Session> {
    let mut session = connect_session(url).await.map_err(|error| lost(error.to_string()))?;
    let lock_timeout = lock_timeout.unwrap_or_default().as_millis(); // zero: no limit
    let limits = format!("SET {MAY_STAND_STILL}; SET lock_timeout = {lock_timeout}; {BY_INDEX}");
    session.connection.batch_execute(&limits).await?;
    if let Some(backend) = abandoned {
        match backend.end(&mut session.connection).await {
            Err(error) if Failure::of(&error) == Failure::Refused => {
                tracing::warn!(%error, "the process of a lost connection can't be ended; what it was doing may still be done");
            }
            ended => ended?,
        }
        *abandoned = None;
    }
    Ok(session)
}

/// Whether an error passes by itself (the connection is gone, the server goes or comes, somebody holds a lock, the disk is
/// full), so that trying again makes sense.
pub fn is_lost(error: &Error) -> bool {
    Failure::of(error).is_passing()
}

/// Whether an error says that no answer came, so that the work may have been done, or may be done yet.
pub fn is_unanswered(error: &Error) -> bool {
    Failure::of(error) == Failure::Lost && failure::sqlstate(error).is_none()
}

/// The error of a connection that is gone.
pub fn lost(message: String) -> Error {
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(message))
}
