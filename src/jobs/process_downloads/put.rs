//! Brings one file to its place: linked, copied, or there already. Blocks.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::sys::stat::SFlag;

use super::folder::Folder;
use super::partial::Partial;
use super::source::Source;
use super::tally::How;
use crate::job::Stop;

/// What is compared between two looks whether to stop.
const BLOCK: usize = 1 << 20;

/// Why there is no link: these two places can't have one, as on two filesystems.
fn is_for_copying(error: Errno) -> bool {
    matches!(error, Errno::EXDEV | Errno::EPERM | Errno::EMLINK | Errno::EOPNOTSUPP | Errno::ENOSYS)
}

/// Links a file, unless it is there. None when it has to be copied.
pub fn link(source: &Source, folder: &Folder, name: &str, stop: &Stop) -> anyhow::Result<Option<How>> {
    if is_there(source, folder, name, stop)? {
        return Ok(Some(How::Skipped));
    }
    match folder.link(source, name) {
        Ok(()) => {}
        Err(Errno::EEXIST) => bail!("{} has come into being just now", folder.path_of(name).display()),
        Err(error) if is_for_copying(error) => return Ok(None),
        Err(error) => return Err(io::Error::from(error)).context("it can't be linked"),
    }
    // The link was made by the path: somebody may have put another file there meanwhile.
    match folder.look(name) {
        Ok(Some(stat)) if (stat.st_dev, stat.st_ino) == (source.metadata.dev(), source.metadata.ino()) => {
            Ok(Some(How::Linked))
        }
        _ => {
            let _ = folder.remove(name); // it was not there before
            bail!("{} was exchanged while it was linked", source.path.display())
        }
    }
}

/// Copies a file: first under the name `partial`. Says how many bytes are copied so far.
pub fn copy(
    source: &Source,
    folder: &Arc<Folder>,
    name: &str,
    partial: String,
    stop: &Stop,
    grown: impl FnMut(u64),
) -> anyhow::Result<How> {
    let copy = Partial::create(Arc::clone(folder), partial, source)?;
    copy.fill(source, stop, grown)?;
    if copy.place(name)? || is_there(source, folder, name, stop)? {
        return Ok(How::Copied);
    }
    bail!("{} was there, and is gone", folder.path_of(name).display())
}

/// Whether the place has this very file, or one with the same content. `Err` when it has another.
fn is_there(source: &Source, folder: &Folder, name: &str, stop: &Stop) -> anyhow::Result<bool> {
    let shown = || folder.path_of(name).display().to_string();
    let looked = folder.look(name).map_err(io::Error::from);
    let Some(stat) = looked.with_context(|| format!("{} can't be looked at", shown()))? else { return Ok(false) };
    if (stat.st_dev, stat.st_ino) == (source.metadata.dev(), source.metadata.ino()) {
        return Ok(true);
    }
    let is_file = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    if is_file && u64::try_from(stat.st_size) == Ok(source.metadata.len()) {
        let file = folder.read(name).map_err(io::Error::from);
        let file = file.with_context(|| format!("{} can't be opened", shown()))?;
        let same = same_content(&source.file, &file, source.metadata.len(), stop);
        if same.with_context(|| format!("{} can't be compared", shown()))? {
            return Ok(true);
        }
    }
    bail!("{} is there already, and is another file; move or rename one of the two", shown())
}

fn same_content(a: &File, b: &File, size: u64, stop: &Stop) -> anyhow::Result<bool> {
    let (mut of_a, mut of_b) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut at = 0;
    while at < size {
        stop.checkpoint()?;
        let length = usize::try_from(size - at).unwrap_or(BLOCK).min(BLOCK);
        a.read_exact_at(&mut of_a[..length], at)?;
        b.read_exact_at(&mut of_b[..length], at)?;
        if of_a[..length] != of_b[..length] {
            return Ok(false);
        }
        at += length as u64;
    }
    Ok(true)
}
