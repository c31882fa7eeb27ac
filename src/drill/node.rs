//! A node of the drill: a server process of this program. Here is both what the drill holds of it and what it runs.
//!
//! The drill keeps the other end of its stdin: when the drill is gone, in whatever way, the node ends at once. It has a process
//! group of its own, so that Ctrl-C in a terminal reaches the drill alone.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{acts, jobs};
use crate::app::{Application, RunFile};
use crate::config::{BusKind, Config, OnDatabaseLoss};
use crate::job::{Registry, SettingsFromEnvironment};

/// How long jobs get to end when a node is told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How long a stop may take: the grace, the ladder, and a database that is away.
const STOPS: Duration = Duration::from_secs(40);
/// How long a start may take on a machine that has much to do.
const STARTS: Duration = Duration::from_secs(60);
/// Every so many processes one hears no notices: all has to work without them.
const DEAF: i32 = 3;
/// Between two looks at a start.
const LOOK: Duration = Duration::from_millis(20);

/// A server process.
pub struct Node {
    child: Child,
    /// The other end of its stdin. Not in `child`, where waiting for its end would close it.
    _alive: Option<ChildStdin>,
    /// The number of this process among all of the drill's.
    pub process: i32,
    /// Its node.
    pub id: Uuid,
    /// Its address.
    pub url: String,
    /// Its data directory.
    pub data_dir: PathBuf,
}

/// How a node is started.
pub struct Launch<'a> {
    /// The program.
    pub program: &'a Path,
    /// Where it keeps its run file.
    pub data_dir: PathBuf,
    /// Where what it says goes.
    pub log: PathBuf,
    /// Its database.
    pub database_url: &'a str,
    /// The number of its process.
    pub process: i32,
}

impl Node {
    /// Starts one and waits until it answers. `Err` when it ended first, which one does whose database is away.
    pub async fn start(launch: Launch<'_>) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(&launch.log).context("the log of a node")?;
        let mut child = Command::new(launch.program)
            .arg("drill-node")
            .arg("--dir")
            .arg(&launch.data_dir)
            .args(["--database", launch.database_url, "--process", &launch.process.to_string()])
            .env("NO_COLOR", "1")
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("a node can't be started")?;
        let alive = child.stdin.take();
        let begun = Instant::now();
        loop {
            if let Some(run) = RunFile::read(&launch.data_dir).filter(|run| Some(run.pid) == child.id()) {
                let Launch { data_dir, process, .. } = launch;
                return Ok(Self { child, _alive: alive, process, id: run.node_id, url: run.url, data_dir });
            }
            if let Some(status) = child.try_wait()? {
                bail!("a node ended with {status} before it was ready; see {}", launch.log.display());
            }
            if begun.elapsed() > STARTS {
                bail!("a node was not ready within {} s; see {}", STARTS.as_secs(), launch.log.display());
            }
            sleep(LOOK).await;
        }
    }

    /// Sends it a signal; one that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), signal); // it may be ending just now
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it as a crash would.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait().await; // nothing that was killed can fail to end
    }

    /// Stops it in order, and at once when that takes too long. How it ended; none when it had to be killed.
    pub async fn stop(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::SIGTERM);
        let ended = timeout(STOPS, self.child.wait()).await;
        if ended.is_err() {
            self.kill().await;
        }
        ended.ok().and_then(Result::ok)
    }
}

/// Runs a node until it is told to stop, or its drill is gone.
pub fn serve(registry: &Registry, data_dir: PathBuf, database_url: String, process: i32) -> anyhow::Result<()> {
    jobs::set_process(process, &data_dir.with_file_name(acts::FILE))?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]); // returns when the other end is closed
        std::process::exit(1);
    });
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir,
        database_url: Some(database_url),
        on_database_loss: OnDatabaseLoss::default(),
        bus: if process % DEAF == 0 { BusKind::None } else { BusKind::Postgres },
        db_connections: None,
        media_roots: Vec::new(),
        concurrency: Vec::new(),
        allowed_hosts: Vec::new(),
        settings: SettingsFromEnvironment::default(),
        secret_key: None,
        schedules: true,
        insecure: false,
        shutdown_grace: GRACE,
    };
    let application = Application::start(config, jobs::with_drill_types(registry)?)?;
    tracing::info!(url = application.url(), "ready");
    application.wait()
}
