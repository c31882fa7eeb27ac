//! A standby of the scratch database, which follows it asynchronously until it is cut off, and takes its place.
//!
//! It is a base backup with the primary's write-ahead log streamed to it. What the primary commits after the stream was cut the
//! standby never has: that is what an asynchronous standby, or a backup, loses.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::{Instant, sleep};

use super::database::Generation;

/// How long a standby may take to follow, and sessions to end.
const LONGEST: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// What belongs to the running primary alone.
const NOT_COPIED: [&str; 4] = ["postmaster.pid", "postmaster.opts", "pg_stat_tmp", "pg_replslot"];

/// How a standby takes the place of its primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// It is promoted: a new timeline.
    Failover,
    /// It is started as a copy of old files is: the same timeline, some time ago.
    Restore,
}

/// Copies a running cluster, so that what is started on the copy follows it.
pub async fn copy(conn: &mut AsyncPgConnection, from: &Path, to: &Path, socket_dir: &Path) -> anyhow::Result<()> {
    conn.batch_execute("ALTER SYSTEM SET wal_keep_size = '256MB'").await?;
    conn.batch_execute("SELECT pg_reload_conf()").await?;
    let begun = "SELECT pg_walfile_name(pg_backup_start('drill', true)) AS text";
    let first: Answer = sql_query(begun).get_result(conn).await?;
    let (source, target) = (from.to_owned(), to.to_owned());
    tokio::task::spawn_blocking(move || copy_tree(&source, &target)).await?.context("a base backup")?;
    let label = "SELECT labelfile AS text FROM pg_backup_stop(wait_for_archive => false)";
    let label: Answer = sql_query(label).get_result(conn).await?;
    fs::write(to.join("backup_label"), label.text)?;
    let log = |dir: &Path| dir.join("pg_wal");
    fs::create_dir_all(log(to).join("archive_status"))?;
    for segment in fs::read_dir(log(from))?.flatten() {
        let name = segment.file_name().to_string_lossy().into_owned();
        if name.len() == first.text.len() && name >= first.text || name.ends_with(".history") {
            fs::copy(segment.path(), log(to).join(&name))?;
        }
    }
    fs::create_dir_all(to.join("pg_stat_tmp"))?;
    fs::create_dir_all(to.join("pg_replslot"))?;
    fs::write(to.join("standby.signal"), "")?;
    let mut settings = OpenOptions::new().append(true).open(to.join("postgresql.auto.conf"))?;
    let primary = format!("host=''{}'' port=5432 user=stashhog", socket_dir.display());
    writeln!(settings, "primary_conninfo = '{primary}'")?;
    Ok(())
}

/// Lets a standby catch up, cuts it off, and lets this much time pass.
pub async fn follow_then_lag(standby: &Generation, lag: Duration) -> anyhow::Result<()> {
    let mut conn = standby.connect().await?;
    let streams = "SELECT count(*) AS count FROM pg_stat_wal_receiver WHERE status = 'streaming'";
    until(&mut conn, "a standby to follow", streams, 1).await?;
    // Its settings file has the line that was written there before it started.
    conn.batch_execute("ALTER SYSTEM RESET primary_conninfo").await?;
    conn.batch_execute("SELECT pg_reload_conf()").await?;
    until(&mut conn, "a standby to be cut off", "SELECT count(*) AS count FROM pg_stat_wal_receiver", 0).await?;
    sleep(lag).await;
    Ok(())
}

/// Ends every session of a role: whatever it had sent has been committed by then, or never will be.
pub async fn end_sessions(conn: &mut AsyncPgConnection, role: &str) -> anyhow::Result<()> {
    let theirs = format!("FROM pg_stat_activity WHERE usename = '{role}'");
    conn.batch_execute(&format!("SELECT pg_terminate_backend(pid) {theirs}")).await?;
    until(conn, "sessions to end", &format!("SELECT count(*) AS count {theirs}"), 0).await
}

/// Has a standby take the place of its primary, which is gone.
pub async fn take_over(standby: Generation, how: WayBack, nodes: usize) -> anyhow::Result<Generation> {
    match how {
        WayBack::Failover => {
            standby.connect().await?.batch_execute("SELECT pg_promote()").await?;
            Ok(standby)
        }
        WayBack::Restore => {
            let Generation { mut postgres, dir } = standby;
            tokio::task::spawn_blocking(move || postgres.stop()).await??;
            fs::remove_file(dir.join("postgres/standby.signal"))?;
            Generation::start(dir, nodes).await
        }
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn until(conn: &mut AsyncPgConnection, what: &str, counts: &str, wanted: i64) -> anyhow::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST {
        let Count { count } = sql_query(counts).get_result(conn).await?;
        if count == wanted {
            return Ok(());
        }
        sleep(LOOK).await;
    }
    bail!("waited in vain for {what}")
}

/// Copies the files of a cluster, without its log and its sockets. A table may be dropped meanwhile.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten() {
        let name = entry.file_name();
        let kind = match entry.file_type() {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            kind => kind?,
        };
        if NOT_COPIED.iter().any(|other| name == *other) || name == "pg_wal" {
            continue;
        }
        if kind.is_dir() {
            copy_tree(&entry.path(), &to.join(name))?;
        } else if kind.is_file()
            && let Err(error) = fs::copy(entry.path(), to.join(name))
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    Ok(())
}
