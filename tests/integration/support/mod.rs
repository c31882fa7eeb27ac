//! What the tests stand on: a real Postgres for all of them, a database and a server process for each.
//!
//! Nothing here sleeps to synchronise: [`until`] looks again and again until something holds, with a deadline that only a
//! failure reaches.

pub mod api;
pub mod database;
pub mod live;
pub mod program;
pub mod qbittorrent;
pub mod server;
pub mod wire;

use std::time::{Duration, Instant};

/// Far beyond what anything takes on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Looks until `look` finds something. Fails with `what` when it does not.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(DEADLINE, what, look).await
}

/// The same for what takes long: with a deadline of its own.
pub async fn until_within<T>(deadline: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
