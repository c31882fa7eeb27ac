//! The pool for handlers and requests.

use std::time::Duration;

use anyhow::Context;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};

use super::connect::connect_boxed;
use crate::job::DbPool;

/// Enough for two requests per core and some jobs; a private Postgres allows 60 in all.
const CONNECTIONS: usize = 16;
/// A request that waits longer gets a 503: the database is down or overrun.
const WAIT: Duration = Duration::from_secs(5);

/// A pool that connects when it is first asked and forgets connections that broke.
pub fn build(database_url: &str) -> anyhow::Result<DbPool> {
    let mut config = ManagerConfig::<AsyncPgConnection>::default();
    config.custom_setup = Box::new(connect_boxed);
    config.recycling_method = RecyclingMethod::Fast;
    let manager = AsyncDieselConnectionManager::new_with_config(database_url, config);
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(deadpool_runtime())
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .build()
        .context("the connection pool")
}

const fn deadpool_runtime() -> deadpool::Runtime {
    deadpool::Runtime::Tokio1
}
