//! A job that stands for a task of Stash: it starts the task, mirrors its progress, and stops it when it is cancelled.
//!
//! Which task it is stands in `stash_tasks` while it runs, so that the job's next run goes on watching it instead of starting
//! another. A node that goes away leaves the task alone.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use diesel::sql_types::{Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use tracing::{info, warn};

use super::super::error::ServiceError;
use super::task::{Task, TaskStatus};
use super::{Stash, Task as StashTask};
use crate::job::{JobContext, Stop, StopReason};

/// Short tasks are over at once; long ones need no closer look than this.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LAST_LOOK: Duration = Duration::from_secs(1);
/// How long the word to stop may take: less than the grace of a job.
const STOPPING: Duration = Duration::from_secs(5);

/// How a task came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// It did what it was to do.
    Finished,
    /// Somebody stopped it in Stash.
    StoppedInStash,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Text)]
    task_id: String,
    #[diesel(sql_type = Timestamptz)]
    added_at: DateTime<Utc>,
}

impl JobContext {
    /// Runs a task of Stash to its end: the one that an earlier run of this job has left running, or a new one that `start`
    /// starts. `Err` when it fails, or when Stash forgets it, as it does when it is restarted.
    pub async fn run_stash_task(
        &self,
        stash: &Stash,
        start: impl AsyncFnOnce(&Stash) -> Result<String, ServiceError>,
    ) -> anyhow::Result<TaskEnd> {
        let known = self.known_task(stash).await?;
        let mut task = match known {
            Some(task) => {
                info!(task = task.id, "going on with the task that an earlier run has started");
                task
            }
            None => self.start_task(stash, start).await?,
        };
        let mut pause = FIRST_LOOK;
        let end = loop {
            self.mirror(&task);
            match task.status {
                TaskStatus::Finished => break Ok(TaskEnd::Finished),
                TaskStatus::Cancelled => break Ok(TaskEnd::StoppedInStash),
                TaskStatus::Failed => {
                    break Err(anyhow::anyhow!(
                        "Stash failed: {}",
                        task.error.as_deref().unwrap_or("it does not say why")
                    ));
                }
                TaskStatus::Ready | TaskStatus::Running | TaskStatus::Stopping => {}
            }
            let signal = self.stop_signal();
            let waited = signal.unless_requested(tokio::time::sleep(pause)).await.map_err(ServiceError::from);
            pause = (pause * 2).min(LAST_LOOK);
            let looked = match waited {
                Ok(()) => stash.task(&task.id).await,
                Err(stopped) => Err(stopped),
            };
            task = match looked {
                Ok(Some(found)) if found.added_at == task.added_at => found,
                Ok(_) => {
                    break Err(anyhow::anyhow!("Stash no longer knows the task; was it restarted? run this again"));
                }
                Err(error) if error.is_stop() => {
                    self.stop_task(stash, &task).await;
                    return Err(error.into());
                }
                Err(error) => return Err(error).context("the task in Stash may still run"),
            };
        };
        self.forget_task().await?;
        end
    }

    fn mirror(&self, task: &Task) {
        let doing = task.doing.as_slice().first().map(|doing| format!(" {doing}")).unwrap_or_default();
        match task.status {
            TaskStatus::Ready => self.message("Waiting for other tasks of Stash"),
            _ => match task.progress {
                Some(progress) => self.progress(progress * 100.0, format!("{}{doing}", task.description)),
                None => self.message(format!("{}{doing}", task.description)),
            },
        }
    }

    /// Starts a task and writes down which. A stop is heard afterwards: whether a start that nobody waited for was a start
    /// would not be known.
    async fn start_task(
        &self,
        stash: &Stash,
        start: impl AsyncFnOnce(&Stash) -> Result<String, ServiceError>,
    ) -> anyhow::Result<StashTask> {
        self.checkpoint()?;
        let deaf = stash.deaf();
        let id = start(&deaf).await.context("Stash did not start the task")?;
        let Some(task) = deaf.task(&id).await? else { bail!("Stash does not know the task that it has just started") };
        sql_query(
            "INSERT INTO stash_tasks (job_id, task_id, added_at) VALUES ($1, $2, $3)
             ON CONFLICT (job_id) DO UPDATE SET task_id = excluded.task_id, added_at = excluded.added_at",
        )
        .bind::<SqlUuid, _>(self.job_id())
        .bind::<Text, _>(&task.id)
        .bind::<Timestamptz, _>(task.added_at)
        .execute(&mut self.db().await?)
        .await
        .context("the task of Stash could not be written down")?;
        info!(task = id, "Stash has started its task");
        Ok(task)
    }

    /// The task that an earlier run of this job has started, if Stash still knows it and nobody has stopped it.
    async fn known_task(&self, stash: &Stash) -> anyhow::Result<Option<StashTask>> {
        let query = "SELECT task_id, added_at FROM stash_tasks WHERE job_id = $1";
        let known = sql_query(query).bind::<SqlUuid, _>(self.job_id());
        let known: Option<Known> = known.get_result(&mut self.db().await?).await.optional()?;
        let Some(Known { task_id, added_at }) = known else { return Ok(None) };
        let found = stash.task(&task_id).await?;
        // Postgres keeps microseconds, Stash tells nanoseconds.
        let same = |task: &StashTask| task.added_at.timestamp_micros() == added_at.timestamp_micros();
        Ok(found.filter(|task| same(task) && task.status != TaskStatus::Cancelled))
    }

    /// Tells Stash to stop the task, unless it is only this node that goes away.
    async fn stop_task(&self, stash: &Stash, task: &StashTask) {
        if self.stop_reason() == Some(StopReason::Interrupted) {
            info!(task = task.id, "the task goes on in Stash");
            return;
        }
        let deaf = stash.deaf();
        match tokio::time::timeout(STOPPING, deaf.stop_task(&task.id)).await {
            Ok(Ok(())) => info!(task = task.id, "the task was stopped in Stash"),
            Ok(Err(error)) => {
                warn!(task = task.id, "the task goes on in Stash, which could not be told to stop it: {error}")
            }
            Err(_) => warn!(task = task.id, "the task goes on in Stash, which does not answer"),
        }
        let _ = self.forget_task().await; // a row too many does no harm
    }

    async fn forget_task(&self) -> anyhow::Result<()> {
        let query = sql_query("DELETE FROM stash_tasks WHERE job_id = $1").bind::<SqlUuid, _>(self.job_id());
        query.execute(&mut self.db().await?).await.context("the task of Stash could not be crossed out")?;
        Ok(())
    }
}

impl Stash {
    /// The same client, which no stop of the job interrupts.
    fn deaf(&self) -> Self {
        Self { remote: self.remote.clone().with_stop(Stop::default()), ..self.clone() }
    }
}
