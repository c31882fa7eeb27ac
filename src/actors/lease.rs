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
//! A node that knows of no other is fenced too: behind a cut line it cannot tell whether somebody has started another. It goes on
//! where nobody else can reach the database, as it is private, or where it was told to ([`LeaseParts::goes_on`]).
//!
//! Only a live row can be renewed. A node that is not registered (the database was restored, or lost the registration in a failover,
//! or somebody cleaned it up) or that was signed off (by a copy of its data directory) drops all its runs and registers anew.
//!
//! Each renewal also tells which of the jobs that run here belong to others by now, whatever the reason: these runs are dropped at
//! once, without waiting for a write of theirs to be refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Message, Recipient, WrapFuture};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use nix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use super::health::{FenceCause, Health};
use super::identity::NodeIdentity;
use super::supervisor::JobSupervisor;
use super::tracker::{JobTracker, StartAfresh};
use crate::job::Fence;
use crate::store::link::Link;
use crate::store::nodes::{self, Registration, Renewal};
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
/// How many runs a renewal looks at, in turn: some milliseconds.
const RUNS_CHECKED: usize = 1_000;

/// Why a job was given back that others may take.
pub const LEASE_LOST: &str = "its node lost its lease";

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
    /// Runs of this node whose jobs belong to others by now, or are gone.
    pub lost: Vec<Fence>,
}

/// Fact: a beat of this node, with what it learnt.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Beat {
    /// What it learnt.
    pub renewal: Renewal,
    /// Whether the database has gone back since the beat before: what was known of it may be no longer so.
    pub went_back: bool,
}

/// What a lease is made of.
pub struct LeaseParts {
    /// This node.
    pub node: Arc<NodeIdentity>,
    /// What it says of itself when it registers anew.
    pub registration: Registration,
    /// Told of the id under which it registered anew.
    pub on_registered: Box<dyn Fn(Uuid)>,
    /// Whether it goes on without its database as long as it knows of no other node.
    pub goes_on: bool,
    /// Its connection.
    pub link: Link,
    /// Told to stop, and to go on.
    pub supervisor: Addr<JobSupervisor>,
    /// Told when the database has gone back.
    pub tracker: Addr<JobTracker>,
    /// Told of each beat; none where the database is this node's alone.
    pub relay: Option<Recipient<Beat>>,
    /// Figures for probes.
    pub health: Arc<Health>,
}

/// The actor.
pub struct LeaseKeeper {
    node: Arc<NodeIdentity>,
    registration: Registration,
    on_registered: Box<dyn Fn(Uuid)>,
    goes_on: bool,
    /// Its connection; away while a renewal is under way.
    link: Option<Link>,
    supervisor: Addr<JobSupervisor>,
    tracker: Addr<JobTracker>,
    relay: Option<Recipient<Beat>>,
    health: Arc<Health>,
    /// When the last renewal that succeeded was sent, by a clock that only this process knows.
    renewed: Duration,
    /// Whether it was said that renewals fail.
    failing: bool,
    /// How many others lived when it last saw some, and when that was.
    company: Option<(i64, Duration)>,
    /// The id under which this node registers when it has to. One for all tries: a try may have been done without an answer.
    next_id: Uuid,
    /// The last run that a renewal looked at.
    checked: Option<Fence>,
    /// What the last renewal told, to notice that the database has gone back.
    last: Option<Renewal>,
}

/// What a renewal came to.
enum Answer {
    Renewed {
        renewal: Renewal,
        asked: Vec<Uuid>,
        lost: Vec<Fence>,
    },
    /// The node had no live row, and has one under another id.
    Registered(Uuid),
}

impl LeaseKeeper {
    /// A keeper of a lease that began a moment ago.
    pub fn new(parts: LeaseParts) -> Self {
        let LeaseParts { node, registration, on_registered, goes_on, link, supervisor, tracker, relay, health } = parts;
        Self {
            node,
            registration,
            on_registered,
            goes_on,
            link: Some(link),
            supervisor,
            tracker,
            relay,
            health,
            renewed: clock(),
            failing: false,
            company: None,
            next_id: Uuid::now_v7(),
            checked: None,
            last: None,
        }
    }

    fn renew(&mut self, ctx: &mut Context<Self>) {
        self.look();
        let Some(mut link) = self.link.take() else { return };
        let (node, claiming) = (self.node.current(), self.health.claiming.load(Ordering::Relaxed));
        let (runs, next_id, registration) = (self.runs_to_check(), self.next_id, self.registration.clone());
        let last = self.last;
        let renewing = async move {
            let sent = clock();
            let answer = link.once(async |conn| match nodes::renew(conn, node, claiming).await? {
                Some(renewal) => {
                    if let Some(last) = last.filter(|last| renewal.rev < last.rev) {
                        nodes::raise_rev(conn, last.rev).await?;
                    }
                    let asked = cancel::asked(conn, node).await?;
                    Ok(Answer::Renewed { renewal, asked, lost: rescue::lost(conn, &runs).await? })
                }
                None => register(conn, next_id, &registration).await,
            });
            let answer = answer.await;
            (link, sent, answer)
        };
        ctx.spawn(renewing.into_actor(self).map(|(link, sent, answer), keeper, ctx| {
            keeper.link = Some(link);
            keeper.look();
            match answer {
                Ok(Answer::Renewed { renewal, asked, lost }) => keeper.renewed(sent, renewal, asked, lost, ctx),
                Ok(Answer::Registered(id)) => keeper.registered(id, ctx),
                Err(error) => {
                    if !std::mem::replace(&mut keeper.failing, true) {
                        tracing::warn!(%error, "the lease was not renewed, trying again");
                    }
                    ctx.run_later(LOOK, Self::renew);
                }
            }
        }));
    }

    fn renewed(
        &mut self,
        sent: Duration,
        renewal: Renewal,
        asked: Vec<Uuid>,
        lost: Vec<Fence>,
        ctx: &mut Context<Self>,
    ) {
        self.renewed = sent;
        self.failing = false;
        if renewal.clock_went_back() {
            self.health.clock_went_back.store(true, Ordering::Relaxed);
        }
        self.supervisor.do_send(Renewed { asked, lost });
        let went_back = self.last.replace(renewal).is_some_and(|last| renewal.has_gone_back_since(&last));
        if went_back {
            tracing::error!(
                timeline = renewal.timeline,
                rev = renewal.rev,
                "the database has gone back (a failover that lost commits, or a restored backup): clients are told afresh"
            );
            self.tracker.do_send(StartAfresh);
        }
        if clock().saturating_sub(sent) >= FENCE {
            self.renew(ctx); // this one was on its way while the process stood still
            return;
        }
        if self.health.unfence() {
            tracing::info!("the lease is renewed: jobs are claimed again");
        }
        let renewal = Renewal { others: self.others_lately(sent, renewal.others), ..renewal };
        if let Some(relay) = &self.relay {
            self.health.bus.set_others(u64::try_from(renewal.others).unwrap_or(0));
            relay.do_send(Beat { renewal, went_back });
        }
    }

    /// Others may have taken all jobs of this node: its runs are dropped, and it begins again under its new id.
    fn registered(&mut self, id: Uuid, ctx: &mut Context<Self>) {
        self.health.fence(FenceCause::Unregistered);
        tracing::error!(
            old = %self.node.current(), new = %id,
            "the database does not know this node, or holds it for gone (a restore, a failover, a copied data directory?): \
             it drops its jobs and goes on under a new id"
        );
        self.supervisor.do_send(StopRuns(Duration::ZERO));
        self.node.replace(id);
        self.next_id = Uuid::now_v7();
        (self.on_registered)(id);
        self.renew(ctx);
    }

    /// The runs that the next renewal looks at: all, or so many of them in turn.
    fn runs_to_check(&mut self) -> Vec<Fence> {
        let mut runs = self.health.runs();
        runs.sort_unstable();
        let seen = runs.partition_point(|run| Some(*run) <= self.checked);
        runs.rotate_left(seen);
        runs.truncate(RUNS_CHECKED);
        self.checked = runs.last().copied();
        runs
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
        let goes_on = self.goes_on && self.health.bus.others() == 0;
        if silent < FENCE || goes_on || !self.health.fence(FenceCause::LeaseNotRenewed) {
            return;
        }
        tracing::error!(
            silent_s = silent.as_secs(),
            "this node could not renew its lease: it stops its jobs, which others may take, and claims none"
        );
        self.supervisor.do_send(StopRuns(ABORT.saturating_sub(silent)));
    }
}

async fn register(conn: &mut AsyncPgConnection, id: Uuid, registration: &Registration) -> QueryResult<Answer> {
    nodes::register(conn, id, registration).await?;
    Ok(Answer::Registered(id))
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
