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
    /// `kill -9` of Postgres.
    KillPostgres,
    /// A fast shutdown of Postgres.
    RestartPostgres,
    /// A live client is torn off.
    TearOff,
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
    KillPostgres,
    RestartPostgres,
    TearOff,
}

impl FaultKind {
    /// All of them: what is dealt before any comes again.
    pub const DECK: [Self; 10] = [
        Self::Kill,
        Self::Restart,
        Self::Pause,
        Self::Freeze,
        Self::Cut,
        Self::Stall,
        Self::Slow,
        Self::KillPostgres,
        Self::RestartPostgres,
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
            Self::KillPostgres => "kill -9 of Postgres",
            Self::RestartPostgres => "restart of Postgres",
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
            Self::KillPostgres => FaultKind::KillPostgres,
            Self::RestartPostgres => FaultKind::RestartPostgres,
            Self::TearOff => FaultKind::TearOff,
        }
    }

    /// Whether one node suffers it.
    pub const fn is_of_node(self) -> bool {
        !self.is_of_postgres() && !matches!(self, Self::TearOff)
    }

    /// Whether Postgres suffers it.
    pub const fn is_of_postgres(self) -> bool {
        matches!(self, Self::KillPostgres | Self::RestartPostgres)
    }

    /// How long it lasts, about.
    pub fn length(self) -> Duration {
        match self {
            Self::Kill { away, .. } => away + Duration::from_secs(3),
            Self::Restart => Duration::from_secs(6),
            Self::Freeze => FREEZE,
            Self::Pause(length) | Self::Cut(length) | Self::Stall(length) | Self::Slow { length, .. } => length,
            Self::KillPostgres | Self::RestartPostgres => Duration::from_secs(3),
            Self::TearOff => Duration::ZERO,
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
            FaultKind::KillPostgres => Self::KillPostgres,
            FaultKind::RestartPostgres => Self::RestartPostgres,
            FaultKind::TearOff => Self::TearOff,
        }
    }
}

/// The longest that a node stays frozen: its lease, a sweep, and some time for others to claim.
pub const FREEZE: Duration = Duration::from_secs(20);

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
