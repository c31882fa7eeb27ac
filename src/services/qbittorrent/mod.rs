//! qBittorrent, through its Web API of version 2 (qBittorrent 4.2 and newer).
//!
//! ```text
//!   call ──▶ done
//!     └─403─▶ log in ──cookie──▶ the same call once more ──▶ done, or told
//! ```
//!
//! - Nobody logs in before qBittorrent asks for it: a server that lets its own machine in without a password is used without
//!   one, and a session that has run out is renewed in the middle of whatever is done.
//! - A name and password are sent once for each time that it asks: it bans an address after a few wrong ones.
//! - All calls that are made here may be repeated: they read, or set a tag that may be set already.

mod client;
mod connect;
mod session;
mod settings;
mod torrent;

pub use client::Qbittorrent;
pub use settings::{PASSWORD, URL, USERNAME};
pub use torrent::{Torrent, TorrentFile};
