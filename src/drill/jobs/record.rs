//! The writes of the drill's jobs: rows with the time of the database, fenced by the job's author.
//!
//! The statement locks the job's row and looks whether it is still this run's. A claim or a rescue passes a locked row over, so
//! nobody can give the job to another run before the write is committed: the owned writes of two runs never interleave, whatever
//! the network does. A write that finds its job gone is kept as well, marked as not owned: it tells how long a run went on that
//! should have stopped.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use chrono::Utc;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::drill::acts::Act;
use crate::job::{Fence, JobContext};

/// Makes the table. The drill does, not a migration: it is in no other database.
pub const TABLE: &str = "
    CREATE TABLE drill_writes (
        job_id   uuid NOT NULL,
        attempt  integer NOT NULL,
        claim_id uuid NOT NULL,
        seq      bigint NOT NULL,
        process  integer NOT NULL,
        step     text NOT NULL,
        at       timestamptz NOT NULL,
        owned    boolean NOT NULL,
        PRIMARY KEY (job_id, claim_id, seq)
    )";

/// The clock is read after the row is locked: the aggregate is worked out first.
const WRITE: &str = "
    WITH mine AS (
        SELECT id FROM jobs WHERE id = $1 AND claim_id = $6 AND status IN ('running', 'cancelling') FOR KEY SHARE
    ), looked AS MATERIALIZED (SELECT count(*) = 1 AS owned FROM mine)
    INSERT INTO drill_writes (job_id, attempt, claim_id, seq, process, step, at, owned)
    SELECT $1, $2, $6, $3, $4, $5, clock_timestamp(), owned FROM looked
    ON CONFLICT DO NOTHING";

static PROCESS: OnceLock<Process> = OnceLock::new();

/// The process of a node.
struct Process {
    number: i32,
    /// Where what its jobs do is written down, outside the database.
    acts: Mutex<File>,
}

/// Says which of the drill's processes this is, and where what its jobs do outside the database is written down. Once.
pub fn set_process(number: i32, acts: &Path) -> std::io::Result<()> {
    let acts = Mutex::new(File::options().create(true).append(true).open(acts)?);
    let _ = PROCESS.set(Process { number, acts }); // a process has one number
    Ok(())
}

/// What is written down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The run began.
    Start,
    /// An item is done.
    Item,
    /// All items are done.
    End,
}

impl Step {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Item => "item",
            Self::End => "end",
        }
    }
}

/// Writes for one run.
pub(super) struct Record {
    fence: Fence,
}

impl Record {
    pub(super) fn of(ctx: &JobContext) -> Self {
        Self { fence: ctx.fence() }
    }

    /// Does what no database can undo: appends a line to a file that all nodes share. A line is one write, so lines stay whole.
    pub(super) fn act(&self, seq: u64) -> std::io::Result<()> {
        let Some(process) = PROCESS.get() else { return Ok(()) };
        let Fence { job_id, attempt, claim_id } = self.fence;
        let act = Act { job_id, attempt, claim_id, seq, process: process.number, at: Utc::now() };
        let mut acts = process.acts.lock().unwrap_or_else(PoisonError::into_inner);
        acts.write_all(act.line().as_bytes())
    }

    /// Writes a step down, on a connection of the jobs' pool.
    pub(super) async fn write(&self, ctx: &JobContext, seq: u64, step: Step) -> anyhow::Result<()> {
        let mut db = ctx.db().await?;
        sql_query(WRITE)
            .bind::<SqlUuid, _>(self.fence.job_id)
            .bind::<Integer, _>(self.fence.attempt)
            .bind::<BigInt, _>(i64::try_from(seq)?)
            .bind::<Integer, _>(PROCESS.get().map_or(0, |process| process.number))
            .bind::<Text, _>(step.as_str())
            .bind::<SqlUuid, _>(self.fence.claim_id)
            .execute(&mut db)
            .await?;
        Ok(())
    }
}
