//! The run file: where the server of a data directory says that it is.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::Deserialize;

/// `DATA_DIR/server.json`. A hint only, for whoever holds the data directory's lock is its server: a killed one leaves it behind.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct RunFile {
    /// The process.
    pub pid: i32,
    /// Where it is reached.
    pub url: String,
}

impl RunFile {
    /// Where it is.
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("server.json")
    }

    /// Reads it. None when there is none, and when there is none that makes sense.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read(Self::path(data_dir)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Whether its process lives. Another program may have got its number, and its port.
    pub fn is_process_alive(&self) -> bool {
        kill(Pid::from_raw(self.pid), None) != Err(Errno::ESRCH)
    }
}

#[cfg(test)]
mod tests {
    use super::RunFile;

    #[test]
    fn a_run_file_is_read_and_a_broken_one_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(RunFile::read(dir.path()), None);
        std::fs::write(RunFile::path(dir.path()), "{\"pid\": 1").unwrap();
        assert_eq!(RunFile::read(dir.path()), None);
        let pid = i32::try_from(std::process::id()).unwrap();
        let text = format!(r#"{{"pid":{pid},"url":"http://127.0.0.1:4004","node_id":"x","version":"0.1.0"}}"#);
        std::fs::write(RunFile::path(dir.path()), text).unwrap();
        let found = RunFile::read(dir.path()).unwrap();
        assert_eq!(found.url, "http://127.0.0.1:4004");
        assert!(found.is_process_alive());
        assert!(!RunFile { pid: i32::MAX, ..found }.is_process_alive());
    }
}
