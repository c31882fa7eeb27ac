//! A job as it is read: the summary that lists and live updates carry, and the rest.

use chrono::{DateTime, Utc};
use diesel::expression::Expression;
use diesel::pg::Pg;
use diesel::{Queryable, Selectable};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema::jobs;
use crate::job::{Fence, OutcomeKind, Status};

/// A job without its params and its result, whose size is its own business. Times are UTC.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = jobs, check_for_backend(Pg))]
pub struct JobSummary {
    /// UUID v7: ids sort by creation.
    pub id: Uuid,
    /// The job's type.
    #[serde(rename = "type")]
    #[diesel(column_name = type_)]
    pub type_name: String,
    /// Where it is in its life.
    pub status: Status,
    /// What its handler returned; null until it ended.
    #[schema(required)]
    pub outcome: Option<OutcomeKind>,
    /// 0 to 100.
    pub progress: f64,
    /// What it does, or the last it said.
    #[schema(required)]
    pub message: Option<String>,
    /// Items done, when it counts.
    #[schema(required)]
    pub processed_items: Option<i64>,
    /// Items in all, when it counts.
    #[schema(required)]
    pub total_items: Option<i64>,
    /// Items per second lately, while it runs; null while that is unknown, and when it does not count.
    #[schema(required)]
    pub rate_per_second: Option<f64>,
    /// Seconds until it is done, as it looked when it last changed; null while they are unknown, and when it does not run.
    #[schema(required)]
    pub eta_seconds: Option<i64>,
    /// Why it failed.
    #[schema(required)]
    pub error: Option<String>,
    /// How many of its items failed.
    pub error_count: i64,
    /// Higher is claimed first.
    pub priority: i32,
    /// Not claimed before.
    pub run_at: DateTime<Utc>,
    /// Not started afterwards: cancelled by `deadline` when it is still pending then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Runs so far, the current one included.
    pub attempt: i32,
    /// The claim of its current or last run.
    #[serde(skip)]
    pub claim_id: Option<Uuid>,
    /// How often its node died under it, in a row.
    pub interruptions: i32,
    /// How many of its attempts failed and were followed by another.
    pub failures: i32,
    /// How many failed attempts are followed by another.
    pub max_retries: i32,
    /// The node that runs it, or ran it last.
    #[schema(required)]
    pub node_id: Option<Uuid>,
    /// Who triggered it.
    pub created_by: String,
    /// Why, in that person's words.
    #[schema(required)]
    pub reason: Option<String>,
    /// The job that started it.
    #[schema(required)]
    pub parent_id: Option<Uuid>,
    /// The job that it retries.
    #[schema(required)]
    pub retry_of: Option<Uuid>,
    /// The schedule that made it.
    #[schema(required)]
    pub schedule_id: Option<Uuid>,
    /// The cancel ladder, rung by rung, once somebody asked.
    #[schema(value_type = Option<CancelLadder>, required)]
    pub cancel: Option<Value>,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// When its last run began.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    #[schema(required)]
    pub completed_at: Option<DateTime<Utc>>,
    /// Number of its last stored change, over all jobs: what is greater is newer.
    pub rev: i64,
}

impl JobSummary {
    /// The token of its current or last run.
    pub fn fence(&self) -> Option<Fence> {
        let Self { id, attempt, claim_id, .. } = *self;
        claim_id.map(|claim_id| Fence { job_id: id, attempt, claim_id })
    }
}

/// Who asked a job to stop, and how it did, with times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CancelLadder {
    /// When somebody asked.
    #[schema(required, nullable = false)]
    pub requested_at: Option<DateTime<Utc>>,
    /// Who.
    #[schema(required, nullable = false)]
    pub requested_by: Option<String>,
    /// Why, in that person's words.
    #[schema(required)]
    pub reason: Option<String>,
    /// When its runner heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When its handler had stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub stopped_at: Option<DateTime<Utc>>,
    /// When its grace was over and it was aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub aborted_at: Option<DateTime<Utc>>,
    /// When it still blocked a thread and was fenced off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub abandoned_at: Option<DateTime<Utc>>,
}

/// The columns of a [`JobSummary`], in its order, for SQL written by hand.
macro_rules! summary_columns {
    () => {
        "id, type, status, outcome, progress, message, processed_items, total_items, rate_per_second, eta_seconds, \
         error, error_count, priority, run_at, expires_at, attempt, claim_id, interruptions, failures, max_retries, node_id, created_by, reason, parent_id, retry_of, schedule_id, cancel, created_at, started_at, \
         updated_at, completed_at, rev"
    };
}
pub(super) use summary_columns;

/// The SQL types of these columns.
pub(super) type SummarySql = <<JobSummary as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// The parts of a job that a list leaves out.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = jobs, check_for_backend(Pg))]
pub struct JobBody {
    /// Its parameters, defaults filled in.
    #[schema(value_type = HashMap<String, Value>)]
    pub params: Value,
    /// Where it came from: `triggered_by` and `source`, and of a schedule's job also `schedule` and `due_at`.
    #[schema(value_type = HashMap<String, Value>)]
    pub metadata: Value,
    /// What its handler returned.
    #[schema(required)]
    pub result: Option<Value>,
    /// When set, it is about these items only: the failed ones of the job that it retries.
    #[schema(value_type = Option<Vec<String>>, required)]
    pub only_items: Option<Value>,
    /// While it has not ended, no other job with the same key is accepted: `TYPE`, `TYPE:params:…` or `TYPE:key:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exclusive_key: Option<String>,
}
