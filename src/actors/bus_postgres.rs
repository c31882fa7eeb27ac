//! The bus over Postgres: one connection that listens and notifies, as long as other nodes live.
//!
//! What gathers while a notification is under way goes with the next one. Each beat it sends itself a ping: a connection
//! pooler in transaction mode takes a `LISTEN` and forgets it, and only an unanswered ping tells.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::bus::{Bus, Gathered, Heard, Notice, parse, ping};
use super::bus_state::{BusHealth, BusState};
use super::identity::NodeIdentity;
use crate::store::connect::{Session, connect_session};
use crate::store::link::lost;
use crate::store::notify::{listen, notify};

/// How often it pings itself, and looks whether there are other nodes.
const BEAT: Duration = Duration::from_secs(1);
/// A connection over which nothing comes within this time is thrown away.
const LIMIT: Duration = Duration::from_secs(5);
/// It is deaf when so many of its pings were not heard. By number and not by time: a process that was stopped is not deaf.
const UNHEARD: u64 = 4;
/// First pause after a lost connection; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where notices of other nodes go. Must not block.
pub type Ears = Box<dyn Fn(Notice) + Send + Sync>;

/// The bus.
pub struct PostgresBus {
    node: Arc<NodeIdentity>,
    url: Arc<str>,
    health: Arc<BusHealth>,
    gathered: Mutex<Gathered>,
    /// Rung when something was gathered.
    news: Notify,
}

impl Bus for PostgresBus {
    fn publish(&self, notice: Notice) {
        // Without a connection nothing is kept: the others look by themselves.
        if self.health.others() > 0 && self.health.is_connected() {
            self.gathered.lock().unwrap_or_else(PoisonError::into_inner).add(notice);
            self.news.notify_one();
        }
    }
}

impl PostgresBus {
    /// A bus that does nothing until it is [`run`](Self::run).
    pub fn new(node: Arc<NodeIdentity>, url: Arc<str>, health: Arc<BusHealth>) -> Arc<Self> {
        Arc::new(Self { node, url, health, gathered: Mutex::default(), news: Notify::new() })
    }

    /// Carries notices as long as it is polled, and comes back when its connection is lost.
    pub async fn run(self: Arc<Self>, ears: Ears) {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.health.others() == 0 {
                sleep(BEAT / 4).await;
                continue;
            }
            let begun = Instant::now();
            let carried = self.carry(&ears).await;
            self.health.set(BusState::Lost);
            if let Err(error) = carried {
                tracing::warn!(%error, "the bus is lost: what other nodes do is told within a second; trying again");
                pause = if begun.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
                sleep(pause).await;
            }
        }
    }

    /// Carries notices over one connection until no other node lives.
    async fn carry(&self, ears: &Ears) -> QueryResult<()> {
        let opening = async {
            let mut session = connect_session(&self.url).await.map_err(|error| lost(error.to_string()))?;
            listen(&mut session.connection).await?;
            Ok(session)
        };
        let Session { mut connection, mut notifications, .. } =
            timeout(LIMIT, opening).await.unwrap_or_else(|_| Err(silent()))?;
        self.take();
        self.health.connected();
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut own = Pings { sent: 0, heard: 0 };
        while self.health.others() > 0 {
            tokio::select! {
                heard = next(&mut notifications) => self.hear(&heard?, &mut own, ears),
                () = self.news.notified() => self.send(&mut connection, self.take()).await?,
                _ = beat.tick() => {
                    if own.sent - own.heard >= UNHEARD {
                        self.health.set(BusState::Deaf);
                    }
                    own.sent += 1;
                    self.send(&mut connection, vec![ping(self.node.current(), own.sent)]).await?;
                }
            }
        }
        Ok(())
    }

    fn hear(&self, payload: &str, own: &mut Pings, ears: &Ears) {
        match parse(payload) {
            Some((node, Heard::Ping(number))) if node == self.node.current() => {
                own.heard = own.heard.max(number.min(own.sent)); // one of an earlier connection may be under way
                self.health.set(BusState::Live);
            }
            Some((node, Heard::Notice(notice))) if node != self.node.current() => {
                self.health.heard();
                ears(notice);
            }
            _ => {}
        }
    }

    async fn send(&self, connection: &mut AsyncPgConnection, payloads: Vec<String>) -> QueryResult<()> {
        if payloads.is_empty() {
            return Ok(());
        }
        timeout(LIMIT, notify(connection, &payloads)).await.unwrap_or_else(|_| Err(silent()))?;
        self.health.sent(payloads.len());
        Ok(())
    }

    fn take(&self) -> Vec<String> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).take(self.node.current())
    }
}

/// What a node knows of its own voice.
struct Pings {
    sent: u64,
    heard: u64,
}

/// Waits for the next payload.
async fn next(notifications: &mut UnboundedReceiver<String>) -> QueryResult<String> {
    notifications.recv().await.ok_or_else(|| lost("the connection was closed".to_owned()))
}

fn silent() -> diesel::result::Error {
    lost(format!("no answer within {LIMIT:?}"))
}
