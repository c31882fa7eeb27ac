//! A wire to Postgres that can be cut, or made deaf to notifications.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// The socket's name, as Postgres gives it.
const SOCKET: &str = ".s.PGSQL.5432";

/// How the wire is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Whole.
    Whole,
    /// Nothing comes through in either direction, and nobody is told: not even that it is cut.
    Cut,
    /// Notifications get lost on the way to the client.
    Deaf,
}

/// A wire between a server and its database.
pub struct Line {
    /// The database, over this wire.
    pub database_url: String,
    state: watch::Sender<Wire>,
    /// Where new connections lead.
    far: watch::Sender<PathBuf>,
    _folder: TempDir,
}

impl Line {
    /// A whole wire to a database of the tests' cluster.
    pub fn to(database_url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (before, host, after) = parts(database_url);
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let database_url = format!("{before}host={} {after}", folder.path().display());
        let (state, seen) = watch::channel(Wire::Whole);
        let (far, place) = watch::channel(socket_in(host));
        tokio::spawn(accept(listener, place, seen));
        Self { database_url, state, far, _folder: folder }
    }

    /// Leads new connections to another cluster, as a balancer does after a failover. Those that are there stay.
    pub fn switch(&self, database_url: &str) {
        self.far.send_replace(socket_in(parts(database_url).1));
    }

    /// Changes the wire.
    pub fn set(&self, state: Wire) {
        self.state.send_replace(state);
    }
}

/// What stands before the folder of the socket in a connection string, the folder, and what stands after it.
fn parts(database_url: &str) -> (&str, &str, &str) {
    let (before, rest) = database_url.split_once("host=").expect("a private cluster's url names its socket");
    let (host, after) = rest.split_once(' ').expect("and a database");
    (before, host, after)
}

fn socket_in(host: &str) -> PathBuf {
    Path::new(host.trim_matches('\'')).join(SOCKET)
}

async fn accept(listener: UnixListener, far: watch::Receiver<PathBuf>, state: watch::Receiver<Wire>) {
    while let Ok((near, _)) = listener.accept().await {
        let place = far.borrow().clone();
        let Ok(far) = UnixStream::connect(place).await else { continue };
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::spawn(carry_bytes(near_in, far_out, state.clone()));
        tokio::spawn(carry_messages(far_in, near_out, state.clone()));
    }
}

async fn uncut(state: &mut watch::Receiver<Wire>) -> Option<Wire> {
    state.wait_for(|state| *state != Wire::Cut).await.ok().map(|state| *state)
}

async fn carry_bytes(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<Wire>,
) {
    let mut chunk = vec![0; 64 << 10];
    while let Ok(n @ 1..) = from.read(&mut chunk).await {
        if uncut(&mut state).await.is_none() || to.write_all(&chunk[..n]).await.is_err() {
            return;
        }
    }
}

/// Carries what Postgres says: messages of a kind, a length that counts itself, and a body.
async fn carry_messages(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<Wire>,
) {
    const NOTIFICATION: u8 = b'A';
    let mut head = [0; 5];
    while from.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut message = vec![0; length as usize + 1];
        message[..5].copy_from_slice(&head);
        if from.read_exact(&mut message[5..]).await.is_err() {
            return;
        }
        let Some(wire) = uncut(&mut state).await else { return };
        if wire == Wire::Deaf && head[0] == NOTIFICATION {
            continue;
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}
