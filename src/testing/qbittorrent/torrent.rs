//! A torrent of the fake.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A torrent that is complete, in the category `stash`, without tags. Its hash follows from its first name.
#[derive(Clone, Debug)]
pub struct FakeTorrent {
    /// Its id.
    pub hash: String,
    /// What it is called.
    pub name: String,
    /// The folder that its files lie in.
    pub save_path: String,
    /// Its category.
    pub category: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether all of it is there.
    pub completed: bool,
    /// Its files: their paths below `save_path`, and their sizes.
    pub files: Vec<(String, u64)>,
}

impl FakeTorrent {
    /// One without files.
    pub fn new(name: &str, save_path: impl AsRef<Path>) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        Self {
            hash: digest[..20].iter().map(|byte| format!("{byte:02x}")).collect(),
            name: name.to_owned(),
            save_path: save_path.as_ref().to_string_lossy().into_owned(),
            category: "stash".to_owned(),
            tags: Vec::new(),
            completed: true,
            files: Vec::new(),
        }
    }

    /// With another file, which need not be there.
    pub fn file(mut self, path: &str, size: u64) -> Self {
        self.files.push((path.to_owned(), size));
        self
    }

    /// With another file, whose size is that of the one on the disk.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn file_there(self, path: &str) -> Self {
        let there = Path::new(&self.save_path).join(path);
        match fs::metadata(&there) {
            Ok(metadata) => self.file(path, metadata.len()),
            Err(error) => panic!("{}: {error}", there.display()),
        }
    }

    /// In another category.
    pub fn category(mut self, category: &str) -> Self {
        category.clone_into(&mut self.category);
        self
    }

    /// With another tag.
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// Not all there yet.
    pub fn incomplete(mut self) -> Self {
        self.completed = false;
        self
    }

    pub(super) fn info(&self) -> Value {
        let size: u64 = self.files.iter().map(|(_, size)| size).sum();
        json!({
            "hash": self.hash, "name": self.name, "save_path": self.save_path, "category": self.category,
            "tags": self.tags.join(", "), "size": size, "progress": if self.completed { 1.0 } else { 0.5 },
            "state": if self.completed { "stalledUP" } else { "stalledDL" },
        })
    }

    pub(super) fn list(&self) -> Value {
        let progress = if self.completed { 1.0 } else { 0.5 };
        let file = |(index, (name, size)): (usize, &(String, u64))| json!({ "index": index, "name": name, "size": size, "progress": progress, "priority": 1 });
        self.files.iter().enumerate().map(file).collect()
    }
}
