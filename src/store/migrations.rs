//! The schema's changes, embedded, run at start.

use anyhow::{Context, anyhow};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connect::connect;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Brings the database up to date. Nodes that start at the same time take turns at an advisory lock.
///
/// Needs a runtime of several threads: the harness of diesel blocks.
pub async fn run(database_url: &str) -> anyhow::Result<()> {
    let mut guard = connect(database_url).await.context("no connection to the database")?;
    guard.batch_execute("SELECT pg_advisory_lock(hashtext('stashhog migrations'))").await?;
    let applied = apply(connect(database_url).await?);
    // Dropping the connection would free the lock as well; this frees it before the next node's patience ends.
    guard.batch_execute("SELECT pg_advisory_unlock_all()").await?;
    applied
}

fn apply(connection: AsyncPgConnection) -> anyhow::Result<()> {
    let mut harness = AsyncMigrationHarness::new(connection);
    let applied = harness.run_pending_migrations(MIGRATIONS).map_err(|error| anyhow!("a migration failed: {error}"))?;
    for version in applied {
        tracing::info!(%version, "migrated the database");
    }
    Ok(())
}
