//! A file of a download, opened to be brought into the library.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::job::MediaRoots;
use crate::services::files::open_file;
use crate::services::media::{Container, Medium};

/// What its kind is known by.
const HEAD: usize = 1 << 10;

/// An open file of a download.
pub struct Source {
    /// Where it really is.
    pub path: PathBuf,
    /// The file itself, whatever is at that path later.
    pub file: File,
    /// What it was when it was opened.
    pub metadata: Metadata,
}

impl Source {
    /// Opens a file that has `size` bytes, below a media root.
    pub fn open(path: &Path, size: u64, roots: &MediaRoots) -> anyhow::Result<Self> {
        let path = roots.resolve(path)?;
        let opened = open_file(&path).map_err(io::Error::from).map(File::from);
        let file = opened.with_context(|| format!("{} can't be opened", path.display()))?;
        let metadata = file.metadata().with_context(|| format!("{} can't be looked at", path.display()))?;
        ensure!(metadata.is_file(), "{} is no regular file", path.display());
        ensure!(
            metadata.len() == size,
            "{} has {} bytes, and qBittorrent says {size}; is it moved or changed just now?",
            path.display(),
            metadata.len()
        );
        Ok(Self { path, file, metadata })
    }

    /// Whether its first bytes are those of a video.
    pub fn is_video(&self) -> anyhow::Result<bool> {
        let mut head = [0; HEAD];
        let mut filled = 0;
        while filled < HEAD {
            match self.file.read_at(&mut head[filled..], filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).with_context(|| format!("{} can't be read", self.path.display())),
            }
        }
        Ok(Container::detect(&head[..filled]).is_some_and(|container| container.medium == Medium::Video))
    }
}
