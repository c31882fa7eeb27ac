//! The schema's changes, embedded, run at start.

use anyhow::{Context, anyhow};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connect::connect;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Creates what the migrations create in the schema of the tables that are there. Without it, the schema `stashhog`, which holds the
/// functions for SQL users, would come first in the usual search path of a role called `stashhog`.
const SAME_SCHEMA: &str = "
    SELECT set_config('search_path', quote_ident(coalesce(
        (SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = to_regclass('__diesel_schema_migrations')), current_schema(), 'public'))
        || ', ' || current_setting('search_path'), false)";

/// Brings the database up to date. Nodes that start at the same time take turns at an advisory lock.
///
/// Needs a runtime of several threads: the harness of diesel blocks.
pub async fn run(database_url: &str) -> anyhow::Result<()> {
    let mut guard = connect(database_url).await.context("no connection to the database")?;
    guard.batch_execute("SELECT pg_advisory_lock(hashtext('stashhog migrations'))").await?;
    let mut connection = connect(database_url).await?;
    connection.batch_execute(SAME_SCHEMA).await?;
    let applied = apply(connection);
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
