//! The pool for handlers and requests.

use std::time::Duration;

use anyhow::Context;
use diesel::ConnectionError;
use diesel::result::Error;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinError;

use super::connect::connect;
use super::failure::Failure;
use crate::job::DbPool;

/// Enough for two requests per core and some jobs; a private Postgres allows 60 in all.
const CONNECTIONS: usize = 16;
/// A request that waits longer gets a 503: the database is down or overrun.
const WAIT: Duration = Duration::from_secs(5);

/// A pool that connects when it is first asked and forgets connections that broke.
///
/// What drives a connection lives on `drivers`, a runtime on which nothing else does: a handler that spins must not hold up the
/// connection that somebody else got from the pool.
pub fn build(database_url: &str, drivers: Handle) -> anyhow::Result<DbPool> {
    let mut config = ManagerConfig::<AsyncPgConnection>::default();
    config.custom_setup = Box::new(move |url| {
        let (drivers, url) = (drivers.clone(), url.to_owned());
        async move { drivers.spawn(async move { connect(&url).await }).await.unwrap_or_else(|e| Err(gone(&e))) }.boxed()
    });
    config.recycling_method = RecyclingMethod::Fast;
    let manager = AsyncDieselConnectionManager::new_with_config(database_url, config);
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(deadpool::Runtime::Tokio1)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .build()
        .context("the connection pool")
}

/// Gives a connection back after an error, unless it is out of date: then those that lie idle are too, and all are forgotten.
pub fn forget_unfit(db: &DbPool, connection: Object<AsyncPgConnection>, error: &Error) {
    let failure = Failure::of(error);
    if failure.keeps_connection() {
        return;
    }
    drop(Object::take(connection));
    if failure == Failure::Stale {
        db.retain(|_, _| false);
    }
}

fn gone(error: &JoinError) -> ConnectionError {
    ConnectionError::BadConnection(format!("the runtime of the connections is gone: {error}"))
}
