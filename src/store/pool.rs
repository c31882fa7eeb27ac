//! The pool for handlers and requests.
//!
//! It never stays behind: a connection is used again only while it is young, no actor's connection turned out to be lost since
//! it was opened, and, when it rested, the server still answers and is no standby. It never starves the actors: its size leaves
//! them their connections, and it gives back those that it does not use, at once when the database has none left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use deadpool::managed::{Metrics, QueueMode, WeakPool};
use diesel::dsl::sql;
use diesel::result::Error;
use diesel::sql_types::Bool;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::pooled_connection::deadpool::{Hook, HookError, Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError as ManagerError, RecyclingMethod,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio::time::timeout;

use super::capacity::{self, Allowance};
use super::connect::connect;
use super::failure::Failure;
use super::link::lost;
use super::outage::Outage;
use super::watch::DatabaseWatch;
use crate::job::DbPool;

/// Of a pool whose server nobody asked how many it allows.
const CONNECTIONS: usize = 16;
/// A request that waits longer gets a 503: the database is down or overrun.
const WAIT: Duration = Duration::from_secs(5);
/// A busy pool does not check its connections; one that rested longer is asked whether it is still what it was.
const REST: Duration = Duration::from_secs(1);
/// A server that takes longer for the check is as good as gone.
const CHECK: Duration = Duration::from_secs(2);
/// An older connection is replaced: what a server keeps for it grows, and a balancer gets to spread them anew.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// A connection that nobody used for this long goes back to the server.
const IDLE: Duration = Duration::from_secs(30);
/// How often idle connections are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// How often the size is reckoned anew: nodes come and go, and limits are raised.
const RECOUNT: Duration = Duration::from_secs(60);

/// How large a pool may be, and what it learns from.
#[derive(Default)]
pub struct PoolOptions {
    /// What the database allows; the usual size when none.
    pub allowance: Option<Allowance>,
    /// How many connections the node may have at most.
    pub wanted: Option<u32>,
    /// What the actors' connections learn.
    pub watch: Arc<DatabaseWatch>,
}

/// A pool of the usual size that connects when it is first asked.
///
/// What drives a connection lives on `drivers`, a runtime on which nothing else does: a handler that spins must not hold up the
/// connection that somebody else got from the pool.
pub fn build(database_url: &str, drivers: Handle) -> anyhow::Result<DbPool> {
    build_with(database_url, drivers, PoolOptions::default())
}

/// A pool with these options.
pub fn build_with(database_url: &str, drivers: Handle, options: PoolOptions) -> anyhow::Result<DbPool> {
    let PoolOptions { allowance, wanted, watch } = options;
    let size = allowance.map_or(CONNECTIONS, |allowance| allowance.pool_size(wanted));
    let mut config = ManagerConfig::<AsyncPgConnection>::default();
    config.custom_setup = Box::new({
        let (drivers, watch) = (drivers.clone(), Arc::clone(&watch));
        move |url| open(drivers.clone(), Arc::clone(&watch), url.to_owned()).boxed()
    });
    config.recycling_method = RecyclingMethod::Fast;
    let manager = AsyncDieselConnectionManager::new_with_config(database_url, config);
    let checks = Arc::clone(&watch);
    let pool = Pool::builder(manager)
        .max_size(size)
        .queue_mode(QueueMode::Lifo) // those that are not needed come to rest
        .runtime(deadpool::Runtime::Tokio1)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .pre_recycle(Hook::<AsyncPgConnection>::sync_fn(move |_, metrics| {
            if is_fresh(&checks, metrics) { Ok(()) } else { Err(HookError::message("the connection is out of date")) }
        }))
        .pre_recycle(Hook::<AsyncPgConnection>::async_fn(|connection, metrics| check(connection, *metrics).boxed()))
        .build()
        .context("the connection pool")?;
    drivers.spawn(keep(pool.weak(), watch, size, wanted));
    Ok(pool)
}

async fn open(drivers: Handle, watch: Arc<DatabaseWatch>, url: String) -> ConnectionResult<AsyncPgConnection> {
    let opened = drivers.spawn(async move { connect(&url).await }).await.unwrap_or_else(|error| Err(gone(&error)));
    if let Err(error) = &opened
        && outage_of(error) == Outage::TooManyConnections
    {
        watch.connections_ran_out();
    }
    opened
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

/// What keeps a pool from a connection.
fn outage_of(error: &ConnectionError) -> Outage {
    Outage::of(&lost(error.to_string())).unwrap_or(Outage::Unreachable)
}

/// What keeps a pool from a connection; none when all are in use.
pub fn outage(error: &PoolError) -> Option<Outage> {
    match error {
        PoolError::Timeout(deadpool::managed::TimeoutType::Wait) => None,
        PoolError::Backend(ManagerError::ConnectionError(error)) => Some(outage_of(error)),
        _ => Some(Outage::Unreachable),
    }
}

fn is_fresh(watch: &DatabaseWatch, metrics: &Metrics) -> bool {
    metrics.age() < LIFETIME && !watch.is_outdated(metrics.created)
}

/// Looks whether a connection that rested still leads to a server that takes writes.
async fn check(connection: &mut AsyncPgConnection, metrics: Metrics) -> Result<(), HookError> {
    if metrics.last_used() < REST {
        return Ok(());
    }
    let standby = diesel::select(sql::<Bool>("pg_is_in_recovery()")).get_result::<bool>(connection);
    match timeout(CHECK, standby).await {
        Ok(Ok(false)) => Ok(()),
        Ok(Ok(true)) => Err(HookError::message("the server became a standby")),
        Ok(Err(error)) => Err(HookError::Backend(ManagerError::QueryError(error))),
        Err(_) => Err(HookError::message("the server does not answer")),
    }
}

/// Keeps a pool small and in its bounds, as long as it is there.
async fn keep(
    pool: WeakPool<AsyncDieselConnectionManager<AsyncPgConnection>>,
    watch: Arc<DatabaseWatch>,
    size: usize,
    wanted: Option<u32>,
) {
    let (mut bound, mut recount_at) = (size, Instant::now() + RECOUNT);
    loop {
        let rung = timeout(LOOK, watch.pool_bell.notified()).await.is_ok();
        let Some(pool) = pool.upgrade() else { return };
        drop(pool.retain(|_, metrics| is_fresh(&watch, &metrics) && metrics.last_used() < IDLE));
        if rung && watch.take_recount() {
            bound = (pool.status().size / 2).max(1);
            drop(pool.retain(|_, _| false));
            pool.resize(bound);
            recount_at = Instant::now() + RECOUNT;
            tracing::warn!(pool = bound, "the database accepts no further connection: the pool gives back its own");
        } else if Instant::now() >= recount_at {
            recount_at = Instant::now() + RECOUNT;
            let allowance = match pool.get().await {
                Ok(mut connection) => capacity::allowance(&mut connection).await.ok(),
                Err(_) => None,
            };
            if let Some(allowance) = allowance {
                bound = allowance.pool_size(wanted).min(bound * 2);
                let status = pool.status();
                if status.size <= status.max_size {
                    pool.resize(bound); // one that still shrinks would count connections in use twice when it grows
                }
            }
        }
    }
}
