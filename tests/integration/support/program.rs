//! The program as people and scripts run it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::server::binary;
use super::{DEADLINE, until_within};

/// Variables by which the program would find a server or a database of whoever runs the tests.
const FOREIGN: &[&str] =
    &["STASHHOG_SERVER", "STASHHOG_DATA_DIR", "STASHHOG_CONCURRENCY", "STASHHOG_MEDIA_ROOTS", "STASHHOG_BUS"];

/// A command line. What it says goes to files: no pipe can fill.
pub struct Program {
    command: Command,
    folder: TempDir,
}

/// One that runs. Dropping it kills it.
pub struct Started {
    child: Child,
    folder: TempDir,
}

/// What one left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// What it said on stdout.
    pub out: String,
    /// What it said on stderr.
    pub err: String,
}

impl Program {
    /// `stashhog` with these arguments.
    pub fn new(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name| File::create(folder.path().join(name)).expect("a file");
        let mut command = Command::new(binary());
        command.args(args).env("NO_COLOR", "1").env("HOME", folder.path());
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        for name in FOREIGN.iter().chain(&["DATABASE_URL", "RUST_BACKTRACE", "RUST_LOG"]) {
            command.env_remove(name);
        }
        Self { command, folder }
    }

    /// With another argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// With a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this text to read.
    pub fn stdin(mut self, text: &str) -> Self {
        let path = self.folder.path().join("in");
        fs::write(&path, text).expect("a file");
        self.command.stdin(File::open(path).expect("a file"));
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Started {
        Started { child: self.command.spawn().expect("the program"), folder: self.folder }
    }

    /// Runs it to its end.
    pub async fn run(self) -> Ended {
        self.start().ended().await
    }
}

impl Started {
    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    /// What it said on stdout so far.
    pub fn out(&self) -> String {
        self.read("out")
    }

    /// What it said on stderr so far.
    pub fn err(&self) -> String {
        self.read("err")
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).expect("its output");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for its end.
    pub async fn ended(self) -> Ended {
        self.ended_within(DEADLINE).await
    }

    /// Waits for the end of one that takes long.
    pub async fn ended_within(mut self, deadline: Duration) -> Ended {
        let child = &mut self.child;
        let folder = self.folder.path();
        let status = until_within(deadline, "the program ends", async || child.try_wait().expect("its status")).await;
        let read = |name| String::from_utf8_lossy(&fs::read(folder.join(name)).expect("its output")).into_owned();
        Ended { status: status.code(), out: read("out"), err: read("err") }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// Itself, if it ended with this status.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    /// Its stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    /// Its stdout as one JSON document per line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let line = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.out.lines().map(line).collect()
    }
}
