//! The history of a drill, as the checks read it: what was asked, what the database holds, what was told, what was broken.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use uuid::Uuid;

use super::acts::Act;
use super::faults::{Disturbance, Overdue};
use super::heard::Heard;
use super::ledger::Entries;
use super::set_back::SetBack;
use crate::job::JobSpec;

/// All that is known in the end.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What was asked and answered.
    pub ledger: Entries,
    /// Every job that there is.
    pub jobs: Vec<JobRow>,
    /// What happened to them, in the order of the database.
    pub events: Vec<EventRow>,
    /// What their runs wrote down.
    pub writes: Vec<WriteRow>,
    /// What they did outside the database, in its order.
    pub acts: Vec<Act>,
    /// What became of due times, as the schedules tell.
    pub due: Vec<DueRow>,
    /// Jobs that waited while another job's row was held.
    pub overdue: Vec<Overdue>,
    /// What the database lost when it went back in time.
    pub set_backs: Vec<SetBack>,
    /// What the witnesses were told.
    pub witnesses: Vec<Heard>,
    /// What was done to the cluster.
    pub disturbances: Vec<Disturbance>,
    /// What the types are, where they limit how many of their jobs there may be.
    pub specs: Vec<JobSpec>,
}

/// Something that must not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which rule was broken.
    pub kind: Kind,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Uuid>,
    /// How.
    pub text: String,
}

/// The rules, by what breaking them is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A job was accepted and is not there.
    Lost,
    /// A job has not ended.
    NotEnded,
    /// There is a job that nobody asked for, or two for one request.
    NotAsked,
    /// A batch was stored in part.
    BatchTorn,
    /// A workflow has not each of its children once, or did not wait for them.
    FamilyTorn,
    /// A job ended more than once, or went on after its end.
    EndedTwice,
    /// What a job's history says of its end is not what its row says.
    EndDisagrees,
    /// Two attempts of a job wrote in turns.
    AttemptsOverlap,
    /// Two runs had the same attempt of a job.
    RanTwice,
    /// A run did things outside the database while the next one did.
    ActedOn,
    /// A run went on although its job belonged to another by then.
    WroteOn,
    /// More jobs of a type ran at a time than may, or were started in a while.
    TooMany,
    /// A due time of a schedule has not one job, nor a line that says why it has none.
    DueTorn,
    /// Two acts on many jobs retried one twice.
    RetriedTwice,
    /// A job waited for another job's row.
    Overdue,
    /// A job completed with less done than it said.
    CutShort,
    /// A job failed for a reason that nobody gave it.
    FailedOddly,
    /// A job was to be cancelled, and ended otherwise; or was cancelled, and nobody had asked.
    CancelBroken,
    /// A witness was told of an end that the database does not hold.
    FalseEnd,
    /// A witness was told of two ends of one job.
    TwoEnds,
    /// A witness does not know the end of a job.
    NotTold,
    /// A server answered what none should.
    OddAnswer,
    /// A node ended by itself, or did not stop in order.
    NodeDied,
    /// Something panicked in a node.
    Panicked,
}

impl Violation {
    /// Of a job.
    pub fn of(kind: Kind, job: Uuid, text: impl Into<String>) -> Self {
        Self { kind, job: Some(job), text: text.into() }
    }

    /// Of no job.
    pub fn general(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, job: None, text: text.into() }
    }
}

/// A job as it is in the end.
#[derive(Clone, Debug, QueryableByName)]
pub struct JobRow {
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Its type.
    #[diesel(sql_type = Text)]
    pub type_name: String,
    /// Its status.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// What its handler returned.
    #[diesel(sql_type = Nullable<Text>)]
    pub outcome: Option<String>,
    /// Its last attempt.
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
    /// How often its node died under it.
    #[diesel(sql_type = Integer)]
    pub interruptions: i32,
    /// How often that is forgiven.
    #[diesel(sql_type = Integer)]
    pub max_interruptions: i32,
    /// How many of its attempts failed and were followed by another.
    #[diesel(sql_type = Integer)]
    pub failures: i32,
    /// How many may.
    #[diesel(sql_type = Integer)]
    pub max_retries: i32,
    /// How many items it told of.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub processed_items: Option<i64>,
    /// Why it failed.
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
    /// When it ended.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub completed_at: Option<DateTime<Utc>>,
    /// The number of its last change.
    #[diesel(sql_type = BigInt)]
    pub rev: i64,
    /// The number of its request.
    #[diesel(sql_type = BigInt)]
    pub tag: i64,
    /// The job that started it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub parent_id: Option<Uuid>,
    /// How many items it was told to do.
    #[diesel(sql_type = BigInt)]
    pub items: i64,
    /// Its last claim.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub claim_id: Option<Uuid>,
    /// The job that it does again.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub retry_of: Option<Uuid>,
    /// The schedule that made it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub schedule_id: Option<Uuid>,
    /// For which due time.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub due_at: Option<DateTime<Utc>>,
}

/// Something that happened to a job.
#[derive(Clone, Debug, QueryableByName)]
pub struct EventRow {
    /// Taken when it was stored: of two events where one made the other possible, the first has the smaller.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Whose.
    #[diesel(sql_type = SqlUuid)]
    pub job_id: Uuid,
    /// When, by the database.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// What.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// In which attempt.
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
    /// On which node, where that is said.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub node_id: Option<Uuid>,
}

/// A write of a run.
#[derive(Clone, Debug, QueryableByName)]
pub struct WriteRow {
    /// Whose.
    #[diesel(sql_type = SqlUuid)]
    pub job_id: Uuid,
    /// Of which attempt.
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
    /// Of which claim of it: the run.
    #[diesel(sql_type = SqlUuid)]
    pub claim_id: Uuid,
    /// Which of its writes: the number of the item.
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    /// In which process of the drill.
    #[diesel(sql_type = Integer)]
    pub process: i32,
    /// What was done: `start`, `item`, `end`.
    #[diesel(sql_type = Text)]
    pub step: String,
    /// When, by the database.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// Whether the job was this attempt's at that moment.
    #[diesel(sql_type = Bool)]
    pub owned: bool,
}

impl WriteRow {
    /// What no other write has.
    pub fn key(&self) -> (Uuid, Uuid, i64) {
        (self.job_id, self.claim_id, self.seq)
    }
}

/// What became of a due time.
#[derive(Clone, Debug, QueryableByName)]
pub struct DueRow {
    /// The schedule.
    #[diesel(sql_type = SqlUuid)]
    pub schedule_id: Uuid,
    /// When it was due; the first time of several that were missed.
    #[diesel(sql_type = Timestamptz)]
    pub due_at: DateTime<Utc>,
    /// What became of it.
    #[diesel(sql_type = Text)]
    pub outcome: String,
    /// The job that was made, or that stood in the way.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub job_id: Option<Uuid>,
    /// The last of several due times that were missed.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub missed_until: Option<DateTime<Utc>>,
}

/// All that schedules tell of due times.
pub async fn due(conn: &mut AsyncPgConnection) -> QueryResult<Vec<DueRow>> {
    let query = "SELECT schedule_id, due_at, outcome, job_id, (detail->>'last')::timestamptz AS missed_until
                 FROM schedule_runs WHERE due_at IS NOT NULL ORDER BY id";
    sql_query(query).load(conn).await
}

/// The drill's jobs, those of these types.
pub async fn jobs(conn: &mut AsyncPgConnection, types: &[&str]) -> QueryResult<Vec<JobRow>> {
    let query = sql_query(
        "SELECT id, type AS type_name, status, outcome, attempt, interruptions, max_interruptions, failures, max_retries,
                processed_items, error, completed_at, rev, parent_id,
                (params->>'tag')::bigint AS tag, (params->>'items')::bigint AS items,
                claim_id, retry_of, schedule_id, (metadata->>'due_at')::timestamptz AS due_at
         FROM jobs WHERE type = ANY($1) ORDER BY id",
    );
    query.bind::<Array<Text>, _>(types).load(conn).await
}

/// All that happened.
pub async fn events(conn: &mut AsyncPgConnection) -> QueryResult<Vec<EventRow>> {
    sql_query("SELECT id, job_id, at, kind, attempt, node_id FROM job_events ORDER BY id").load(conn).await
}

/// All that was written down.
pub async fn writes(conn: &mut AsyncPgConnection) -> QueryResult<Vec<WriteRow>> {
    let query = "SELECT job_id, attempt, claim_id, seq, process, step, at, owned FROM drill_writes ORDER BY at";
    sql_query(query).load(conn).await
}
