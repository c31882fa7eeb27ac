//! Reads one file: no more of it than was asked for.

use std::fmt::Write;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use super::walk::micros;
use crate::services::files::open_file;
use crate::services::media::{Container, OSHASH_CHUNK, Probe, oshash};

/// What is read at a time of a long file; also how long a cancellation may go unnoticed on a slow disk.
const BLOCK: usize = 1 << 20;

/// What a file says of itself.
pub struct Facts {
    /// Its resolved path.
    pub path: String,
    /// In bytes, as it was when the file was opened. If it changes while it is read, the next scan sees that.
    pub size: i64,
    /// Microseconds since 1970.
    pub mtime: i64,
    /// What its first bytes say.
    pub container: Option<Container>,
    /// The OpenSubtitles hash.
    pub oshash: Option<String>,
    /// Only when it was asked for.
    pub sha256: Option<String>,
    /// Filled in later, of videos.
    pub probe: Probe,
    /// How much was read of it.
    pub bytes_read: u64,
}

/// Reads files one after the other, into the same memory.
pub struct Reader<S> {
    sha256: bool,
    stopped: S,
    head: Vec<u8>,
    tail: Vec<u8>,
    block: Vec<u8>,
}

impl<S: Fn() -> bool> Reader<S> {
    /// A reader that takes the SHA-256 too if told so, and gives up once `stopped` says so.
    pub fn new(sha256: bool, stopped: S) -> Self {
        Self { sha256, stopped, head: Vec::new(), tail: Vec::new(), block: Vec::new() }
    }

    /// Reads a file. None when it is gone.
    pub fn examine(&mut self, path: &str) -> anyhow::Result<Option<Facts>> {
        let file = match open_file(path).map_err(io::Error::from) {
            Ok(file) => File::from(file),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error).context("the file can't be opened"),
        };
        let status = file.metadata().context("the file can't be looked at")?;
        ensure!(status.is_file(), "it was a file when it was found, and is none now");
        let size = status.len();
        let read = self.read(&file, size).context("the file can't be read")?;
        Ok(Some(Facts {
            path: path.to_owned(),
            size: i64::try_from(size)?,
            mtime: micros(status.mtime(), status.mtime_nsec()),
            container: Container::detect(&self.head),
            oshash: oshash(size, &self.head, if self.tail.is_empty() { &self.head } else { &self.tail }),
            bytes_read: (self.head.len() + self.tail.len()) as u64 + read.as_ref().map_or(0, |(_, rest)| *rest),
            sha256: read.map(|(sha256, _)| sha256),
            probe: Probe::default(),
        }))
    }

    /// Reads both ends, and what lies behind the first when the SHA-256 is wanted: that, and how much it was.
    fn read(&mut self, file: &File, size: u64) -> io::Result<Option<(String, u64)>> {
        let end = usize::try_from(size).map_or(OSHASH_CHUNK, |size| size.min(OSHASH_CHUNK));
        self.head.resize(end, 0);
        file.read_exact_at(&mut self.head, 0)?;
        let is_longer = size > end as u64;
        self.tail.resize(if is_longer { end } else { 0 }, 0);
        if is_longer {
            file.read_exact_at(&mut self.tail, size - end as u64)?;
        }
        if !self.sha256 {
            return Ok(None);
        }
        let mut digest = Sha256::new();
        digest.update(&self.head);
        let mut offset = end as u64;
        while offset < size {
            if (self.stopped)() {
                return Err(io::Error::other("the scan was stopped"));
            }
            let length = usize::try_from(size - offset).map_or(BLOCK, |rest| rest.min(BLOCK));
            self.block.resize(length, 0);
            file.read_exact_at(&mut self.block, offset)?;
            digest.update(&self.block);
            offset += length as u64;
        }
        Ok(Some((hex(&digest.finalize()), size - end as u64)))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
pub(super) mod tests {
    //! Also a folder for the tests of other files.

    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::Reader;
    use crate::services::media::OSHASH_CHUNK;

    /// A resolved path: the folder for temporary files may be a symlink.
    pub fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        (dir, path)
    }

    #[test]
    fn a_file_of_any_length_is_hashed_whole_into_the_same_memory() {
        let (_dir, folder) = folder();
        let path = folder.join("file");
        let mut reader = Reader::new(true, || false);
        let known = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (9, "a73add1aecea03a894ca65d99bc5e91d21b58cdb728343bbcb6cf6cf38b809f5"),
            (OSHASH_CHUNK, "1f8745f0d2d1387ec1af2211a3cf417b2e9e885e853472649c1d979d0e9370e3"),
            (OSHASH_CHUNK + 1, "1abe08ebecf1c18cab71f6fe28aaddf20268f85bad78bb9a72f88ca47c874662"),
            (3 << 20, "3bea8a9a07c1e8dcaa4c1b816815c35a29b4fb585ba6ecc70ea44840a794cfb3"),
        ];
        for (length, sha256) in known.iter().chain(known.iter().rev()) {
            std::fs::write(&path, vec![b'x'; *length]).unwrap();
            let facts = reader.examine(path.to_str().unwrap()).unwrap().unwrap();
            assert_eq!(facts.sha256.as_deref(), Some(*sha256), "{length}");
            assert_eq!(facts.oshash.is_some(), *length > 8);
        }
    }

    #[test]
    fn no_symlink_is_followed_on_the_way_and_what_is_gone_is_no_error() {
        let (_dir, folder) = folder();
        std::fs::create_dir(folder.join("real")).unwrap();
        std::fs::write(folder.join("real/file"), "text").unwrap();
        symlink(folder.join("real"), folder.join("link")).unwrap();
        symlink(folder.join("real/file"), folder.join("real/link")).unwrap();
        let mut reader = Reader::new(false, || false);
        let mut examine = |path: &str| reader.examine(folder.join(path).to_str().unwrap()).map(|facts| facts.is_some());
        assert!(examine("real/file").unwrap());
        assert!(!examine("real/gone").unwrap());
        assert!(!examine("real/file/gone").unwrap());
        assert!(examine("real/link").is_err());
        assert!(examine("link/file").is_err());
        assert!(examine("real").is_err());
    }

    #[test]
    fn a_long_file_is_given_up_when_the_scan_is_stopped() {
        let (_dir, folder) = folder();
        let path = folder.join("file");
        std::fs::write(&path, vec![0; 3 << 20]).unwrap();
        let error = Reader::new(true, || true).examine(path.to_str().unwrap()).err().unwrap();
        assert!(format!("{error:#}").contains("stopped"), "{error:#}");
    }
}
