//! Does to the cluster what was planned, and undoes it.

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
use super::faults::{Disturbance, FREEZE, Fault, FaultKind};
use super::history::{Kind, Violation};
use super::ledger::Ledger;
use super::plan::Planned;
use super::relay::Line;
use super::witness::Witness;
use crate::store::connect::connect;

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
    under_way: Mutex<Vec<String>>,
}

impl Injector {
    /// One for a cluster.
    pub fn new(cluster: Arc<Cluster>, ledger: Arc<Ledger>, witnesses: Arc<Vec<Witness>>) -> Self {
        Self { cluster, ledger, witnesses, done: Mutex::default(), under_way: Mutex::default() }
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
            Fault::KillPostgres => self.cluster.restart_postgres(Signal::SIGKILL).await?,
            Fault::RestartPostgres => self.cluster.restart_postgres(Signal::SIGINT).await?,
            Fault::TearOff => self.witnesses[torn].tear_off(),
            of_node => self.disturb(place, of_node).await?,
        }
        let until = Utc::now();
        lock(&self.under_way).retain(|other| *other != label);
        let process = address.map(|address| (address.process, address.node));
        lock(&self.done).push(Disturbance { kind, process, from, until });
        Ok(())
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
            Fault::KillPostgres | Fault::RestartPostgres | Fault::TearOff => {}
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
        let Ok(mut conn) = connect(&self.cluster.database_url()).await else { return false };
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

async fn on_line(place: &Place, line: Line, length: Duration) {
    place.relay.set(line);
    sleep(length).await;
    place.relay.set(Line::Fair);
}

/// Whether a disturbance of this kind keeps a statement that was sent from the database for as long as it lasts.
pub const fn holds_statements(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Pause | FaultKind::Freeze | FaultKind::Stall)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
