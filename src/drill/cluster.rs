//! The scratch cluster: a database, and places for nodes, each with its own relay to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::acts;
use super::database::{Database, ROLE};
use super::node::{Launch, Node};
use super::relay::{Line, Relay};
use super::sabotage::{Broken, Sabotage};
use super::scratch::Scratch;

/// How long a node is started again and again: its database may be away.
const STARTS_AGAIN: Duration = Duration::from_secs(90);
/// Between two starts.
const PAUSE: Duration = Duration::from_millis(500);

/// A place for a node.
pub struct Place {
    /// Its number, from 1.
    pub number: usize,
    /// Its line to the database.
    pub relay: Relay,
    /// The process that stands here. Whoever disturbs it holds the lock.
    pub node: tokio::sync::Mutex<Option<Node>>,
    /// Who is reached here, also while somebody disturbs it.
    address: Mutex<Option<Address>>,
}

/// Who stands at a place.
#[derive(Clone, Debug)]
pub struct Address {
    /// Where it is asked.
    pub url: String,
    /// Its node.
    pub node: Uuid,
    /// Its process.
    pub process: i32,
}

/// The cluster. Dropping it ends all of its processes; [`stop`](Self::stop) does so in order.
pub struct Cluster {
    /// The places.
    pub places: Vec<Arc<Place>>,
    program: PathBuf,
    processes: AtomicI32,
    /// What all share.
    pub database: Database,
    /// Dropped last.
    scratch: Scratch,
}

impl Cluster {
    /// Starts Postgres, the relays and the nodes, and returns when all of them answer.
    pub async fn start(
        scratch: Scratch,
        nodes: usize,
        broken: Option<Broken>,
        dice: &mut fastrand::Rng,
    ) -> anyhow::Result<Self> {
        let database = Database::start(scratch.path(), nodes).await?;
        let socket = database.socket();
        let mut places = Vec::new();
        for number in 1..=nodes {
            let dice = Mutex::new(dice.fork());
            let sabotage = move || broken.map(|broken| Sabotage::new(broken, lock(&dice).fork()));
            let relay = Relay::start(socket.clone(), database.gate.subscribe(), sabotage).await.context("a relay")?;
            places.push(Arc::new(Place { number, relay, node: Default::default(), address: Mutex::default() }));
        }
        let program = std::env::current_exe().context("this program can't be found")?;
        let cluster = Self { places, program, processes: AtomicI32::new(1), database, scratch };
        for place in &cluster.places {
            let mut node = place.node.lock().await;
            *node = Some(cluster.start_node(place, None).await?);
        }
        Ok(cluster)
    }

    /// A node that stands at a place, on the data directory of another or on one of its own. The database may be away for a while.
    pub async fn start_node(&self, place: &Place, data_dir: Option<PathBuf>) -> anyhow::Result<Node> {
        let node = self.start_beside(place, data_dir).await?;
        *lock(&place.address) = Some(Address { url: node.url.clone(), node: node.id, process: node.process });
        Ok(node)
    }

    /// The same, but nobody is told of it.
    pub async fn start_beside(&self, place: &Place, data_dir: Option<PathBuf>) -> anyhow::Result<Node> {
        let begun = Instant::now();
        let database_url =
            format!("host=127.0.0.1 port={} user={ROLE} dbname=stashhog sslmode=disable", place.relay.port());
        loop {
            let process = self.processes.fetch_add(1, Ordering::Relaxed);
            let own = || self.scratch.path().join(format!("node-{process}"));
            let launch = Launch {
                program: &self.program,
                data_dir: data_dir.clone().unwrap_or_else(own),
                log: self.scratch.path().join(format!("node-{process}.log")),
                database_url: &database_url,
                process,
            };
            match Node::start(launch).await {
                Ok(node) => return Ok(node),
                Err(error) if begun.elapsed() > STARTS_AGAIN => return Err(error),
                Err(error) => tracing::info!("{error:#}; starting another"),
            }
            sleep(PAUSE).await;
        }
    }

    /// How many processes of nodes there were.
    pub fn processes(&self) -> i32 {
        self.processes.load(Ordering::Relaxed) - 1
    }

    /// What the nodes said, by process: for whoever looks for panics.
    pub fn logs(&self) -> Vec<(i32, String)> {
        let read = |process| {
            let path = self.scratch.path().join(format!("node-{process}.log"));
            std::fs::read_to_string(path).ok().map(|text| (process, text))
        };
        (1..=self.processes()).filter_map(read).collect()
    }

    /// Where jobs write down what they do outside the database.
    pub fn acts(&self) -> PathBuf {
        self.scratch.path().join(acts::FILE)
    }

    /// Where everything is kept, if it is.
    pub fn kept(&self) -> Option<PathBuf> {
        self.scratch.kept().map(Into::into)
    }

    /// Stops the nodes in order, then Postgres. Which processes did not go in order, and how they ended.
    pub async fn stop(&self) -> anyhow::Result<Vec<(i32, String)>> {
        self.database.open_gate();
        let stops = self.places.iter().map(|place| async {
            place.relay.set(Line::Fair);
            let mut node = place.node.lock().await.take()?;
            node.signal(Signal::SIGCONT);
            let ended = node.stop().await;
            let how = ended.map_or_else(|| "had to be killed".to_owned(), |status| format!("ended with {status}"));
            (!ended.is_some_and(|status| status.success())).then_some((node.process, how))
        });
        let odd = futures_util::future::join_all(stops).await.into_iter().flatten().collect();
        self.database.stop()?;
        Ok(odd)
    }
}

impl Place {
    /// Who is reached here; none before the first node, and while none stands here.
    pub fn address(&self) -> Option<Address> {
        lock(&self.address).clone()
    }

    /// Nobody is reached here.
    pub fn vacate(&self) {
        *lock(&self.address) = None;
    }
}

/// What these hold is whole at every moment, so a panic elsewhere has not spoilt it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
