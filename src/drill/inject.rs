//! Does to the cluster what was planned, and undoes it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use diesel::sql_types::{Bool, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::cluster::{Cluster, Place};
use super::faults::{Disturbance, FREEZE, Fault, FaultKind, Overdue};
use super::history::{Kind, Violation};
use super::ledger::Ledger;
use super::plan::Planned;
use super::relay::Line;
use super::set_back::SetBack;
use super::standby::WayBack;
use super::witness::Witness;

/// Between two looks whether the jobs of a frozen node run elsewhere.
const LOOK: Duration = Duration::from_millis(200);
/// A node is frozen for at least this long: its lease has 10 s.
const PAST_LEASE: Duration = Duration::from_secs(11);

/// Injects faults.
pub struct Injector {
    cluster: Arc<Cluster>,
    ledger: Arc<Ledger>,
    witnesses: Arc<Vec<Witness>>,
    done: Mutex<Vec<Disturbance>>,
    overdue: Mutex<Vec<Overdue>>,
    set_backs: Mutex<Vec<SetBack>>,
    under_way: Mutex<Vec<String>>,
}

impl Injector {
    /// One for a cluster.
    pub fn new(cluster: Arc<Cluster>, ledger: Arc<Ledger>, witnesses: Arc<Vec<Witness>>) -> Self {
        Self {
            cluster,
            ledger,
            witnesses,
            done: Mutex::default(),
            overdue: Mutex::default(),
            set_backs: Mutex::default(),
            under_way: Mutex::default(),
        }
    }

    /// Does all that is planned, and returns when it is undone.
    pub async fn run(&self, plan: Vec<Planned>, start: Instant, dice: &mut fastrand::Rng) -> anyhow::Result<()> {
        let torn: Vec<_> = plan.iter().map(|_| dice.usize(..self.witnesses.len())).collect();
        let each = plan.into_iter().zip(torn).map(|(planned, torn)| async move {
            sleep_until(start + planned.at).await;
            self.inject(planned, torn).await
        });
        join_all(each).await.into_iter().collect()
    }

    /// What was done so far.
    pub fn done(&self) -> Vec<Disturbance> {
        lock(&self.done).clone()
    }

    /// Jobs that waited for a row that somebody held, and had nothing to do with it.
    pub fn overdue(&self) -> Vec<Overdue> {
        lock(&self.overdue).clone()
    }

    /// What the database lost when it went back in time.
    pub fn set_backs(&self) -> Vec<SetBack> {
        lock(&self.set_backs).clone()
    }

    /// What is being done, for people.
    pub fn under_way(&self) -> Vec<String> {
        lock(&self.under_way).clone()
    }

    async fn inject(&self, planned: Planned, torn: usize) -> anyhow::Result<()> {
        let kind = planned.fault.kind();
        let place = &self.cluster.places[planned.node];
        let address = place.address().filter(|_| planned.fault.is_of_node());
        let label = if planned.fault.is_of_node() { format!("node {}: ", place.number) } else { String::new() };
        let label = format!("{label}{}", kind.label());
        tracing::info!("{label}");
        lock(&self.under_way).push(label.clone());
        let from = Utc::now();
        match planned.fault {
            Fault::TearOff => self.witnesses[torn].tear_off(),
            of_node if of_node.is_of_node() => self.disturb(place, of_node).await?,
            of_all => self.disturb_database(of_all).await?,
        }
        let until = Utc::now();
        lock(&self.under_way).retain(|other| *other != label);
        let process = address.map(|address| (address.process, address.node));
        lock(&self.done).push(Disturbance { kind, process, from, until });
        Ok(())
    }

    /// Does to the database what all nodes feel.
    async fn disturb_database(&self, fault: Fault) -> anyhow::Result<()> {
        let database = &self.cluster.database;
        let _alone = if fault.is_of_database() { Some(database.alone.lock().await) } else { None };
        match fault {
            Fault::Failover { lag, hanging } => {
                let lost = database.set_back(lag, WayBack::Failover, hanging.is_some()).await?;
                self.note_set_back(lost);
                sleep(hanging.unwrap_or_default()).await;
                database.open_gate();
            }
            Fault::Restore(lag) => self.note_set_back(database.set_back(lag, WayBack::Restore, false).await?),
            Fault::KillPostgres => database.restart(Signal::SIGKILL).await?,
            Fault::RestartPostgres => database.restart(Signal::SIGINT).await?,
            Fault::Revoke { right, length } => database.revoke(right, length).await?,
            Fault::ReadOnly(length) => database.read_only(length).await?,
            Fault::HoldRow(length) => {
                let waiting = database.hold_row(length).await?;
                lock(&self.overdue).extend(waiting.into_iter().map(|waiting| Overdue {
                    job: waiting.id,
                    node: waiting.node_id,
                    at: Utc::now(),
                }));
            }
            Fault::LimitConnections(length) => database.limit_connections(length).await?,
            Fault::Analyze => database.analyze().await?,
            Fault::AgeLeases(length) => database.age_leases(length).await?,
            _ => {}
        }
        Ok(())
    }

    /// What clients were told may no longer be so: they begin afresh.
    fn note_set_back(&self, lost: SetBack) {
        lock(&self.set_backs).push(lost);
        self.witnesses.iter().for_each(Witness::begin_afresh);
    }

    async fn disturb(&self, place: &Place, fault: Fault) -> anyhow::Result<()> {
        let mut standing = place.node.lock().await;
        self.notice_death(place, &mut standing).await?;
        let Some(node) = standing.as_mut() else { return Ok(()) };
        match fault {
            Fault::Pause(length) => {
                node.signal(Signal::SIGSTOP);
                sleep(length).await;
                node.signal(Signal::SIGCONT);
            }
            Fault::Freeze => {
                node.signal(Signal::SIGSTOP);
                self.until_taken_over(node.id).await;
                node.signal(Signal::SIGCONT);
            }
            Fault::Kill { same_dir, away } => {
                place.vacate();
                node.kill().await;
                let data_dir = same_dir.then(|| node.data_dir.clone());
                sleep(away).await;
                *node = self.cluster.start_node(place, data_dir).await?;
            }
            Fault::Restart => {
                node.stop().await; // how it ends is told by its jobs: its database may be away
                place.vacate();
                let data_dir = Some(node.data_dir.clone());
                *node = self.cluster.start_node(place, data_dir).await?;
            }
            Fault::Cut(length) => on_line(place, Line::Shut, length).await,
            Fault::Stall(length) => on_line(place, Line::Stalled, length).await,
            Fault::Slow { length, latency, bytes_per_second } => {
                on_line(place, Line::Slow { latency, bytes_per_second }, length).await;
            }
            Fault::CopyDataDir(length) => {
                let copy = node.data_dir.with_extension("copy");
                copy_files(&node.data_dir, &copy)?;
                let mut twin = self.cluster.start_beside(place, Some(copy.clone())).await?;
                sleep(length).await;
                twin.stop().await; // how it ends is told by the jobs: its database may be away
                fs::remove_dir_all(copy)?;
            }
            Fault::Swallow(length) => on_line(place, Line::Swallowed, length).await,
            Fault::Delay(length) => on_line(place, Line::Late, length).await,
            _ => {}
        }
        Ok(())
    }

    /// Looks after the nodes that nobody disturbs: one that has ended did so by itself.
    pub async fn look_after(&self) -> anyhow::Result<()> {
        for place in &self.cluster.places {
            if let Ok(mut standing) = place.node.try_lock() {
                self.notice_death(place, &mut standing).await?;
            }
        }
        Ok(())
    }

    async fn notice_death(&self, place: &Place, standing: &mut Option<super::node::Node>) -> anyhow::Result<()> {
        let Some(node) = standing.as_mut() else { return Ok(()) };
        let Some(status) = node.ended() else { return Ok(()) };
        let text = format!("node {} (process {}) ended by itself with {status}", place.number, node.process);
        self.ledger.note_odd(Violation::general(Kind::NodeDied, text));
        place.vacate();
        let data_dir = Some(node.data_dir.clone());
        *node = self.cluster.start_node(place, data_dir).await?;
        Ok(())
    }

    /// Waits until the lease of a frozen node has run out and another node runs one of its jobs: the moment at which a node
    /// that comes back does the most harm.
    async fn until_taken_over(&self, frozen: Uuid) {
        let begun = Instant::now();
        sleep(PAST_LEASE).await;
        while begun.elapsed() < FREEZE && !self.is_taken_over(frozen).await {
            sleep(LOOK).await;
        }
    }

    async fn is_taken_over(&self, frozen: Uuid) -> bool {
        let Ok(mut conn) = self.cluster.database.connect().await else { return false };
        let query = "SELECT EXISTS (
            SELECT FROM job_events JOIN jobs ON jobs.id = job_id
            WHERE kind = 'rescued' AND job_events.node_id = $1 AND jobs.status = 'running'
              AND jobs.attempt = job_events.attempt + 1 AND jobs.started_at < now() - interval '300 ms') AS taken";
        let found: Result<Taken, _> = sql_query(query).bind::<SqlUuid, _>(frozen).get_result(&mut conn).await;
        found.is_ok_and(|found| found.taken)
    }
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Copies the files of a data directory, those of its server among them.
fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten().filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

async fn on_line(place: &Place, line: Line, length: Duration) {
    place.relay.set(line);
    sleep(length).await;
    place.relay.set(Line::Fair);
}

/// Whether a disturbance of this kind keeps a statement that was sent from the database for as long as it lasts.
pub const fn holds_statements(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Pause | FaultKind::Freeze | FaultKind::Stall | FaultKind::Delay)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
