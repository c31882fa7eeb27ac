//! The data directory: its lock says that a server lives, its run file where.
//!
//! The kernel frees the lock when the process dies in whatever way; a run file that is left behind without a lock names the
//! predecessor, whose jobs can be rescued at once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::lock::try_lock_for_a_moment;

const LOCK: &str = "stashhog.lock";
const RUN_FILE: &str = "server.json";

/// Where the server of a data directory is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// Its process.
    pub pid: u32,
    /// Its address.
    pub url: String,
    /// Its node, a fresh id per start.
    pub node_id: Uuid,
    /// Its version.
    pub version: String,
}

impl RunFile {
    /// Reads what a server left in its data directory. It may be dead.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data_dir.join(RUN_FILE)).ok()?).ok()
    }

    /// Whether its process lives. Another program may have got its number, and its port: the lock is the truth.
    pub fn is_process_alive(&self) -> bool {
        i32::try_from(self.pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
    }
}

/// The data directory can't be had.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// A server has it.
    #[error("the data directory {} belongs to a running server; stop it, or choose another with --data-dir", .0.display())]
    Locked(PathBuf),
    /// It can't be made or written.
    #[error("the data directory {} can't be used; choose another with --data-dir", .0.display())]
    Unusable(PathBuf, #[source] io::Error),
}

/// Whether an application could not start because another has its data directory.
pub fn is_locked(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(DataDirError::Locked(_)))
}

/// The data directory of this process.
pub(super) struct DataDir {
    path: PathBuf,
    predecessor: Option<Uuid>,
    /// Held as long as this lives.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if need be, and takes its lock.
    pub(super) fn lock(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |error| DataDirError::Unusable(path.to_owned(), error);
        fs::create_dir_all(path).map_err(unusable)?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(unusable)?;
        match try_lock_for_a_moment(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let predecessor = RunFile::read(path).map(|left| left.node_id);
        Ok(Self { path: path.to_owned(), predecessor, _lock: lock })
    }

    /// The node of a server that could not withdraw its run file: it is dead, since its lock is free.
    pub(super) fn predecessor(&self) -> Option<Uuid> {
        self.predecessor
    }

    /// Says where this server is reached. A reader sees the whole file or none.
    pub(super) fn announce(&mut self, url: &str, node_id: Uuid) -> anyhow::Result<()> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let run_file = RunFile { pid: std::process::id(), url: url.to_owned(), node_id, version };
        let fresh = self.path.join("server.json.new");
        fs::write(&fresh, serde_json::to_vec(&run_file)?)?;
        fs::rename(&fresh, self.path.join(RUN_FILE))?;
        Ok(())
    }

    /// Takes the run file back: there is no server any more, and none that died.
    pub(super) fn withdraw(&self) {
        let _ = fs::remove_file(self.path.join(RUN_FILE)); // one that was never written is gone already
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{DataDir, DataDirError, RunFile};

    #[test]
    fn a_second_server_is_refused_and_a_dead_one_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let node = Uuid::now_v7();
        let mut first = DataDir::lock(dir.path()).unwrap();
        first.announce("http://127.0.0.1:1", node).unwrap();
        assert!(matches!(DataDir::lock(dir.path()), Err(DataDirError::Locked(_))));
        let run_file = RunFile::read(dir.path()).unwrap();
        assert!(run_file.node_id == node && run_file.is_process_alive());
        assert!(!RunFile { pid: u32::MAX, ..run_file }.is_process_alive());
        drop(first);
        let second = DataDir::lock(dir.path()).unwrap();
        assert_eq!(second.predecessor(), Some(node));
        second.withdraw();
        assert_eq!(RunFile::read(dir.path()), None);
    }
}
