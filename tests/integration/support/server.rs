//! A server process, the real binary, on a port and a data directory of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::api::Api;
use super::{database, until};

/// How a server is started.
#[derive(Default)]
pub struct Options {
    /// The program; the binary under test when none.
    pub program: Option<PathBuf>,
    /// Its database.
    pub database: Database,
    /// Where it listens; on a free port of this machine when none.
    pub listen: Option<String>,
    /// Further arguments of `serve`.
    pub args: Vec<String>,
    /// Variables of its environment that differ from the tests'.
    pub env: Vec<(&'static str, OsString)>,
}

/// Where a server keeps its jobs.
#[derive(Default)]
pub enum Database {
    /// In a fresh database of the tests' cluster.
    #[default]
    Fresh,
    /// In this one.
    At(String),
    /// In a private cluster, as it does when nobody says otherwise.
    Private,
}

/// What a stopped server leaves.
pub struct Kept {
    folder: TempDir,
    database_url: Option<String>,
}

/// A running server. Dropping it kills it; a test ends with [`stop`](Server::stop), which asserts that it went in order.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub api: Api,
    /// Its database; empty when that is private.
    pub database_url: String,
    /// Its data directory.
    pub data_dir: PathBuf,
    how: Launch,
    folder: Option<TempDir>,
}

/// What a restart does again.
#[derive(Clone)]
struct Launch {
    program: PathBuf,
    listen: String,
    args: Vec<String>,
    env: Vec<(&'static str, OsString)>,
}

impl Launch {
    fn of(options: Options) -> (Self, Database) {
        let Options { program, database, listen, args, env } = options;
        let program = program.unwrap_or_else(|| binary().into());
        (Self { program, listen: listen.unwrap_or_else(|| "127.0.0.1:0".to_owned()), args, env }, database)
    }
}

impl Options {
    /// Those of a server with these arguments.
    pub fn args(args: &[&str]) -> Self {
        Self { args: args.iter().map(|&arg| arg.to_owned()).collect(), ..Self::default() }
    }
}

impl Server {
    /// A server with a fresh database.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with a fresh database and these arguments.
    pub async fn with(args: &[&str]) -> Self {
        Self::start_with(Options::args(args)).await
    }

    /// A server.
    pub async fn start_with(options: Options) -> Self {
        let (how, database) = Launch::of(options);
        let database_url = match database {
            Database::Fresh => Some(database::create().await),
            Database::At(url) => Some(url),
            Database::Private => None,
        };
        Self::launch(how, database::folder(), database_url).await
    }

    /// A further server on this one's database.
    pub async fn beside(&self, args: &[&str]) -> Self {
        let database = Database::At(self.database_url.clone());
        Self::start_with(Options { database, ..Options::args(args) }).await
    }

    /// A further server on this one's database, and on a copy of its data directory.
    pub async fn beside_on_a_copy(&self, args: &[&str]) -> Self {
        let folder = database::folder();
        let copy = folder.path().join("data");
        fs::create_dir(&copy).expect("a folder");
        for file in fs::read_dir(&self.data_dir).expect("its data directory") {
            let file = file.expect("a file").path();
            fs::copy(&file, copy.join(file.file_name().expect("a name"))).expect("a copy");
        }
        let (how, _) = Launch::of(Options::args(args));
        Self::launch(how, folder, Some(self.database_url.clone())).await
    }

    /// A server on what [`stop_and_keep`](Self::stop_and_keep) left.
    pub async fn start_in(kept: Kept, args: &[&str]) -> Self {
        let (how, _) = Launch::of(Options::args(args));
        Self::launch(how, kept.folder, kept.database_url).await
    }

    async fn launch(how: Launch, folder: TempDir, database_url: Option<String>) -> Self {
        let data_dir = folder.path().join("data");
        let child = spawn(&how, &folder.path().join("log"), &data_dir, database_url.as_deref());
        let (api, database_url) = (Api::at(""), database_url.unwrap_or_default());
        let mut server = Self { child, api, database_url, data_dir, how, folder: Some(folder) };
        server.api = server.wait_until_ready().await;
        server
    }

    async fn wait_until_ready(&mut self) -> Api {
        let (data_dir, log) = (self.data_dir.clone(), self.log_path());
        let child = &mut self.child;
        let url = until("the server is ready", async || {
            if let Some(status) = child.try_wait().expect("its status") {
                panic!("the server ended with {status}:\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            // One that is left of a predecessor names another process.
            run_file(&data_dir).filter(|run| run["pid"] == child.id())?["url"].as_str().map(str::to_owned)
        })
        .await;
        Api::at(&url)
    }

    /// The id of its node.
    pub fn id(&self) -> String {
        let run = run_file(&self.data_dir).expect("a running server has a run file");
        run["node_id"].as_str().expect("a node").to_owned()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.as_ref().map(|f| f.path().join("log")).unwrap_or_default()
    }

    /// What it said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    /// Kills it, as a crash would, and starts it again on the same data directory and database.
    pub async fn crash_and_restart(self) -> Self {
        self.restart_after(Signal::SIGKILL).await
    }

    /// Sends it a signal, waits for its end, however it comes, and starts it again on the same data directory and database.
    pub async fn restart_after(mut self, signal: Signal) -> Self {
        self.signal(signal);
        let child = &mut self.child;
        until("the server ends", async || child.try_wait().expect("its status")).await;
        let folder = self.folder.take().expect("a running server has its folder");
        let url = Some(self.database_url.clone()).filter(|url| !url.is_empty());
        let how = self.how.clone();
        drop(self);
        Self::launch(how, folder, url).await
    }

    /// Stops it in order, and asserts that it went in order: nothing panicked, nothing is left running.
    pub async fn stop(self) {
        let log = self.stop_after_panics().await;
        assert!(!log.contains("panicked"), "a panic in the server's log:\n{log}");
    }

    /// Stops it in order, and keeps its data for another.
    pub async fn stop_and_keep(mut self) -> Kept {
        let folder = self.folder.take().expect("a running server has its folder");
        let database_url = Some(self.database_url.clone()).filter(|url| !url.is_empty());
        self.stop_after_panics().await;
        Kept { folder, database_url }
    }

    /// Stops it in order after a test in which handlers panicked. Its log.
    pub async fn stop_after_panics(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let child = &mut self.child;
        let status: ExitStatus =
            until("the server ends after SIGTERM", async || child.try_wait().expect("its status")).await;
        let log = self.log();
        assert!(status.success(), "the server ended with {status}:\n{log}");
        assert!(run_file(&self.data_dir).is_none(), "a server that went in order leaves no run file");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() && self.folder.is_some() {
            database::print(&format!("the server's log:\n{}\n", self.log()));
        }
    }
}

/// The binary under test.
pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_stashhog")
}

/// A program of `examples/`, built beside the tests.
pub fn example(name: &str) -> PathBuf {
    let target = Path::new(binary()).ancestors().nth(2).expect("a target folder");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--example", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .output()
        .expect("cargo");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug/examples").join(name)
}

fn spawn(how: &Launch, log: &Path, data_dir: &Path, database_url: Option<&str>) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("a log file");
    Command::new(&how.program)
        .args(["serve", "--listen", &how.listen, "--data-dir"])
        .arg(data_dir)
        .args(database_url.map(|url| ["--database-url", url]).into_iter().flatten())
        .args(&how.args)
        .env("NO_COLOR", "1")
        .env_remove("RUST_BACKTRACE")
        .envs(how.env.iter().cloned())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("the server")
}

fn run_file(data_dir: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(data_dir.join("server.json")).ok()?).ok()
}
