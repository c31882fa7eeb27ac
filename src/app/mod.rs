//! The application: builds everything in order, and takes it down in order. The one place that knows every actor.
//!
//! ```text
//!  start: lock the data directory ─ Postgres ─ migrations ─ node ─ job runtime ─ tracker, supervisor, runners, scheduler ─ HTTP ─ run file
//!  stop:  no schedule is fired ─ no more claims ─ jobs get their grace ─ their ends are stored ─ HTTP ─ node signs off ─ run file ─ Postgres
//! ```
//!
//! Threads: actors and HTTP live on actix's own (one for the supervisor and its runners, one for the tracker, one or two for
//! HTTP); handlers on a runtime of several threads per core, so that a few that spin starve nobody; the pool's connections on
//! one of their own. When the supervisor or the tracker dies, the application ends with an error: the next start rescues.

mod data_dir;
mod neighbours;
mod node;

pub use data_dir::{DataDirError, RunFile, is_locked};

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use uuid::Uuid;

use self::data_dir::DataDir;
use self::node::{NodeParts, serve};
use crate::actors::identity::NodeIdentity;
use crate::config::Config;
use crate::job::{DbPool, Environment, MediaRoots, Registry};
use crate::store::capacity::{self, Allowance, NODE_MINIMUM};
use crate::store::connect::check_url;
use crate::store::embedded::PrivatePostgres;
use crate::store::link::Link;
use crate::store::nodes::{self, Registration};
use crate::store::pool::{self, PoolOptions};
use crate::store::sessions::hostname;
use crate::store::settings::{SharedSettings, StoredSettings};
use crate::store::vault::Vault;
use crate::store::watch::DatabaseWatch;
use crate::store::{clock, migrations, outbox, requirements};

/// Threads for handlers per core: a few that block theirs leave others for the rest.
const THREADS_PER_CORE: usize = 4;

/// A started application.
pub struct Application {
    url: String,
    db: DbPool,
    /// Sent once: stop.
    stop: oneshot::Sender<()>,
    /// The thread of the node; its result says whether all went in order.
    node: JoinHandle<anyhow::Result<()>>,
    /// Told when that thread ends by itself.
    ended: oneshot::Receiver<()>,
    runtime: Runtime,
    /// Where the pool's connections are driven.
    drivers: Runtime,
    /// Dropped after the node: the lock last of all.
    postgres: Option<PrivatePostgres>,
    data_dir: Arc<DataDir>,
}

impl Application {
    /// Starts everything and returns when the API answers.
    pub fn start(config: Config, registry: Registry) -> anyhow::Result<Self> {
        refuse_open_door(&config)?;
        if let Some(url) = &config.database_url {
            check_url(url).context("--database-url")?;
        }
        let data_dir = Arc::new(DataDir::lock(&config.data_dir)?);
        let media_roots = MediaRoots::new(&config.media_roots)?;
        let slots = slots(&config, &registry)?;
        let listener = TcpListener::bind(config.listen)
            .with_context(|| format!("can't listen on {}; choose another address with --listen", config.listen))?;
        let url = format!("http://{}", reachable(listener.local_addr()?));

        let postgres = match config.database_url {
            Some(_) => None,
            None => Some(PrivatePostgres::start(&config.data_dir)?),
        };
        let database_url: Arc<str> = match (&config.database_url, &postgres) {
            (Some(given), _) => given.as_str().into(),
            (None, Some(own)) => own.database_url().into(),
            (None, None) => bail!("no database"),
        };
        let runtime = job_runtime()?;
        let drivers = driver_runtime()?;
        let node_id = Uuid::now_v7();
        let registration = registration(&slots)?;
        let prepared = prepare(&database_url, node_id, &registry, &registration, data_dir.predecessor());
        let allowance = runtime.block_on(prepared)?;
        let watch = Arc::new(DatabaseWatch::default());
        let pool = PoolOptions { allowance: Some(allowance), wanted: config.db_connections, watch: Arc::clone(&watch) };
        let db = pool::build_with(&database_url, drivers.handle().clone(), pool)?;
        let vault = Vault::open(config.secret_key.as_ref().map(|key| key.0.as_str()), &config.data_dir)?;
        let settings = Arc::new(StoredSettings::new(db.clone(), config.settings, vault));
        let environment = Environment {
            db: Some(db.clone()),
            settings: Some(Arc::new(SharedSettings(Arc::clone(&settings)))),
            media_roots,
            ..Environment::default()
        };

        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let parts = NodeParts {
            node: NodeIdentity::new(node_id),
            registration,
            on_registered: announce_again(&data_dir, &url),
            registry,
            slots,
            private: postgres.is_some(),
            on_database_loss: config.on_database_loss,
            bus: config.bus,
            database_url,
            watch,
            environment,
            settings,
            runtime: runtime.handle().clone(),
            listener,
            allowed_hosts: config.allowed_hosts.into(),
            grace: config.shutdown_grace,
            fires_schedules: config.schedules,
        };
        let node = std::thread::Builder::new().name("stashhog-node".to_owned()).spawn(move || {
            let result = actix::System::new().block_on(serve(parts, ready, stopped));
            let _ = end.send(()); // nobody waits when the application was dropped
            result
        })?;
        let application = Self { url, db, stop, node, ended, runtime, drivers, postgres, data_dir };
        if is_ready.recv().is_err() {
            return Err(application.join().err().unwrap_or_else(|| anyhow!("the server did not start")));
        }
        match application.data_dir.announce(&application.url, node_id) {
            Ok(()) => Ok(application),
            Err(error) => {
                application.join()?;
                Err(error)
            }
        }
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The pool that handlers and requests take connections of.
    pub fn db(&self) -> &DbPool {
        &self.db
    }

    /// Waits for SIGTERM or SIGINT, then stops in order; a second signal stops at once, and the next start rescues. `Err` when
    /// it came to an end by itself.
    pub fn wait(mut self) -> anyhow::Result<()> {
        let signals = Builder::new_current_thread().enable_all().build()?;
        let (mut asked, ended) = signals.block_on(async {
            let mut asked = Asked::listen()?;
            let ended = tokio::select! {
                () = asked.again() => false,
                _ = &mut self.ended => true,
            };
            anyhow::Ok((asked, ended))
        })?;
        if ended {
            return self.join();
        }
        tracing::info!("stopping: running jobs get their grace; a second signal stops at once");
        // The same listener: a signal that comes between the two is not missed.
        std::thread::spawn(move || {
            signals.block_on(asked.again());
            tracing::warn!("stopped at once; the next start rescues what ran");
            std::process::exit(1);
        });
        self.stop()
    }

    /// Stops in order.
    pub fn stop(self) -> anyhow::Result<()> {
        self.join()
    }

    /// Waits for the node to end, and takes the rest down.
    fn join(self) -> anyhow::Result<()> {
        let Self { stop, node, runtime, drivers, postgres, data_dir, .. } = self;
        drop(stop); // hears it as well as a message
        let result = node.join().unwrap_or_else(|_| Err(anyhow!("the node's thread panicked")));
        // Abandoned handlers hold their threads; nobody waits for them.
        runtime.shutdown_background();
        drivers.shutdown_background();
        if result.is_ok() {
            data_dir.withdraw(); // otherwise it tells the next start whom to rescue from
        }
        if let Some(mut postgres) = postgres {
            postgres.stop()?;
        }
        result
    }
}

/// Who asks the server to stop: SIGTERM or SIGINT.
struct Asked {
    terminate: Signal,
    interrupt: Signal,
}

impl Asked {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal.
    async fn again(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// There are no tokens yet: whoever reaches the server may do everything.
fn refuse_open_door(config: &Config) -> anyhow::Result<()> {
    if config.listen.ip().is_loopback() {
        return Ok(());
    }
    if !config.insecure {
        bail!(
            "{} can be reached from other machines, and anyone who reaches it could run jobs; listen on 127.0.0.1, or say \
             --insecure",
            config.listen
        );
    }
    tracing::warn!("ANYONE WHO REACHES {} CAN RUN JOBS AND READ WHAT THEY DO (--insecure)", config.listen);
    Ok(())
}

/// The address for clients on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { "127.0.0.1" } else { "::1" };
        if let Ok(ip) = loopback.parse() {
            address.set_ip(ip);
        }
    }
    address
}

/// How many jobs of each type run here at a time.
fn slots(config: &Config, registry: &Registry) -> anyhow::Result<HashMap<String, u32>> {
    for (type_name, _) in &config.concurrency {
        if registry.get(type_name).is_none() {
            let near = registry.near(type_name).join(", ");
            bail!("--concurrency: there is no job type `{type_name}`; near: {near}");
        }
    }
    let told: HashMap<_, _> = config.concurrency.iter().cloned().collect();
    let each = registry.iter().map(|known| &known.spec);
    Ok(each.map(|spec| (spec.name.to_owned(), spec.slots_if_told(told.get(spec.name).copied()))).collect())
}

fn job_runtime() -> anyhow::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores * THREADS_PER_CORE)
        .thread_name("stashhog-job")
        .enable_all()
        .build()
        .context("the job runtime")
}

fn driver_runtime() -> anyhow::Result<Runtime> {
    let drivers = Builder::new_multi_thread().worker_threads(1).thread_name("stashhog-db").enable_all().build();
    drivers.context("the runtime of the connections")
}

/// How long a database that is still starting is waited for.
const DATABASE_WAIT: Duration = Duration::from_secs(30);

/// What this node says of itself in the database.
fn registration(slots: &HashMap<String, u32>) -> anyhow::Result<Registration> {
    Ok(Registration { hostname: hostname(), slots: serde_json::to_value(slots)? })
}

/// Writes the run file again when the node has got another id.
fn announce_again(data_dir: &Arc<DataDir>, url: &str) -> Box<dyn Fn(Uuid) + Send> {
    let (data_dir, url) = (Arc::clone(data_dir), url.to_owned());
    Box::new(move |node_id| {
        if let Err(error) = data_dir.announce(&url, node_id) {
            tracing::warn!(%error, "the run file does not name the new id of this node: after a crash its jobs wait for the lease");
        }
    })
}

/// Migrates, declares the predecessor dead and registers this node. What the database allows, if that is enough.
async fn prepare(
    database_url: &Arc<str>,
    node_id: Uuid,
    registry: &Registry,
    registration: &Registration,
    predecessor: Option<Uuid>,
) -> anyhow::Result<Allowance> {
    requirements::check(database_url).await.map_err(too_many)?;
    migrations::run(database_url).await.map_err(too_many)?;
    let mut link = Link::new(Arc::clone(database_url), "start");
    let entered = link.until_answered(async |conn| {
        requirements::check_rights(conn).await?;
        if let Some(predecessor) = predecessor {
            nodes::sign_off(conn, predecessor).await?;
        }
        outbox::register_types(conn, registry).await?;
        nodes::register(conn, node_id, registration).await?;
        clock::read(conn).await?;
        capacity::allowance(conn).await
    });
    let allowance = tokio::time::timeout(DATABASE_WAIT, entered).await.context("the database does not answer")??;
    if let Some(refusal) = allowance.refusal() {
        bail!(refusal);
    }
    if let Some(warning) = allowance.warning() {
        tracing::warn!("{warning}");
    }
    Ok(allowance)
}

/// Says how many connections are needed, where there are too few.
fn too_many(error: anyhow::Error) -> anyhow::Error {
    if format!("{error:#}").contains("(SQLSTATE 53300)") {
        return error.context(format!("a server needs {NODE_MINIMUM} connections to the database"));
    }
    error
}
