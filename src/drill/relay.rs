//! The network between a node and the database: a relay on 127.0.0.1 that can be made as bad as a network gets.
//!
//! ```text
//!   node ──TCP──▶ relay ──unix socket──▶ Postgres
//!                  fair │ slow │ stalled (nothing passes, nothing breaks) │ shut (all cut, none let in)
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
    /// Every connection is cut, and none is let in.
    Shut,
}

/// A relay. Dropping it cuts everything.
pub struct Relay {
    port: u16,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay to the socket of a Postgres. `sabotage` makes what spoils each of its connections.
    pub async fn start(
        socket: PathBuf,
        sabotage: impl Fn() -> Option<Sabotage> + Send + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (line, seen) = watch::channel(Line::Fair);
        let socket = Arc::new(socket);
        let task = tokio::spawn(async move {
            loop {
                // What can go wrong here (no descriptor is free) passes.
                let Ok((client, _)) = listener.accept().await else {
                    sleep(Duration::from_millis(50)).await;
                    continue;
                };
                if *seen.borrow() != Line::Shut {
                    tokio::spawn(connection(client, Arc::clone(&socket), seen.clone(), sabotage()));
                }
            }
        });
        Ok(Self { port, line, task })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the line.
    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Line::Shut);
    }
}

async fn connection(client: TcpStream, socket: Arc<PathBuf>, line: watch::Receiver<Line>, sabotage: Option<Sabotage>) {
    let _ = client.set_nodelay(true);
    let Ok(database) = UnixStream::connect(&*socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_database, to_database) = database.into_split();
    let mut shut = line.clone();
    tokio::select! {
        () = pump(from_client, to_database, line.clone(), sabotage) => {}
        () = pump(from_database, to_client, line, None) => {}
        _ = shut.wait_for(|line| *line == Line::Shut) => {}
    }
}

/// Passes bytes on until either end is gone.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: watch::Receiver<Line>,
    mut sabotage: Option<Sabotage>,
) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read) = from.read(&mut chunk).await
        && read > 0
    {
        let Ok(now) = line.wait_for(|line| *line != Line::Stalled).await.map(|line| *line) else { return };
        if let Line::Slow { latency, bytes_per_second } = now {
            #[allow(clippy::cast_possible_truncation)] // a chunk is small
            sleep(latency + Duration::from_secs(1) * read as u32 / bytes_per_second.max(1)).await;
        }
        let sent = match &mut sabotage {
            Some(sabotage) => to.write_all(&sabotage.pass(&chunk[..read])).await,
            None => to.write_all(&chunk[..read]).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UnixListener};
    use tokio::time::timeout;

    use super::{Line, Relay};

    #[tokio::test]
    async fn a_line_passes_stalls_and_is_cut() {
        let dir = tempfile::tempdir().unwrap();
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
        let relay = Relay::start(socket, || None).await.unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", relay.port())).await.unwrap();
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
