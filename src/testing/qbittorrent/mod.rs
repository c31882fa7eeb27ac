//! A qBittorrent for tests: a real HTTP server on this machine, with the torrents that the test gives it.
//!
//! It answers as qBittorrent 4.5 does: 403 to whoever has not logged in, `Fails.` with 200 to a wrong password, a ban after
//! five of them, 404 to a hash that it does not know. On request it answers badly, as a broken one would ([`Rude`]).

mod answer;
mod rude;
mod torrent;

pub use rude::Rude;
pub use torrent::FakeTorrent;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web;

use super::loopback::Loopback;

/// What it knows, and how it behaves.
#[derive(Default)]
struct State {
    /// Who may log in; anybody needs no login when none.
    login: Option<(String, String)>,
    /// The cookies that it gave out.
    sessions: HashSet<String>,
    /// How many calls a session lasts; for ever when none.
    session_calls: Option<u32>,
    /// Calls since somebody logged in.
    calls_of_session: u32,
    /// Wrong passwords in a row.
    failures: u32,
    torrents: Vec<FakeTorrent>,
    rude: HashMap<String, Rude>,
    calls: Vec<String>,
}

type Shared = Arc<Mutex<State>>;

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running one. Dropping it ends it.
///
/// ```
/// use stashhog::testing::qbittorrent::{FakeQbittorrent, FakeTorrent};
///
/// let qbittorrent = FakeQbittorrent::start();
/// let torrent = FakeTorrent::new("Harbour at Dawn", "/downloads").file("dawn.mp4", 12);
/// qbittorrent.add(torrent.clone());
/// assert!(qbittorrent.tags(&torrent).is_empty());
/// ```
pub struct FakeQbittorrent {
    state: Shared,
    server: Loopback,
}

impl FakeQbittorrent {
    /// Starts one that has no torrents and lets everybody in.
    ///
    /// # Panics
    ///
    /// When it can't listen on this machine.
    pub fn start() -> Self {
        let state = Shared::default();
        let shared = web::Data::new(Arc::clone(&state));
        let server = Loopback::serve("", move |config| {
            config.app_data(web::Data::clone(&shared)).configure(answer::routes);
        });
        Self { state, server }
    }

    /// Lets in only whoever logs in with this name and password.
    pub fn with_login(self, username: &str, password: &str) -> Self {
        lock(&self.state).login = Some((username.to_owned(), password.to_owned()));
        self
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Gives it a torrent, in the place of one with the same hash.
    pub fn add(&self, torrent: FakeTorrent) {
        let mut state = lock(&self.state);
        state.torrents.retain(|known| known.hash != torrent.hash);
        state.torrents.push(torrent);
    }

    /// The tags that a torrent has by now.
    ///
    /// # Panics
    ///
    /// When it does not know the torrent.
    pub fn tags(&self, torrent: &FakeTorrent) -> Vec<String> {
        match lock(&self.state).torrents.iter().find(|known| known.hash == torrent.hash) {
            Some(known) => known.tags.clone(),
            None => panic!("it does not know `{}`", torrent.name),
        }
    }

    /// Ends every session after so many calls, as time does, or a restart.
    pub fn end_sessions_after(&self, calls: u32) {
        lock(&self.state).session_calls = Some(calls);
    }

    /// Makes it answer badly from now on, to calls of this path: `torrents/info`.
    pub fn be_rude(&self, path: &str, rude: Rude) {
        lock(&self.state).rude.insert(path.to_owned(), rude);
    }

    /// Makes it answer well again.
    pub fn be_polite(&self) {
        lock(&self.state).rude.clear();
    }

    /// The paths of all calls so far.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.state).calls.clone()
    }
}
