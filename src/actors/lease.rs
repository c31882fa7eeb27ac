//! This node's lease: renewed each beat, and the jobs here stopped before others may take them when that fails.
//!
//! ```text
//!  0 s        renewed
//!  5 s        not renewed since: the node is fenced. Its jobs are asked to stop, and it claims none
//!  8 s        they are aborted
//! 10 s        others rescue them
//! ```
//!
//! Renewals have a connection of their own and a short time limit: nothing that the supervisor does at the database, nor a
//! database that says nothing, can delay them or the look at the clock. The clock is one that goes on while the machine sleeps,
//! and counts from before a renewal is sent. A node that was stopped for longer than its lease finds that out before it
//! renews.
//!
//! A node without others goes on through an outage: nobody is there to take its jobs, and what it has to write waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Message, Recipient, WrapFuture};
use nix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use super::health::Health;
use super::supervisor::JobSupervisor;
use crate::store::link::Link;
use crate::store::nodes::{self, Renewal};
use crate::store::{cancel, rescue};

/// How often the lease is renewed.
const BEAT: Duration = Duration::from_secs(1);
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long a renewal may take: longer means that the connection is dead, and another may not be.
pub const RENEWAL_LIMIT: Duration = Duration::from_secs(3);
/// A node that has not renewed for this long is fenced.
const FENCE: Duration = Duration::from_secs(5);
/// How long it reckons with others after the last of them has signed off.
const LINGER: Duration = Duration::from_secs(10);
/// By then its jobs are aborted. What is left of the lease is for those that reach their next `.await` late.
const ABORT: Duration = Duration::from_secs(8);

/// Why a job was given back that others may take.
pub const LEASE_LOST: &str = "its node could not renew its lease";

const _: () = assert!(ABORT.as_secs() < rescue::LEASE_SECONDS as u64);

/// Command: stop all jobs within this time, and claim none until the lease is renewed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopRuns(pub Duration);

/// Fact: the lease is renewed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Renewed {
    /// Running jobs of this node that somebody asked to stop, for those whose notice was lost.
    pub asked: Vec<Uuid>,
}

/// Fact: a beat of this node, with what it learnt.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Beat(pub Renewal);

/// What a lease is made of.
pub struct LeaseParts {
    /// This node.
    pub node: Uuid,
    /// Its connection.
    pub link: Link,
    /// Told to stop, and to go on.
    pub supervisor: Addr<JobSupervisor>,
    /// Told of each beat; none where the database is this node's alone.
    pub relay: Option<Recipient<Beat>>,
    /// Figures for probes.
    pub health: Arc<Health>,
}

/// The actor.
pub struct LeaseKeeper {
    node: Uuid,
    /// Its connection; away while a renewal is under way.
    link: Option<Link>,
    supervisor: Addr<JobSupervisor>,
    relay: Option<Recipient<Beat>>,
    health: Arc<Health>,
    /// When the last renewal that succeeded was sent, by a clock that only this process knows.
    renewed: Duration,
    /// Whether it was said that renewals fail.
    failing: bool,
    /// How many others lived when it last saw some, and when that was.
    company: Option<(i64, Duration)>,
}

impl LeaseKeeper {
    /// A keeper of a lease that began a moment ago.
    pub fn new(parts: LeaseParts) -> Self {
        let LeaseParts { node, link, supervisor, relay, health } = parts;
        Self { node, link: Some(link), supervisor, relay, health, renewed: clock(), failing: false, company: None }
    }

    fn renew(&mut self, ctx: &mut Context<Self>) {
        self.look();
        let Some(mut link) = self.link.take() else { return };
        let (node, claiming) = (self.node, self.health.claiming.load(Ordering::Relaxed));
        let renewing = async move {
            let sent = clock();
            let renewed = link
                .once(async |conn| match nodes::renew(conn, node, claiming).await? {
                    Some(renewal) => Ok(Some((renewal, cancel::asked(conn, node).await?))),
                    None => Ok(None),
                })
                .await;
            (link, sent, renewed)
        };
        ctx.spawn(renewing.into_actor(self).map(|(link, sent, renewed), keeper, ctx| {
            keeper.link = Some(link);
            keeper.look();
            match renewed {
                Ok(Some((renewal, asked))) => keeper.renewed(sent, renewal, asked, ctx),
                Ok(None) => tracing::error!("the database does not know this node; was it restored?"),
                Err(error) => {
                    if !std::mem::replace(&mut keeper.failing, true) {
                        tracing::warn!(%error, "the lease was not renewed, trying again");
                    }
                    ctx.run_later(LOOK, Self::renew);
                }
            }
        }));
    }

    fn renewed(&mut self, sent: Duration, renewal: Renewal, asked: Vec<Uuid>, ctx: &mut Context<Self>) {
        let gap = sent.saturating_sub(std::mem::replace(&mut self.renewed, sent));
        self.failing = false;
        if gap >= FENCE && renewal.others > 0 && !self.health.fenced.load(Ordering::Relaxed) {
            // It was alone when it fell silent, and is no more: its jobs may be theirs by now.
            self.supervisor.do_send(StopRuns(Duration::ZERO));
        }
        if clock().saturating_sub(sent) >= FENCE {
            self.renew(ctx); // this one was on its way while the process stood still
            return;
        }
        if self.health.fenced.swap(false, Ordering::Relaxed) {
            tracing::info!("the lease is renewed: jobs are claimed again");
        }
        self.supervisor.do_send(Renewed { asked });
        let renewal = Renewal { others: self.others_lately(sent, renewal.others), ..renewal };
        if let Some(relay) = &self.relay {
            self.health.bus.set_others(u64::try_from(renewal.others).unwrap_or(0));
            relay.do_send(Beat(renewal));
        }
    }

    /// How many others live, or lived a moment ago: the last that one did before it signed off has yet to be told here.
    fn others_lately(&mut self, now: Duration, others: i64) -> i64 {
        if others > 0 {
            self.company = Some((others, now));
        }
        let lately = self.company.filter(|(_, at)| now.saturating_sub(*at) < LINGER);
        lately.map_or(0, |(others, _)| others)
    }

    /// Fences this node when it is time.
    fn look(&self) {
        let silent = clock().saturating_sub(self.renewed);
        if silent < FENCE || self.health.bus.others() == 0 || self.health.fenced.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::error!(
            silent_s = silent.as_secs(),
            "this node could not renew its lease: it stops its jobs, which others will take, and claims none"
        );
        self.supervisor.do_send(StopRuns(ABORT.saturating_sub(silent)));
    }
}

/// A time that goes on while the machine sleeps.
fn clock() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;
    // This clock can't fail: it exists on every system that this is built for.
    clock_gettime(CLOCK).map(Duration::from).unwrap_or_default()
}

impl Actor for LeaseKeeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(LOOK, |keeper, _| keeper.look());
        ctx.run_interval(BEAT, Self::renew);
        self.renew(ctx);
    }
}
