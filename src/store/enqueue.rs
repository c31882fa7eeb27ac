//! Accepting jobs: many at once, all or nothing where asked, uniqueness decided by a unique index.
//!
//! Storing is idempotent: ids are chosen before the statement, so repeating a statement whose answer was lost finds the jobs that
//! it had stored.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::origin::Way;
use super::row::{JobSummary, SummarySql, summary_columns};
use super::schema::jobs;
use super::statement::{Binds, Cached, Statement};
use super::{cancel, clock};
use crate::job::{Admission, JobSpec, Status};

/// A job to be stored. Its params have been checked and contain no NUL.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// A UUID v7.
    pub id: Uuid,
    /// Its type.
    pub type_name: &'static str,
    /// Its params.
    pub params: Value,
    /// Further facts about where it came from; `triggered_by` and `source` are added when it is stored.
    pub metadata: Value,
    /// Higher is claimed first.
    pub priority: i32,
    /// Not claimed before; at once when none.
    pub run_at: Option<DateTime<Utc>>,
    /// Who triggered it.
    pub created_by: String,
    /// By which way, when it was a person or a program.
    pub way: Way,
    /// Why.
    pub reason: Option<String>,
    /// The job that it retries.
    pub retry_of: Option<Uuid>,
    /// The items that it is about, when not all.
    pub only_items: Option<Value>,
    /// Which unfinished jobs forbid it.
    pub unique: Option<Unique>,
    /// Not started afterwards: cancelled instead.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether only one of its type may run.
    pub serial: bool,
    /// How often its node may die under it.
    pub max_interruptions: i32,
    /// How many failed attempts are followed by another.
    pub max_retries: i32,
    /// The job that starts it.
    pub parent_id: Option<Uuid>,
    /// The jobs above it, from the one that somebody triggered down to its parent.
    pub ancestors: Vec<Uuid>,
    /// What its parent knows it by.
    pub child_key: Option<String>,
    /// The schedule that makes it.
    pub schedule_id: Option<Uuid>,
    /// Jobs with the same key run one after the other.
    pub queue_key: Option<String>,
}

/// Which unfinished jobs are duplicates of a job: one of them and it may not both be pending, running or cancelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unique {
    /// All jobs of its type: the type is exclusive.
    Type,
    /// Jobs of its type with the same params.
    Params,
    /// Jobs of its type with the same key, which the trigger named.
    Key(String),
}

impl Unique {
    /// The rule for a job of this type, if there is one. A key takes the place of the params; nothing loosens an exclusive type.
    pub fn of(spec: &JobSpec, key: Option<String>) -> Option<Self> {
        match key {
            _ if spec.admission == Admission::Exclusive => Some(Self::Type),
            Some(key) => Some(Self::Key(key)),
            None => spec.unique_by_params.then_some(Self::Params),
        }
    }

    /// The key that a stored job was given by its trigger, to be given to another one.
    pub fn named_key(type_name: &str, stored: Option<&str>) -> Option<String> {
        stored?.strip_prefix(type_name)?.strip_prefix(":key:").map(str::to_owned)
    }
}

impl NewJob {
    /// A job of a type with checked params; everything else as the type has it.
    pub fn of(spec: &JobSpec, params: Value, actor: &str) -> Self {
        Self {
            id: clock::new_id(),
            type_name: spec.name,
            params,
            metadata: Value::Object(serde_json::Map::new()),
            priority: spec.priority,
            run_at: None,
            created_by: actor.to_owned(),
            way: Way::default(),
            reason: None,
            retry_of: None,
            only_items: None,
            unique: Unique::of(spec, None),
            expires_at: None,
            serial: spec.admission == Admission::Serial,
            max_interruptions: spec.max_interruptions,
            max_retries: spec.max_retries(),
            parent_id: None,
            ancestors: Vec::new(),
            child_key: None,
            schedule_id: None,
            queue_key: None,
        }
    }
}

/// Stores the jobs. Duplicates, and jobs that are stored already, do not come back; all others do.
pub async fn insert(conn: &mut AsyncPgConnection, jobs: &[NewJob]) -> QueryResult<Vec<JobSummary>> {
    Cached(Insert::of(jobs)).load(conn).await
}

/// What became of a job that was to be stored.
#[derive(Clone, Debug)]
pub enum Acceptance {
    /// It is stored, by this call or by an earlier one whose answer was lost.
    Stored(JobSummary),
    /// It is not stored, since this job is a duplicate of it that has not ended.
    Duplicate(JobSummary),
    /// It is not stored: the duplicate that forbade it has ended since. Try again.
    Contended,
}

/// Stores the jobs that are not stored yet. Answers for each, in the order given. May be repeated; `again` says that an earlier call
/// may have stored them.
pub async fn accept(conn: &mut AsyncPgConnection, jobs: &[NewJob], again: bool) -> QueryResult<Vec<Acceptance>> {
    let mut stored = if again { current(conn, jobs).await? } else { HashMap::new() };
    if stored.is_empty() {
        stored = by_id(insert(conn, jobs).await?);
    }
    if stored.len() < jobs.len() {
        let missing: Vec<_> = jobs.iter().filter(|job| !stored.contains_key(&job.id)).cloned().collect();
        stored.extend(current(conn, &missing).await?);
    }
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        answers.push(match stored.remove(&job.id) {
            Some(row) => Acceptance::Stored(row),
            None => holder(conn, job).await?.map_or(Acceptance::Contended, Acceptance::Duplicate),
        });
    }
    Ok(answers)
}

/// Those of the jobs that are stored.
async fn current(conn: &mut AsyncPgConnection, jobs: &[NewJob]) -> QueryResult<HashMap<Uuid, JobSummary>> {
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    cancel::current(conn, &ids).await.map(by_id)
}

fn by_id(rows: Vec<JobSummary>) -> HashMap<Uuid, JobSummary> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}

/// The unfinished job that this one is a duplicate of.
pub async fn holder(conn: &mut AsyncPgConnection, job: &NewJob) -> QueryResult<Option<JobSummary>> {
    let Some(key) = job.exclusive_key(conn).await? else { return Ok(None) };
    jobs::table
        .filter(jobs::exclusive_key.eq(key))
        .filter(jobs::status.eq_any([Status::Pending, Status::Running, Status::Cancelling]))
        .select(JobSummary::as_select())
        .first(conn)
        .await
        .optional()
}

impl NewJob {
    /// Its exclusive key, unless that follows from its params.
    pub fn given_key(&self) -> Option<String> {
        match self.unique.as_ref()? {
            Unique::Type => Some(self.type_name.to_owned()),
            Unique::Key(key) => Some(format!("{}:key:{key}", self.type_name)),
            Unique::Params => None,
        }
    }

    /// Its exclusive key, as the statement that inserts it works it out.
    async fn exclusive_key(&self, conn: &mut AsyncPgConnection) -> QueryResult<Option<String>> {
        if self.unique != Some(Unique::Params) {
            return Ok(self.given_key());
        }
        let digest =
            sql::<Text>("encode(sha256(convert_to(").bind::<Jsonb, _>(&self.params).sql("::text, 'UTF8')), 'hex')");
        let digest: String = diesel::select(digest).get_result(conn).await?;
        Ok(Some(format!("{}:params:{digest}", self.type_name)))
    }
}

#[derive(Default)]
struct Insert {
    ids: Vec<Uuid>,
    types: Vec<&'static str>,
    params: Vec<Value>,
    metadata: Vec<Value>,
    priorities: Vec<i32>,
    run_ats: Vec<Option<DateTime<Utc>>>,
    created_bys: Vec<String>,
    reasons: Vec<Option<String>>,
    retry_ofs: Vec<Option<Uuid>>,
    only_items: Vec<Option<Value>>,
    /// Null also where the key follows from the params.
    exclusive_keys: Vec<Option<String>>,
    unique_by_params: Vec<bool>,
    serials: Vec<bool>,
    max_interruptions: Vec<i32>,
    max_retries: Vec<i32>,
    parent_ids: Vec<Option<Uuid>>,
    /// As JSON: there are no arrays of arrays of different lengths.
    ancestors: Vec<Value>,
    child_keys: Vec<Option<String>>,
    schedule_ids: Vec<Option<Uuid>>,
    queue_keys: Vec<Option<String>>,
    expires_ats: Vec<Option<DateTime<Utc>>>,
}

impl Insert {
    fn of(jobs: &[NewJob]) -> Self {
        let mut insert = Self::default();
        for job in jobs {
            insert.ids.push(job.id);
            insert.types.push(job.type_name);
            insert.params.push(job.params.clone());
            insert.metadata.push(job.whole_metadata());
            insert.priorities.push(job.priority);
            insert.run_ats.push(job.run_at);
            insert.created_bys.push(job.created_by.clone());
            insert.reasons.push(job.reason.clone());
            insert.retry_ofs.push(job.retry_of);
            insert.only_items.push(job.only_items.clone());
            insert.exclusive_keys.push(job.given_key());
            insert.unique_by_params.push(job.unique == Some(Unique::Params));
            insert.expires_ats.push(job.expires_at);
            insert.serials.push(job.serial);
            insert.max_interruptions.push(job.max_interruptions);
            insert.max_retries.push(job.max_retries);
            insert.parent_ids.push(job.parent_id);
            insert.ancestors.push(job.ancestors.iter().map(Uuid::to_string).collect());
            insert.child_keys.push(job.child_key.clone());
            insert.schedule_ids.push(job.schedule_id);
            insert.queue_keys.push(job.queue_key.clone());
        }
        insert
    }
}

impl Statement for Insert {
    type Row = SummarySql;

    // A child has the turn of its parent, which has waited for it: what was begun comes to its end before more is begun.
    const SQL: &'static str = concat!(
        ", new AS (
            INSERT INTO jobs (id, type, params, metadata, priority, run_at, turn_at, created_by, reason, retry_of, only_items,
                              exclusive_key, serial, max_interruptions, max_retries, parent_id, ancestors, child_key,
                              schedule_id, queue_key, expires_at, message)
            SELECT id, type, params, metadata, priority, coalesce(run_at, now()),
                   coalesce((SELECT p.turn_at + (p.priority - n.priority) * interval '10 minutes' FROM jobs p WHERE p.id = n.parent_id),
                            greatest(run_at, now()) - priority * interval '10 minutes'), created_by, reason, retry_of, only_items,
                   CASE WHEN unique_by_params THEN type || ':params:' || encode(sha256(convert_to(params::text, 'UTF8')), 'hex')
                        ELSE exclusive_key END, serial, max_interruptions, max_retries, parent_id,
                   ARRAY(SELECT above::uuid FROM jsonb_array_elements_text(ancestors) WITH ORDINALITY AS a (above, n) ORDER BY n),
                   child_key, schedule_id, queue_key, expires_at,
                   CASE WHEN serial AND EXISTS (SELECT FROM jobs other WHERE other.type = n.type
                                                AND other.status IN ('pending', 'running', 'cancelling'))
                        THEN 'Waiting for another ' || type || ' job to complete' END
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
                 AS n (id, type, params, metadata, priority, run_at, created_by, reason, retry_of, only_items,
                       exclusive_key, serial, max_interruptions, max_retries, parent_id, ancestors, child_key,
                       schedule_id, queue_key, unique_by_params, expires_at)
            ON CONFLICT DO NOTHING
            RETURNING *
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, actor, reason)
            SELECT id, 'created', 0, created_by, reason FROM new
        )
        SELECT ",
        summary_columns!(),
        " FROM new"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Text>, _>(&self.types)?;
        binds.add::<Array<Jsonb>, _>(&self.params)?;
        binds.add::<Array<Jsonb>, _>(&self.metadata)?;
        binds.add::<Array<Int4>, _>(&self.priorities)?;
        binds.add::<Array<Nullable<Timestamptz>>, _>(&self.run_ats)?;
        binds.add::<Array<Text>, _>(&self.created_bys)?;
        binds.add::<Array<Nullable<Text>>, _>(&self.reasons)?;
        binds.add::<Array<Nullable<SqlUuid>>, _>(&self.retry_ofs)?;
        binds.add::<Array<Nullable<Jsonb>>, _>(&self.only_items)?;
        binds.add::<Array<Nullable<Text>>, _>(&self.exclusive_keys)?;
        binds.add::<Array<Bool>, _>(&self.serials)?;
        binds.add::<Array<Int4>, _>(&self.max_interruptions)?;
        binds.add::<Array<Int4>, _>(&self.max_retries)?;
        binds.add::<Array<Nullable<SqlUuid>>, _>(&self.parent_ids)?;
        binds.add::<Array<Jsonb>, _>(&self.ancestors)?;
        binds.add::<Array<Nullable<Text>>, _>(&self.child_keys)?;
        binds.add::<Array<Nullable<SqlUuid>>, _>(&self.schedule_ids)?;
        binds.add::<Array<Nullable<Text>>, _>(&self.queue_keys)?;
        binds.add::<Array<Bool>, _>(&self.unique_by_params)?;
        binds.add::<Array<Nullable<Timestamptz>>, _>(&self.expires_ats)
    }
}
