//! What a handler sees: its way to report, to notice that it should stop, and to reach the world.

use std::collections::HashSet;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Object;
use tracing::Span;
use uuid::Uuid;

use super::attempt::Attempt;
use super::command::JobCommand;
use super::environment::{Environment, MediaRoots, RemovedJob};
use super::fence::Fence;
use super::outcome::Fatal;
use super::stop::{Stop, StopReason, Stopped};

/// Handed to [`Job::run`](super::Job::run). Cheap to clone and to call in a tight loop.
#[derive(Clone)]
pub struct JobContext {
    pub(super) attempt: Arc<Attempt>,
    pub(super) environment: Environment,
    /// Lives as long as something of the run does: its future, or a closure given to [`blocking`](Self::blocking).
    alive: Arc<dyn Send + Sync>,
    span: Span,
}

impl JobContext {
    /// A context for an attempt. `alive` is dropped when nothing of the run is left.
    pub fn new(attempt: Arc<Attempt>, environment: Environment, alive: Arc<dyn Send + Sync>) -> Self {
        let span = super::log::open_span(&attempt);
        Self { attempt, environment, alive, span }
    }

    /// The job.
    pub fn job_id(&self) -> Uuid {
        self.attempt.job_id
    }

    /// Which run of the job this is, from 1.
    pub fn attempt(&self) -> i32 {
        self.attempt.number
    }

    /// The fencing token of this run, for writes that the handler makes elsewhere: see [`Fence`].
    pub fn fence(&self) -> Fence {
        self.attempt.fence()
    }

    /// The span whose events become the job's log. Enter it in threads of your own.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Says how far the job is (0 to 100) and what it does. Counts in the message (`Processed 5/10`) are understood.
    pub fn progress(&self, percent: impl Into<f64>, message: impl Into<String>) {
        self.attempt.progress.set(&self.attempt.parser, percent.into(), Some(message.into()));
        self.attempt.touch();
    }

    /// Says how many items are done of how many; the percent follows.
    pub fn items(&self, done: u64, total: u64) {
        self.attempt.progress.set_items(done, total);
        self.attempt.touch();
    }

    /// Says what the job does, without a change of its percent.
    pub fn message(&self, message: impl Into<String>) {
        self.attempt.progress.set_message(message.into());
        self.attempt.touch();
    }

    /// Records that an item failed. The job goes on, and ends as `completed_with_errors`.
    pub fn item_error(&self, item: impl Display, error: &anyhow::Error) {
        tracing::warn!(parent: &self.span, "{item}: {error:#}");
        self.attempt.add_item_error(item.to_string(), format!("{error:#}"));
    }

    /// How many items failed so far.
    pub fn item_error_count(&self) -> i64 {
        self.attempt.item_error_count()
    }

    /// Whether this run is about `item`: true for all, unless it retries only the failed items of another job.
    pub fn wants(&self, item: &str) -> bool {
        self.attempt.only_items.as_ref().is_none_or(|only| only.contains(item))
    }

    /// The items that this run is about, when it retries only the failed items of another job.
    pub fn only_items(&self) -> Option<&HashSet<String>> {
        self.attempt.only_items.as_ref()
    }

    /// The normal way to write a job: calls `work` for each item in turn, counts, records item errors, reports progress, and
    /// stops between two items when asked to. A retry of only the failed items sees only those.
    ///
    /// `Err` of `work` is an item error and the next item follows, unless it is [`Fatal`]: then the job fails. Items are
    /// taken one by one, never gathered, as long as their iterator knows its length. `work` need not yield: others get
    /// their turn between items.
    ///
    /// `Err` means that the handler should end; pass it on with `?`.
    pub async fn each<T, F, Fut>(&self, items: impl IntoIterator<Item = T>, work: F) -> anyhow::Result<()>
    where
        T: Display,
        F: FnMut(T) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let items = items.into_iter();
        match (self.only_items(), items.size_hint()) {
            (Some(only), _) => self.each_of(only.len(), items, work).await,
            (None, (length, Some(most))) if length == most => self.each_of(length, items, work).await,
            (None, _) => {
                let items: Vec<T> = items.collect();
                self.each_of(items.len(), items.into_iter(), work).await
            }
        }
    }

    async fn each_of<T, F, Fut>(&self, total: usize, items: impl Iterator<Item = T>, mut work: F) -> anyhow::Result<()>
    where
        T: Display,
        F: FnMut(T) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let total = total as u64;
        self.items(0, total);
        let wanted = items.map(|item| (item.to_string(), item)).filter(|(key, _)| self.wants(key));
        for (done, (key, item)) in (1..).zip(wanted) {
            self.checkpoint()?;
            match work(item).await.map_err(anyhow::Error::downcast::<Fatal>) {
                Ok(()) => {}
                Err(Ok(Fatal(error))) => return Err(error),
                Err(Err(error)) if Stopped::is_cause_of(&error) => self.checkpoint()?,
                Err(Err(error)) => self.item_error(key, &error),
            }
            self.items(done, total);
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// Whether the handler was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.attempt.stop.is_requested()
    }

    /// Waits until the handler is asked to stop.
    pub async fn cancelled(&self) {
        self.attempt.stop.requested().await;
    }

    /// `Err` once the handler was asked to stop: `ctx.checkpoint()?`.
    pub fn checkpoint(&self) -> Result<(), Stopped> {
        self.attempt.stop.checkpoint()
    }

    /// Why the handler was asked to stop, if it was.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.attempt.stop.reason()
    }

    /// The signal itself, for what waits on its own: a client of a service gives up when it is set.
    pub fn stop_signal(&self) -> Stop {
        self.attempt.stop.clone()
    }

    /// A connection to the database, given back when it is dropped. Hold it for a block, not for a job: progress never needs
    /// it, and others wait for it.
    pub async fn db(&self) -> anyhow::Result<Object<AsyncPgConnection>> {
        let pool = self.environment.db.as_ref().ok_or_else(|| anyhow!("this job runs without a database"))?;
        pool.get().await.context("no database connection")
    }

    /// Says that other jobs are deleted, so that those who watch them hear of it.
    pub fn removed(&self, jobs: Vec<RemovedJob>) {
        if let Some(tell) = self.environment.on_removed.as_ref().filter(|_| !jobs.is_empty()) {
            tell(jobs);
        }
    }

    /// The folders that jobs may read.
    pub fn media_roots(&self) -> &MediaRoots {
        &self.environment.media_roots
    }

    /// A child process that dies with the job: its whole process group is killed when the handler is stopped.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> JobCommand {
        JobCommand::new(program.as_ref(), Arc::clone(&self.attempt))
    }

    /// Runs a closure that blocks (file hashing, a C library) on a thread that may block. A closure that runs long should
    /// look at [`is_cancelled`](Self::is_cancelled): nobody can stop a thread from outside.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
        let (alive, span) = (Arc::clone(&self.alive), self.span.clone());
        let task = tokio::task::spawn_blocking(move || {
            let result = span.in_scope(work);
            drop(alive);
            result
        });
        match task.await {
            Ok(value) => Ok(value),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(anyhow!("the job runtime is shutting down")),
        }
    }
}
