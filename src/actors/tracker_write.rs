//! How a batch gets stored, whatever the database says: as a whole if it can be, else in parts, and what can't be stored
//! now is set aside for later.
//!
//! - The connection is lost, the disk is full, the server only reads: the batch waits.
//! - Somebody holds the rows of some jobs: those are set aside, the others go on. What is known to be held is looked at before
//!   the next try, so that a row that stays locked costs its node one time limit, and then nothing.
//! - Something else is refused: the batch is halved until the jobs that it is about stand alone. What a single job has is set
//!   aside too, unless its values are to blame: then, and only if the database takes the job's end without them in the same
//!   transaction, it ends as failed. So no job fails because the database refused for a moment.

use std::collections::HashSet;

use diesel::QueryResult;
use diesel::result::Error;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use uuid::Uuid;

use super::tracker_batch::{Batch, Form, Stored, Written, write_in};
use crate::store::failure::{self, Failure};
use crate::store::link::Link;
use crate::store::row_locks;

/// How often a batch is halved at a time: enough to find three jobs among a thousand. The next try goes on.
const HALVINGS: u32 = 30;

/// Writes a batch. Answers with what is stored, and with what has to be written again later.
pub async fn write(link: &mut Link, node: Uuid, batch: Batch) -> (Written, Batch) {
    let mut writer = Writer { link, node, written: Written::default(), later: Batch::default(), halvings: HALVINGS };
    writer.write(batch).await;
    (writer.written, writer.later)
}

struct Writer<'a> {
    link: &'a mut Link,
    node: Uuid,
    written: Written,
    later: Batch,
    halvings: u32,
}

impl Writer<'_> {
    async fn write(&mut self, mut batch: Batch) {
        if batch.has_waited {
            batch = self.without_held(batch).await;
        }
        // Only now: what is not read stays in the attempts, which keep a bounded number of lines.
        batch.read_attempts();
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            if part.jobs().is_empty() {
                continue;
            }
            let node = self.node;
            let stored = self.link.until_reached(async |conn| write_in(conn, node, &part, Form::Whole).await).await;
            match stored {
                Ok(stored) => self.written.add(part.answer(stored)),
                Err(error) => parts.extend(self.after(part, &error).await),
            }
        }
    }

    /// What is to be tried next after a batch was refused.
    async fn after(&mut self, batch: Batch, error: &Error) -> Vec<Batch> {
        let failure = Failure::of(error);
        if failure == Failure::Contention {
            let tried = batch.jobs().len();
            let free = self.without_held(batch).await;
            if free.jobs().len() < tried {
                return vec![free];
            }
            self.set_aside(free, error); // nobody's row: a table is locked, or the lock was given back
            return Vec::new();
        }
        if batch.jobs().len() > 1 && self.halvings > 0 {
            self.halvings -= 1;
            return batch.halve();
        }
        if failure == Failure::Content && batch.jobs().len() == 1 {
            self.write_one(batch).await;
        } else {
            self.set_aside(batch, error);
        }
        Vec::new()
    }

    /// Sets aside what belongs to jobs whose rows are held.
    async fn without_held(&mut self, batch: Batch) -> Batch {
        let (jobs, roots): (Vec<_>, Vec<_>) = (batch.jobs().into_iter().collect(), batch.stopping());
        let held = self.link.until_reached(async |conn| row_locks::held(conn, &jobs, &roots).await).await;
        let held: HashSet<_> = match held {
            Ok(held) => held.into_iter().collect(),
            Err(error) => {
                tracing::warn!(%error, "cannot see which jobs are locked; trying all of them later");
                jobs.into_iter().collect()
            }
        };
        if held.is_empty() {
            return batch;
        }
        tracing::warn!(jobs = ?held, "the rows of these jobs are locked; writing what happened to them later");
        let (mut held, free) = batch.split(|job| held.contains(job));
        held.cause = Some("another session of the database holds the jobs' rows".to_owned());
        self.put_off(held);
        free
    }

    fn set_aside(&mut self, mut batch: Batch, error: &Error) {
        tracing::error!(%error, jobs = batch.jobs().len(), "the database refuses what must be written, trying again");
        batch.cause = Some(failure::explain(error));
        self.put_off(batch);
    }

    /// Keeps a batch for later. Who is asked to stop is told all the same: a handler may be the one that holds the row.
    fn put_off(&mut self, batch: Batch) {
        self.written.for_supervisor.cancelling.extend(batch.cancels.iter().map(|wish| wish.id));
        self.later.absorb(batch);
    }

    /// Writes what a single job has whose values were refused.
    async fn write_one(&mut self, mut batch: Batch) {
        let node = self.node;
        let stored = self.link.until_reached(async |conn| write_without_some(conn, node, &batch).await).await;
        match stored {
            Ok((stored, form)) => {
                tracing::error!(jobs = ?batch.jobs(), ?form, "some of what a job reported can't be stored");
                batch.forget_reports();
                self.written.add(batch.answer(stored));
            }
            Err(error) => self.set_aside(batch, &error),
        }
    }
}

/// Writes a batch without what the database refuses for its values. All of it is tried in one transaction, so that a refusal
/// which has passed by the second try leaves nothing out.
async fn write_without_some(conn: &mut AsyncPgConnection, node: Uuid, batch: &Batch) -> QueryResult<(Stored, Form)> {
    conn.transaction(async |conn| {
        let mut cause = String::new();
        for form in [Form::Whole, Form::WithoutReports] {
            match write_in(conn, node, batch, form).await {
                Ok(stored) => return Ok((stored, form)),
                Err(error) if Failure::of(&error) == Failure::Content => cause = error.to_string(),
                Err(error) => return Err(error),
            }
        }
        let bare = batch.bare(&cause);
        Ok((write_in(conn, node, &bare, Form::WithoutReports).await?, Form::Bare))
    })
    .await
}
