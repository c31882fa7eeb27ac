//! The one Postgres server of a cluster: brought up, looked at, taken down.
//!
//! Boot, the guard and the shutdown all come here, from three threads at most. The postmaster is put in its place
//! as soon as it exists, before it is ready, so that a shutdown in the middle of a start finds it and stops it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ask;
use super::cluster::Cluster;
use super::error::PrivatePostgresError;
use super::log::space_note;
use super::pid_file::{self, PidFile, State};
use super::postmaster::Postmaster;

/// How long a start may take. After a crash Postgres first replays its log, at most 1 GB unless tuned: a minute on a slow
/// disk.
const START_BOUND: Duration = Duration::from_secs(300);

/// How long a postmaster that takes connections may give no good answer; it may have too many connections for a while.
const ANSWERS_BOUND: Duration = Duration::from_secs(15);

/// How long the children of a killed postmaster may hold its shared memory. Idle ones notice its death at once; one in a long
/// statement has to be told, and rolls back.
const ORPHANS_BOUND: Duration = Duration::from_secs(30);

/// Pause between two looks at a start, which takes some 50 ms.
const POLL: Duration = Duration::from_millis(10);

/// Pause between two starts while such children are still there.
const ORPHANS_POLL: Duration = Duration::from_millis(200);

/// How often somebody who waits for a long start is told so.
const PATIENCE: Duration = Duration::from_secs(10);

/// What Postgres says when its shared memory is still held.
const STILL_SHARED: &str = "pre-existing shared memory block";

/// How a server came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was started.
    Started,
    /// It was running already.
    Adopted,
}

/// A cluster with its postmaster, if one runs.
#[derive(Debug)]
pub(super) struct Server {
    /// What is run.
    pub cluster: Cluster,
    /// Trips when the server is to end; the waits of a start and of the guard listen to it.
    pub halt: Halt,
    /// The process. `None` before the first start and after the stop.
    postmaster: Mutex<Option<Postmaster>>,
}

impl Server {
    /// A server that does not run yet.
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster, halt: Halt::default(), postmaster: Mutex::new(None) }
    }

    /// Adopts the postmaster that runs this cluster, else starts one, and waits until it answers and has the database.
    pub fn bring_up(&self) -> Result<Arrival, PrivatePostgresError> {
        if self.adopt()? {
            return Ok(Arrival::Adopted);
        }
        let deadline = Instant::now() + ORPHANS_BOUND;
        loop {
            pid_file::disarm(&self.cluster.dir, &self.cluster.socket_dir, &self.cluster.owner)?;
            let error = match self.start() {
                Ok(()) => return Ok(Arrival::Started),
                Err(error) => error,
            };
            // A server that was killed may have just spawned one that was not to be seen yet, and was faster than ours.
            if self.adopt()? {
                return Ok(Arrival::Adopted);
            }
            if !is_still_shared(&error) || Instant::now() >= deadline {
                return Err(error);
            }
            pid_file::end_orphans(&self.cluster.dir, &self.cluster.owner);
            self.halt.pause(ORPHANS_POLL)?;
        }
    }

    /// Whether the postmaster lives and is not shutting down. When it is not, how it ends or ended.
    ///
    /// A postmaster that somebody sent SIGTERM waits for its last client and takes no new one: as the server's connections
    /// stay, it would be half-shut for good.
    pub fn check_stays(&self) -> Result<(), String> {
        self.check()?;
        if self.is_stopping() { Err("it was told to stop by somebody else".to_owned()) } else { Ok(()) }
    }

    fn is_stopping(&self) -> bool {
        let file = PidFile::read(&self.cluster.dir);
        file.is_some_and(|file| Some(file.pid) == self.pid() && file.state == State::Stopping)
    }

    /// Looks whether the postmaster lives. When it does not, how it ended.
    pub fn check(&self) -> Result<(), String> {
        match self.place().as_mut() {
            Some(postmaster) => postmaster.check(&self.cluster),
            None => Err("it was not started".to_owned()),
        }
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> Option<i32> {
        self.place().as_ref().map(|postmaster| postmaster.pid)
    }

    /// Stops the postmaster, if there is one.
    pub fn take_down(&self) -> Result<(), PrivatePostgresError> {
        // Out of its place first: nobody who asks for the state has to wait for the shutdown.
        let postmaster = self.place().take();
        postmaster.map_or(Ok(()), |postmaster| postmaster.stop(&self.cluster))
    }

    /// Takes over a postmaster that a killed server left. One that was started in another way (its socket lies elsewhere,
    /// it may listen on the network), that shuts down or that does not answer is stopped instead.
    fn adopt(&self) -> Result<bool, PrivatePostgresError> {
        let cluster = &self.cluster;
        let Some(pid) = PidFile::read(&cluster.dir).map(|file| file.pid) else {
            return Ok(false);
        };
        if !pid_file::is_postmaster(pid, &cluster.dir, &cluster.owner) {
            return Ok(false);
        }
        *self.place() = Some(Postmaster::found(pid));
        match self.until_serving(pid, cluster.log.len()) {
            Ok(()) => return Ok(true),
            Err(PrivatePostgresError::CalledOff) => return Err(PrivatePostgresError::CalledOff),
            Err(error) => tracing::warn!(pid, %error, "the postgres found running is replaced"),
        }
        self.take_down()?;
        Ok(false)
    }

    fn start(&self) -> Result<(), PrivatePostgresError> {
        let since = self.cluster.log.len();
        let postmaster = Postmaster::spawn(&self.cluster)?;
        let pid = postmaster.pid;
        *self.place() = Some(postmaster);
        let serving = self.until_serving(pid, since);
        if serving.is_err() {
            self.take_down()?;
        }
        serving
    }

    fn until_serving(&self, pid: i32, log_since: u64) -> Result<(), PrivatePostgresError> {
        let file = self.until_open(pid, log_since)?;
        if file.socket_dir.as_deref() != Some(&*self.cluster.socket_dir) {
            return Err(PrivatePostgresError::NotServing {
                path: self.cluster.dir.clone(),
                reason: format!("its socket lies in {:?}", file.socket_dir.unwrap_or_default()),
            });
        }
        self.until_answering(log_since)
    }

    /// Waits until the postmaster, which says that it takes connections, does answer one. It may die just now.
    fn until_answering(&self, log_since: u64) -> Result<(), PrivatePostgresError> {
        let begun = Instant::now();
        loop {
            let Err(no_answer) = ask::ensure_database(&self.cluster.socket_dir) else { return Ok(()) };
            self.check_stays().map_err(|how| self.start_error(how, log_since))?;
            if no_answer.is_final || begun.elapsed() >= ANSWERS_BOUND {
                return Err(PrivatePostgresError::NotServing {
                    path: self.cluster.dir.clone(),
                    reason: no_answer.reason,
                });
            }
            self.halt.pause(POLL)?;
        }
    }

    /// Waits until the postmaster says that it takes connections.
    fn until_open(&self, pid: i32, log_since: u64) -> Result<PidFile, PrivatePostgresError> {
        let begun = Instant::now();
        let mut told = begun;
        while begun.elapsed() < START_BOUND {
            let ended = self.check_stays();
            // Read after the check: a postmaster that ended is not taken for ready by the file it left.
            match PidFile::read(&self.cluster.dir).filter(|file| file.pid == pid && file.state == State::Ready) {
                Some(file) if ended.is_ok() => return Ok(file),
                _ => ended.map_err(|how| self.start_error(how, log_since))?,
            }
            if told.elapsed() >= PATIENCE {
                told = Instant::now();
                tracing::info!(pid, seconds = begun.elapsed().as_secs(), "postgres is still starting");
            }
            self.halt.pause(POLL)?;
        }
        Err(self.start_error(format!("it was not ready within {} s", START_BOUND.as_secs()), log_since))
    }

    fn start_error(&self, what: String, log_since: u64) -> PrivatePostgresError {
        PrivatePostgresError::Start {
            what,
            note: space_note(&self.cluster.dir),
            log: self.cluster.log.path.clone(),
            tail: self.cluster.log.tail(log_since),
        }
    }

    fn place(&self) -> MutexGuard<'_, Option<Postmaster>> {
        // What the place holds is whole at every moment, so a panic elsewhere has not spoilt it.
        self.postmaster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a start failed because children of a dead postmaster still hold its shared memory.
fn is_still_shared(error: &PrivatePostgresError) -> bool {
    matches!(error, PrivatePostgresError::Start { tail, .. } if tail.contains(STILL_SHARED))
}

/// A flag that ends waits at once.
#[derive(Debug, Default)]
pub(super) struct Halt {
    called: Mutex<bool>,
    bell: Condvar,
}

impl Halt {
    /// Ends all waits, now and from now on.
    pub fn call(&self) {
        *self.called.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Waits; an error when the halt was called before or meanwhile.
    pub fn pause(&self, time: Duration) -> Result<(), PrivatePostgresError> {
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(called, time, |called| !*called);
        let (called, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *called { Err(PrivatePostgresError::CalledOff) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halt_ends_waits_now_and_later() {
        let halt = Halt::default();
        assert!(halt.pause(Duration::ZERO).is_ok());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| halt.pause(Duration::from_secs(600)));
            halt.call();
            assert!(waiting.join().unwrap().is_err());
        });
        assert!(halt.pause(Duration::from_secs(600)).is_err());
    }
}
