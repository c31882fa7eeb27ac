//! `postgres.log`: what Postgres says, kept to a bounded size.
//!
//! Postgres writes into the file that it was started with, opened for appending. When that grows too large it is copied to
//! `postgres.log.1` and emptied in place: a postmaster keeps its file over a restart of the server, so moving the file away
//! would lose it. Lines written between the copy and the emptying are lost, once in many megabytes. Postgres's own logging
//! collector is not used because it bounds a single file by time only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::owner::open_beside;

/// The size at which the log is turned: weeks of a healthy server, and small enough to open in an editor.
const TURN_AT: u64 = 8 * 1024 * 1024;

/// How much of the end of the log an error message carries.
const TAIL_LINES: usize = 12;

/// How far back these lines are looked for: long lines are cut rather than filling the terminal.
const TAIL_BYTES: u64 = 4096;

/// The log of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// Where it is.
    pub path: PathBuf,
}

impl Log {
    /// Opens it for a postmaster to append to. Only the server's own user may read it.
    pub fn open(&self) -> io::Result<File> {
        open_beside(&self.path, OpenOptions::new().create(true).append(true))
    }

    /// Its size now, to tell later what was written since.
    pub fn len(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |meta| meta.len())
    }

    /// The last lines written after the log had the size `since`.
    pub fn tail(&self, since: u64) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            let start = since.max(self.len().saturating_sub(TAIL_BYTES));
            file.seek(SeekFrom::Start(start))?;
            file.take(TAIL_BYTES).read_to_end(&mut text)
        });
        match read {
            Ok(_) => last_lines(&String::from_utf8_lossy(&text)),
            Err(error) => format!("  (cannot be read: {error})"),
        }
    }

    /// Copies it away and empties it when it has grown too large.
    pub fn turn_if_large(&self) -> io::Result<()> {
        self.turn_at(TURN_AT)
    }

    fn turn_at(&self, size: u64) -> io::Result<()> {
        if self.len() < size {
            return Ok(());
        }
        let before = self.path.with_extension("log.1");
        if fs::symlink_metadata(&before).is_ok() {
            fs::remove_file(&before)?;
        }
        let mut log = open_beside(&self.path, OpenOptions::new().read(true).write(true))?;
        io::copy(&mut log, &mut open_beside(&before, OpenOptions::new().write(true).create_new(true))?)?;
        log.set_len(0)
    }
}

/// The last lines of `text`, indented so that they stand apart in a message.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "  (nothing)".to_owned();
    }
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines[from..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Free space under which a failure is likely to be about it: less than one segment of Postgres's write-ahead log.
const LITTLE_SPACE: u64 = 16 * 1024 * 1024;

/// A remark for an error message when the disk is nearly full: then the log may not have the reason, for want of space.
pub(super) fn space_note(dir: &Path) -> String {
    let Ok(disk) = nix::sys::statvfs::statvfs(dir) else {
        return String::new();
    };
    #[allow(clippy::useless_conversion)] // narrower on macOS
    let free = u64::from(disk.blocks_available()).saturating_mul(disk.fragment_size());
    if free >= LITTLE_SPACE {
        return String::new();
    }
    format!(" (the disk of {} is full: {} KiB are free)", dir.display(), free / 1024)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn log() -> (tempfile::TempDir, Log) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postgres.log");
        (dir, Log { path })
    }

    #[test]
    fn the_tail_has_only_what_was_written_since() {
        let (_dir, log) = log();
        writeln!(log.open().unwrap(), "an older start").unwrap();
        let since = log.len();
        assert_eq!(log.tail(since), "  (nothing)");
        let many: String = (0..40).map(|n| format!("line {n}\n")).collect();
        log.open().unwrap().write_all(many.as_bytes()).unwrap();
        let tail = log.tail(since);
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("  line 39") && !tail.contains("older"), "{tail}");
    }

    #[test]
    fn a_large_log_is_turned_under_its_writer() {
        let (dir, log) = log();
        let mut writer = log.open().unwrap();
        writer.write_all(b"old\n").unwrap();
        log.turn_at(5).unwrap();
        assert_eq!(log.len(), 4);
        log.turn_at(4).unwrap();
        writer.write_all(b"new\n").unwrap();
        assert_eq!(fs::read_to_string(&log.path).unwrap(), "new\n");
        assert_eq!(fs::read_to_string(dir.path().join("postgres.log.1")).unwrap(), "old\n");
    }
}
