//! The order of a drill: start, load and break, let recover, look at everything, stop.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::acts;
use super::api::Api;
use super::census::Census;
use super::check;
use super::cluster::Cluster;
use super::faults::Fault;
use super::history::{self, History, Kind, Violation};
use super::inject::Injector;
use super::jobs;
use super::ledger::Ledger;
use super::load::Load;
use super::plan::plan;
use super::report::{Report, Reported};
use super::sabotage::Broken;
use super::schedules;
use super::scratch::Scratch;
use super::witness::Witness;
use super::{Settings, check::check};
use crate::store::link::Link;

/// Unfinished jobs per node that keep it busy.
const ENOUGH_PER_NODE: usize = 14;
/// How long the cluster may take to recover: a lease, a sweep, the longest job, what waits, twice.
const RECOVERS: Duration = Duration::from_secs(120);
/// How long a client may take to hear the last of it.
const HEARS: Duration = Duration::from_secs(30);
/// How long the first snapshots may take.
const BEGINS: Duration = Duration::from_secs(30);
/// Between two counts, and two looks at what should come.
const LOOK: Duration = Duration::from_millis(250);

/// What a drill is doing, for whoever watches.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// In words.
    pub phase: &'static str,
    /// How long the load has been on.
    pub elapsed: Duration,
    /// Jobs that were accepted.
    pub accepted: usize,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that have ended.
    pub ended: usize,
    /// Faults that are over.
    pub faults: usize,
    /// Faults that are not.
    pub under_way: Vec<String>,
}

/// Runs a drill. None when it was stopped before its end.
pub async fn run(
    settings: Settings,
    stop: CancellationToken,
    live: watch::Sender<Live>,
) -> anyhow::Result<Option<Report>> {
    let begun = Instant::now();
    live.send_modify(|live| live.phase = "starting");
    let mut dice = fastrand::Rng::with_seed(settings.seed);
    let scratch = Scratch::new(settings.keep)?;
    let cluster = Cluster::start(scratch, settings.nodes, settings.broken, &mut dice.fork()).await?;
    let drill = Drill::new(settings, Arc::new(cluster), live, &mut dice)?;
    let history = stop.run_until_cancelled(drill.history()).await;
    drill.live.send_modify(|live| live.phase = "stopping");
    drill.deaf.cancel();
    let odd = drill.cluster.stop().await?;
    let Some(history) = history else { return Ok(None) };
    let mut history = history?;
    history.ledger.odd.extend(drill.aftermath(odd));
    let violations = check(&history);
    let reported = Reported {
        settings: &drill.settings,
        history: &history,
        seconds: begun.elapsed().as_secs_f64(),
        processes: drill.cluster.processes(),
        kept: drill.cluster.kept(),
    };
    Ok(Some(Report::of(&reported, violations)))
}

struct Drill {
    settings: Settings,
    cluster: Arc<Cluster>,
    ledger: Arc<Ledger>,
    injector: Injector,
    witnesses: Arc<Vec<Witness>>,
    api: Api,
    live: watch::Sender<Live>,
    /// Ends the witnesses.
    deaf: CancellationToken,
    of_load: fastrand::Rng,
    of_faults: fastrand::Rng,
}

impl Drill {
    fn new(
        settings: Settings,
        cluster: Arc<Cluster>,
        live: watch::Sender<Live>,
        dice: &mut fastrand::Rng,
    ) -> anyhow::Result<Self> {
        let (api, deaf, ledger) = (Api::new()?, CancellationToken::new(), Arc::new(Ledger::default()));
        let witness = |_| Witness::start(Arc::clone(&cluster), api.clone(), dice.fork(), deaf.clone());
        let witnesses = Arc::new((0..=settings.nodes).map(witness).collect::<Vec<_>>());
        let injector = Injector::new(Arc::clone(&cluster), Arc::clone(&ledger), Arc::clone(&witnesses));
        let (of_load, of_faults) = (dice.fork(), dice.fork());
        Ok(Self { settings, cluster, ledger, injector, witnesses, api, live, deaf, of_load, of_faults })
    }

    /// Does everything up to the moment at which nothing happens any more.
    async fn history(&self) -> anyhow::Result<History> {
        self.until("the first snapshots", BEGINS, async || self.witnesses.iter().all(Witness::has_begun)).await?;
        let (counted, census) = watch::channel(Census::default());
        tokio::select! {
            done = self.acts(census) => done?,
            never = self.count(counted) => never?,
        }
        self.read().await
    }

    /// Load and faults, then recovery.
    async fn acts(&self, mut census: watch::Receiver<Census>) -> anyhow::Result<()> {
        let (start, length) = (Instant::now(), self.settings.length);
        self.live.send_modify(|live| live.phase = "breaking");
        // What it takes to see what is broken, first of all.
        let first = match self.settings.broken {
            Some(Broken::Fence) => Some(Fault::Freeze),
            Some(Broken::Rows) => Some(Fault::HoldRow(Duration::from_secs(9))),
            Some(Broken::Announce) | None => None,
        };
        let mut of_faults = self.of_faults.clone();
        let planned = plan(&mut of_faults, length, self.settings.nodes, first);
        let load = Load {
            cluster: Arc::clone(&self.cluster),
            api: self.api.clone(),
            ledger: Arc::clone(&self.ledger),
            census: census.clone(),
            tags: AtomicU64::new(1),
            in_bulk: AtomicU64::default(),
            enough: ENOUGH_PER_NODE * self.settings.nodes,
        };
        let scheduled = schedules::create(&self.cluster, &self.api).await?;
        let mut of_load = self.of_load.clone();
        let (_, injected) =
            tokio::join!(load.run(start + length, &mut of_load), self.injector.run(planned, start, &mut of_faults));
        injected?;
        schedules::switch_off(&self.cluster, &self.api, &scheduled).await?;
        self.live.send_modify(|live| live.phase = "recovering");
        let deadline = Instant::now() + RECOVERS;
        // Two counts that began after the last answer.
        census.mark_unchanged();
        let mut quiet = 0;
        while quiet < 2 && Instant::now() < deadline {
            census.changed().await.context("nobody counts")?;
            quiet = if census.borrow_and_update().unfinished() == 0 { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    /// Counts, tells, and looks after the nodes, without end.
    async fn count(&self, counted: watch::Sender<Census>) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut link = Link::new(self.cluster.database.url().into(), "drill");
        let types = jobs::names();
        loop {
            let census = link.until_answered(async |conn| Census::take(conn, &types).await).await?;
            self.live.send_modify(|live| {
                live.elapsed = start.elapsed();
                live.accepted = self.ledger.accepted();
                (live.running, live.ended) = (census.running, census.ended);
                live.faults = self.injector.done().len();
                live.under_way = self.injector.under_way();
            });
            counted.send_replace(census);
            self.injector.look_after().await?;
            sleep(LOOK).await;
        }
    }

    /// Reads everything, once every client had its time to hear of it.
    async fn read(&self) -> anyhow::Result<History> {
        self.live.send_modify(|live| live.phase = "checking");
        let mut link = Link::new(self.cluster.database.url().into(), "drill");
        let jobs = link.until_answered(async |conn| history::jobs(conn, &jobs::names()).await).await?;
        let set_backs = self.injector.set_backs();
        let all_told = async || {
            let not_told = |witness: &Witness| check::witness(0, &witness.heard(), &jobs, &set_backs);
            self.witnesses.iter().flat_map(not_told).all(|found| found.kind != Kind::NotTold)
        };
        let _ = self.until("the last news", HEARS, all_told).await; // a violation tells who did not hear
        Ok(History {
            ledger: self.ledger.entries(),
            events: link.until_answered(async |conn| history::events(conn).await).await?,
            acts: acts::read(&self.cluster.acts())?,
            due: link.until_answered(async |conn| history::due(conn).await).await?,
            overdue: self.injector.overdue(),
            set_backs,
            writes: link.until_answered(async |conn| history::writes(conn).await).await?,
            witnesses: self.witnesses.iter().map(Witness::heard).collect(),
            disturbances: self.injector.done(),
            specs: jobs::SPECS.to_vec(),
            jobs,
        })
    }

    /// What is seen only when the nodes have stopped.
    fn aftermath(&self, odd: Vec<(i32, String)>) -> Vec<Violation> {
        let unclean = odd.into_iter().map(|(process, how)| {
            Violation::general(Kind::NodeDied, format!("process {process} was told to stop, and {how}"))
        });
        let panicked = self.cluster.logs().into_iter().filter_map(|(process, log)| {
            let line = log.lines().find(|line| line.contains("panicked"))?;
            Some(Violation::general(Kind::Panicked, format!("process {process}: {line}")))
        });
        unclean.chain(panicked).collect()
    }

    async fn until(&self, what: &str, longest: Duration, mut holds: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !holds().await {
            anyhow::ensure!(begun.elapsed() < longest, "waited in vain for {what}");
            sleep(LOOK).await;
        }
        Ok(())
    }
}
