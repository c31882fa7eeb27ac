//! What is expected of a database, checked when a server starts. docs/database.md says it at length.
//!
//! What makes a database unfit for good is refused. What heals, such as a right that was forgotten, is told and waited for.

use anyhow::{Context, bail, ensure};
use diesel::sql_types::{Integer, Nullable, Text};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::connect::connect;
use super::failure::sqlstate;

/// The oldest version of Postgres that is tested, as `server_version_num`.
const OLDEST: i32 = 140_000;

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Nullable<Text>)]
    synchronous_commit: Option<String>,
}

/// Checks a database before it is migrated.
///
/// # Errors
///
/// A sentence that says what is wrong and what to do, when the server is too old or the encoding is not UTF8.
pub async fn check(database_url: &str) -> anyhow::Result<()> {
    let mut conn = connect(database_url).await.context("no connection to the database")?;
    let Server { version, encoding, synchronous_commit } = sql_query(
        "SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
                (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS synchronous_commit",
    )
    .get_result(&mut conn)
    .await?;
    ensure!(version >= OLDEST, "postgres {} is too old; use version {} or later", version / 10_000, OLDEST / 10_000);
    if encoding != "UTF8" {
        bail!(
            "the database has the encoding {encoding}, which can't hold all that jobs report; create it with \
             CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        );
    }
    match synchronous_commit.as_deref() {
        Some("off") => tracing::warn!(
            "synchronous_commit is off by default: StashHog sets it to on for its own sessions, as a crash of postgres \
             would lose jobs that were accepted"
        ),
        Some(weak @ ("local" | "remote_write")) => tracing::warn!(
            "synchronous_commit is {weak}: a failover to a standby can lose jobs that were accepted (docs/database.md)"
        ),
        _ => {}
    }
    if !keeps_sessions(&mut conn, database_url).await? {
        tracing::error!(
            "a connection pooler in transaction mode stands before the database: settings, locks and prepared statements of \
             a session do not hold; connect to postgres directly, or use a pool in session mode (docs/database.md)"
        );
    }
    Ok(())
}

/// Whether a session is served by the same process for as long as it lives. Behind a pooler in transaction mode another
/// transaction that is open takes its process away.
async fn keeps_sessions(conn: &mut AsyncPgConnection, database_url: &str) -> anyhow::Result<bool> {
    const CHANGED: &str = "SH001";
    let mut other = connect(database_url).await?;
    conn.batch_execute("SELECT set_config('stashhog.session', 'mine', false)").await?;
    other.batch_execute("BEGIN; SELECT 1").await?;
    let kept = conn
        .batch_execute(&format!(
            "DO $$ BEGIN
                IF current_setting('stashhog.session', true) IS DISTINCT FROM 'mine' THEN
                    RAISE EXCEPTION 'another process' USING ERRCODE = '{CHANGED}';
                END IF;
            END $$"
        ))
        .await;
    other.batch_execute("COMMIT").await?;
    match kept {
        Err(error) if sqlstate(&error) == Some(CHANGED) => Ok(false),
        kept => Ok(kept.map(|()| true)?),
    }
}

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Text)]
    missing: String,
}

/// Says which rights on its tables the role lacks.
pub async fn check_rights(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    let missing: Vec<Missing> = sql_query(
        "SELECT p.name || ' on ' || c.relname AS missing
         FROM pg_class jobs JOIN pg_class c ON c.relnamespace = jobs.relnamespace AND c.relowner = jobs.relowner
         CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS p (name)
         WHERE jobs.oid = 'jobs'::regclass AND c.relkind = 'r' AND NOT has_table_privilege(c.oid, p.name)
         ORDER BY 1",
    )
    .load(conn)
    .await?;
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().map(|right| right.missing).collect();
        tracing::error!(?missing, "the database role lacks rights; what needs them waits until they are granted");
    }
    Ok(())
}
