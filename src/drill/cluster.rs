//! The scratch cluster: a private Postgres, and places for nodes, each with its own relay to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::jobs::TABLE;
use super::node::{Launch, Node};
use super::relay::{Line, Relay};
use super::sabotage::{Broken, Sabotage};
use super::scratch::Scratch;
use crate::store::connect::connect;
use crate::store::embedded::PrivatePostgres;
use diesel_async::SimpleAsyncConnection;

/// How long a node is started again and again: its database may be away.
const STARTS_AGAIN: Duration = Duration::from_secs(90);
/// Between two starts.
const PAUSE: Duration = Duration::from_millis(500);
/// How long Postgres may take to come back.
const POSTGRES_BACK: Duration = Duration::from_secs(90);

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
    postgres: Mutex<PrivatePostgres>,
    /// Held by who ends Postgres: it has to be back before it is ended again.
    ending_postgres: tokio::sync::Mutex<()>,
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
        let dir = scratch.path().join("database");
        let connections = u32::try_from(nodes)?;
        let postgres = tokio::task::spawn_blocking(move || PrivatePostgres::start_for(&dir, connections)).await??;
        connect(&postgres.database_url()).await?.batch_execute(TABLE).await?;
        let socket = postgres.socket();
        let mut places = Vec::new();
        for number in 1..=nodes {
            let dice = Mutex::new(dice.fork());
            let sabotage = move || broken.map(|broken| Sabotage::new(broken, lock(&dice).fork()));
            let relay = Relay::start(socket.clone(), sabotage).await.context("a relay")?;
            places.push(Arc::new(Place { number, relay, node: Default::default(), address: Mutex::default() }));
        }
        let program = std::env::current_exe().context("this program can't be found")?;
        let (processes, postgres) = (AtomicI32::new(1), Mutex::new(postgres));
        let cluster = Self { places, program, processes, postgres, ending_postgres: Default::default(), scratch };
        for place in &cluster.places {
            let mut node = place.node.lock().await;
            *node = Some(cluster.start_node(place, None).await?);
        }
        Ok(cluster)
    }

    /// A node at a place, on the data directory of another or on one of its own. The database may be away for a while.
    pub async fn start_node(&self, place: &Place, data_dir: Option<PathBuf>) -> anyhow::Result<Node> {
        let begun = Instant::now();
        let database_url =
            format!("host=127.0.0.1 port={} user=stashhog dbname=stashhog sslmode=disable", place.relay.port());
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
                Ok(node) => {
                    let address = Address { url: node.url.clone(), node: node.id, process };
                    *lock(&place.address) = Some(address);
                    return Ok(node);
                }
                Err(error) if begun.elapsed() > STARTS_AGAIN => return Err(error),
                Err(error) => tracing::info!("{error:#}; starting another"),
            }
            sleep(PAUSE).await;
        }
    }

    /// The connection string for whoever needs no relay.
    pub fn database_url(&self) -> String {
        lock(&self.postgres).database_url()
    }

    /// How many processes of nodes there were.
    pub fn processes(&self) -> i32 {
        self.processes.load(Ordering::Relaxed) - 1
    }

    /// Ends Postgres with this signal, and waits until its guard has brought it back.
    pub async fn restart_postgres(&self, signal: Signal) -> anyhow::Result<()> {
        let _alone = self.ending_postgres.lock().await;
        let before = lock(&self.postgres).pid().context("postgres is not there to be restarted")?;
        let _ = kill(Pid::from_raw(i32::try_from(before)?), signal); // its end is seen below
        let begun = Instant::now();
        let url = self.database_url();
        while begun.elapsed() < POSTGRES_BACK {
            sleep(PAUSE / 10).await;
            let another = lock(&self.postgres).pid().is_some_and(|pid| pid != before);
            if another && connect(&url).await.is_ok() {
                return Ok(());
            }
        }
        Err(anyhow!("postgres did not come back within {} s", POSTGRES_BACK.as_secs()))
    }

    /// What the nodes said, by process: for whoever looks for panics.
    pub fn logs(&self) -> Vec<(i32, String)> {
        let read = |process| {
            let path = self.scratch.path().join(format!("node-{process}.log"));
            std::fs::read_to_string(path).ok().map(|text| (process, text))
        };
        (1..=self.processes()).filter_map(read).collect()
    }

    /// Where everything is kept, if it is.
    pub fn kept(&self) -> Option<PathBuf> {
        self.scratch.kept().map(Into::into)
    }

    /// Stops the nodes in order, then Postgres. Which processes did not go in order, and how they ended.
    pub async fn stop(&self) -> anyhow::Result<Vec<(i32, String)>> {
        let stops = self.places.iter().map(|place| async {
            place.relay.set(Line::Fair);
            let mut node = place.node.lock().await.take()?;
            node.signal(Signal::SIGCONT);
            let ended = node.stop().await;
            let how = ended.map_or_else(|| "had to be killed".to_owned(), |status| format!("ended with {status}"));
            (!ended.is_some_and(|status| status.success())).then_some((node.process, how))
        });
        let odd = futures_util::future::join_all(stops).await.into_iter().flatten().collect();
        tokio::task::block_in_place(|| lock(&self.postgres).stop())?;
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
