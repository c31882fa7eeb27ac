//! A server process, the real binary, on a port and a data directory of its own.

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
pub struct Options {
    /// Its database; a fresh one when none.
    pub database_url: Option<String>,
    /// Further arguments of `serve`.
    pub args: Vec<String>,
}

/// A running server. Dropping it kills it; a test ends with [`stop`](Server::stop), which asserts that it went in order.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub api: Api,
    /// Its database.
    pub database_url: String,
    /// Its data directory.
    pub data_dir: PathBuf,
    args: Vec<String>,
    folder: Option<TempDir>,
}

impl Server {
    /// A server with a fresh database.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with a fresh database and these arguments.
    pub async fn with(args: &[&str]) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Self::start_with(Options { database_url: None, args }).await
    }

    /// A server.
    pub async fn start_with(options: Options) -> Self {
        let folder = database::folder();
        let database_url = match options.database_url {
            Some(url) => url,
            None => database::create().await,
        };
        let data_dir = folder.path().join("data");
        Self::launch(folder, data_dir, database_url, options.args).await
    }

    async fn launch(folder: TempDir, data_dir: PathBuf, database_url: String, args: Vec<String>) -> Self {
        let _ = fs::remove_file(data_dir.join("server.json"));
        let child = spawn(&folder.path().join("log"), &data_dir, &database_url, &args);
        let mut server = Self { child, api: Api::at(""), database_url, data_dir, args, folder: Some(folder) };
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
            run_file_url(&data_dir)
        })
        .await;
        Api::at(&url)
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
    pub async fn crash_and_restart(mut self) -> Self {
        self.child.kill().expect("to kill it");
        self.child.wait().expect("to reap it");
        let folder = self.folder.take().expect("a running server has its folder");
        let (data_dir, url, args) = (self.data_dir.clone(), self.database_url.clone(), self.args.clone());
        drop(self);
        // The run file stays: it names the predecessor. A fresh one is known by its pid.
        let child = spawn(&folder.path().join("log"), &data_dir, &url, &args);
        let pid = child.id();
        let mut server = Self { child, api: Api::at(""), database_url: url, data_dir, args, folder: Some(folder) };
        let dir = server.data_dir.clone();
        let url =
            until("the server is back", async || (run_file(&dir)?["pid"] == pid).then(|| run_file_url(&dir)).flatten())
                .await;
        server.api = Api::at(&url);
        server
    }

    /// Stops it in order, and asserts that it went in order: nothing panicked, nothing is left running.
    pub async fn stop(self) {
        let log = self.stop_after_panics().await;
        assert!(!log.contains("panicked"), "a panic in the server's log:\n{log}");
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

fn spawn(log: &Path, data_dir: &Path, database_url: &str, args: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("a log file");
    Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(["--database-url", database_url])
        .args(args)
        .env("NO_COLOR", "1")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("the server")
}

fn run_file(data_dir: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(data_dir.join("server.json")).ok()?).ok()
}

fn run_file_url(data_dir: &Path) -> Option<String> {
    run_file(data_dir)?["url"].as_str().map(str::to_owned)
}
