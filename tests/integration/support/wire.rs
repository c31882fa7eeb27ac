//! A wire to Postgres that can be cut, made deaf to notifications, or made to fail at one statement: its answer is swallowed, or
//! the statement itself is held back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

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

/// What happens, once, at a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Postgres executes and commits it; its answer is swallowed, and the connection breaks.
    SwallowAnswer,
    /// It is held back until [`Line::release`], and then sent, whatever became of its sender.
    HoldBack,
}

/// A fault that waits for its statement.
struct Armed {
    fault: Fault,
    /// A part of the statement's text.
    text: &'static str,
    /// Whether it happens at the COMMIT of the transaction that executed the statement.
    at_commit: bool,
}

/// What the connections of a wire share.
#[derive(Default)]
struct Faults {
    armed: Mutex<Option<Armed>>,
    happened: AtomicBool,
}

/// A wire between a server and its database.
pub struct Line {
    /// The database, over this wire.
    pub database_url: String,
    state: watch::Sender<Wire>,
    /// Where new connections lead.
    far: watch::Sender<PathBuf>,
    faults: Arc<Faults>,
    held: watch::Sender<bool>,
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
        let faults = Arc::<Faults>::default();
        let (held, release) = watch::channel(true);
        tokio::spawn(accept(listener, place, seen, Arc::clone(&faults), release));
        Self { database_url, state, far, faults, held, _folder: folder }
    }

    /// Leads new connections to another cluster, as a balancer does after a failover. Those that are there stay.
    pub fn switch(&self, database_url: &str) {
        self.far.send_replace(socket_in(parts(database_url).1));
    }

    /// Makes the next statement with this in its text fail.
    pub fn arm(&self, fault: Fault, text: &'static str) {
        self.set_fault(Armed { fault, text, at_commit: false });
    }

    /// Makes the COMMIT fail of the next transaction that executes a statement with this in its text.
    pub fn arm_commit(&self, fault: Fault, text: &'static str) {
        self.set_fault(Armed { fault, text, at_commit: true });
    }

    fn set_fault(&self, armed: Armed) {
        self.faults.happened.store(false, Ordering::SeqCst);
        *self.faults.armed.lock().expect("no panic") = Some(armed);
    }

    /// Whether the fault has happened.
    pub fn happened(&self) -> bool {
        self.faults.happened.load(Ordering::SeqCst)
    }

    /// Lets go what is held back.
    pub fn release(&self) {
        self.held.send_replace(false);
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

async fn accept(
    listener: UnixListener,
    far: watch::Receiver<PathBuf>,
    state: watch::Receiver<Wire>,
    faults: Arc<Faults>,
    held: watch::Receiver<bool>,
) {
    while let Ok((near, _)) = listener.accept().await {
        let place = far.borrow().clone();
        let Ok(far) = UnixStream::connect(place).await else { continue };
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let swallows = Arc::new(AtomicBool::new(false));
        let requests = Requests {
            faults: Arc::clone(&faults),
            held: held.clone(),
            swallows: Arc::clone(&swallows),
            texts: HashMap::new(),
            matched: false,
        };
        tokio::spawn(requests.carry(near_in, far_out, state.clone()));
        tokio::spawn(carry_messages(far_in, near_out, state.clone(), swallows, Arc::clone(&faults)));
    }
}

/// The requests of one connection.
struct Requests {
    faults: Arc<Faults>,
    held: watch::Receiver<bool>,
    /// Whether the next answer is to be swallowed.
    swallows: Arc<AtomicBool>,
    /// The texts of the prepared statements, by name.
    texts: HashMap<Vec<u8>, String>,
    /// Whether the statement of a fault was executed in this transaction.
    matched: bool,
}

impl Requests {
    /// Carries what the server says: a first message without a kind, then messages as Postgres's own.
    async fn carry(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        mut state: watch::Receiver<Wire>,
    ) {
        let mut head = vec![0; 4];
        while from.read_exact(&mut head).await.is_ok() {
            let kind = head.len() - 4;
            let length = u32::from_be_bytes([head[kind], head[kind + 1], head[kind + 2], head[kind + 3]]);
            let mut message = head.clone();
            message.resize(kind + length as usize, 0);
            if from.read_exact(&mut message[kind + 4..]).await.is_err() {
                return;
            }
            let fault = if kind == 1 { self.fault_at(message[0], &message[5..]) } else { None };
            match fault {
                Some(Fault::SwallowAnswer) => self.swallows.store(true, Ordering::SeqCst),
                Some(Fault::HoldBack) => {
                    self.faults.happened.store(true, Ordering::SeqCst);
                    let _ = self.held.wait_for(|held| !held).await;
                }
                None => {}
            }
            head.resize(5, 0);
            if uncut(&mut state).await.is_none() || to.write_all(&message).await.is_err() {
                return;
            }
        }
    }

    /// The fault that happens at this message, if one does.
    fn fault_at(&mut self, kind: u8, body: &[u8]) -> Option<Fault> {
        let mut parts = body.split(|byte| *byte == 0);
        let text = match kind {
            b'P' => {
                let (name, text) = (parts.next()?, parts.next()?);
                self.texts.insert(name.to_vec(), String::from_utf8_lossy(text).into_owned());
                return None;
            }
            b'B' => self.texts.get(parts.nth(1)?)?.clone(),
            b'Q' => String::from_utf8_lossy(parts.next()?).into_owned(),
            _ => return None,
        };
        let mut armed = self.faults.armed.lock().expect("no panic");
        let matches = armed.as_ref().is_some_and(|armed| text.contains(armed.text));
        let ends = text == "COMMIT" || text == "ROLLBACK";
        let matched = self.matched;
        self.matched = (matched || matches) && !ends;
        let happens =
            armed.as_ref().is_some_and(|armed| if armed.at_commit { matched && text == "COMMIT" } else { matches });
        if happens { armed.take().map(|armed| armed.fault) } else { None }
    }
}

async fn uncut(state: &mut watch::Receiver<Wire>) -> Option<Wire> {
    state.wait_for(|state| *state != Wire::Cut).await.ok().map(|state| *state)
}

/// Carries what Postgres says: messages of a kind, a length that counts itself, and a body.
async fn carry_messages(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<Wire>,
    swallows: Arc<AtomicBool>,
    faults: Arc<Faults>,
) {
    const NOTIFICATION: u8 = b'A';
    const READY: u8 = b'Z';
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
        if swallows.load(Ordering::SeqCst) {
            if head[0] == READY {
                faults.happened.store(true, Ordering::SeqCst);
                return; // dropping both ends breaks the connection
            }
            continue;
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}
