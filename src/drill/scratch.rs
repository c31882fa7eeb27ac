//! The folder of a drill: gone with it, unless it is to be kept.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use uuid::Uuid;

/// A folder that the user which Postgres runs as can pass through.
pub struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Makes one where this system keeps such folders.
    pub fn new(keep: bool) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("stashhog-drill-{:.8}", Uuid::new_v4().simple()));
        let made = DirBuilder::new().mode(0o711).create(&path);
        made.with_context(|| format!("{} can't be made", path.display()))?;
        Ok(Self { path, keep })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it stays; none when it goes with this.
    pub fn kept(&self) -> Option<&Path> {
        self.keep.then_some(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the folder of the drill was left");
        }
    }
}
