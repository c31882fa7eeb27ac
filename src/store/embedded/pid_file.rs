//! `postmaster.pid`: who runs a cluster, and whether that is still true.
//!
//! Postgres leaves this file behind when it is killed. It ignores one whose process is dead, but refuses to start when the
//! number went to another living process of the same user: after a reboot, or always in a container, where the same few
//! numbers come again. So a process counts as the postmaster only when it is a `postgres` of the cluster's owner that
//! works in the cluster's directory.
//!
//! A stale file is not deleted. It also names the shared memory of the dead postmaster, by which Postgres notices that
//! some of its children still write to the files; so only the number is replaced, by one that no process can have.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::PrivatePostgresError;
use super::owner::Owner;
use super::socket;

/// A process id that no system gives out (Linux ends at 2^22).
const NOBODYS_PID: i32 = i32::MAX;

/// What Postgres wrote about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    /// The postmaster, positive.
    pub pid: i32,
    /// The directory of its socket, once it has one.
    pub socket_dir: Option<PathBuf>,
    /// How far its start or its shutdown is.
    pub state: State,
}

/// What a postmaster says it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It starts, or recovers after a crash.
    Starting,
    /// It takes connections.
    Ready,
    /// It shuts down. A smart shutdown (SIGTERM) lasts as long as its last client stays, and takes no new one.
    Stopping,
}

impl PidFile {
    /// Reads the file of a cluster; `None` when there is none, or not a whole one.
    pub fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(path(cluster)).ok()?)
    }

    /// Lines: 1 pid, 2 cluster, 3 start time, 4 port, 5 socket directory, 6 address, 7 shared memory, 8 state.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let pid = lines.first()?.trim().parse().ok().filter(|pid| *pid > 0)?;
        let socket_dir = lines.get(4).filter(|dir| !dir.is_empty());
        Some(Self {
            pid,
            socket_dir: socket_dir.map(PathBuf::from),
            state: match lines.get(7).map(|state| state.trim()) {
                Some("ready") => State::Ready,
                Some("stopping") => State::Stopping,
                _ => State::Starting,
            },
        })
    }
}

/// The file of a cluster.
fn path(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

/// Whether this process is alive and the postmaster of this cluster.
///
/// A zombie is not alive here: its executable and directory are gone from `/proc`, and process 1 of a container may reap late.
#[cfg(target_os = "linux")]
pub(super) fn is_postmaster(pid: i32, cluster: &Path, owner: &Owner) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let runs_postgres = fs::read_link(process.join("exe")).is_ok_and(|exe| {
        // An upgrade of the package replaces the file under the running process.
        let name = exe.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.trim_end_matches(" (deleted)") == "postgres"
    });
    let is_owners = fs::metadata(&process).is_ok_and(|meta| meta.uid() == owner.uid);
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let works_there = match (fs::metadata(process.join("cwd")), fs::metadata(cluster)) {
        (Ok(cwd), Ok(cluster)) => same(&cwd, &cluster),
        _ => false,
    };
    runs_postgres && is_owners && works_there
}

/// Whether this process is alive and a postmaster of the owner, as far as a system without `/proc` tells.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_postmaster(pid: i32, cluster: &Path, owner: &Owner) -> bool {
    let mut ps = owner.command(Path::new("/bin/ps"));
    let listed = ps.args(["-o", "uid=,command=", "-p", &pid.to_string()]).output();
    let line = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    line.trim_start().starts_with(&owner.uid.to_string())
        && line.contains("postgres")
        && line.contains(&*cluster.to_string_lossy())
}

/// Ends the children of a dead postmaster of this cluster that still hold its shared memory, one statement long each.
///
/// Only for a caller that knows of no living postmaster: a child looks just like one.
pub(super) fn end_orphans(cluster: &Path, owner: &Owner) {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        if is_postmaster(pid, cluster, owner) {
            tracing::warn!(pid, "an orphan of a dead postmaster is told to end");
            // It may have ended by itself meanwhile.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

/// Takes the word from what dead postmasters of this cluster left behind, so that the next one can start.
///
/// Only for a caller that knows of no living postmaster of this cluster. One that is out of sight, in another container
/// that shares the directory, still answers on its socket: then everything is left as it is.
pub(super) fn disarm(cluster: &Path, socket_dir: &Path, owner: &Owner) -> Result<(), PrivatePostgresError> {
    let recorded = PidFile::read(cluster).and_then(|file| file.socket_dir);
    // A recorded directory that is not ours can be that of the system's own server, which is none of our business.
    let recorded = recorded.filter(|dir| socket::is_ours(dir, cluster));
    let mut dirs = [Some(socket_dir), recorded.as_deref()].into_iter().flatten();
    if dirs.any(|dir| UnixStream::connect(socket::socket_in(dir)).is_ok()) {
        return Err(PrivatePostgresError::ElsewhereAlive { path: cluster.to_owned() });
    }
    remove(&socket::lock_in(socket_dir))?;
    let pid_file = path(cluster);
    match fs::read_to_string(&pid_file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(PrivatePostgresError::file("read", pid_file, error)),
        Ok(text) => match PidFile::parse(&text) {
            None => remove(&pid_file), // cut short by a crash: it names nothing
            Some(file) if kill(Pid::from_raw(file.pid), None) == Err(Errno::ESRCH) => Ok(()), // Postgres sees that itself
            Some(_) => owner
                .write(&pid_file, &with_nobodys_pid(&text))
                .map_err(|error| PrivatePostgresError::file("write", pid_file, error)),
        },
    }
}

fn with_nobodys_pid(text: &str) -> String {
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    format!("{NOBODYS_PID}\n{rest}")
}

fn remove(file: &Path) -> Result<(), PrivatePostgresError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(PrivatePostgresError::file("remove", file, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "4711\n/data/postgres\n1760000000\n5432\n/run/stashhog-1\n\n  1234567   65538\nready   \n";

    #[test]
    fn a_running_postmaster_is_read() {
        let file = PidFile::parse(RUNNING).unwrap();
        assert_eq!(file.pid, 4711);
        assert_eq!(file.socket_dir, Some(PathBuf::from("/run/stashhog-1")));
        assert_eq!(file.state, State::Ready);
    }

    #[test]
    fn one_that_begins_is_not_ready_and_a_cut_file_is_nothing() {
        let begun = PidFile::parse("4711\n/data/postgres\n1760000000\n5432\n\n").unwrap();
        assert_eq!((begun.state, begun.socket_dir), (State::Starting, None));
        let ending = PidFile::parse(&RUNNING.replace("ready   ", "stopping")).unwrap();
        assert_eq!(ending.state, State::Stopping);
        for cut in ["", "\n", "47x\n", "0\n", "-5\n"] {
            assert_eq!(PidFile::parse(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn the_shared_memory_is_still_named_after_the_pid_was_taken() {
        let taken = with_nobodys_pid(RUNNING);
        assert_eq!(PidFile::parse(&taken).unwrap().pid, NOBODYS_PID);
        assert_eq!(taken.lines().nth(6), RUNNING.lines().nth(6));
    }

    #[test]
    fn another_living_process_is_no_postmaster() {
        let cluster = tempfile::tempdir().unwrap();
        let owner = Owner::choose(Path::new("/nonexistent")).unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(!is_postmaster(me, cluster.path(), &owner));
        assert!(!is_postmaster(NOBODYS_PID, cluster.path(), &owner));
    }
}
