//! One reading of the relay: which jobs changed elsewhere, how they are, what their logs gained.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use actix::Addr;
use diesel::QueryResult;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::identity::NodeIdentity;
use super::outbox::LogLines;
use super::tracker::{ForeignLines, ForeignRemoved, JobTracker, LinesWanted, SeenElsewhere, WhichAreNews};
use crate::job::{Status, first_seq};
use crate::store::link::Link;
use crate::store::listing::Watch;
use crate::store::row::JobSummary;
use crate::store::{cancel, changes};

/// Changes that are looked through at once, and jobs that are read at once.
const AT_ONCE: usize = 1_000;
/// Log lines that are read at once: as many as wait for a client at most.
const LINES: i64 = 2_000;

/// What is to be read.
pub struct Reading {
    /// Jobs that changed.
    pub changed: HashSet<Uuid>,
    /// When all that changed is looked for: after which number.
    pub since: Option<i64>,
    /// Logs to be followed from now on, and who waits for that.
    pub logs: Vec<(Watch, oneshot::Sender<()>)>,
}

/// Reads for the relay, one thing after the other.
pub struct Reader {
    node: Arc<NodeIdentity>,
    link: Link,
    tracker: Addr<JobTracker>,
    /// How far the logs were told of jobs that run elsewhere and that somebody follows.
    told_lines: HashMap<Uuid, LogEnd>,
    /// Jobs whose log lines are to be read: kept until that is done.
    lines_due: HashSet<Uuid>,
    /// Deletions that were told, by number.
    told_removed: HashSet<i64>,
}

struct LogEnd {
    type_name: String,
    /// The last line that was told.
    seq: i64,
    /// Whether the run is over: then no further line comes.
    over: bool,
}

impl Reader {
    /// A reader that has told nothing yet.
    pub fn new(node: Arc<NodeIdentity>, link: Link, tracker: Addr<JobTracker>) -> Self {
        Self {
            node,
            link,
            tracker,
            told_lines: HashMap::new(),
            lines_due: HashSet::new(),
            told_removed: HashSet::new(),
        }
    }

    /// Forgets how far logs were told: nobody follows any.
    pub fn forget_logs(&mut self) {
        self.told_lines.clear();
        self.lines_due.clear();
    }

    /// Forgets all that was told: the database has gone back.
    pub fn start_afresh(&mut self) {
        self.forget_logs();
        self.told_removed.clear();
    }

    /// Reads, and hands what is news to the tracker. `Err` when the database did not answer: with the jobs that are still to be
    /// read.
    pub async fn read(&mut self, reading: Reading) -> Result<(), HashSet<Uuid>> {
        let Reading { changed, since, logs } = reading;
        let read = async {
            self.follow(logs).await?;
            if let Some(since) = since {
                self.forget_unwanted().await;
                self.look(since).await?;
            }
            let ids: Vec<_> = changed.iter().copied().collect();
            self.jobs(&ids).await?;
            self.lines().await?;
            if let Some(since) = since {
                self.removed(since).await?;
            }
            QueryResult::Ok(())
        };
        match read.await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "what other nodes do could not be read, trying again");
                Err(changed)
            }
        }
    }

    /// Begins to follow logs where they end now.
    async fn follow(&mut self, logs: Vec<(Watch, oneshot::Sender<()>)>) -> QueryResult<()> {
        for (watch, follows) in logs {
            let node = self.node.current();
            let ends = self.link.once(async |conn| changes::log_ends(conn, node, &watch).await).await?;
            for (id, type_name, seq) in ends {
                self.told_lines.entry(id).or_insert(LogEnd { type_name, seq, over: false });
            }
            let _ = follows.send(()); // who waited may have gone
        }
        Ok(())
    }

    /// Stops following logs that nobody wants any more.
    async fn forget_unwanted(&mut self) {
        if self.told_lines.is_empty() {
            return;
        }
        let followed = self.told_lines.iter().map(|(id, end)| (*id, end.type_name.clone())).collect();
        let wanted = self.tracker.send(LinesWanted(followed)).await.unwrap_or_default();
        self.told_lines.retain(|id, _| wanted.contains(id));
    }

    /// Looks through all changes after a number.
    async fn look(&mut self, since: i64) -> QueryResult<()> {
        let mut after = since;
        loop {
            let limit = AT_ONCE as i64;
            let changes = self.link.once(async |conn| changes::since(conn, after, limit).await).await?;
            let Some(last) = changes.last() else { return Ok(()) };
            after = last.rev;
            let full = changes.len() == AT_ONCE;
            let news = self.tracker.send(WhichAreNews(changes)).await.unwrap_or_default();
            self.jobs(&news).await?;
            if !full {
                return Ok(());
            }
        }
    }

    /// Reads jobs, and hands them on.
    async fn jobs(&mut self, ids: &[Uuid]) -> QueryResult<()> {
        for ids in ids.chunks(AT_ONCE) {
            let jobs = self.link.once(async |conn| cancel::current(conn, ids).await).await?;
            let ends: Vec<_> = jobs.iter().map(|job| self.log_of(job)).collect();
            let wanted = self.tracker.send(SeenElsewhere(jobs)).await.unwrap_or_default();
            for (id, end) in ends {
                match end {
                    Some(end) if wanted.contains(&id) => {
                        self.told_lines.insert(id, end);
                        self.lines_due.insert(id);
                    }
                    Some(_) => {}
                    None => _ = self.told_lines.remove(&id),
                }
            }
        }
        Ok(())
    }

    /// From where on the log of a job is to be told here; none when it is written here, or its node is not known any more.
    fn log_of(&self, job: &JobSummary) -> (Uuid, Option<LogEnd>) {
        let before = first_seq(job.attempt) - 1;
        let follows = |told: &&LogEnd| told.seq >= first_seq(job.attempt - 1) - 1; // else another node's lines are between
        let seq = match self.told_lines.get(&job.id).filter(follows) {
            _ if job.node_id == Some(self.node.current()) => None,
            Some(told) => Some(told.seq),
            None => job.node_id.map(|_| before),
        };
        let over = !matches!(job.status, Status::Running | Status::Cancelling);
        (job.id, seq.map(|seq| LogEnd { type_name: job.type_name.clone(), seq, over }))
    }

    /// Reads the new lines of the jobs that are due.
    async fn lines(&mut self) -> QueryResult<()> {
        for job_id in self.lines_due.clone() {
            while let Some(LogEnd { type_name, seq, .. }) = self.told_lines.get_mut(&job_id) {
                let after = *seq;
                let lines = self.link.once(async |conn| changes::lines_after(conn, job_id, after, LINES).await).await?;
                let Some(last) = lines.last() else { break };
                *seq = last.seq;
                self.tracker.do_send(ForeignLines(LogLines::stored(job_id, type_name.clone(), &lines)));
                if (lines.len() as i64) < LINES {
                    break;
                }
            }
            self.lines_due.remove(&job_id);
            if self.told_lines.get(&job_id).is_some_and(|end| end.over) {
                self.told_lines.remove(&job_id);
            }
        }
        Ok(())
    }

    /// Reads which jobs were deleted. Last: nothing is told of them after that.
    async fn removed(&mut self, since: i64) -> QueryResult<()> {
        let node = self.node.current();
        let removed = self.link.once(async |conn| changes::removed_since(conn, node, since).await).await?;
        self.told_removed.retain(|rev| *rev > since);
        let fresh: Vec<_> =
            removed.into_iter().filter(|(rev, _)| self.told_removed.insert(*rev)).map(|(_, job)| job).collect();
        if !fresh.is_empty() {
            self.tracker.do_send(ForeignRemoved(fresh));
        }
        Ok(())
    }
}
