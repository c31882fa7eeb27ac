//! What qBittorrent says of a torrent and its files; of each answer only what is used.

use serde::{Deserialize, Deserializer};

/// A torrent, of `torrents/info`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Torrent {
    /// Its id: 40 hex digits, or 64 of a torrent of version 2.
    pub hash: String,
    /// What it is called in qBittorrent, where anybody may rename it.
    pub name: String,
    /// The folder that its files lie in, or below.
    pub save_path: String,
    /// Its tags.
    #[serde(deserialize_with = "comma_separated")]
    pub tags: Vec<String>,
}

/// A file of a torrent, of `torrents/files`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TorrentFile {
    /// Its path below the torrent's `save_path`.
    pub name: String,
    /// In bytes, once it is whole.
    pub size: u64,
    /// How much of it is there, from 0 to 1.
    pub progress: f64,
    /// 0 where it is not wanted.
    pub priority: i32,
}

impl Torrent {
    /// Whether it has a tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }
}

impl TorrentFile {
    /// Whether it is wanted, and there.
    pub fn is_whole(&self) -> bool {
        self.priority != 0 && self.progress >= 1.0
    }
}

fn comma_separated<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(json)?;
    Ok(text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::Torrent;

    #[test]
    fn tags_are_separated_by_commas_and_none_is_empty() {
        for (tags, expected) in [("", vec![]), ("synced", vec!["synced"]), ("a b, synced", vec!["a b", "synced"])] {
            let json = serde_json::json!({ "hash": "ab", "name": "n", "save_path": "/d", "tags": tags, "size": 1 });
            let torrent: Torrent = serde_json::from_value(json).unwrap();
            assert_eq!(torrent.tags, expected);
            assert_eq!(torrent.has_tag("synced"), tags.contains("synced"));
        }
    }
}
