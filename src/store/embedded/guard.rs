//! Brings the private Postgres back when it dies under the running server: killed for memory, or stopped by somebody. A
//! shutdown that somebody else began is finished first, at once for its clients, since it might last for ever.
//!
//! A thread of its own, because it blocks, and because it has to work when the runtimes are busy or stuck. It never gives up: an
//! hour of a full disk should end by itself when the disk has room again.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::error::PrivatePostgresError;
use super::server::Server;

/// How often the postmaster is looked at: a death costs the jobs' connections anyway, and a look costs microseconds.
const LOOK: Duration = Duration::from_millis(200);

/// How often the size of the log is looked at.
const LOOK_AT_LOG: Duration = Duration::from_secs(60);

/// The first pause before a restart.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// The longest pause: short against the time that somebody needs to notice and to help.
const BACKOFF_LONGEST: Duration = Duration::from_secs(10);

/// After this long without a death the next one counts as the first.
const STABLE: Duration = Duration::from_secs(60);

/// Starts the guard. It ends soon after the server's halt is called.
pub(super) fn spawn(server: Arc<Server>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("postgres-guard".to_owned()).spawn(move || {
        // The loop has no other end than the halt.
        let _ = Guard::new(server).run();
    })
}

struct Guard {
    /// What is guarded.
    server: Arc<Server>,
    /// The pause before the next restart.
    backoff: Duration,
    /// Since when Postgres has been up.
    up_since: Instant,
    /// When the log was last looked at.
    log_seen: Instant,
}

impl Guard {
    fn new(server: Arc<Server>) -> Self {
        let now = Instant::now();
        Self { server, backoff: BACKOFF_FIRST, up_since: now, log_seen: now }
    }

    fn run(mut self) -> Result<(), PrivatePostgresError> {
        loop {
            self.server.halt.pause(LOOK)?;
            self.look_at_log();
            if let Err(how) = self.server.check_stays() {
                self.revive(&how)?;
            }
        }
    }

    fn revive(&mut self, how: &str) -> Result<(), PrivatePostgresError> {
        if self.up_since.elapsed() >= STABLE {
            self.backoff = BACKOFF_FIRST;
        }
        tracing::error!(how, restart_in_ms = self.backoff.as_millis(), "the private postgres is gone");
        self.server.halt.pause(self.backoff)?;
        self.backoff = next_backoff(self.backoff);
        match self.server.bring_up() {
            Ok(arrival) => tracing::info!(pid = self.server.pid(), ?arrival, "the private postgres is back"),
            Err(PrivatePostgresError::CalledOff) => return Err(PrivatePostgresError::CalledOff),
            Err(error) => tracing::error!(%error, "the private postgres could not be brought back"),
        }
        self.up_since = Instant::now();
        Ok(())
    }

    fn look_at_log(&mut self) {
        if self.log_seen.elapsed() < LOOK_AT_LOG {
            return;
        }
        self.log_seen = Instant::now();
        let log = &self.server.cluster.log;
        if let Err(error) = log.turn_if_large() {
            tracing::warn!(%error, path = %log.path.display(), "the log of postgres could not be turned");
        }
    }
}

fn next_backoff(last: Duration) -> Duration {
    (last * 2).min(BACKOFF_LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_its_bound() {
        assert_eq!(next_backoff(BACKOFF_FIRST), BACKOFF_FIRST * 2);
        let far = (0..100).fold(BACKOFF_FIRST, |last, _| next_backoff(last));
        assert_eq!(far, BACKOFF_LONGEST);
    }
}
