//! The scratch database: a private Postgres, and the role as which the nodes use it.
//!
//! The nodes are no superusers, as on a server that an administrator runs: a superuser has every right and is under no limit.
//! The drill itself connects as the superuser, over the socket, without a relay.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::faults::Right;
use super::jobs::TABLE;
use super::relay::Gate;
use super::set_back::{SetBack, Snapshot};
use super::standby::{self, WayBack};
use crate::store::connect::connect;
use crate::store::embedded::PrivatePostgres;

/// The role of the nodes.
pub const ROLE: &str = "drill";
/// What the role needs: it owns the database, and so what the nodes make in it.
const MAKE_ROLE: &str = "CREATE ROLE drill LOGIN; ALTER DATABASE stashhog OWNER TO drill";
/// The directory of the database lets in its owner alone; who gets that far is trusted.
const ACCESS: &str = "local all drill trust\nlocal replication stashhog trust\n";

/// How long Postgres may take to come back.
const BACK: Duration = Duration::from_secs(90);
/// Between two looks at it, and two tries.
const LOOK: Duration = Duration::from_millis(50);
/// Between two steps of the clock.
const AGED_AGAIN: Duration = Duration::from_millis(150);
/// Connections that each node is left with while they are limited: it needs more than that at its best.
const FEW_PER_NODE: usize = 6;

/// The database. Dropping it stops it.
pub struct Database {
    /// What is behind the link at this moment.
    current: Arc<Mutex<Generation>>,
    /// A link to the directory of the socket, whichever Postgres has it.
    link: PathBuf,
    nodes: usize,
    /// What lies between the nodes and the database.
    pub gate: watch::Sender<Gate>,
    /// Held by who disturbs the database: one does at a time.
    pub alone: tokio::sync::Mutex<()>,
}

/// A Postgres, one of those that follow each other.
pub struct Generation {
    /// It.
    pub postgres: PrivatePostgres,
    /// Where it is kept.
    pub dir: PathBuf,
}

impl Generation {
    /// Starts one in this folder.
    pub async fn start(dir: PathBuf, nodes: usize) -> anyhow::Result<Self> {
        let connections = u32::try_from(nodes)?;
        let in_dir = dir.clone();
        let started = tokio::task::spawn_blocking(move || PrivatePostgres::start_for(&in_dir, connections));
        let generation = Self { postgres: started.await??, dir };
        let_in(&generation.cluster(), &mut generation.connect().await?).await?;
        Ok(generation)
    }

    /// The files of its Postgres.
    pub fn cluster(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// Where its socket lies.
    pub fn socket_dir(&self) -> PathBuf {
        self.postgres.socket().parent().map(Path::to_owned).unwrap_or_default()
    }

    /// A connection of a superuser.
    pub async fn connect(&self) -> anyhow::Result<AsyncPgConnection> {
        Ok(connect(&self.postgres.database_url()).await?)
    }
}

impl Database {
    /// Starts it in this folder for so many nodes, with the table of the drill's jobs.
    pub async fn start(scratch: &Path, nodes: usize) -> anyhow::Result<Self> {
        let current = Generation::start(scratch.join("database"), nodes).await?;
        let link = scratch.join("current");
        symlink(current.socket_dir(), &link)?;
        let (gate, _) = watch::channel(Gate::default());
        let database = Self { current: Arc::new(Mutex::new(current)), link, nodes, gate, alone: Default::default() };
        let mut conn = database.connect().await?;
        conn.batch_execute(MAKE_ROLE).await?;
        conn.batch_execute(&format!("SET ROLE {ROLE}; {TABLE}")).await?;
        Ok(database)
    }

    /// The connection string of a superuser.
    pub fn url(&self) -> String {
        format!("host='{}' user=stashhog dbname=stashhog", self.link.display())
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        let name = lock(&self.current).postgres.socket().file_name().map(PathBuf::from);
        self.link.join(name.unwrap_or_default())
    }

    /// A connection of a superuser.
    pub async fn connect(&self) -> anyhow::Result<AsyncPgConnection> {
        Ok(connect(&self.url()).await?)
    }

    /// Stops it.
    pub fn stop(&self) -> anyhow::Result<()> {
        Ok(tokio::task::block_in_place(|| lock(&self.current).postgres.stop())?)
    }

    /// Ends Postgres with this signal, and waits until its guard has brought it back.
    pub async fn restart(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = || lock(&self.current).postgres.pid();
        let before = pid().context("postgres is not there to be restarted")?;
        let _ = kill(Pid::from_raw(i32::try_from(before)?), signal); // its end is seen below
        let begun = Instant::now();
        while begun.elapsed() < BACK {
            sleep(LOOK).await;
            if pid().is_some_and(|pid| pid != before) && self.connect().await.is_ok() {
                return Ok(());
            }
        }
        Err(anyhow!("postgres did not come back within {} s", BACK.as_secs()))
    }

    /// Puts a standby that lags behind by this much into the place of the database, whose last commits are lost. What was lost.
    ///
    /// The nodes' connections to what was there before are cut, or stay `hanging`: open, and silent.
    pub async fn set_back(&self, lag: Duration, how: WayBack, hanging: bool) -> anyhow::Result<SetBack> {
        let (cluster, socket_dir, dir) = {
            let current = lock(&self.current);
            (current.cluster(), current.socket_dir(), current.dir.clone())
        };
        let next = dir.with_file_name(format!("database-{}", Uuid::new_v4().simple()));
        let mut primary = self.connect().await?;
        standby::copy(&mut primary, &cluster, &next.join("postgres"), &socket_dir).await?;
        let follower = Generation::start(next, self.nodes).await?;
        standby::follow_then_lag(&follower, lag).await?;
        self.gate.send_modify(|gate| gate.held = true);
        standby::end_sessions(&mut primary, ROLE).await?;
        let before = Snapshot::read(&mut primary).await?;
        drop(primary);
        let current = Arc::clone(&self.current);
        tokio::task::spawn_blocking(move || lock(&current).postgres.stop()).await??;
        let follower = standby::take_over(follower, how, self.nodes).await?;
        let after = Snapshot::read(&mut follower.connect().await?).await?;
        let fresh = self.link.with_extension("new");
        symlink(follower.socket_dir(), &fresh)?;
        fs::rename(&fresh, &self.link)?;
        drop(std::mem::replace(&mut *lock(&self.current), follower));
        let lost = SetBack::between(before, &after);
        self.gate.send_modify(|gate| {
            *gate = Gate { generation: gate.generation + 1, held: false, hanging };
        });
        fs::remove_dir_all(dir)?;
        Ok(lost)
    }

    /// Lets everything pass to the database that there is now, and cuts what hangs.
    pub fn open_gate(&self) {
        self.gate.send_modify(|gate| (gate.held, gate.hanging) = (false, false));
    }

    /// Runs statements, one after the other, each in a transaction of its own, until they are done: whatever is undone here has
    /// to be.
    async fn done(&self, statements: &[&str]) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let done = async {
                let mut conn = self.connect().await?;
                for statement in statements {
                    conn.batch_execute(statement).await?;
                }
                anyhow::Ok(())
            };
            match done.await {
                Err(error) if begun.elapsed() > BACK => return Err(error),
                Err(_) => sleep(LOOK).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Gathers statistics: from then on the planner knows the tables.
    pub async fn analyze(&self) -> anyhow::Result<()> {
        self.done(&["VACUUM (ANALYZE)"]).await
    }

    /// Takes a right from the nodes for a while.
    pub async fn revoke(&self, right: Right, length: Duration) -> anyhow::Result<()> {
        let Right { privilege, table } = right;
        self.done(&[&format!("REVOKE {privilege} ON {table} FROM {ROLE}")]).await?;
        sleep(length).await;
        self.done(&[&format!("GRANT {privilege} ON {table} TO {ROLE}")]).await
    }

    /// Takes nothing but reads for a while.
    pub async fn read_only(&self, length: Duration) -> anyhow::Result<()> {
        let set = "ALTER SYSTEM SET default_transaction_read_only = on";
        self.done(&[set, "SELECT pg_reload_conf()"]).await?;
        sleep(length).await;
        self.done(&["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"]).await
    }

    /// Ends half of the nodes' connections, and lets few new ones in for a while.
    pub async fn limit_connections(&self, length: Duration) -> anyhow::Result<()> {
        let limit = format!("ALTER ROLE {ROLE} CONNECTION LIMIT {}", self.nodes * FEW_PER_NODE);
        let end_half = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}' AND random() < 0.5"
        );
        self.done(&[&limit, &end_half]).await?;
        sleep(length).await;
        self.done(&[&format!("ALTER ROLE {ROLE} CONNECTION LIMIT -1")]).await
    }

    /// Holds the row of a running job for a while, as a person in `psql` does. Other jobs whose end was not stored meanwhile.
    pub async fn hold_row(&self, length: Duration) -> anyhow::Result<Vec<Waiting>> {
        let mut conn = self.connect().await?;
        let mut watcher = self.connect().await?;
        conn.transaction(async |conn| {
            // A row that nobody else has at this moment, or the wait for it would be ours.
            let held: Option<Held> = sql_query(HOLD).get_result(conn).await.optional()?;
            sleep(length).await;
            let held = held.map_or(Uuid::nil(), |held| held.id);
            let waiting = sql_query(WAITING).bind::<diesel::sql_types::Uuid, _>(held);
            Ok(waiting.load(&mut watcher).await?)
        })
        .await
    }

    /// Has all leases look older than they may for a while, as after steps of the database's clock: every node may take the jobs of
    /// the others, which live.
    pub async fn age_leases(&self, length: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < length {
            let fresh = "stopped_at IS NULL AND renewed_at > now() - interval '2 s'";
            self.done(&[&format!("UPDATE nodes SET renewed_at = renewed_at - interval '15 s' WHERE {fresh}")]).await?;
            sleep(AGED_AGAIN).await;
        }
        Ok(())
    }
}

/// A running job whose row is held.
const HOLD: &str = "SELECT id FROM jobs WHERE id = (
        SELECT id FROM jobs WHERE status = 'running' AND type LIKE 'drill%' ORDER BY random() LIMIT 1
    ) FOR UPDATE";

/// Jobs other than the held one that have done all their items and whose end has not been stored since.
const WAITING: &str = "SELECT jobs.id, jobs.node_id FROM jobs
    JOIN drill_writes written ON written.job_id = jobs.id AND written.claim_id = jobs.claim_id AND written.step = 'end'
    WHERE jobs.status IN ('running', 'cancelling') AND jobs.id <> $1 AND jobs.parent_id IS DISTINCT FROM $1
      AND written.owned AND written.at < clock_timestamp() - interval '6 s'";

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Uuid,
}

/// A job whose end is not stored yet.
#[derive(QueryableByName)]
pub struct Waiting {
    /// The job.
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub id: Uuid,
    /// Where it runs.
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Uuid>)]
    pub node_id: Option<Uuid>,
}

/// Has a cluster let in the role of the nodes, and a standby.
async fn let_in(cluster: &Path, conn: &mut AsyncPgConnection) -> anyhow::Result<()> {
    let rules = cluster.join("pg_hba.conf");
    let mut rules = OpenOptions::new().append(true).open(rules).context("the access rules of the database")?;
    rules.write_all(ACCESS.as_bytes())?;
    Ok(conn.batch_execute("SELECT pg_reload_conf()").await?)
}

/// A panic elsewhere has not spoilt what this holds.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
