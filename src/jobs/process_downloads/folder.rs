//! A folder of the library, held open: whatever is done in it is done in that very folder, and no symlink leads out of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, linkat, unlinkat};

use super::source::Source;
use crate::services::files::open_folder;

const SUBFOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC);
const CREATE: OFlag =
    OFlag::O_WRONLY.union(OFlag::O_CREAT).union(OFlag::O_EXCL).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// An open folder.
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at a resolved path.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let fd = open_folder(&path).map_err(io::Error::from);
        Ok(Self { fd: fd.with_context(|| format!("{} can't be opened", path.display()))?, path })
    }

    /// Opens a folder in it, and makes it where there is none.
    pub fn enter(&self, name: &str) -> anyhow::Result<Self> {
        let path = self.path.join(name);
        let entered = match mkdirat(&self.fd, name, Mode::from_bits_truncate(0o777)) {
            Ok(()) => self.sync(),
            Err(Errno::EEXIST) => Ok(()),
            Err(error) => Err(error.into()),
        };
        let fd = entered.and_then(|()| openat(&self.fd, name, SUBFOLDER, Mode::empty()).map_err(io::Error::from));
        let fd =
            fd.with_context(|| format!("{} can't be used as a folder; is something in its way?", path.display()))?;
        Ok(Self { fd, path })
    }

    /// The path of a name in it.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What has that name in it; a symlink is looked at itself.
    pub fn look(&self, name: &str) -> nix::Result<Option<FileStat>> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a file in it to read.
    pub fn read(&self, name: &str) -> nix::Result<File> {
        openat(&self.fd, name, READ, Mode::empty()).map(File::from)
    }

    /// Makes a file in it to write.
    pub fn create(&self, name: &str, mode: u32) -> nix::Result<File> {
        openat(&self.fd, name, CREATE, Mode::from_bits_truncate(mode)).map(File::from)
    }

    /// Gives a file a second name in it, unless something has that name.
    pub fn link(&self, source: &Source, name: &str) -> nix::Result<()> {
        linkat(AT_FDCWD, &source.path, &self.fd, name, AtFlags::empty())
    }

    /// Gives a file in it another name, unless something has that name.
    pub fn rename(&self, from: &str, to: &str) -> nix::Result<()> {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        {
            use nix::fcntl::{RenameFlags, renameat2};
            match renameat2(&self.fd, from, &self.fd, to, RenameFlags::RENAME_NOREPLACE) {
                Err(Errno::EINVAL | Errno::ENOSYS) => {} // NFS, and some of FUSE
                renamed => return renamed,
            }
        }
        linkat(&self.fd, from, &self.fd, to, AtFlags::empty())?;
        self.remove(from)
    }

    /// Removes a file in it.
    pub fn remove(&self, name: &str) -> nix::Result<()> {
        unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir)
    }

    /// Puts its names on the disk.
    pub fn sync(&self) -> io::Result<()> {
        match fsync(self.fd.as_fd()) {
            Err(Errno::EINVAL) => Ok(()), // a filesystem that has no such thing
            done => done.map_err(io::Error::from),
        }
    }
}
