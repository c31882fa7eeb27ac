//! The history of a schedule: what became of its due times, and who changed it. The newest lines of each are kept.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::{ExpressionMethods, Insertable, OptionalExtension, QueryDsl};
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema::schedule_runs;
use crate::job::{RunOutcome, Status};

/// So many lines about runs are kept of each schedule, and so many about changes: half a year of a daily one, some minutes of
/// one that is due every second.
const KEPT: i64 = 200;

/// A line to be written.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = schedule_runs)]
pub struct NewRun {
    /// The schedule.
    pub schedule_id: Uuid,
    /// The due time, if it is about one.
    pub due_at: Option<DateTime<Utc>>,
    /// What came of it.
    pub outcome: RunOutcome,
    /// The job that was made, or that stood in the way.
    pub job_id: Option<Uuid>,
    /// Further facts.
    pub detail: Option<Value>,
    /// Who did it, where somebody did.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl NewRun {
    /// What became of a due time.
    pub const fn of(schedule_id: Uuid, due_at: DateTime<Utc>, outcome: RunOutcome) -> Self {
        Self { schedule_id, due_at: Some(due_at), outcome, job_id: None, detail: None, actor: None, reason: None }
    }

    /// What somebody did.
    pub const fn by(actor: String, reason: Option<String>, schedule_id: Uuid, outcome: RunOutcome) -> Self {
        Self { schedule_id, due_at: None, outcome, job_id: None, detail: None, actor: Some(actor), reason }
    }
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, QueryableByName, Serialize, Deserialize, ToSchema)]
#[schema(as = ScheduleRun)]
pub struct RunRow {
    /// Its position: what is greater is newer.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The schedule.
    #[diesel(sql_type = SqlUuid)]
    pub schedule_id: Uuid,
    /// The due time; the first of several that were missed. Null for what somebody did.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    #[schema(required)]
    pub due_at: Option<DateTime<Utc>>,
    /// When this was written.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// What became of it, or what was done.
    #[diesel(sql_type = Text)]
    pub outcome: RunOutcome,
    /// The job that was made (`started`, `manual`), or the one that stood in the way (`skipped`).
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[schema(required)]
    pub job_id: Option<Uuid>,
    /// What that job is now; null when it was cleaned up.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub job_status: Option<Status>,
    /// Further facts: of `missed` the `count` of due times with `first` and `last`; of `refused` the `errors`; of `skipped` why
    /// (`because`); of `edited` which fields were `changed`; of a late `started` that it was `caught_up`.
    #[diesel(sql_type = Nullable<Jsonb>)]
    #[schema(value_type = Option<HashMap<String, Value>>, required)]
    pub detail: Option<Value>,
    /// Who did it, where somebody did.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub actor: Option<String>,
    /// Why, in that person's words.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub reason: Option<String>,
}

impl RunRow {
    /// Whether a job was made.
    pub const fn is_start(&self) -> bool {
        matches!(self.outcome, RunOutcome::Started | RunOutcome::Manual)
    }
}

/// Whether there is a line about this due time already.
pub async fn is_noted(conn: &mut AsyncPgConnection, id: Uuid, due_at: DateTime<Utc>) -> QueryResult<bool> {
    let of_it = schedule_runs::table.filter(schedule_runs::schedule_id.eq(id)).filter(schedule_runs::due_at.eq(due_at));
    diesel::select(exists(of_it)).get_result(conn).await
}

/// Writes a line and lets the oldest of its kind go: runs push out no changes. Of two lines about the same due time the first stays.
pub async fn note(conn: &mut AsyncPgConnection, run: &NewRun) -> QueryResult<()> {
    let one_each = (schedule_runs::schedule_id, schedule_runs::due_at);
    let line = diesel::insert_into(schedule_runs::table).values(run);
    line.on_conflict(one_each).do_nothing().execute(conn).await?;
    let kind = if RunOutcome::RUNS.contains(&run.outcome) { &RunOutcome::RUNS[..] } else { &RunOutcome::CHANGES[..] };
    let of_kind = || {
        let of_it = schedule_runs::table.filter(schedule_runs::schedule_id.eq(run.schedule_id));
        of_it.filter(schedule_runs::outcome.eq_any(kind))
    };
    let newest = of_kind().select(schedule_runs::id).order(schedule_runs::id.desc()).offset(KEPT);
    let oldest: Option<i64> = newest.first(conn).await.optional()?;
    if let Some(oldest) = oldest {
        diesel::delete(of_kind().filter(schedule_runs::id.le(oldest))).execute(conn).await?;
    }
    Ok(())
}

/// Lines of a schedule before a position, newest first.
pub async fn page(conn: &mut AsyncPgConnection, id: Uuid, before: i64, limit: i64) -> QueryResult<Vec<RunRow>> {
    let query = "SELECT r.*, jobs.status AS job_status FROM schedule_runs r LEFT JOIN jobs ON jobs.id = r.job_id
                 WHERE r.schedule_id = $1 AND r.id < $2 ORDER BY r.id DESC LIMIT $3";
    let query = diesel::sql_query(query).bind::<SqlUuid, _>(id).bind::<BigInt, _>(before);
    query.bind::<BigInt, _>(limit).load(conn).await
}

/// The last line about a run of each of these schedules.
pub async fn last(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<RunRow>> {
    let query = "SELECT r.*, jobs.status AS job_status FROM unnest($1) AS s (id)
                 CROSS JOIN LATERAL (SELECT * FROM schedule_runs WHERE schedule_id = s.id AND outcome = ANY($2)
                                     ORDER BY id DESC LIMIT 1) r
                 LEFT JOIN jobs ON jobs.id = r.job_id";
    let runs = RunOutcome::RUNS.map(RunOutcome::as_str);
    let query = diesel::sql_query(query).bind::<Array<SqlUuid>, _>(ids).bind::<Array<Text>, _>(runs.as_slice());
    query.load(conn).await
}
