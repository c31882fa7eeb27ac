//! A whole server for an integration test: in this process, on a free port, with a Postgres of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use uuid::Uuid;

use crate::app::Application;
use crate::config::{BusKind, Config, OnDatabaseLoss};
use crate::job::{DbPool, Registry, SettingsFromEnvironment};

/// A test should not wait long for jobs that it left behind.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// A running server. It takes about a second to start, and needs the programs of Postgres, as `stashhog serve` does.
///
/// ```no_run
/// # #[tokio::main]
/// # async fn main() -> anyhow::Result<()> {
/// let server = stashhog::testing::Server::start()?;
/// let id = server.trigger("demo", serde_json::json!({ "items": 3, "item_ms": 1 })).await;
/// assert_eq!(server.until_ended(id).await["status"], "completed");
/// server.stop()
/// # }
/// ```
pub struct Server {
    /// None once it was stopped.
    application: Option<Application>,
    url: String,
    db: DbPool,
    dir: PathBuf,
}

impl Server {
    /// Starts a server with every job type that is linked into this program.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(Registry::collect()?, Vec::new())
    }

    /// Starts a server with these job types, whose jobs may read these folders.
    pub fn start_with(registry: Registry, media_roots: Vec<PathBuf>) -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("stashhog-test-{}", Uuid::now_v7()));
        fs::create_dir(&dir).with_context(|| format!("can't create {}", dir.display()))?;
        // Postgres does not run as root; it has to reach its folder all the same.
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o711))?;
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: dir.join("data"),
            database_url: None,
            bus: BusKind::default(),
            on_database_loss: OnDatabaseLoss::default(),
            db_connections: None,
            media_roots,
            concurrency: Vec::new(),
            allowed_hosts: Vec::new(),
            settings: SettingsFromEnvironment::default(),
            secret_key: None,
            insecure: false,
            shutdown_grace: SHUTDOWN_GRACE,
            schedules: true,
        };
        let started = outside_of_a_runtime(move || Application::start(config, registry));
        match started {
            Ok(application) => {
                let (url, db) = (application.url().to_owned(), application.db().clone());
                Ok(Self { application: Some(application), url, db, dir })
            }
            Err(error) => {
                let _ = fs::remove_dir_all(&dir); // the first error is the one to tell
                Err(error)
            }
        }
    }

    /// Where it is reached: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its database: for a look at what a job kept there, and for a job that runs alone ([`JobTest::db`](super::JobTest::db)).
    pub fn db(&self) -> DbPool {
        self.db.clone()
    }

    /// Stops it in order, and removes its data. `Err` when something of it did not end well.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.take_down()
    }

    fn take_down(&mut self) -> anyhow::Result<()> {
        let Some(application) = self.application.take() else { return Ok(()) };
        let stopped = outside_of_a_runtime(move || application.stop());
        fs::remove_dir_all(&self.dir).with_context(|| format!("can't remove {}", self.dir.display()))?;
        stopped
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.take_down(); // a test that cares calls `stop`
    }
}

/// A test may be a future, and the application waits for futures of its own.
fn outside_of_a_runtime<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    std::thread::spawn(work).join().unwrap_or_else(|_| Err(anyhow!("the server panicked")))
}
