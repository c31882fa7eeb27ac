//! The first question to a Postgres that says it is ready: does it answer, and has it our database?
//!
//! A pid file can lie and a port can be open without anybody behind it, so only an answer counts. The answer is fetched by the
//! same library that the server uses later; it runs on a thread of its own because the caller may be on a runtime's thread,
//! where blocking on another runtime panics.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, NoTls};

use super::socket::{NAME, connection_string};

/// How long one answer may take: a ready Postgres has nothing to do yet, but the machine may be busy booting.
const ANSWER_BOUND: Duration = Duration::from_secs(10);

/// The database that every cluster has, to ask from when ours does not exist yet.
const MAINTENANCE: &str = "postgres";

/// Why there was no good answer.
#[derive(Debug)]
pub(super) struct NoAnswer {
    /// What was said, or what went wrong.
    pub reason: String,
    /// Whether asking again cannot help: Postgres itself said no, for a reason that does not pass with its start.
    pub is_final: bool,
}

impl NoAnswer {
    fn passing(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), is_final: false }
    }
}

/// Asks once, and creates the database when it is missing. `Ok` means that Postgres answered.
pub(super) fn ensure_database(socket_dir: &Path) -> Result<(), NoAnswer> {
    let url = connection_string(socket_dir, MAINTENANCE);
    let ask = || -> io::Result<Result<(), NoAnswer>> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(bounded_question(&url)))
    };
    let asked = thread::scope(|scope| scope.spawn(ask).join());
    match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(NoAnswer::passing(format!("no runtime to ask it with: {error}"))),
        Err(_) => Err(NoAnswer::passing("the question panicked")),
    }
}

async fn bounded_question(url: &str) -> Result<(), NoAnswer> {
    match timeout(ANSWER_BOUND, question(url)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(NoAnswer { reason: describe(&error), is_final: is_final(&error) }),
        Err(_) => Err(NoAnswer::passing(format!("no answer within {} s", ANSWER_BOUND.as_secs()))),
    }
}

async fn question(url: &str) -> Result<(), Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driver = tokio::spawn(connection);
    let known = client.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&NAME]).await?;
    if known.is_none() {
        let created = client.batch_execute(&format!("CREATE DATABASE {NAME}")).await;
        // Somebody else made it in between: just what was wanted.
        created
            .or_else(|error| if error.code() == Some(&SqlState::DUPLICATE_DATABASE) { Ok(()) } else { Err(error) })?;
    }
    drop(client);
    // The driver ends when the client is gone. What it says about the good-bye does not matter any more.
    let _ = driver.await;
    Ok(())
}

fn is_final(error: &Error) -> bool {
    let passing = [SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS, SqlState::OBJECT_IN_USE];
    error.code().is_some_and(|code| !passing.contains(code))
}

/// The message with its cause: alone it is `db error`.
fn describe(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
