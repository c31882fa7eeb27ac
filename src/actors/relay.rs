//! The relay: brings what happened on other nodes to the clients of this one.
//!
//! ```text
//!   bus ── Heard(jobs, removed) ──▶ Relay ── what changed, whole ──▶ JobTracker ─▶ clients, whoever waits
//!   lease ── Beat(numbers) ───────▶   │ reads
//!                                     ▼
//!                                  Postgres
//! ```
//!
//! A notice says which jobs changed; each beat it looks besides for all that changed, by the numbers of the changes, so that
//! nothing is missed when notices are. It reads one thing after the other over one connection: what it hands on of a job is never
//! older than what it handed on before. It reads only while somebody here listens.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::bus::Notice;
use super::child_watch::ChildWatch;
use super::health::Health;
use super::identity::NodeIdentity;
use super::lease::Beat;
use super::relay_reading::{Reader, Reading};
use super::rev_cursor::RevCursor;
use super::tracker::{Forget, JobTracker};
use crate::store::link::Link;
use crate::store::listing::Watch;

/// What was told is remembered for this long after nothing older can be read any more: it may be on its way between actors.
const ON_THE_WAY: Duration = Duration::from_secs(10);
/// Jobs that were heard of and not yet read. Beyond, the next beat finds them.
const WAITING: usize = 20_000;

/// Fact: another node says that something changed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NoticeHeard(pub Notice);

/// Command: tell the log lines of these jobs that are stored from now on. Answers when that is so.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FollowLogs(pub Watch);

/// The actor.
pub struct Relay {
    /// Its connection and what it has read; away while it reads.
    reader: Option<Reader>,
    tracker: Addr<JobTracker>,
    children: Arc<ChildWatch>,
    health: Arc<Health>,
    /// Jobs to be read.
    changed: HashSet<Uuid>,
    /// Whether to look for all that changed.
    look: bool,
    /// Logs to be followed, and who waits for that.
    logs: Vec<(Watch, oneshot::Sender<()>)>,
    cursor: RevCursor,
    /// Every change up to this number was handed on, or happened while nobody listened.
    seen: i64,
    /// Up to which number all was visible at the last beat.
    settled: i64,
    /// What `seen` was at former beats.
    former: VecDeque<(Instant, i64)>,
    /// The database has gone back: what the reader remembers may be no longer so.
    afresh: bool,
}

impl Relay {
    /// A relay of `node` that reads over `link`.
    pub fn new(
        node: Arc<NodeIdentity>,
        link: Link,
        tracker: Addr<JobTracker>,
        children: Arc<ChildWatch>,
        health: Arc<Health>,
    ) -> Self {
        Self {
            reader: Some(Reader::new(node, link, tracker.clone())),
            tracker,
            children,
            health,
            changed: HashSet::new(),
            look: false,
            logs: Vec::new(),
            cursor: RevCursor::default(),
            seen: 0,
            settled: 0,
            former: VecDeque::new(),
            afresh: false,
        }
    }

    fn clients_listen(&self) -> bool {
        self.health.sessions.load(Ordering::Relaxed) > 0
    }

    /// Reads, if there is something to read and it does not.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        if !self.look && self.changed.is_empty() && self.logs.is_empty() {
            return;
        }
        let Some(mut reader) = self.reader.take() else { return };
        if mem::take(&mut self.afresh) {
            reader.start_afresh();
        }
        let look = mem::take(&mut self.look);
        let reading = Reading {
            changed: mem::take(&mut self.changed),
            since: look.then_some(self.seen),
            logs: mem::take(&mut self.logs),
        };
        let settled = self.settled;
        let read = async move {
            let left = reader.read(reading).await;
            (reader, left)
        };
        ctx.spawn(read.into_actor(self).map(move |(reader, left), relay, ctx| {
            relay.reader = Some(reader);
            match left {
                Ok(()) if look && !relay.afresh => relay.seen = settled,
                Ok(()) => {}
                // The next beat tries again.
                Err(changed) => return relay.changed.extend(changed),
            }
            relay.turn(ctx);
        }));
    }

    fn hear(&mut self, notice: Notice, ctx: &mut Context<Self>) {
        match notice {
            Notice::Jobs(_) if self.changed.len() >= WAITING => {}
            Notice::Jobs(ids) if self.clients_listen() => self.changed.extend(ids),
            Notice::Jobs(ids) => self.changed.extend(ids.into_iter().filter(|id| self.children.follows(id))),
            Notice::Removed => self.look |= self.clients_listen(),
            Notice::Claimable(_) | Notice::Cancel(_) => {}
        }
        self.turn(ctx);
    }

    fn beat(&mut self, Beat { renewal, went_back }: Beat, ctx: &mut Context<Self>) {
        let now = Instant::now();
        if went_back {
            self.cursor = RevCursor::default();
            self.former.clear();
            self.seen = renewal.rev; // the clients are given snapshots, which are read after this
            self.afresh = true;
        }
        self.settled = self.cursor.advance(&renewal, now);
        if renewal.others > 0 && (self.clients_listen() || !self.children.is_empty()) {
            self.look = true;
            self.turn(ctx);
        } else {
            self.seen = self.settled;
            if let Some(reader) = &mut self.reader {
                reader.forget_logs();
            }
        }
        self.forget(now);
    }

    /// Lets the tracker forget what it told long ago.
    fn forget(&mut self, now: Instant) {
        self.former.push_back((now, self.seen));
        let old = |(at, _): &mut (Instant, i64)| now.duration_since(*at) > ON_THE_WAY;
        while let Some((_, seen)) = self.former.pop_front_if(old) {
            self.tracker.do_send(Forget(seen));
        }
    }
}

impl Actor for Relay {
    type Context = Context<Self>;
}

impl Handler<NoticeHeard> for Relay {
    type Result = ();

    fn handle(&mut self, NoticeHeard(notice): NoticeHeard, ctx: &mut Self::Context) {
        self.hear(notice, ctx);
    }
}

impl Handler<Beat> for Relay {
    type Result = ();

    fn handle(&mut self, beat: Beat, ctx: &mut Self::Context) {
        self.beat(beat, ctx);
    }
}

impl Handler<FollowLogs> for Relay {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, FollowLogs(watch): FollowLogs, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        if self.health.bus.others() > 0 {
            self.logs.push((watch, reply));
            self.turn(ctx);
        } // else dropping the reply says the rest
        Box::pin(async {
            let _ = answer.await; // a relay that is gone follows nothing
        })
    }
}
