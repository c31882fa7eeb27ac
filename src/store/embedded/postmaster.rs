//! The postmaster: the process that is the private Postgres, started by this server or found running.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cluster::Cluster;
use super::error::PrivatePostgresError;
use super::pid_file;
use super::settings;

/// How long a fast shutdown may take: it ends every connection and then writes what is in memory, 128 MB unless tuned, to
/// the disk. That takes seconds on the slowest; a supervisor of the server, such as systemd, waits for 90.
const FAST_BOUND: Duration = Duration::from_secs(30);

/// How long an immediate shutdown may take: Postgres itself kills after five seconds what is left.
const IMMEDIATE_BOUND: Duration = Duration::from_secs(10);

/// Pause between two looks at a process that is ending, which takes some 50 ms.
const POLL: Duration = Duration::from_millis(5);

/// A postmaster that was alive when it was last looked at.
#[derive(Debug)]
pub(super) struct Postmaster {
    /// Its process id.
    pub pid: i32,
    /// The process, when this server started it: then it has to be reaped.
    child: Option<Child>,
}

impl Postmaster {
    /// Starts one. It is not ready yet.
    pub fn spawn(cluster: &Cluster) -> Result<Self, PrivatePostgresError> {
        let log = &cluster.log;
        let file_error = |error| PrivatePostgresError::file("open", &log.path, error);
        let stderr = log.open().map_err(file_error)?;
        let stdout = stderr.try_clone().map_err(file_error)?;
        let program = cluster.binaries.postgres();
        let mut command = cluster.owner.command(&program);
        command.arg("-D").arg(&cluster.dir).args(settings::arguments(cluster)).stdout(stdout).stderr(stderr);
        let child = command.spawn().map_err(|error| PrivatePostgresError::file("run", program, error))?;
        let pid = i32::try_from(child.id()).expect("a process id is an i32 that std shows as a u32");
        Ok(Self { pid, child: Some(child) })
    }

    /// One that already runs, started by a server that is no more.
    pub fn found(pid: i32) -> Self {
        Self { pid, child: None }
    }

    /// Looks whether it still runs. When it does not, how it ended.
    pub fn check(&mut self, cluster: &Cluster) -> Result<(), String> {
        match &mut self.child {
            Some(child) => match child.try_wait() {
                Ok(None) => Ok(()),
                Ok(Some(status)) => Err(format!("it ended with {status}")),
                Err(error) => Err(format!("it cannot be waited for: {error}")),
            },
            None if pid_file::is_postmaster(self.pid, &cluster.dir, &cluster.owner) => Ok(()),
            None => Err("it ended".to_owned()),
        }
    }

    /// Stops it, in order if it can be, at once if not. Fine when it is dead already.
    pub fn stop(mut self, cluster: &Cluster) -> Result<(), PrivatePostgresError> {
        for (signal, bound) in [(Signal::SIGINT, FAST_BOUND), (Signal::SIGQUIT, IMMEDIATE_BOUND)] {
            if self.check(cluster).is_err() {
                return Ok(());
            }
            // The only failure is that it ended meanwhile, and the wait below sees that.
            let _ = kill(Pid::from_raw(self.pid), signal);
            if self.ends_within(bound, cluster) {
                return Ok(());
            }
            tracing::warn!(pid = self.pid, %signal, seconds = bound.as_secs(), "postgres does not stop");
        }
        Err(PrivatePostgresError::Stop { pid: self.pid, seconds: (FAST_BOUND + IMMEDIATE_BOUND).as_secs() })
    }

    fn ends_within(&mut self, bound: Duration, cluster: &Cluster) -> bool {
        let deadline = Instant::now() + bound;
        while Instant::now() < deadline {
            if self.check(cluster).is_err() {
                return true;
            }
            thread::sleep(POLL);
        }
        false
    }
}
