//! The calls.

use super::session::Session;
use super::torrent::{Torrent, TorrentFile};
use crate::services::ServiceError;

/// A qBittorrent. Cheap to clone; clones share their session.
#[derive(Clone)]
pub struct Qbittorrent {
    pub(super) session: Session,
}

impl Qbittorrent {
    /// Its version: `v4.5.2`.
    pub async fn version(&self) -> Result<String, ServiceError> {
        let answer = self.session.get("api/v2/app/version", &[]).await?;
        let version = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
        let is_version = version.starts_with('v') && version.len() < 40 && !version.contains(char::is_whitespace);
        if is_version {
            return Ok(version.to_owned());
        }
        Err(self.session.remote.wrong_answer("it does not tell its version; is the address right?"))
    }

    /// The torrents of a category that are all there.
    pub async fn completed(&self, category: &str) -> Result<Vec<Torrent>, ServiceError> {
        let query = [("filter", "completed"), ("category", category)];
        let answer = self.session.get("api/v2/torrents/info", &query).await?;
        let torrents: Vec<Torrent> = self.session.remote.read_json(&answer)?;
        // A hash goes into further calls, where `all` means every torrent.
        let is_hash =
            |torrent: &Torrent| torrent.hash.len() >= 40 && torrent.hash.bytes().all(|b| b.is_ascii_hexdigit());
        if torrents.iter().all(is_hash) {
            return Ok(torrents);
        }
        Err(self.session.remote.wrong_answer("it lists a torrent without a hash"))
    }

    /// The files of a torrent, in its own order.
    pub async fn files(&self, hash: &str) -> Result<Vec<TorrentFile>, ServiceError> {
        let answer = self.session.get("api/v2/torrents/files", &[("hash", hash)]).await?;
        self.session.remote.read_json(&answer)
    }

    /// Gives a torrent a tag, which it may have already.
    pub async fn add_tag(&self, hash: &str, tag: &str) -> Result<(), ServiceError> {
        self.session.post("api/v2/torrents/addTags", &[("hashes", hash), ("tags", tag)]).await.map(drop)
    }

    /// Takes a tag from a torrent, which need not have it.
    pub async fn remove_tag(&self, hash: &str, tag: &str) -> Result<(), ServiceError> {
        self.session.post("api/v2/torrents/removeTags", &[("hashes", hash), ("tags", tag)]).await.map(drop)
    }
}
