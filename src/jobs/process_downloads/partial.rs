//! A copy that is not whole yet: a file with a name of its own, beside its place.

use std::fs::{File, FileTimes};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use nix::errno::Errno;
use tracing::{info, warn};
use uuid::Uuid;

use super::folder::Folder;
use super::handled;
use super::source::Source;
use crate::job::{JobContext, MediaRoots, Stop};

/// What their names begin with; hidden, so that whoever looks for media passes them by.
pub const PREFIX: &str = ".stashhog-";

/// What is copied between two looks whether to stop.
const CHUNK: u64 = 4 << 20;
/// What the disk may be behind at most: so that its last sync, which can't be stopped, ends soon.
const UNSYNCED: u64 = 256 << 20;

/// A name for one.
pub fn name() -> String {
    format!("{PREFIX}{}.part", Uuid::now_v7().simple())
}

/// One that grows. Dropped, it is removed.
pub struct Partial {
    folder: Arc<Folder>,
    name: String,
    file: File,
    /// Whether it has got its name.
    placed: bool,
}

impl Partial {
    /// Makes an empty one.
    pub fn create(folder: Arc<Folder>, name: String, source: &Source) -> anyhow::Result<Self> {
        let mode = source.metadata.permissions().mode() & 0o777;
        let file = folder.create(&name, mode | 0o200).map_err(io::Error::from);
        let file = file.with_context(|| format!("nothing can be written in {}", folder.path().display()))?;
        Ok(Self { folder, name, file, placed: false })
    }

    /// Copies all of a file, and puts it on the disk. Says how many bytes it has so far.
    pub fn fill(&self, source: &Source, stop: &Stop, mut grown: impl FnMut(u64)) -> anyhow::Result<()> {
        let (mut copied, mut unsynced) = (0, 0);
        loop {
            stop.checkpoint()?;
            let chunk = io::copy(&mut (&source.file).take(CHUNK), &mut &self.file).context("it can't be copied")?;
            if chunk == 0 {
                break;
            }
            copied += chunk;
            unsynced += chunk;
            if unsynced >= UNSYNCED {
                self.file.sync_data().context("it can't be written")?;
                unsynced = 0;
            }
            grown(copied);
        }
        ensure!(copied == source.metadata.len(), "it changed while it was copied");
        if let Ok(modified) = source.metadata.modified() {
            let _ = self.file.set_times(FileTimes::new().set_modified(modified)); // not every filesystem has them
        }
        self.file.sync_all().context("it can't be written")?;
        Ok(stop.checkpoint()?)
    }

    /// Gives it its name. `Ok(false)` when something has that name by now.
    pub fn place(mut self, name: &str) -> anyhow::Result<bool> {
        match self.folder.rename(&self.name, name) {
            Ok(()) => self.placed = true,
            Err(Errno::EEXIST) => {}
            Err(error) => return Err(io::Error::from(error)).context("it can't be given its name"),
        }
        Ok(self.placed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.placed {
            let _ = self.folder.remove(&self.name); // or the next run does it
        }
    }
}

/// Removes what copies of dead runs have left. Only one run is there at a time.
pub async fn remove_inherited(ctx: &JobContext) -> anyhow::Result<()> {
    let inherited = handled::partials(ctx).await?;
    if inherited.is_empty() {
        return Ok(());
    }
    info!(copies = inherited.len(), "removing what copies that were cut short have left");
    let roots = ctx.media_roots().clone();
    let removed = move || inherited.into_iter().filter(|path| remove(path, &roots)).collect::<Vec<_>>();
    handled::forget(ctx, &ctx.blocking(removed).await?).await
}

/// Whether there is nothing at that path any more.
fn remove(path: &str, roots: &MediaRoots) -> bool {
    match try_remove(Path::new(path), roots) {
        Ok(()) => true,
        Err(error) => {
            warn!("{path} can't be removed: {error:#}");
            false
        }
    }
}

fn try_remove(path: &Path, roots: &MediaRoots) -> anyhow::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        anyhow::bail!("it has no name");
    };
    ensure!(name.starts_with(PREFIX), "it is not one of ours");
    ensure!(roots.contains(folder), "it is under no media root any more");
    if !folder.exists() {
        return Ok(());
    }
    match Folder::open(PathBuf::from(folder))?.remove(name) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(io::Error::from(error).into()),
    }
}
