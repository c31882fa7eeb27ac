//! The sessions of a server process at the database: how they are named, and how those of a dead node are ended.
//!
//! A process that is stopped keeps its connections, and the sessions behind them keep their locks: a transaction of a handler, or a
//! statement whose rows nobody reads. Rescue and claims skip locked rows, so those jobs would wait for as long as the process is
//! stopped. The lease of such a node has run out, so whatever its sessions still do is refused anyway: they are ended.

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Double};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::rescue::LEASE_SECONDS;

/// How long after its last renewal a node's sessions are ended, in seconds: longer than its jobs need to be rescued without that.
const ENDED_AFTER: f64 = 1.5 * LEASE_SECONDS;
/// Postgres keeps this much of an application name.
const NAME_BYTES: usize = 63;

/// The name of this machine, as a node enters it.
pub fn hostname() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The application name of this process's sessions, unless the database URL gives one. [`end_of_dead_nodes`] finds them by it.
pub fn application_name() -> String {
    let mut name = format!("stashhog {}@{}", std::process::id(), hostname());
    name.truncate(name.floor_char_boundary(NAME_BYTES));
    name
}

#[derive(diesel::QueryableByName)]
struct Ended {
    #[diesel(sql_type = BigInt)]
    sessions: i64,
}

/// Ends the sessions of nodes whose lease ran out some seconds ago. How many.
pub async fn end_of_dead_nodes(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    let ended: Ended = diesel::sql_query(
        "SELECT count(pg_terminate_backend(session.pid)) AS sessions FROM pg_stat_activity session
         WHERE session.datname = current_database() AND session.usename = current_user AND session.pid <> pg_backend_pid()
           AND session.application_name IN (
               SELECT left('stashhog ' || dead.pid || '@' || dead.hostname, 63) FROM nodes dead
               WHERE dead.stopped_at IS NULL AND dead.renewed_at < now() - make_interval(secs => $1)
                 AND NOT EXISTS (SELECT FROM nodes live
                                 WHERE live.pid = dead.pid AND live.hostname = dead.hostname AND live.stopped_at IS NULL
                                   AND live.renewed_at >= now() - make_interval(secs => $1)))",
    )
    .bind::<Double, _>(ENDED_AFTER)
    .get_result(conn)
    .await?;
    Ok(ended.sessions)
}
