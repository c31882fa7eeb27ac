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
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, NoTls};

use super::error::PrivatePostgresError;
use super::socket::{NAME, connection_string};

/// How long a Postgres that is ready may take to answer: it has nothing to do yet, but the machine may be busy booting.
const ANSWER_BOUND: Duration = Duration::from_secs(15);

/// Pause before a question is asked again.
const RETRY: Duration = Duration::from_millis(50);

/// The database that every cluster has, to ask from when ours does not exist yet.
const MAINTENANCE: &str = "postgres";

/// Creates the database when it is missing. `Ok` means that Postgres answered.
pub(super) fn ensure_database(cluster: &Path, socket_dir: &Path) -> Result<(), PrivatePostgresError> {
    let url = connection_string(socket_dir, MAINTENANCE);
    let asked = thread::scope(|scope| {
        let asking = scope.spawn(|| -> io::Result<Result<(), String>> {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(runtime.block_on(until_answered(&url)))
        });
        asking.join().unwrap_or_else(|_| Ok(Err("the question panicked".to_owned())))
    });
    let reason = match asked {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(reason)) => reason,
        Err(error) => format!("no runtime to ask it with: {error}"),
    };
    Err(PrivatePostgresError::NotServing { path: cluster.to_owned(), reason })
}

async fn until_answered(url: &str) -> Result<(), String> {
    let deadline = Instant::now() + ANSWER_BOUND;
    let mut last = "no answer".to_owned();
    loop {
        match timeout_at(deadline, question(url)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if is_final(&error) => return Err(describe(&error)),
            Ok(Err(error)) => last = describe(&error),
            Err(_) => return Err(format!("{last} within {} s", ANSWER_BOUND.as_secs())),
        }
        sleep(RETRY).await;
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

/// Whether asking again cannot help: Postgres itself said no, for a reason that does not pass with its start.
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
