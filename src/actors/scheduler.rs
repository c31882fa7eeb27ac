//! The scheduler: fires schedules when they are due.
//!
//! It has one connection and takes turns at it. Between two turns it sleeps until the next due time, and at most for a beat: what
//! another node wrote meanwhile is found then. It keeps no time of its own: what is due, and what comes next, is in the
//! database, and so is the clock.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, SpawnHandle, WrapFuture,
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::command::MadePending;
use super::health::{Health, HealthProblem};
use super::schedule_problem::{moved_back, problem};
use super::scheduler_turn::{fire_next, move_back};
use super::supervisor::JobSupervisor;
use super::tracker::{JobTracker, Stored};
use crate::job::Registry;
use crate::store::link::{Link, is_lost};
use crate::store::{due, schedules};

/// The longest that a due time waits that another node wrote, or that a lost connection hid.
const BEAT: Duration = Duration::from_secs(1);
/// The shortest sleep: what is due and was passed over, another node is firing at this moment.
const WINK: Duration = Duration::from_millis(5);
/// How often every schedule is looked over for what keeps it from making jobs.
const LOOK_OVER: Duration = Duration::from_secs(5);

/// What a scheduler is made of.
pub struct SchedulerParts {
    /// The job types.
    pub registry: Registry,
    /// Its connection.
    pub link: Link,
    /// Who claims the jobs.
    pub supervisor: Addr<JobSupervisor>,
    /// Who tells of them.
    pub tracker: Addr<JobTracker>,
    /// Where problems are noted.
    pub health: Arc<Health>,
    /// Whether it fires anything. A server that a command starts for itself, and takes with it, does not.
    pub fires: bool,
}

/// The actor.
pub struct JobScheduler {
    work: Work,
    /// Its connection; away while a turn is under way.
    link: Option<Link>,
    /// Whether to take another turn right after the one that is under way.
    again: bool,
    /// The timer of the next turn.
    asleep: Option<SpawnHandle>,
    /// When all schedules were last looked over.
    looked_over: Option<Instant>,
    /// Set when it has been told to stop; a turn looks at it between two schedules.
    stopped: Arc<AtomicBool>,
    /// Who waits for the turn that is under way then.
    waiting: Vec<oneshot::Sender<()>>,
}

/// What a turn needs.
#[derive(Clone)]
struct Work {
    registry: Registry,
    supervisor: Addr<JobSupervisor>,
    tracker: Addr<JobTracker>,
    health: Arc<Health>,
}

/// Command: look at once, as a schedule was written.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Look;

/// Command: fire no more. Answers when nothing is under way.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopFiring;

impl JobScheduler {
    /// A scheduler, not started yet.
    pub fn new(parts: SchedulerParts) -> Self {
        let SchedulerParts { registry, link, supervisor, tracker, health, fires } = parts;
        Self {
            work: Work { registry, supervisor, tracker, health },
            link: Some(link),
            again: false,
            asleep: None,
            looked_over: None,
            stopped: Arc::new(AtomicBool::new(!fires)),
            waiting: Vec::new(),
        }
    }

    /// Takes a turn at the database, or another after the one that is under way.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        let Some(link) = self.link.take() else {
            self.again = true;
            return;
        };
        if let Some(timer) = self.asleep.take() {
            ctx.cancel_future(timer);
        }
        let look_over = self.looked_over.is_none_or(|at| at.elapsed() >= LOOK_OVER);
        if look_over {
            self.looked_over = Some(Instant::now());
        }
        let turn = self.work.clone().take_turn(link, look_over, Arc::clone(&self.stopped));
        ctx.spawn(turn.into_actor(self).map(|(link, wait), scheduler, ctx| {
            scheduler.link = Some(link);
            for reply in scheduler.waiting.drain(..) {
                let _ = reply.send(()); // who waited may have given up
            }
            let wait = if mem::take(&mut scheduler.again) { Duration::ZERO } else { wait };
            scheduler.asleep = Some(ctx.run_later(wait, Self::turn));
        }));
    }
}

impl Work {
    /// Fires what is due. Answers how long to sleep.
    async fn take_turn(self, mut link: Link, look_over: bool, stopped: Arc<AtomicBool>) -> (Link, Duration) {
        let mut failed: Vec<Uuid> = Vec::new();
        while !stopped.load(Ordering::Relaxed) {
            let mut picked = None;
            match link.once(async |conn| fire_next(conn, &self.registry, &failed, &mut picked).await).await {
                Ok(Some(fired)) => {
                    if let Some(job) = fired.job {
                        let pending = MadePending(vec![job.type_name.clone()]);
                        self.tracker.do_send(Stored(vec![job])); // first: nothing that happens to the job is told before it
                        self.supervisor.do_send(pending);
                    }
                }
                Ok(None) => break,
                Err(error) if is_lost(&error) => {
                    tracing::warn!(%error, "the database is away: no schedule was fired");
                    return (link, BEAT);
                }
                // It must not hold up the others.
                Err(error) => {
                    tracing::error!(%error, schedule_id = ?picked, "a schedule was not fired, trying again");
                    match picked {
                        Some(id) => failed.push(id),
                        None => return (link, BEAT),
                    }
                }
            }
        }
        let rest = link.once(async |conn| self.rest(conn, look_over).await).await;
        let wait = rest.unwrap_or_else(|error| {
            tracing::warn!(%error, "the schedules were not looked over");
            BEAT
        });
        (link, if failed.is_empty() { wait } else { BEAT })
    }

    /// What there is to do when nothing is due any more. Answers how long to sleep.
    async fn rest(&self, conn: &mut AsyncPgConnection, look_over: bool) -> QueryResult<Duration> {
        if look_over {
            self.health.set_problems(self.problems(conn).await?);
            for (schedule, next) in move_back(conn, &self.registry).await? {
                self.health.notice(moved_back(&schedule, next));
            }
        }
        let types: Vec<_> = self.registry.iter().map(|known| known.spec.name).collect();
        let seconds = due::seconds_until_next(conn, &types).await?;
        let next = seconds.map_or(BEAT, |s| Duration::try_from_secs_f64(s.max(0.0)).unwrap_or(BEAT));
        Ok(next.clamp(WINK, BEAT))
    }

    async fn problems(&self, conn: &mut AsyncPgConnection) -> QueryResult<Vec<HealthProblem>> {
        let all = schedules::all(conn).await?;
        let live_types = schedules::live_types(conn).await?;
        let enabled = all.iter().filter(|schedule| schedule.enabled);
        Ok(enabled.filter_map(|schedule| problem(schedule, &self.registry, &live_types)).collect())
    }
}

impl Actor for JobScheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.turn(ctx);
    }
}

impl Handler<Look> for JobScheduler {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.looked_over = None;
        self.turn(ctx);
    }
}

impl Handler<StopFiring> for JobScheduler {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopFiring, _: &mut Self::Context) -> Self::Result {
        self.stopped.store(true, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        if self.link.is_none() {
            self.waiting.push(reply);
        } // dropping the reply answers as well
        Box::pin(async {
            let _ = answer.await;
        })
    }
}
