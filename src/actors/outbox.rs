//! What waits for one WebSocket client: the newest state per job, never a queue.
//!
//! The tracker puts updates in, the session takes them out when its socket has room. A client that reads slowly finds fewer,
//! newer updates; one that changed too many jobs meanwhile gets a fresh snapshot. Either way the memory is bounded and the
//! last thing it is told of a job is the truth.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use actix::{Message, WeakAddr};
use serde_json::json;
use socket2::Socket;
use uuid::Uuid;

use super::interest::Interest;
use super::session::ClientSession;
use crate::job::RemovedJob;
use crate::store::changes::Change;
use crate::store::history::LogRow;
use crate::store::listing::Watch;
use crate::store::progress::LogWrite;
use crate::store::row::JobSummary;

/// Jobs with an update that waits. Beyond, a snapshot is shorter.
const WAITING_JOBS: usize = 4_096;
/// Deleted jobs that wait to be told: 160 kB as JSON. Beyond, a snapshot is shorter.
const WAITING_REMOVED: usize = 4_096;
/// Log lines that wait. Beyond, the oldest are left out and counted; they can be read from the log.
const WAITING_LINES: usize = 2_000;

/// What is taken at once.
const TAKEN_BYTES: usize = 256 << 10;

/// A stored change of a job, serialised once for all clients.
#[derive(Debug)]
pub struct Update {
    /// The job.
    pub id: Uuid,
    /// The job that started it.
    pub parent: Option<Uuid>,
    /// Its type.
    pub type_name: String,
    /// The number of the change.
    pub rev: i64,
    /// Whether the job has ended.
    pub terminal: bool,
    /// The job as JSON.
    pub json: String,
}

impl Update {
    /// Serialises a job.
    pub fn of(job: &JobSummary) -> Self {
        Self {
            id: job.id,
            parent: job.parent_id,
            type_name: job.type_name.clone(),
            rev: job.rev,
            terminal: job.status.is_terminal(),
            // A summary holds nothing that JSON can't say.
            json: serde_json::to_string(job).unwrap_or_default(),
        }
    }
}

/// Stored log lines of a job, serialised once for all clients: JSON objects, one per line.
#[derive(Debug)]
pub struct LogLines {
    /// The job.
    pub job_id: Uuid,
    /// Its type.
    pub type_name: Cow<'static, str>,
    /// The lines.
    pub lines: Vec<String>,
}

impl LogLines {
    /// Serialises lines as they were read.
    pub fn stored(job_id: Uuid, type_name: String, lines: &[LogRow]) -> Self {
        // A line holds nothing that JSON can't say.
        let lines = lines.iter().map(|line| serde_json::to_string(line).unwrap_or_default()).collect();
        Self { job_id, type_name: type_name.into(), lines }
    }

    /// Serialises lines as they were written.
    pub fn of(write: &LogWrite, type_name: &'static str) -> Self {
        let lines = write.lines.iter().map(|line| {
            let (seq, at, level) = (line.seq, line.at, line.level.as_str());
            json!({ "seq": seq, "at": at, "level": level, "target": line.target, "message": line.message }).to_string()
        });
        Self { job_id: write.fence.job_id, type_name: type_name.into(), lines: lines.collect() }
    }
}

/// Command: take what waits. Sent once until it is taken.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

/// The box of one client.
pub struct Outbox {
    state: Mutex<State>,
    session: OnceLock<WeakAddr<ClientSession>>,
    poked: AtomicBool,
    /// When the client was last heard, in ms since `opened`.
    heard_ms: AtomicU64,
    opened: Instant,
    /// A second handle on its socket: the session of a client that never reads is never polled, so it is hung up from outside.
    socket: Option<Arc<Socket>>,
}

#[derive(Default)]
struct State {
    interest: Interest,
    logs: Interest,
    /// While a snapshot is being read, updates wait for it.
    loading: usize,
    updates: HashMap<Uuid, Arc<Update>>,
    /// Nothing else is told of these: no update of theirs is in the box.
    removed: HashSet<Uuid>,
    lines: VecDeque<(Uuid, String)>,
    skipped: HashMap<Uuid, u64>,
    overrun: bool,
}

/// What a session takes out.
#[derive(Default)]
pub struct Taken {
    /// Updates, oldest change first.
    pub updates: Vec<Arc<Update>>,
    /// Jobs that were deleted.
    pub removed: Vec<Uuid>,
    /// Log lines, oldest first.
    pub lines: Vec<(Uuid, String)>,
    /// Lines left out, by job.
    pub skipped: HashMap<Uuid, u64>,
    /// Too many jobs changed or went: a fresh snapshot is due.
    pub overrun: bool,
}

impl Outbox {
    /// An empty box that wants nothing.
    pub fn new(socket: Option<Arc<Socket>>) -> Self {
        Self {
            state: Mutex::default(),
            session: OnceLock::new(),
            poked: AtomicBool::new(false),
            heard_ms: AtomicU64::new(0),
            opened: Instant::now(),
            socket,
        }
    }

    /// Says whom to wake.
    pub fn attach(&self, session: WeakAddr<ClientSession>) {
        let _ = self.session.set(session);
    }

    /// Adds to what the client wants, and holds updates back until [`loaded`](Self::loaded).
    pub fn subscribe(&self, watch: &Watch, logs: bool) {
        let mut state = self.lock();
        state.interest.add(watch);
        if logs {
            state.logs.add(watch);
        }
        state.loading += 1;
    }

    /// Takes from what the client wants.
    pub fn unsubscribe(&self, watch: &Watch) {
        let mut state = self.lock();
        state.interest.remove(watch);
        state.logs.remove(watch);
    }

    /// What the client wants.
    pub fn interest(&self) -> Interest {
        self.lock().interest.clone()
    }

    /// Holds updates back until [`loaded`](Self::loaded), for a fresh snapshot.
    pub fn begin_load(&self) {
        self.lock().loading += 1;
    }

    /// What was read for the client has arrived: `told` was sent, `rest` is to follow, and what waited may go too.
    pub fn loaded(&self, told: &[JobSummary], rest: &[JobSummary]) {
        let mut state = self.lock();
        state.loading = state.loading.saturating_sub(1);
        // Another snapshot may still come that was read earlier: then what is newer has to follow it.
        if state.loading == 0 {
            for job in told {
                if state.updates.get(&job.id).is_some_and(|waiting| waiting.rev <= job.rev) {
                    state.updates.remove(&job.id);
                }
            }
        }
        for update in rest.iter().map(Update::of) {
            match state.updates.get(&update.id) {
                Some(waiting) if waiting.rev >= update.rev => {}
                _ if state.removed.contains(&update.id) => {} // it was read before that
                _ => _ = state.updates.insert(update.id, Arc::new(update)),
            }
        }
        let news = state.has_news();
        drop(state);
        if news {
            self.poke();
        }
    }

    /// Puts updates in.
    pub fn push(&self, updates: &[Arc<Update>]) {
        let mut state = self.lock();
        for update in updates {
            if state.interest.wants_with_parent(&update.id, update.parent.as_ref(), &update.type_name) {
                state.put(update);
            }
        }
        let news = state.has_news();
        drop(state);
        if news {
            self.poke();
        }
    }

    /// Notes that jobs were deleted. What else waits to be told of them is told no more.
    pub fn push_removed(&self, jobs: &[RemovedJob]) {
        let mut state = self.lock();
        for job in jobs {
            if state.interest.wants(&job.id, &job.type_name) {
                state.remove(job.id);
            }
        }
        let news = state.has_news();
        drop(state);
        if news {
            self.poke();
        }
    }

    /// Has the client given a fresh snapshot, in place of what waits.
    pub fn start_afresh(&self) {
        self.lock().give_up();
        self.poke();
    }

    /// Puts log lines in.
    pub fn push_lines(&self, lines: &LogLines) {
        let mut state = self.lock();
        if !state.logs.wants(&lines.job_id, &lines.type_name) {
            return;
        }
        for line in &lines.lines {
            state.lines.push_back((lines.job_id, line.clone()));
            if state.lines.len() > WAITING_LINES
                && let Some((job, _)) = state.lines.pop_front()
            {
                *state.skipped.entry(job).or_default() += 1;
            }
        }
        drop(state);
        self.poke();
    }

    /// Whether a change is wanted.
    pub fn wants(&self, change: &Change) -> bool {
        self.lock().interest.wants_with_parent(&change.id, change.parent_id.as_ref(), &change.type_name)
    }

    /// Whether log lines of the job are wanted.
    pub fn wants_lines(&self, job_id: &Uuid, type_name: &str) -> bool {
        self.lock().logs.wants(job_id, type_name)
    }

    /// Takes what waits, oldest change first, up to a size that a slow client reads in a few seconds. Nothing while a snapshot is
    /// being read.
    pub fn take(&self) -> Taken {
        self.poked.store(false, Ordering::Release);
        let mut state = self.lock();
        if state.loading > 0 {
            return Taken::default();
        }
        let mut order: Vec<_> = state.updates.values().map(|update| (update.rev, update.id)).collect();
        order.sort_unstable();
        let mut taken = Taken { overrun: std::mem::take(&mut state.overrun), ..Taken::default() };
        taken.removed = state.removed.drain().collect();
        let mut size = 0;
        for (_, id) in order {
            if size >= TAKEN_BYTES {
                break;
            }
            taken.updates.extend(state.updates.remove(&id).inspect(|update| size += update.json.len()));
        }
        while size < TAKEN_BYTES
            && let Some((job_id, line)) = state.lines.pop_front()
        {
            size += line.len();
            taken.lines.push((job_id, line));
        }
        taken.skipped = std::mem::take(&mut state.skipped);
        let more = state.has_news();
        drop(state);
        if more {
            self.poke();
        }
        taken
    }

    /// Notes that the client was heard.
    pub fn heard(&self) {
        let ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(ms, Ordering::Relaxed);
    }

    /// For how long the client has been silent.
    pub fn silent_for(&self) -> Duration {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(heard)
    }

    /// Breaks the connection.
    pub fn hang_up(&self) {
        if let Some(socket) = &self.socket {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Wakes the session, unless it has been woken since it last took something.
    fn poke(&self) {
        if self.poked.swap(true, Ordering::AcqRel) {
            return;
        }
        let woken = self.session.get().and_then(WeakAddr::upgrade).is_some_and(|s| s.try_send(Wake).is_ok());
        if !woken {
            self.poked.store(false, Ordering::Release); // the next update tries again
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, update: &Arc<Update>) {
        if self.overrun || self.removed.contains(&update.id) {
            return; // the snapshot will tell
        }
        let waiting = self.updates.len();
        match self.updates.get_mut(&update.id) {
            Some(older) if older.rev < update.rev => *older = Arc::clone(update),
            Some(_) => {}
            None if waiting < WAITING_JOBS => {
                self.updates.insert(update.id, Arc::clone(update));
            }
            None => self.give_up(),
        }
    }

    fn remove(&mut self, id: Uuid) {
        if self.overrun {
            return; // the snapshot will not have it
        }
        self.updates.remove(&id);
        self.removed.insert(id);
        if self.removed.len() > WAITING_REMOVED {
            self.give_up();
        }
    }

    /// Leaves it to a snapshot.
    fn give_up(&mut self) {
        self.updates.clear();
        self.removed.clear();
        self.overrun = true;
    }

    fn has_news(&self) -> bool {
        let changes = self.overrun || !self.updates.is_empty() || !self.removed.is_empty();
        self.loading == 0 && (changes || !self.lines.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::{LogLines, Outbox, Update, WAITING_JOBS, WAITING_LINES, WAITING_REMOVED};
    use crate::job::RemovedJob;
    use crate::store::listing::Watch;

    fn update(id: Uuid, rev: i64) -> Arc<Update> {
        Arc::new(Update { id, parent: None, type_name: "t".into(), rev, terminal: false, json: rev.to_string() })
    }

    fn open(watch: &Watch) -> Outbox {
        let outbox = Outbox::new(None);
        outbox.subscribe(watch, true);
        outbox.loaded(&[], &[]);
        outbox
    }

    #[test]
    fn the_newest_update_of_a_job_wins_whatever_the_order() {
        let outbox = open(&Watch::All);
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        outbox.push(&[update(a, 1), update(b, 2), update(a, 5), update(a, 3)]);
        let revs: Vec<_> = outbox.take().updates.iter().map(|u| u.rev).collect();
        assert_eq!(revs, [2, 5]);
        assert!(outbox.take().updates.is_empty());
    }

    #[test]
    fn too_many_changed_jobs_become_one_wish_for_a_snapshot() {
        let outbox = open(&Watch::All);
        for rev in 0..=i64::try_from(WAITING_JOBS).unwrap() {
            outbox.push(&[update(Uuid::now_v7(), rev)]);
        }
        let taken = outbox.take();
        assert!(taken.overrun && taken.updates.is_empty());
        assert!(!outbox.take().overrun);
    }

    #[test]
    fn updates_wait_for_the_snapshot_and_only_newer_ones_follow_it() {
        let outbox = Outbox::new(None);
        let wanted = Uuid::now_v7();
        outbox.subscribe(&Watch::Jobs(vec![wanted]), false);
        outbox.push(&[update(wanted, 7), update(Uuid::now_v7(), 8)]);
        assert!(outbox.take().updates.is_empty());
        outbox.loaded(&[], &[]);
        let taken = outbox.take().updates;
        assert_eq!(taken.iter().map(|u| (u.id, u.rev)).collect::<Vec<_>>(), [(wanted, 7)]);
    }

    fn removed(id: Uuid) -> RemovedJob {
        RemovedJob { id, type_name: "t".into() }
    }

    #[test]
    fn of_a_removed_job_nothing_else_is_told() {
        let outbox = open(&Watch::Types(vec!["t".into()]));
        let (gone, stays) = (Uuid::now_v7(), Uuid::now_v7());
        outbox.push(&[update(gone, 1), update(stays, 2)]);
        outbox.push_removed(&[removed(gone), RemovedJob { id: Uuid::now_v7(), type_name: "other".into() }]);
        outbox.push(&[update(gone, 3)]);
        let taken = outbox.take();
        assert_eq!(taken.updates.iter().map(|u| u.id).collect::<Vec<_>>(), [stays]);
        assert_eq!(taken.removed, [gone]);
        assert!(outbox.take().removed.is_empty());
    }

    #[test]
    fn too_many_removed_jobs_become_one_wish_for_a_snapshot() {
        let outbox = open(&Watch::All);
        let jobs: Vec<_> = (0..=WAITING_REMOVED).map(|_| removed(Uuid::now_v7())).collect();
        outbox.push_removed(&jobs[1..]);
        assert_eq!(outbox.take().removed.len(), WAITING_REMOVED);
        outbox.push(&[update(Uuid::now_v7(), 1)]);
        outbox.push_removed(&jobs);
        let taken = outbox.take();
        assert!(taken.overrun && taken.removed.is_empty() && taken.updates.is_empty());
    }

    #[test]
    fn a_removal_waits_for_the_snapshot_that_may_still_hold_the_job() {
        let outbox = Outbox::new(None);
        outbox.subscribe(&Watch::All, false);
        let id = Uuid::now_v7();
        outbox.push_removed(&[removed(id)]);
        assert!(outbox.take().removed.is_empty());
        outbox.loaded(&[], &[]);
        assert_eq!(outbox.take().removed, [id]);
    }

    #[test]
    fn log_lines_beyond_the_limit_are_counted_not_kept() {
        let outbox = open(&Watch::All);
        let job_id = Uuid::now_v7();
        let lines = (0..WAITING_LINES + 3).map(|n| n.to_string()).collect();
        outbox.push_lines(&LogLines { job_id, type_name: "t".into(), lines });
        let taken = outbox.take();
        assert_eq!((taken.lines.len(), taken.skipped[&job_id]), (WAITING_LINES, 3));
        assert_eq!(taken.lines[0].1, "3");
    }
}
