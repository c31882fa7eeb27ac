//! Runs ffprobe in a job.

use std::ffi::OsStr;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::probe::{FFPROBE_ARGS, Probe};
use crate::job::JobContext;

/// ffprobe reads a healthy file in a fraction of a second; a broken one may keep it busy for ever.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether ffprobe is installed.
pub async fn has_ffprobe(ctx: &JobContext) -> bool {
    ctx.command("ffprobe").arg("-version").output().await.is_ok_and(|output| output.status.success())
}

/// Asks ffprobe about a file. It dies with the job.
pub async fn ffprobe(ctx: &JobContext, path: impl AsRef<OsStr>) -> anyhow::Result<Probe> {
    let output = ctx.command("ffprobe").args(FFPROBE_ARGS).arg(path).output();
    match tokio::time::timeout(PROBE_TIMEOUT, output).await {
        Ok(Ok(output)) if output.status.success() => Probe::parse(&output.stdout).context("ffprobe's answer"),
        Ok(Ok(output)) => Err(anyhow!("ffprobe: {}: {}", output.status, last_line(&output.stderr))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(anyhow!("ffprobe did not end within {} s", PROBE_TIMEOUT.as_secs())),
    }
}

/// Where ffprobe says what it made of a file; of a broken one it may say much more before.
fn last_line(stderr: &[u8]) -> String {
    const MOST_BYTES: usize = 1_000;
    let line = stderr.trim_ascii().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(&line[line.len().saturating_sub(MOST_BYTES)..]).into_owned()
}
