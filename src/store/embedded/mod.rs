//! The private Postgres: the database of a server that was given none.
//!
//! ```text
//!     DATA_DIR/postgres.lock    held while a server lives: one server per data directory
//!     DATA_DIR/postgres/        the cluster, 0700, of the user that runs it; its socket lies in it
//!     DATA_DIR/postgres.log     what Postgres says, and postgres.log.1 before it
//!
//!     start ── lock ── who runs it? ── binaries ── cluster, else initdb ── adopt, else start ── database ── guard
//!     stop ─── guard ends ── SIGINT ── (30 s) ── SIGQUIT
//! ```
//!
//! Guarantees:
//!
//! - Data is as safe as Postgres makes it: `fsync` and `synchronous_commit` are on, whatever the configuration file says.
//! - It listens on a unix socket only, and lets in only root and the user that runs it.
//! - It outlives a server that is killed, and the next start on the data directory adopts it within milliseconds. A
//!   restart of the server need not be a restart of the database.
//! - While the server lives, a Postgres that dies is brought back. So is one that somebody else told to stop (SIGTERM):
//!   its shutdown, which would wait for the server's own connections, is finished first.
//! - Other clusters on the machine are never touched, and no process is signalled unless it is a `postgres` that works in
//!   this cluster's directory and belongs to its owner.
//! - Ctrl-C in a terminal does not reach it: it is stopped last and in order.
//!
//! Not built on a library for embedding Postgres: those at hand turn `fsync` off, cannot be started by root, or take the mere
//! existence of a pid file for a running server. Not tied to the server's life by the kernel (`PR_SET_PDEATHSIG`) either:
//! that follows the thread that started it, and would end the database where a killed server is replaced at once.
//!
//! Files: `cluster` makes the files, `settings` says how it is tuned, `owner` and `binaries` say who and what runs them, `socket` where it is reached,
//! `pid_file` and `postmaster` deal with the process, `server` brings it up and down, `guard` keeps it up.

mod ask;
mod binaries;
mod cluster;
mod error;
mod guard;
mod log;
mod owner;
mod pid_file;
mod postmaster;
mod server;
mod settings;
mod socket;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use nix::unistd::geteuid;

pub use self::error::PrivatePostgresError;

use self::cluster::Cluster;
use self::owner::open_beside;
use self::server::Server;
use super::lock::try_lock_for_a_moment;

/// A running private Postgres. Dropping it stops it, as [`PrivatePostgres::stop`] does.
///
/// All functions block; none needs a runtime, and all may be called on one's threads.
#[derive(Debug)]
pub struct PrivatePostgres {
    /// The cluster and its process.
    server: Arc<Server>,
    /// The thread that brings Postgres back; `None` once stopped.
    guard: Option<JoinHandle<()>>,
    /// Keeps other servers off the data directory. The kernel gives it back when this process dies in whatever way.
    _lock: File,
}

impl PrivatePostgres {
    /// Starts the private Postgres of a data directory, or adopts it where it runs already.
    ///
    /// Makes the directory, the cluster and the database `stashhog` where they are missing. Returns when Postgres answers:
    /// well under a second on most machines, a few more on the first start, up to five minutes when much is to be
    /// recovered after a power cut.
    ///
    /// # Errors
    ///
    /// The message of [`PrivatePostgresError`] says what to do about it.
    pub fn start(data_dir: &Path) -> Result<Self, PrivatePostgresError> {
        Self::start_for(data_dir, 1)
    }

    /// The same, with connections for so many nodes on this machine. All of them reach it over its socket.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_for(data_dir: &Path, nodes: u32) -> Result<Self, PrivatePostgresError> {
        let begun = Instant::now();
        let data_dir = prepare(data_dir)?;
        let lock = lock(&data_dir)?;
        let server = Arc::new(Server::new(Cluster::open(&data_dir, nodes)?));
        let arrival = server.bring_up()?;
        let mut postgres = Self { server, guard: None, _lock: lock };
        // From here on an error drops `postgres`, which stops what was started.
        let guard = guard::spawn(Arc::clone(&postgres.server));
        postgres.guard = Some(guard.map_err(|error| PrivatePostgresError::file("guard", &data_dir, error))?);
        tracing::info!(
            pid = postgres.server.pid(),
            ?arrival,
            version = postgres.server.cluster.binaries.major,
            user = postgres.server.cluster.owner.name,
            ms = begun.elapsed().as_millis(),
            "the private postgres is up"
        );
        Ok(postgres)
    }

    /// The connection string: `host=/var/lib/stashhog/postgres user=stashhog dbname=stashhog`.
    ///
    /// It has no secret. `psql` takes it as well, under root or under the user that runs Postgres.
    #[must_use]
    pub fn database_url(&self) -> String {
        socket::connection_string(&self.server.cluster.socket_dir, socket::NAME)
    }

    /// The socket itself, for whoever passes bytes on to it.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket::socket_in(&self.server.cluster.socket_dir)
    }

    /// Whether the postmaster lives at this moment. After a death it does again when the guard has brought it back.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.server.check().is_ok()
    }

    /// The process id of the postmaster; `None` while there is none.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid().filter(|_| self.is_running()).and_then(|pid| pid.try_into().ok())
    }

    /// Ends the guard, then Postgres: in order where it can be, at once after 30 s. Fine when it is dead already or was
    /// stopped before.
    ///
    /// # Errors
    ///
    /// [`PrivatePostgresError::Stop`] when it still runs 10 s after that.
    pub fn stop(&mut self) -> Result<(), PrivatePostgresError> {
        self.server.halt.call();
        if let Some(guard) = self.guard.take()
            && guard.join().is_err()
        {
            tracing::error!("the guard of the private postgres had panicked");
        }
        self.server.take_down()
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the private postgres was left running");
        }
    }
}

/// Makes the data directory where it is missing, and resolves its path once, because Postgres is found by it later.
fn prepare(data_dir: &Path) -> Result<PathBuf, PrivatePostgresError> {
    // The user that Postgres runs as under root has to pass through, but not to look around.
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(data_dir)
        .map_err(|error| PrivatePostgresError::file("create", data_dir, error))?;
    let real = fs::canonicalize(data_dir).map_err(|error| PrivatePostgresError::file("find", data_dir, error))?;
    if real.as_os_str().as_encoded_bytes().iter().any(u8::is_ascii_control) {
        return Err(PrivatePostgresError::OddPath { path: real });
    }
    Ok(real)
}

/// Takes the lock of the data directory and leaves our process id in it, for the message of one who comes second.
fn lock(data_dir: &Path) -> Result<File, PrivatePostgresError> {
    let path = data_dir.join("postgres.lock");
    let io_error = |error| PrivatePostgresError::file("lock", &path, error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = open_beside(&path, &mut options).map_err(io_error)?;
    match try_lock_for_a_moment(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let known = file.read_to_string(&mut pid).is_ok();
            return Err(PrivatePostgresError::InUse {
                data_dir: data_dir.to_owned(),
                pid: pid.trim().parse().ok().filter(|_| known),
            });
        }
        Err(TryLockError::Error(error)) => return Err(io_error(error)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(io_error)?;
    writeln!(file, "{}", std::process::id()).map_err(io_error)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_told_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path()).unwrap();
        let error = lock(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");
        drop(first);
        lock(dir.path()).unwrap();
    }

    #[test]
    fn a_data_directory_is_made_and_resolved() {
        let dir = tempfile::tempdir().unwrap();
        let made = prepare(&dir.path().join("a/./b")).unwrap();
        assert_eq!(made, fs::canonicalize(dir.path()).unwrap().join("a/b"));
        let odd = prepare(&dir.path().join("line\nbreak")).unwrap_err().to_string();
        assert!(odd.contains("control character"), "{odd}");
    }
}
