//! The data directory: its lock says that a server lives, its run file where.
//!
//! The kernel frees the lock when the process dies in whatever way. A run file that is left behind names the predecessor, whose jobs
//! can be rescued at once. The file alone proves nothing: the directory may be a copy, or the disk a clone, of one whose server
//! lives. So it also says to which boot of which machine, and to which lock file, it belongs: only where both are those of this
//! process is the lock, which is free, the one that the predecessor held.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
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
    /// What tells it from a copy. None where the system does not say, and in files of older versions.
    #[serde(default)]
    pub origin: Option<Origin>,
}

/// Where a run file was written, and by which process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The boot of the machine: on another machine, and in a clone of this one that was booted, it is another.
    boot_id: String,
    /// The device and the inode of the lock file: in a copy of the directory they are others.
    lock_file: (u64, u64),
    /// When the process started, in clock ticks since the boot.
    process_started: u64,
}

impl Origin {
    fn of_this_process(lock: &File) -> Option<Self> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let lock = lock.metadata().ok()?;
        let process_started = process_started(std::process::id())?;
        Some(Self { boot_id, lock_file: (lock.dev(), lock.ino()), process_started })
    }
}

/// When a process started, in clock ticks since the boot. None when there is no such process, or the system does not say.
fn process_started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may have blanks. After it come the state and, as the 20th word, the start.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let is_gone = matches!(words.next()?, "Z" | "X"); // nobody has asked yet how it ended
    words.nth(18).filter(|_| !is_gone)?.parse().ok()
}

impl RunFile {
    /// Reads what a server left in its data directory. It may be dead.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data_dir.join(RUN_FILE)).ok()?).ok()
    }

    /// Whether its process lives. Where the system does not say when a process started, another program may have got its number: the
    /// lock is the truth.
    pub fn is_process_alive(&self) -> bool {
        match &self.origin {
            Some(origin) => process_started(self.pid) == Some(origin.process_started),
            None => i32::try_from(self.pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)),
        }
    }

    /// Whether it was left in this very directory, since this very boot, by a process that is gone.
    fn is_of_a_dead_predecessor(&self, here: Option<&Origin>) -> bool {
        let same = |left: &Origin, here: &Origin| left.boot_id == here.boot_id && left.lock_file == here.lock_file;
        self.origin.as_ref().zip(here).is_some_and(|(left, here)| same(left, here)) && !self.is_process_alive()
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
    origin: Option<Origin>,
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
        let origin = Origin::of_this_process(&lock);
        let left = RunFile::read(path);
        let predecessor = left.as_ref().filter(|left| left.is_of_a_dead_predecessor(origin.as_ref()));
        if let (Some(left), None) = (&left, predecessor) {
            tracing::info!(node = %left.node_id, "the run file is of another directory, machine or boot: that node's lease decides");
        }
        let predecessor = predecessor.map(|left| left.node_id);
        Ok(Self { path: path.to_owned(), predecessor, origin, _lock: lock })
    }

    /// The node of a server that could not withdraw its run file and is certainly dead.
    pub(super) fn predecessor(&self) -> Option<Uuid> {
        self.predecessor
    }

    /// Says where this server is reached. A reader sees the whole file or none.
    pub(super) fn announce(&self, url: &str, node_id: Uuid) -> anyhow::Result<()> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let origin = self.origin.clone();
        let run_file = RunFile { pid: std::process::id(), url: url.to_owned(), node_id, version, origin };
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
    use std::path::Path;

    use uuid::Uuid;

    use super::{DataDir, DataDirError, RUN_FILE, RunFile};

    #[test]
    fn a_second_server_is_refused_and_a_dead_one_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let node = Uuid::now_v7();
        let first = DataDir::lock(dir.path()).unwrap();
        first.announce("http://127.0.0.1:1", node).unwrap();
        assert!(matches!(DataDir::lock(dir.path()), Err(DataDirError::Locked(_))));
        let run_file = RunFile::read(dir.path()).unwrap();
        assert!(run_file.node_id == node && run_file.is_process_alive());
        assert!(!RunFile { pid: u32::MAX, ..run_file }.is_process_alive());
        drop(first);
        assert_eq!(DataDir::lock(dir.path()).unwrap().predecessor(), None, "its process, this one, lives");
        leave(dir.path(), |left| left.pid = u32::MAX);
        let second = DataDir::lock(dir.path()).unwrap();
        assert_eq!(second.predecessor(), Some(node));
        second.withdraw();
        assert_eq!(RunFile::read(dir.path()), None);
    }

    /// Changes the run file, as another process would have written it.
    fn leave(dir: &Path, change: impl FnOnce(&mut RunFile)) {
        let mut left = RunFile::read(dir).unwrap();
        change(&mut left);
        std::fs::write(dir.join(RUN_FILE), serde_json::to_vec(&left).unwrap()).unwrap();
    }

    #[test]
    fn who_left_a_copied_directory_or_another_boot_is_not_known_to_be_dead() {
        let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        DataDir::lock(dir.path()).unwrap().announce("http://127.0.0.1:1", Uuid::now_v7()).unwrap();
        leave(dir.path(), |left| left.pid = u32::MAX);
        std::fs::copy(dir.path().join(RUN_FILE), copy.path().join(RUN_FILE)).unwrap();
        assert_eq!(DataDir::lock(copy.path()).unwrap().predecessor(), None);
        leave(dir.path(), |left| left.origin.as_mut().unwrap().boot_id = "another".to_owned());
        assert_eq!(DataDir::lock(dir.path()).unwrap().predecessor(), None);
        leave(dir.path(), |left| left.origin = None);
        assert_eq!(DataDir::lock(dir.path()).unwrap().predecessor(), None);
    }
}
