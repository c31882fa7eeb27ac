//! One WebSocket client.
//!
//! It takes what waits in its [`Outbox`] whenever it is woken and its socket has room: actix polls this actor only while the
//! client reads, so a slow client simply takes less often. Whether a client lives is judged by the tracker, from outside,
//! since the session of a client that never reads is never polled.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Handler, StreamHandler, WrapFuture};
use actix_web_actors::ws::{CloseCode, CloseReason, Message as Frame, ProtocolError, WebsocketContext};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use super::interest::Interest;
use super::outbox::{Outbox, Taken, Wake};
use super::protocol::{ClientMessage, Subscribe};
use super::relay::{FollowLogs, Relay};
use super::tracker::{JobTracker, Join};
use crate::job::DbPool;
use crate::store::cancel;
use crate::store::listing::{self, Snapshot, Watch};
use crate::store::read::{ReadError, read};
use crate::store::row::JobSummary;

/// A silent client is asked for a sign of life this often.
const PING: Duration = Duration::from_secs(10);
/// Jobs that a client may name one by one.
const NAMED_JOBS: usize = 1_000;
/// Types that a client may name. Whoever wants more wants all.
const NAMED_TYPES: usize = 200;
/// Wishes that wait while a snapshot is read: more than a page with a panel per type sends at once. Each is a frame at most.
const WAITING_WISHES: usize = 64;
/// Shown jobs that are followed to their end over a fresh snapshot. More than a page can show; 16 bytes each.
const FOLLOWED_JOBS: usize = 20_000;
/// A snapshot's first frame, so that a client can show the first jobs while the rest comes.
const FRAME_BYTES: usize = 256 << 10;

/// The actor.
pub struct ClientSession {
    /// What waits for the client; the tracker holds the other end.
    outbox: Arc<Outbox>,
    /// Told that the client is there, once.
    joins: Option<Addr<JobTracker>>,
    /// Told whose logs the client follows, where there may be other nodes.
    relay: Option<Addr<Relay>>,
    /// For snapshots.
    db: DbPool,
    /// What the client wants from the start.
    initial: Option<Subscribe>,
    /// Wishes in the order in which they came. One snapshot is read at a time: a client that asks for thousands gets one after the
    /// other as it reads them, and costs the memory of one.
    wishes: VecDeque<Wish>,
    /// Whether a snapshot is being read for the first of them.
    loading: bool,
    /// Jobs whose end the client has not been told: a fresh snapshot must not swallow it.
    unfinished: HashSet<Uuid>,
}

/// A change of what a client is told.
enum Wish {
    /// Begin, with log lines or without, at a `rev` or afresh.
    Subscribe { watch: Watch, logs: bool, since: Option<i64> },
    /// End.
    Unsubscribe(Watch),
}

/// What is read from the database for the client.
enum Loaded {
    /// All that it needs to begin with.
    Snapshot(Snapshot),
    /// What changed since it was last here.
    Changes(Snapshot),
}

impl ClientSession {
    /// A session that subscribes to `initial` by itself.
    pub fn new(
        outbox: Arc<Outbox>,
        tracker: Addr<JobTracker>,
        relay: Option<Addr<Relay>>,
        db: DbPool,
        initial: Subscribe,
    ) -> Self {
        Self {
            outbox,
            joins: Some(tracker),
            relay,
            db,
            initial: Some(initial),
            wishes: VecDeque::new(),
            loading: false,
            unfinished: HashSet::new(),
        }
    }

    fn heard(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        match serde_json::from_str(text) {
            Ok(ClientMessage::Ping) => ctx.text(r#"{"type":"pong"}"#),
            Ok(ClientMessage::Subscribe(subscribe)) => self.subscribe(subscribe, ctx),
            Ok(ClientMessage::Unsubscribe(target)) => self.wish(target.watch().map(Wish::Unsubscribe), ctx),
            Err(error) => refuse(ctx, "bad_message", &format!("not a message of this protocol: {error}")),
        }
    }

    fn subscribe(&mut self, Subscribe { target, logs, since }: Subscribe, ctx: &mut WebsocketContext<Self>) {
        self.wish(target.watch().map(|watch| Wish::Subscribe { watch, logs, since }), ctx);
    }

    fn wish(&mut self, wish: Result<Wish, String>, ctx: &mut WebsocketContext<Self>) {
        match wish {
            Err(problem) => refuse(ctx, "bad_subscription", &problem),
            Ok(_) if self.wishes.len() >= WAITING_WISHES => {
                let problem = format!("{WAITING_WISHES} wishes wait already; send more when they are answered");
                refuse(ctx, "too_many_subscriptions", &problem);
            }
            Ok(wish) => {
                self.wishes.push_back(wish);
                self.grant(ctx);
            }
        }
    }

    /// Does what is wished, in order, up to the next snapshot that has to be read.
    fn grant(&mut self, ctx: &mut WebsocketContext<Self>) {
        while !self.loading
            && let Some(wish) = self.wishes.pop_front()
        {
            match wish {
                Wish::Unsubscribe(watch) => self.outbox.unsubscribe(&watch),
                Wish::Subscribe { watch, logs, since } => self.begin(watch, logs, since, ctx),
            }
        }
    }

    fn begin(&mut self, watch: Watch, logs: bool, since: Option<i64>, ctx: &mut WebsocketContext<Self>) {
        let mut wanted = self.outbox.interest();
        wanted.add(&watch);
        if wanted.named_jobs() > NAMED_JOBS {
            let problem = format!("more than {NAMED_JOBS} jobs named; subscribe to types or to all");
            return refuse(ctx, "too_many_jobs", &problem);
        }
        if wanted.named_types() > NAMED_TYPES {
            return refuse(ctx, "too_many_types", &format!("more than {NAMED_TYPES} types named; subscribe to all"));
        }
        self.loading = true;
        self.outbox.subscribe(&watch, logs);
        let (db, joined) = (self.db.clone(), self.join());
        let follows = self.relay.clone().filter(|_| logs).map(|relay| (relay, FollowLogs(watch.clone())));
        let reading = async move {
            joined.await;
            if let Some((relay, follow)) = follows {
                let _ = relay.send(follow).await; // without a relay the server ends
            }
            read(&db, async |conn| load(conn, &watch, since).await).await
        };
        self.send_when_read(reading, ctx, |session, ctx| {
            session.loading = false;
            session.grant(ctx);
        });
    }

    /// Joins the tracker's clients, the first time: nothing may be told between a snapshot and that.
    fn join(&mut self) -> impl Future<Output = ()> + use<> {
        let join = self.joins.take().map(|tracker| tracker.send(Join(Arc::downgrade(&self.outbox))));
        async move {
            if let Some(join) = join {
                let _ = join.await; // without a tracker the server ends
            }
        }
    }

    /// After an overrun: everything that the client wants afresh, and the fate of every job that it last saw unfinished.
    fn resync(&mut self, ctx: &mut WebsocketContext<Self>) {
        self.outbox.begin_load();
        let (db, interest) = (self.db.clone(), self.outbox.interest());
        let shown: Vec<_> = self.unfinished.iter().copied().collect();
        let reading = async move {
            read(&db, async |conn| load_afresh(conn, &interest, &shown).await.map(Loaded::Snapshot)).await
        };
        self.send_when_read(reading, ctx, |_, _| ());
    }

    /// Reads something and sends it. The reading is a task of its own: this actor is polled only while its client reads, and a
    /// connection must not wait for that.
    fn send_when_read(
        &mut self,
        reading: impl Future<Output = Result<Loaded, ReadError>> + 'static,
        ctx: &mut WebsocketContext<Self>,
        then: impl FnOnce(&mut Self, &mut WebsocketContext<Self>) + 'static,
    ) {
        let reading = actix::spawn(reading);
        ctx.spawn(reading.into_actor(self).map(|loaded, session, ctx| match loaded {
            Ok(Ok(loaded)) => {
                session.send_first(&loaded, ctx);
                then(session, ctx);
            }
            failed => {
                if let Ok(Err(error)) = failed {
                    tracing::warn!(%error, "no snapshot for a client");
                }
                refuse(ctx, "unavailable", "the database does not answer; connect again");
                hang_up(ctx, CloseCode::Again, "the database does not answer");
            }
        }));
    }

    /// Sends the first jobs of a snapshot; the rest follows as updates, as fast as the client reads.
    fn send_first(&mut self, loaded: &Loaded, ctx: &mut WebsocketContext<Self>) {
        let (kind, snapshot) = match loaded {
            Loaded::Snapshot(snapshot) => ("snapshot", snapshot),
            Loaded::Changes(snapshot) => ("job_update", snapshot),
        };
        let mut size = 0;
        let mut first = Vec::new();
        for job in &snapshot.jobs {
            let json = serde_json::to_string(job).unwrap_or_default();
            size += json.len();
            if size > FRAME_BYTES && !first.is_empty() {
                break;
            }
            self.follow(job.id, job.status.is_terminal());
            first.push(json);
        }
        ctx.text(jobs_frame(kind, snapshot.rev, first.iter().map(String::as_str)));
        let (told, rest) = snapshot.jobs.split_at(first.len());
        self.outbox.loaded(told, rest);
    }

    fn send(&mut self, mut taken: Taken, ctx: &mut WebsocketContext<Self>) {
        if taken.overrun {
            self.resync(ctx);
        }
        if let Some(newest) = taken.updates.last() {
            let jobs = taken.updates.iter().map(|update| update.json.as_str());
            ctx.text(jobs_frame("job_update", newest.rev, jobs));
        }
        for update in &taken.updates {
            self.follow(update.id, update.terminal);
        }
        if !taken.removed.is_empty() {
            ctx.text(serde_json::json!({ "type": "job_removed", "jobs": taken.removed }).to_string());
        }
        for id in &taken.removed {
            self.unfinished.remove(id);
        }
        for of_job in taken.lines.chunk_by(|a, b| a.0 == b.0) {
            let job_id = of_job[0].0;
            let skipped = taken.skipped.remove(&job_id).unwrap_or(0);
            let lines: Vec<_> = of_job.iter().map(|(_, line)| line.as_str()).collect();
            ctx.text(log_frame(job_id, skipped, &lines));
        }
        for (job_id, skipped) in taken.skipped {
            ctx.text(log_frame(job_id, skipped, &[]));
        }
    }

    fn follow(&mut self, id: Uuid, terminal: bool) {
        if terminal {
            self.unfinished.remove(&id);
        } else if self.unfinished.len() < FOLLOWED_JOBS {
            self.unfinished.insert(id);
        }
    }
}

fn jobs_frame<'a>(kind: &str, rev: i64, jobs: impl Iterator<Item = &'a str>) -> String {
    let jobs: Vec<_> = jobs.collect();
    format!(r#"{{"type":"{kind}","rev":{rev},"jobs":[{}]}}"#, jobs.join(","))
}

fn log_frame(job_id: Uuid, skipped: u64, lines: &[&str]) -> String {
    let lines = lines.join(",");
    format!(r#"{{"type":"job_log","job_id":"{job_id}","skipped":{skipped},"lines":[{lines}]}}"#)
}

fn refuse(ctx: &mut WebsocketContext<ClientSession>, code: &str, message: &str) {
    ctx.text(serde_json::json!({ "type": "error", "code": code, "message": message }).to_string());
}

fn hang_up(ctx: &mut WebsocketContext<ClientSession>, code: CloseCode, why: &str) {
    ctx.close(Some(CloseReason { code, description: Some(why.to_owned()) }));
    ctx.stop();
}

async fn load(conn: &mut AsyncPgConnection, watch: &Watch, since: Option<i64>) -> diesel::QueryResult<Loaded> {
    if let Some(since) = since
        && let Some(changes) = listing::changed_since(conn, watch, since).await?
    {
        return Ok(Loaded::Changes(changes));
    }
    Ok(Loaded::Snapshot(listing::snapshot(conn, watch).await?))
}

async fn load_afresh(
    conn: &mut AsyncPgConnection,
    interest: &Interest,
    shown: &[Uuid],
) -> diesel::QueryResult<Snapshot> {
    let mut afresh = Snapshot { rev: i64::MAX, jobs: Vec::<JobSummary>::new() };
    for watch in interest.watches() {
        let part = listing::snapshot(conn, &watch).await?;
        afresh.rev = afresh.rev.min(part.rev);
        afresh.jobs.extend(part.jobs);
    }
    afresh.jobs.extend(cancel::current(conn, shown).await?);
    afresh.jobs.sort_by_key(|job| std::cmp::Reverse((job.id, job.rev)));
    afresh.jobs.dedup_by_key(|job| job.id);
    Ok(afresh)
}

impl Actor for ClientSession {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.outbox.attach(ctx.address().downgrade());
        ctx.run_interval(PING, |_, ctx| ctx.ping(b""));
        if let Some(initial) = self.initial.take() {
            self.subscribe(initial, ctx);
        }
    }
}

impl Handler<Wake> for ClientSession {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        let taken = self.outbox.take();
        self.send(taken, ctx);
    }
}

impl StreamHandler<Result<Frame, ProtocolError>> for ClientSession {
    fn handle(&mut self, frame: Result<Frame, ProtocolError>, ctx: &mut Self::Context) {
        self.outbox.heard();
        match frame {
            Ok(Frame::Text(text)) => self.heard(&text, ctx),
            Ok(Frame::Ping(payload)) => ctx.pong(&payload),
            Ok(Frame::Pong(_) | Frame::Nop) => {}
            Ok(Frame::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Ok(Frame::Binary(_) | Frame::Continuation(_)) => {
                refuse(ctx, "bad_message", "messages are text frames of JSON, each in one piece");
            }
            Err(error) => {
                tracing::debug!(%error, "a client broke the protocol");
                let code = if matches!(error, ProtocolError::Overflow) { CloseCode::Size } else { CloseCode::Protocol };
                hang_up(ctx, code, &error.to_string());
            }
        }
    }
}
