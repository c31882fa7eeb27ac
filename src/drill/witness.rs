//! A witness: a live client that believes what it is told, on whichever node it finds, and is torn off now and then.
//!
//! It does what the protocol asks of a client: it comes again with the greatest `rev` that it has seen, and asks for jobs that it
//! holds unfinished when a fresh snapshot does not have them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api::Api;
use super::cluster::Cluster;
use super::heard::Heard;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Longer than a node takes to answer an upgrade.
const OPEN: Duration = Duration::from_secs(3);
/// After this much silence a sign of life is asked for, and after twice as much the node is given up: it may be frozen.
const SILENCE: Duration = Duration::from_secs(3);
/// After one of so many frames it reads nothing for a while, as a busy client does.
const SLOW_ONE_OF: u32 = 200;
const SLOW: Duration = Duration::from_secs(2);
/// Between two attempts to find a node.
const PAUSE: Duration = Duration::from_millis(200);

/// A witness and the task that listens for it.
pub struct Witness {
    heard: Arc<Mutex<Heard>>,
    /// Tears it off.
    tear: Arc<Notify>,
    /// Whether it forgets what it holds when it connects again.
    afresh: Arc<AtomicBool>,
}

impl Witness {
    /// One that listens until `stop`.
    pub fn start(cluster: Arc<Cluster>, api: Api, dice: fastrand::Rng, stop: CancellationToken) -> Self {
        let witness = Self { heard: Arc::default(), tear: Arc::default(), afresh: Arc::default() };
        let mut listener = Listener {
            cluster,
            api,
            dice,
            heard: Arc::clone(&witness.heard),
            tear: Arc::clone(&witness.tear),
            afresh: Arc::clone(&witness.afresh),
        };
        tokio::spawn(async move {
            stop.run_until_cancelled(listener.listen()).await;
        });
        witness
    }

    /// Tears it off its node.
    pub fn tear_off(&self) {
        self.tear.notify_one();
    }

    /// Tears it off, and has it forget what it holds, as a page that is loaded again.
    pub fn begin_afresh(&self) {
        self.afresh.store(true, Ordering::SeqCst);
        self.tear.notify_one();
    }

    /// Whether it has been told where to begin.
    pub fn has_begun(&self) -> bool {
        lock(&self.heard).has_begun()
    }

    /// What it knows by now.
    pub fn heard(&self) -> Heard {
        lock(&self.heard).clone()
    }
}

struct Listener {
    cluster: Arc<Cluster>,
    api: Api,
    dice: fastrand::Rng,
    heard: Arc<Mutex<Heard>>,
    tear: Arc<Notify>,
    afresh: Arc<AtomicBool>,
}

impl Listener {
    async fn listen(&mut self) {
        loop {
            if self.afresh.swap(false, Ordering::SeqCst) {
                lock(&self.heard).begin_afresh();
            }
            let url = self.any_node();
            if let Some(url) = url
                && let Some(mut socket) = self.open(&url).await
            {
                tokio::select! {
                    () = Self::hear(&mut socket, &self.heard, &self.api, &self.cluster, &mut self.dice) => {}
                    () = self.tear.notified() => {}
                }
                lock(&self.heard).reconnects += 1;
            }
            sleep(PAUSE).await;
        }
    }

    fn any_node(&mut self) -> Option<String> {
        let place = self.dice.usize(..self.cluster.places.len());
        self.cluster.places[place].address().map(|address| address.url)
    }

    async fn open(&self, url: &str) -> Option<Socket> {
        let rev = lock(&self.heard).since();
        let since = if rev > 0 { format!("?since={rev}") } else { String::new() };
        let url = format!("{}/api/jobs/ws{since}", url.replacen("http", "ws", 1));
        let (socket, _) = timeout(OPEN, connect_async(url)).await.ok()?.ok()?;
        Some(socket)
    }

    async fn hear(socket: &mut Socket, heard: &Mutex<Heard>, api: &Api, cluster: &Cluster, dice: &mut fastrand::Rng) {
        let mut asked = false;
        loop {
            match timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    asked = false;
                    // A frame that is none shows as a job that it never heard of.
                    let Ok(frame) = serde_json::from_str(text.as_str()) else { return };
                    let missing = lock(heard).take(frame);
                    if dice.u32(..SLOW_ONE_OF) == 0 {
                        sleep(SLOW).await; // the node has to cope with what waits
                    }
                    if !ask_for(missing, heard, api, cluster).await {
                        return;
                    }
                }
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return,
                Ok(Some(Ok(_))) => asked = false,
                Err(_) if asked => return,
                Err(_) => {
                    asked = true;
                    if socket.send(Message::text(r#"{"type":"ping"}"#)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Asks for jobs that a snapshot should have had. Whether all were told: otherwise it comes again, and asks again.
async fn ask_for(missing: Vec<Uuid>, heard: &Mutex<Heard>, api: &Api, cluster: &Cluster) -> bool {
    for id in missing {
        let mut told = None;
        for address in cluster.places.iter().filter_map(|place| place.address()) {
            let reply = api.get(&address.url, &format!("/api/jobs/{id}")).await.filter(|reply| reply.status == 200);
            told = reply.and_then(|reply| serde_json::from_value(reply.body).ok());
            if told.is_some() {
                break;
            }
        }
        match told {
            Some(told) => lock(heard).believe(told),
            None => {
                lock(heard).forget_place(); // the next snapshot will miss it as well
                return false;
            }
        }
    }
    true
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
