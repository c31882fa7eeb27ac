//! Accepting jobs: many at once, all or nothing where asked, exclusive types gated by a unique index.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::clock;
use super::origin::Way;
use super::row::{JobSummary, SummarySql, summary_columns};
use super::schema::jobs;
use super::statement::{Binds, Cached, Statement};
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
    /// Whether only one of its type may be pending or running.
    pub exclusive: bool,
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
            exclusive: spec.admission == Admission::Exclusive,
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

/// Stores the jobs. Those of exclusive types that are taken do not come back; all others do.
pub async fn insert(conn: &mut AsyncPgConnection, jobs: &[NewJob]) -> QueryResult<Vec<JobSummary>> {
    Cached(Insert::of(jobs)).load(conn).await
}

/// The job that holds the place of an exclusive type.
pub async fn holder(conn: &mut AsyncPgConnection, type_name: &str) -> QueryResult<Option<JobSummary>> {
    jobs::table
        .filter(jobs::exclusive_key.eq(type_name))
        .filter(jobs::status.eq_any([Status::Pending, Status::Running, Status::Cancelling]))
        .select(JobSummary::as_select())
        .first(conn)
        .await
        .optional()
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
    exclusive_keys: Vec<Option<&'static str>>,
    serials: Vec<bool>,
    max_interruptions: Vec<i32>,
    max_retries: Vec<i32>,
    parent_ids: Vec<Option<Uuid>>,
    /// As JSON: there are no arrays of arrays of different lengths.
    ancestors: Vec<Value>,
    child_keys: Vec<Option<String>>,
    schedule_ids: Vec<Option<Uuid>>,
    queue_keys: Vec<Option<String>>,
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
            insert.exclusive_keys.push(job.exclusive.then_some(job.type_name));
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
                              schedule_id, queue_key, message)
            SELECT id, type, params, metadata, priority, coalesce(run_at, now()),
                   coalesce((SELECT p.turn_at + (p.priority - n.priority) * interval '10 minutes' FROM jobs p WHERE p.id = n.parent_id),
                            greatest(run_at, now()) - priority * interval '10 minutes'), created_by, reason, retry_of, only_items,
                   exclusive_key, serial, max_interruptions, max_retries, parent_id,
                   ARRAY(SELECT above::uuid FROM jsonb_array_elements_text(ancestors) WITH ORDINALITY AS a (above, n) ORDER BY n),
                   child_key, schedule_id, queue_key,
                   CASE WHEN serial AND EXISTS (SELECT FROM jobs other WHERE other.type = n.type
                                                AND other.status IN ('pending', 'running', 'cancelling'))
                        THEN 'Waiting for another ' || type || ' job to complete' END
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
                 AS n (id, type, params, metadata, priority, run_at, created_by, reason, retry_of, only_items,
                       exclusive_key, serial, max_interruptions, max_retries, parent_id, ancestors, child_key,
                       schedule_id, queue_key)
            ON CONFLICT (exclusive_key) WHERE exclusive_key IS NOT NULL AND status IN ('pending', 'running', 'cancelling') DO NOTHING
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
        binds.add::<Array<Nullable<Text>>, _>(&self.queue_keys)
    }
}
