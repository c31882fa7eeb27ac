//! The node while it lives: its actors and its HTTP server, on their threads.

use std::collections::{BTreeSet, HashMap};
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix::{Actor, Addr, Arbiter};
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use anyhow::{Context, bail};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::neighbours::Neighbours;
use crate::actors::child_watch::ChildWatch;
use crate::actors::children::{ChildrenParts, StoredChildren};
use crate::actors::command::Drain;
use crate::actors::health::Health;
use crate::actors::identity::NodeIdentity;
use crate::actors::lease::{LeaseKeeper, LeaseParts, RENEWAL_LIMIT};
use crate::actors::relay::Relay;
use crate::actors::scheduler::{JobScheduler, SchedulerParts, StopFiring};
use crate::actors::states::StoredStates;
use crate::actors::supervisor::{JobSupervisor, SupervisorParts};
use crate::actors::tracker::{JobTracker, LOCK_TIMEOUT, Removed, TrackerParts};
use crate::config::{BusKind, OnDatabaseLoss};
use crate::http::state::AppState;
use crate::http::wait::Waits;
use crate::job::{Environment, OnRemoved, Registry};
use crate::store::link::Link;
use crate::store::nodes::{self, Registration};
use crate::store::settings::StoredSettings;
use crate::store::watch::{DatabaseWatch, LEASE};

/// How often the actors that nobody starts again are looked at.
const WATCH: Duration = Duration::from_millis(500);
/// How long the scheduler has to end what it is firing.
const STOP_FIRING: Duration = Duration::from_secs(2);
/// How long after their grace jobs may take to be given up (an abort, five seconds, a write).
const DRAIN_MARGIN: Duration = Duration::from_secs(10);
/// How long requests have to end once the jobs have.
const HTTP_GRACE_SECONDS: u64 = 1;
/// More workers than this serve nothing that Postgres could answer.
const HTTP_WORKERS: usize = 4;
/// How long a node tries to sign off; the lease says the same a little later.
const SIGN_OFF: Duration = Duration::from_secs(2);

/// How long a statement of the supervisor may take: a claim takes milliseconds, and one that hangs keeps all others waiting.
const TURN_LIMIT: Duration = Duration::from_secs(10);
/// How long a question of the relay may take. It is asked again at the next beat.
const RELAY_LIMIT: Duration = Duration::from_secs(5);

/// What a node is made of.
pub(super) struct NodeParts {
    pub(super) node: Arc<NodeIdentity>,
    pub(super) registration: Registration,
    /// Told of the id under which the node had to register anew.
    pub(super) on_registered: Box<dyn Fn(Uuid) + Send>,
    pub(super) registry: Registry,
    pub(super) slots: HashMap<String, u32>,
    /// Whether nobody else can reach the database.
    pub(super) private: bool,
    pub(super) on_database_loss: OnDatabaseLoss,
    pub(super) bus: BusKind,
    pub(super) database_url: Arc<str>,
    pub(super) watch: Arc<DatabaseWatch>,
    pub(super) environment: Environment,
    pub(super) settings: Arc<StoredSettings>,
    pub(super) runtime: Handle,
    pub(super) listener: TcpListener,
    pub(super) allowed_hosts: Arc<[String]>,
    pub(super) grace: Duration,
    pub(super) fires_schedules: bool,
}

/// Runs the node until `stop` is sent or dropped. Says `ready` when the API answers.
pub(super) async fn serve(
    parts: NodeParts,
    ready: mpsc::Sender<()>,
    stop: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let link = |purpose| Link::new(Arc::clone(&parts.database_url), purpose).watched(Arc::clone(&parts.watch));
    let health = Health::with(&parts.registry, parts.bus == BusKind::Postgres, Arc::clone(&parts.watch));
    health.handler_threads.store(parts.runtime.metrics().num_workers() as u64, Ordering::Relaxed);
    let health = Arc::new(health);
    actix::spawn(log_reasons(Arc::clone(&health)));
    let db = parts.environment.db.clone().context("a node needs a database")?;
    let neighbours = Neighbours::new(&parts, &health);

    let watch = Arc::new(ChildWatch::default());
    let tracker = JobTracker::new(TrackerParts {
        node: Arc::clone(&parts.node),
        link: link("tracker").lock_timeout(LOCK_TIMEOUT),
        bus: neighbours.bus(),
        children: Arc::clone(&watch),
        health: Arc::clone(&health),
    });
    let tracker = JobTracker::start_in_arbiter(&Arbiter::new().handle(), |_| tracker);
    let on_removed: OnRemoved = Arc::new({
        let tracker = tracker.clone();
        move |jobs| tracker.do_send(Removed(jobs))
    });
    let (registry, told) = (parts.registry.clone(), tracker.clone());
    let children = StoredChildren::new(ChildrenParts {
        node: Arc::clone(&parts.node),
        db: db.clone(),
        registry,
        tracker: told,
        watch: Arc::clone(&watch),
    });
    let supervisor = JobSupervisor::start(SupervisorParts {
        node: Arc::clone(&parts.node),
        registry: parts.registry.clone(),
        slots: parts.slots,
        link: link("supervisor").limit(TURN_LIMIT).lock_timeout(LOCK_TIMEOUT),
        bus: neighbours.bus(),
        tracker: tracker.clone(),
        runtime: parts.runtime.clone(),
        environment: Environment {
            on_removed: Some(on_removed),
            children: Some(Arc::new(children.clone())),
            states: Some(Arc::new(StoredStates::new(Arc::clone(&parts.node), db.clone()))),
            ..parts.environment
        },
        health: Arc::clone(&health),
    });
    children.attach(supervisor.clone());
    parts.runtime.spawn(children.look_again());
    let waits = Arc::new(Waits::new(Arc::clone(&watch)));
    let relay = (!parts.private).then(|| {
        let link = link("relay").limit(RELAY_LIMIT);
        Relay::new(Arc::clone(&parts.node), link, tracker.clone(), watch, Arc::clone(&health))
    });
    let relay = neighbours.listen(relay, &supervisor);
    let lease = LeaseKeeper::new(LeaseParts {
        node: Arc::clone(&parts.node),
        registration: parts.registration,
        on_registered: parts.on_registered,
        goes_on: parts.private || parts.on_database_loss == OnDatabaseLoss::Continue,
        link: link(LEASE).limit(RENEWAL_LIMIT),
        supervisor: supervisor.clone(),
        tracker: tracker.clone(),
        relay: relay.clone().map(Addr::recipient),
        health: Arc::clone(&health),
    })
    .start();
    let scheduler = JobScheduler::new(SchedulerParts {
        registry: parts.registry.clone(),
        link: link("scheduler"),
        supervisor: supervisor.clone(),
        tracker: tracker.clone(),
        health: Arc::clone(&health),
        fires: parts.fires_schedules,
    });
    let scheduler = JobScheduler::start_in_arbiter(&Arbiter::new().handle(), |_| scheduler);
    let state = AppState {
        node: Arc::clone(&parts.node),
        registry: parts.registry,
        supervisor: supervisor.clone(),
        scheduler: scheduler.clone(),
        tracker: tracker.clone(),
        relay: relay.clone(),
        db: db.clone(),
        settings: parts.settings,
        waits: Arc::clone(&waits),
        health,
        allowed_hosts: parts.allowed_hosts,
    };
    let http = serve_http(parts.listener, state)?;
    let _ = ready.send(()); // the application may have given up

    tokio::select! {
        _ = stop => {}
        () = death(&supervisor, &tracker, &scheduler, &lease, relay.as_ref()) => bail!("an actor died; the next start rescues what ran"),
    }
    let _ = scheduler.send(StopFiring).timeout(STOP_FIRING).await; // a turn that hangs stores nothing that would be lost
    let drain = supervisor.send(Drain { grace: parts.grace });
    let drained = tokio::time::timeout(parts.grace + DRAIN_MARGIN, drain).await.is_ok();
    waits.close();
    http.stop(true).await;
    db.close(); // a role with few connections has room for one more then
    let mut link = link("sign-off");
    let signed = link.until_answered(async |conn| nodes::sign_off(conn, parts.node.current()).await);
    let signed = tokio::time::timeout(SIGN_OFF, signed).await.is_ok_and(|signed| signed.is_ok());
    if !(drained && signed) {
        bail!("the end of some jobs could not be stored, as the database did not answer; the next start rescues them");
    }
    Ok(())
}

fn serve_http(listener: TcpListener, state: AppState) -> anyhow::Result<ServerHandle> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(HTTP_WORKERS);
    let server = HttpServer::new(move || App::new().configure(|app| crate::http::configure(app, state.clone())))
        .workers(workers)
        .disable_signals()
        .shutdown_timeout(HTTP_GRACE_SECONDS)
        .on_connect(crate::http::ws::keep_socket)
        .listen(listener)
        .context("the HTTP server")?
        .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok(handle)
}

/// Looks why the node is not ready, so that it is known since when although nobody asks, and logs what changes.
async fn log_reasons(health: Arc<Health>) {
    let (mut known, mut watch) = (BTreeSet::new(), tokio::time::interval(WATCH));
    loop {
        watch.tick().await;
        let reasons = health.reasons();
        for reason in reasons.iter().filter(|reason| !known.contains(&reason.code)) {
            tracing::warn!(code = ?reason.code, since = %reason.since, "not ready: {}", reason.message);
        }
        if reasons.is_empty() && !known.is_empty() {
            tracing::info!("ready again");
        }
        known = reasons.into_iter().map(|reason| reason.code).collect();
    }
}

/// Returns when an actor is gone that nobody starts again.
async fn death(
    supervisor: &Addr<JobSupervisor>,
    tracker: &Addr<JobTracker>,
    scheduler: &Addr<JobScheduler>,
    lease: &Addr<LeaseKeeper>,
    relay: Option<&Addr<Relay>>,
) {
    let mut watch = tokio::time::interval(WATCH);
    while supervisor.connected()
        && tracker.connected()
        && scheduler.connected()
        && lease.connected()
        && relay.is_none_or(Addr::connected)
    {
        watch.tick().await;
    }
}
