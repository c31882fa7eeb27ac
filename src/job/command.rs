//! Child processes that die with their job.
//!
//! Each gets a process group of its own, and the whole group is killed when the handler is stopped, aborted or just drops the
//! call: a shell script's children do not outlive it.

use std::ffi::{OsStr, OsString};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::Context;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::attempt::Attempt;

/// Output beyond this is read and thrown away, so that a chatty child neither blocks nor fills the memory.
const KEPT_OUTPUT: u64 = 16 << 20;

/// A command to run inside a job, from [`JobContext::command`](super::JobContext::command).
pub struct JobCommand {
    command: Command,
    attempt: Arc<Attempt>,
}

/// What a child left behind.
#[derive(Debug)]
pub struct CommandOutput {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, at most 16 MiB of it.
    pub stdout: Vec<u8>,
    /// Its standard error, at most 16 MiB of it.
    pub stderr: Vec<u8>,
}

impl JobCommand {
    pub(super) fn new(program: &OsStr, attempt: Arc<Attempt>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        // What the server was told is not for others: keys, and the way to the database.
        let secret = |name: &OsString| name == "DATABASE_URL" || name.as_encoded_bytes().starts_with(b"STASHHOG_");
        for name in std::env::vars_os().map(|(name, _)| name).filter(secret) {
            command.env_remove(name);
        }
        Self { command, attempt }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Runs it to its end. `Err` when it can't be started, or when the job is asked to stop meanwhile (then it is killed).
    pub async fn output(mut self) -> anyhow::Result<CommandOutput> {
        self.attempt.stop.checkpoint()?;
        let program = self.command.as_std().get_program().to_string_lossy().into_owned();
        let child = self.command.spawn().with_context(|| format!("`{program}` can't be started"))?;
        let mut group = ProcessGroup { leader: child };
        tokio::select! {
            output = group.output() => output.with_context(|| format!("`{program}`")),
            () = self.attempt.stop.requested() => {
                drop(group);
                self.attempt.stop.checkpoint()?;
                unreachable!("a requested stop has a reason")
            }
        }
    }
}

/// A child and its descendants; killed when dropped.
struct ProcessGroup {
    leader: Child,
}

impl ProcessGroup {
    async fn output(&mut self) -> std::io::Result<CommandOutput> {
        let (stdout, stderr) = (self.leader.stdout.take(), self.leader.stderr.take());
        // The leader is waited for last: until then its id is the group's, whoever of it still holds a pipe.
        let (stdout, stderr) = tokio::try_join!(read(stdout), read(stderr))?;
        Ok(CommandOutput { status: self.leader.wait().await?, stdout, stderr })
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // While the leader has not been waited for, its id (and so the group's) can't belong to anyone else.
        if let Some(id) = self.leader.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(KEPT_OUTPUT).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}
