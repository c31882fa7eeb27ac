//! The network between a node and the database: a relay on 127.0.0.1 that can be made as bad as a network gets.
//!
//! ```text
//!   node ──TCP──▶ relay ──unix socket──▶ Postgres
//!                  fair │ slow │ stalled (nothing passes, nothing breaks) │ shut (all cut, none let in)
//!                  late (as stalled, but only for connections that are open already)
//!                  swallowed (some transactions are done, and their answers never arrive)
//! ```
//!
//! It connects as the user of this process, whom the private Postgres knows by its socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::sabotage::Sabotage;

/// What is read at once. Small, so that a slow line is slow for small things too.
const CHUNK: usize = 16 << 10;

/// What the line is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// As good as it gets.
    Fair,
    /// Everything takes this long, and longer the more it is.
    Slow {
        /// How long each piece takes, each way.
        latency: Duration,
        /// How much passes.
        bytes_per_second: u32,
    },
    /// Nothing passes and nothing breaks: what is sent arrives when it is over.
    Stalled,
    /// Connections that are open already are stalled; new ones are fair. A client gives up and asks again on a new connection,
    /// and its first statement arrives after that.
    Late,
    /// Some answers that end a transaction are dropped, and their connection is cut: the transaction is done, and its client
    /// cannot know.
    Swallowed,
    /// Every connection is cut, and none is let in.
    Shut,
}

/// A line, and how often it was changed before.
#[derive(Clone, Copy, Debug)]
struct Network {
    line: Line,
    changes: u64,
}

impl Network {
    /// Whether it holds what comes on a connection that was opened after so many changes.
    fn holds(self, opened: u64) -> bool {
        match self.line {
            Line::Stalled => true,
            Line::Late => opened < self.changes,
            Line::Fair | Line::Slow { .. } | Line::Swallowed | Line::Shut => false,
        }
    }
}

/// What lies between all relays and the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// How often another database took the place of the one before.
    pub generation: u64,
    /// Nothing passes, and nothing connects, until this is over.
    pub held: bool,
    /// Connections to the database before stay open, and nothing passes.
    pub hanging: bool,
}

impl Gate {
    fn passes(self, generation: u64) -> bool {
        !self.held && self.generation == generation
    }

    fn cuts(self, generation: u64) -> bool {
        !self.hanging && self.generation != generation
    }
}

/// The end of an answer that ends a transaction: `ReadyForQuery`, idle.
const TRANSACTION_ENDED: &[u8] = b"Z\0\0\0\x05I";
/// One of so many such answers is swallowed.
const SWALLOWED_ONE_OF: u32 = 6;

/// A relay. Dropping it cuts everything.
pub struct Relay {
    port: u16,
    network: watch::Sender<Network>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay to the socket of a Postgres. `sabotage` makes what spoils each of its connections.
    pub async fn start(
        socket: PathBuf,
        gate: watch::Receiver<Gate>,
        sabotage: impl Fn() -> Option<Sabotage> + Send + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (network, seen) = watch::channel(Network { line: Line::Fair, changes: 0 });
        let socket = Arc::new(socket);
        let task = tokio::spawn(async move {
            loop {
                // What can go wrong here (no descriptor is free) passes.
                let Ok((client, _)) = listener.accept().await else {
                    sleep(Duration::from_millis(50)).await;
                    continue;
                };
                if seen.borrow().line != Line::Shut {
                    tokio::spawn(connection(client, Arc::clone(&socket), seen.clone(), gate.clone(), sabotage()));
                }
            }
        });
        Ok(Self { port, network, task })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the line.
    pub fn set(&self, line: Line) {
        self.network.send_modify(|network| *network = Network { line, changes: network.changes + 1 });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Line::Shut);
    }
}

async fn connection(
    client: TcpStream,
    socket: Arc<PathBuf>,
    network: watch::Receiver<Network>,
    mut gate: watch::Receiver<Gate>,
    sabotage: Option<Sabotage>,
) {
    let _ = client.set_nodelay(true);
    let Ok(generation) = gate.wait_for(|gate| !gate.held).await.map(|gate| gate.generation) else { return };
    let Ok(database) = UnixStream::connect(&*socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_database, to_database) = database.into_split();
    let (mut shut, mut cut) = (network.clone(), gate.clone());
    tokio::select! {
        () = pump(from_client, to_database, network.clone(), gate.clone(), generation, Way::ToDatabase(sabotage)) => {}
        () = pump(from_database, to_client, network, gate.clone(), generation, Way::ToClient) => {}
        _ = shut.wait_for(|network| network.line == Line::Shut) => {}
        _ = cut.wait_for(|gate| gate.cuts(generation)) => {}
    }
}

/// A direction.
enum Way {
    /// Statements, and what spoils them.
    ToDatabase(Option<Sabotage>),
    /// Answers.
    ToClient,
}

/// Passes bytes on until either end is gone, or an answer is swallowed.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut network: watch::Receiver<Network>,
    mut gate: watch::Receiver<Gate>,
    generation: u64,
    mut way: Way,
) {
    let opened = network.borrow().changes;
    let mut chunk = vec![0; CHUNK];
    while let Ok(read) = from.read(&mut chunk).await
        && read > 0
    {
        let Ok(now) = network.wait_for(|network| !network.holds(opened)).await.map(|now| *now) else { return };
        if gate.wait_for(|gate| gate.passes(generation)).await.is_err() {
            return;
        }
        if now.line == Line::Swallowed && matches!(way, Way::ToClient) && is_swallowed(&chunk[..read]) {
            return;
        }
        if let Line::Slow { latency, bytes_per_second } = now.line {
            #[allow(clippy::cast_possible_truncation)] // a chunk is small
            sleep(latency + Duration::from_secs(1) * read as u32 / bytes_per_second.max(1)).await;
        }
        let sent = match &mut way {
            Way::ToDatabase(Some(sabotage)) => to.write_all(&sabotage.pass(&chunk[..read])).await,
            Way::ToDatabase(None) | Way::ToClient => to.write_all(&chunk[..read]).await,
        };
        if sent.is_err() {
            break;
        }
    }
    // That the database before is gone nobody learns as long as its connections hang.
    let _ = gate.wait_for(|gate| gate.passes(generation) || gate.cuts(generation)).await;
}

fn is_swallowed(answer: &[u8]) -> bool {
    answer.ends_with(TRANSACTION_ENDED) && fastrand::u32(..SWALLOWED_ONE_OF) == 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UnixListener};
    use tokio::sync::watch;
    use tokio::time::timeout;

    use super::{Gate, Line, Relay};

    /// A relay to a server that sends everything back.
    async fn relay_to_an_echo(dir: &tempfile::TempDir, gate: &watch::Sender<Gate>) -> Relay {
        let socket = dir.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move {
            while let Ok((mut echo, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = echo.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Relay::start(socket, gate.subscribe(), || None).await.unwrap()
    }

    async fn client(relay: &Relay) -> TcpStream {
        TcpStream::connect(("127.0.0.1", relay.port())).await.unwrap()
    }

    #[tokio::test]
    async fn a_late_line_holds_old_connections_and_a_swallowed_answer_cuts() {
        let dir = tempfile::tempdir().unwrap();
        let gate = watch::Sender::new(Gate::default());
        let relay = relay_to_an_echo(&dir, &gate).await;
        let mut back = [0; 2];
        let mut old = client(&relay).await;
        old.write_all(b"ab").await.unwrap();
        old.read_exact(&mut back).await.unwrap();
        relay.set(Line::Late);
        old.write_all(b"cd").await.unwrap();
        let mut new = client(&relay).await;
        new.write_all(b"ef").await.unwrap();
        new.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"ef");
        assert!(timeout(Duration::from_millis(50), old.read(&mut back)).await.is_err());
        relay.set(Line::Fair);
        old.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"cd");

        relay.set(Line::Swallowed);
        let mut answers = 0;
        loop {
            new.write_all(b"Z\0\0\0\x05I").await.unwrap();
            let mut answer = [0; 6];
            if new.read_exact(&mut answer).await.is_err() {
                break;
            }
            answers += 1;
        }
        assert!(answers < 1_000);
    }

    #[tokio::test]
    async fn a_line_passes_stalls_and_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let gate = watch::Sender::new(Gate::default());
        let relay = relay_to_an_echo(&dir, &gate).await;
        let mut client = client(&relay).await;
        let mut back = [0; 2];
        client.write_all(b"ab").await.unwrap();
        client.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"ab");

        relay.set(Line::Stalled);
        client.write_all(b"cd").await.unwrap();
        assert!(timeout(Duration::from_millis(50), client.read(&mut back)).await.is_err());
        relay.set(Line::Fair);
        client.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"cd");

        relay.set(Line::Shut);
        assert_eq!(client.read(&mut back).await.unwrap_or(0), 0);
        let mut late = TcpStream::connect(("127.0.0.1", relay.port())).await.unwrap();
        assert_eq!(late.read(&mut back).await.unwrap_or(0), 0);
    }
}
