//! Opens what lies under a media root, and never follows a symlink there.
//!
//! A root's own path was resolved before. Below it no component may be a symlink, at the moment of opening: whoever can write
//! in a library must not be able to lead a scan out of it by swapping a folder for a link.

use std::os::fd::OwnedFd;

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

/// Without blocking: a file that was swapped for a fifo would wait for a writer.
const FLAGS: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC);

/// Opens a file to read.
pub fn open_file<P: ?Sized + NixPath>(path: &P) -> nix::Result<OwnedFd> {
    open_no_symlinks(path, FLAGS)
}

/// Opens a folder to list.
pub fn open_folder<P: ?Sized + NixPath>(path: &P) -> nix::Result<OwnedFd> {
    open_no_symlinks(path, FLAGS.union(OFlag::O_DIRECTORY))
}

/// A kernel before 5.6, or a sandbox that does not know the call, leaves the last component alone guarded.
fn open_no_symlinks<P: ?Sized + NixPath>(path: &P, flags: OFlag) -> nix::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        use nix::fcntl::{AT_FDCWD, OpenHow, ResolveFlag, openat2};
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        match openat2(AT_FDCWD, path, how) {
            Err(Errno::ENOSYS | Errno::EPERM) => {}
            opened => return opened,
        }
    }
    open(path, flags, Mode::empty())
}
