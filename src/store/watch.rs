//! What the connections of this node's actors learn of the database: the source of `/health/ready`, at no cost.
//!
//! Each actor's connection notes how its statements end. The lease is renewed each second, so its connection tells within
//! seconds when the database is away, read-only, full, or refuses writes, and no probe has to ask.
//!
//! The pool listens as well: when an actor's connection turns out to be lost, those of the pool may lead to a server that is
//! no longer the one (a failover that left sockets open), so the pool forgets all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::result::Error;
use tokio::sync::Notify;

use super::failure::Failure;
use super::outage::{Outage, OutageNow};

/// A reconnection takes less than this; an outage takes longer.
const BLINK: Duration = Duration::from_secs(2);
/// The connection that never rests is silent for longer only when the database is: a renewal each second, and one may be slow.
const SILENCE: Duration = Duration::from_secs(3);
/// A refusal counts for so long after it, although other statements of the same connection succeed.
const REFUSAL: Duration = Duration::from_secs(5);
/// A connection that failed and was not used again for this long tells nothing any more.
const OUTDATED: Duration = Duration::from_secs(30);

/// The purpose of the connection that is used each second.
pub const LEASE: &str = "lease";

/// The watch. Shared by all connections of a node.
#[derive(Default)]
pub struct DatabaseWatch {
    connections: Mutex<BTreeMap<&'static str, Noted>>,
    /// When a connection was last found lost: those that are older may lead to another server.
    lost_at: Mutex<Option<Instant>>,
    /// Rung when the pool has something to do.
    pub(super) pool_bell: Notify,
    /// Whether the pool's share of connections is to be reckoned anew.
    recount: AtomicBool,
}

/// What one connection learnt.
struct Noted {
    answered: Moment,
    /// The last failure, as long as no success came for a while.
    failure: Option<FailureNoted>,
}

struct FailureNoted {
    outage: Outage,
    first: Moment,
    last: Instant,
    /// Whether a statement succeeded after it.
    over: bool,
    said: String,
}

#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    time: DateTime<Utc>,
}

impl Moment {
    fn now() -> Self {
        Self { at: Instant::now(), time: Utc::now() }
    }
}

impl DatabaseWatch {
    /// Notes that a statement was answered.
    pub fn succeeded(&self, purpose: &'static str) {
        let mut connections = lock(&self.connections);
        let noted = connections.entry(purpose).or_insert_with(Noted::new);
        noted.answered = Moment::now();
        if let Some(failure) = &mut noted.failure {
            failure.over = true;
            if failure.last.elapsed() >= REFUSAL {
                noted.failure = None;
            }
        }
    }

    /// Notes that a statement failed.
    pub fn failed(&self, purpose: &'static str, error: &Error) {
        if Failure::of(error) == Failure::Lost || Outage::of(error) == Some(Outage::ReadOnly) {
            self.connection_lost();
        }
        let Some(outage) = Outage::of(error) else {
            self.succeeded(purpose); // the database is as it should be
            return;
        };
        if outage == Outage::TooManyConnections {
            self.connections_ran_out();
        }
        let mut connections = lock(&self.connections);
        let noted = connections.entry(purpose).or_insert_with(Noted::new);
        let first = match &noted.failure {
            Some(failure) if !failure.over || failure.outage == outage => failure.first,
            _ => Moment::now(),
        };
        noted.failure =
            Some(FailureNoted { outage, first, last: Instant::now(), over: false, said: error.to_string() });
    }

    /// Notes that a connection broke: those that are older may lead to a server that is no longer the one.
    pub fn connection_lost(&self) {
        *lock(&self.lost_at) = Some(Instant::now());
        self.pool_bell.notify_one();
    }

    /// Notes that the database accepted no further connection: the pool gives back those that are idle.
    pub fn connections_ran_out(&self) {
        self.recount.store(true, Ordering::Relaxed);
        self.pool_bell.notify_one();
    }

    /// Whether connections ran out since this was last asked.
    pub(super) fn take_recount(&self) -> bool {
        self.recount.swap(false, Ordering::Relaxed)
    }

    /// Whether a connection that was opened at this time may lead to a server that is no longer the one.
    pub(super) fn is_outdated(&self, opened: Instant) -> bool {
        lock(&self.lost_at).is_some_and(|lost| opened < lost)
    }

    /// What is wrong with the database at this moment, each kind once, the longest first.
    pub fn outages(&self) -> Vec<OutageNow> {
        let mut found: BTreeMap<Outage, OutageNow> = BTreeMap::new();
        for (purpose, noted) in lock(&self.connections).iter() {
            let Some(now) = noted.outage(*purpose == LEASE) else { continue };
            match found.get_mut(&now.outage) {
                Some(known) if known.since <= now.since => {}
                _ => _ = found.insert(now.outage, now),
            }
        }
        let mut all: Vec<_> = found.into_values().collect();
        all.sort_by_key(|now| now.since);
        all
    }
}

impl Noted {
    fn new() -> Self {
        Self { answered: Moment::now(), failure: None }
    }

    fn outage(&self, never_rests: bool) -> Option<OutageNow> {
        let silent = self.answered.at.elapsed();
        let of = |outage, since: Moment, said: &str| OutageNow { outage, since: since.time, said: said.to_owned() };
        match &self.failure {
            Some(failure) if failure.last.elapsed() < OUTDATED => match failure.outage {
                Outage::Unreachable | Outage::Restarting => {
                    let lasts = !failure.over && silent >= BLINK;
                    lasts.then(|| of(failure.outage, self.answered, &failure.said))
                }
                other => {
                    let lasts = !failure.over || failure.last.elapsed() < REFUSAL;
                    lasts.then(|| of(other, failure.first, &failure.said))
                }
            },
            _ => (never_rests && silent >= SILENCE).then(|| of(Outage::Unreachable, self.answered, "")),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
