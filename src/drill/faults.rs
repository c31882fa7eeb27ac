//! What can be done to the cluster.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// Something that is done to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of a node; after a while another takes its place.
    Kill {
        /// Whether it has the data directory of the dead one, and so knows at once that it is dead.
        same_dir: bool,
        /// How long the place is empty.
        away: Duration,
    },
    /// SIGTERM of a node; another takes its place.
    Restart,
    /// SIGSTOP of a node; SIGCONT after this time, which is short of its lease.
    Pause(Duration),
    /// SIGSTOP of a node until its lease has run out and others run its jobs; then SIGCONT.
    Freeze,
    /// A node's connections to the database are cut, and none is let in.
    Cut(Duration),
    /// Nothing passes between a node and the database, and nothing breaks.
    Stall(Duration),
    /// Everything between a node and the database takes long.
    Slow {
        /// How long.
        length: Duration,
        /// How long each piece takes.
        latency: Duration,
        /// How much passes.
        bytes_per_second: u32,
    },
    /// For a while some answers of the database that end a transaction never arrive at a node, and their connections break.
    Swallow(Duration),
    /// A node's open connections stall for this long, and new ones are fair: what was sent on the old arrives after the node
    /// gave it up.
    Delay(Duration),
    /// `kill -9` of Postgres.
    KillPostgres,
    /// A fast shutdown of Postgres.
    RestartPostgres,
    /// An asynchronous standby that lacks the last commits takes the primary's place.
    Failover {
        /// How much it lacks.
        lag: Duration,
        /// How long connections to the primary stay open and say nothing; they are cut at once when none.
        hanging: Option<Duration>,
    },
    /// A copy of the database of some seconds ago takes its place.
    Restore(Duration),
    /// The data directory of a node is copied, and a node started on the copy, for a while.
    CopyDataDir(Duration),
    /// The nodes lack a right for a while.
    Revoke {
        /// Which.
        right: Right,
        /// How long.
        length: Duration,
    },
    /// The database takes no writes.
    ReadOnly(Duration),
    /// Somebody holds the row of a running job.
    HoldRow(Duration),
    /// Half of the nodes' connections are ended, and few are let in.
    LimitConnections(Duration),
    /// The database gathers statistics.
    Analyze,
    /// For a while the leases look too old, as after steps of the database's clock.
    AgeLeases(Duration),
    /// A live client is torn off.
    TearOff,
}

/// A right on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// What one may do with it.
    pub privilege: &'static str,
    /// Where.
    pub table: &'static str,
}

impl Right {
    /// Those that are revoked: each is needed by another step in the life of a job.
    const ALL: [Self; 6] = [
        Self { privilege: "INSERT", table: "job_events" },
        Self { privilege: "INSERT", table: "jobs" },
        Self { privilege: "UPDATE", table: "jobs" },
        Self { privilege: "INSERT", table: "job_curves" },
        Self { privilege: "SELECT", table: "pauses" },
        Self { privilege: "UPDATE", table: "nodes" },
    ];
}

/// Its name in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum FaultKind {
    Kill,
    Restart,
    Pause,
    Freeze,
    Cut,
    Stall,
    Slow,
    Swallow,
    Delay,
    KillPostgres,
    RestartPostgres,
    Failover,
    Restore,
    CopyDataDir,
    Revoke,
    ReadOnly,
    HoldRow,
    LimitConnections,
    Analyze,
    AgeLeases,
    TearOff,
}

impl FaultKind {
    /// All of them: what is dealt before any comes again.
    pub const DECK: [Self; 21] = [
        Self::Kill,
        Self::Restart,
        Self::Pause,
        Self::Freeze,
        Self::Cut,
        Self::Stall,
        Self::Slow,
        Self::Swallow,
        Self::Delay,
        Self::KillPostgres,
        Self::RestartPostgres,
        Self::Failover,
        Self::Restore,
        Self::CopyDataDir,
        Self::Revoke,
        Self::ReadOnly,
        Self::HoldRow,
        Self::LimitConnections,
        Self::Analyze,
        Self::AgeLeases,
        Self::TearOff,
    ];

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Freeze => "freeze past the lease",
            Self::Cut => "cut from the database",
            Self::Stall => "stalled line",
            Self::Slow => "slow line",
            Self::Swallow => "answers swallowed",
            Self::Delay => "statements delayed",
            Self::KillPostgres => "kill -9 of Postgres",
            Self::RestartPostgres => "restart of Postgres",
            Self::Failover => "failover with loss",
            Self::Restore => "backup restored",
            Self::CopyDataDir => "data directory copied",
            Self::Revoke => "a right revoked",
            Self::ReadOnly => "read-only database",
            Self::HoldRow => "a row held",
            Self::LimitConnections => "connection limit",
            Self::Analyze => "statistics gathered",
            Self::AgeLeases => "clock of the leases moved",
            Self::TearOff => "client torn off",
        }
    }
}

impl Fault {
    /// Its name in reports.
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::Kill { .. } => FaultKind::Kill,
            Self::Restart => FaultKind::Restart,
            Self::Pause(_) => FaultKind::Pause,
            Self::Freeze => FaultKind::Freeze,
            Self::Cut(_) => FaultKind::Cut,
            Self::Stall(_) => FaultKind::Stall,
            Self::Slow { .. } => FaultKind::Slow,
            Self::Swallow(_) => FaultKind::Swallow,
            Self::Delay(_) => FaultKind::Delay,
            Self::KillPostgres => FaultKind::KillPostgres,
            Self::RestartPostgres => FaultKind::RestartPostgres,
            Self::Failover { .. } => FaultKind::Failover,
            Self::Restore(_) => FaultKind::Restore,
            Self::CopyDataDir(_) => FaultKind::CopyDataDir,
            Self::Revoke { .. } => FaultKind::Revoke,
            Self::ReadOnly(_) => FaultKind::ReadOnly,
            Self::HoldRow(_) => FaultKind::HoldRow,
            Self::LimitConnections(_) => FaultKind::LimitConnections,
            Self::Analyze => FaultKind::Analyze,
            Self::AgeLeases(_) => FaultKind::AgeLeases,
            Self::TearOff => FaultKind::TearOff,
        }
    }

    /// Whether one node suffers it.
    pub const fn is_of_node(self) -> bool {
        !self.is_of_database() && !matches!(self, Self::Analyze | Self::TearOff)
    }

    /// Whether the database suffers it, for all nodes.
    pub const fn is_of_database(self) -> bool {
        self.ends_postgres()
            || matches!(
                self,
                Self::Failover { .. }
                    | Self::Restore(_)
                    | Self::Revoke { .. }
                    | Self::ReadOnly(_)
                    | Self::HoldRow(_)
                    | Self::LimitConnections(_)
                    | Self::AgeLeases(_)
            )
    }

    /// Whether Postgres ends by it.
    pub const fn ends_postgres(self) -> bool {
        matches!(self, Self::KillPostgres | Self::RestartPostgres)
    }

    /// How long it lasts, about.
    pub fn length(self) -> Duration {
        match self {
            Self::Kill { away, .. } => away + Duration::from_secs(3),
            Self::Restart => Duration::from_secs(6),
            Self::Failover { lag, hanging } => SET_BACK + lag + hanging.unwrap_or_default(),
            Self::Restore(lag) => SET_BACK + lag,
            Self::CopyDataDir(length) => length + Duration::from_secs(6),
            Self::Freeze => FREEZE,
            Self::Pause(length)
            | Self::Cut(length)
            | Self::Stall(length)
            | Self::Slow { length, .. }
            | Self::Swallow(length)
            | Self::Delay(length)
            | Self::Revoke { length, .. }
            | Self::ReadOnly(length)
            | Self::HoldRow(length)
            | Self::LimitConnections(length)
            | Self::AgeLeases(length) => length,
            Self::KillPostgres | Self::RestartPostgres => Duration::from_secs(3),
            Self::Analyze | Self::TearOff => Duration::ZERO,
        }
    }

    /// One of this kind, as the dice fall.
    pub fn of(kind: FaultKind, dice: &mut fastrand::Rng) -> Self {
        let mut seconds = |from: f64, to: f64| Duration::from_secs_f64(from + (to - from) * dice.f64());
        match kind {
            FaultKind::Kill => Self::Kill { away: seconds(0.0, 8.0), same_dir: dice.bool() },
            FaultKind::Restart => Self::Restart,
            FaultKind::Pause => Self::Pause(seconds(0.5, 5.0)),
            FaultKind::Freeze => Self::Freeze,
            FaultKind::Cut => Self::Cut(seconds(0.1, 16.0)),
            FaultKind::Stall => Self::Stall(seconds(1.0, 16.0)),
            FaultKind::Slow => Self::Slow {
                length: seconds(4.0, 12.0),
                latency: seconds(0.01, 0.15),
                bytes_per_second: dice.u32(50_000..500_000),
            },
            FaultKind::Swallow => Self::Swallow(seconds(1.0, 4.0)),
            FaultKind::Delay => Self::Delay(seconds(6.0, 16.0)),
            FaultKind::KillPostgres => Self::KillPostgres,
            FaultKind::RestartPostgres => Self::RestartPostgres,
            FaultKind::Failover => Self::Failover {
                lag: seconds(0.3, 1.5),
                hanging: dice.bool().then(|| Duration::from_secs_f64(4.0 + 4.0 * dice.f64())),
            },
            FaultKind::Restore => Self::Restore(seconds(3.0, 6.0)),
            FaultKind::CopyDataDir => Self::CopyDataDir(seconds(2.0, 5.0)),
            FaultKind::Revoke => {
                Self::Revoke { length: seconds(2.0, 7.0), right: Right::ALL[dice.usize(..Right::ALL.len())] }
            }
            FaultKind::ReadOnly => Self::ReadOnly(seconds(2.0, 7.0)),
            FaultKind::HoldRow => Self::HoldRow(seconds(7.0, 9.0)),
            FaultKind::LimitConnections => Self::LimitConnections(seconds(3.0, 8.0)),
            FaultKind::Analyze => Self::Analyze,
            FaultKind::AgeLeases => Self::AgeLeases(seconds(2.0, 6.0)),
            FaultKind::TearOff => Self::TearOff,
        }
    }
}

/// The longest that a node stays frozen: its lease, a sweep, and some time for others to claim.
pub const FREEZE: Duration = Duration::from_secs(20);

/// How long it takes to make a standby, and to have it take over.
const SET_BACK: Duration = Duration::from_secs(7);

/// A fault as it happened.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// What it was.
    pub kind: FaultKind,
    /// The process that suffered it, and its node.
    pub process: Option<(i32, Uuid)>,
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it was over.
    pub until: DateTime<Utc>,
}

/// A job that had done all its items for some seconds and whose end was not stored while another job's row was held.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// The job.
    pub job: Uuid,
    /// Where it ran.
    pub node: Option<Uuid>,
    /// When that was seen.
    pub at: DateTime<Utc>,
}
