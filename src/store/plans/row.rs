//! A plan and a change as they are stored and read.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::{Insertable, Queryable, Selectable};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::{ChangeAction, ChangeField, ChangeStatus, PlanSource, PlanStatus};
use crate::store::schema::{plan_changes, plans};

/// A plan as it is stored.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = plans, check_for_backend(Pg))]
pub struct PlanRow {
    /// UUID v7: ids sort by creation.
    pub id: Uuid,
    /// The job that builds it, or did. It may be deleted by now.
    pub job_id: Uuid,
    /// What people read.
    pub name: String,
    /// Where it is in its life.
    pub status: PlanStatus,
    /// Who proposes.
    pub source: PlanSource,
    /// The model that was asked; null without one.
    #[schema(required)]
    pub model: Option<String>,
    /// The params of its job.
    #[schema(value_type = HashMap<String, Value>)]
    pub params: Value,
    /// Scenes that were to be looked at.
    pub scene_total: i64,
    /// Scenes that were looked at.
    pub scene_count: i64,
    /// Scenes that could not be looked at.
    pub scene_errors: i64,
    /// Why not all scenes were looked at; null when they were.
    #[schema(required)]
    pub note: Option<String>,
    /// Questions that the AI service was asked.
    pub requests: i64,
    /// Tokens of those questions, where the service counts them.
    pub input_tokens: i64,
    /// Tokens of its answers, where the service counts them.
    pub output_tokens: i64,
    /// What they cost by the prices of the settings; null without prices.
    #[schema(required)]
    pub cost: Option<f64>,
    /// When its job began.
    pub created_at: DateTime<Utc>,
    /// When it was ready to be looked at.
    #[schema(required)]
    pub built_at: Option<DateTime<Utc>>,
    /// When changes of it were last applied.
    #[schema(required)]
    pub applied_at: Option<DateTime<Utc>>,
}

/// A plan that begins.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = plans, check_for_backend(Pg))]
pub struct NewPlan {
    /// UUID v7.
    pub id: Uuid,
    /// Its job.
    pub job_id: Uuid,
    /// What people read.
    pub name: String,
    /// `building`.
    pub status: PlanStatus,
    /// Who proposes.
    pub source: PlanSource,
    /// The model that is asked.
    pub model: Option<String>,
    /// The params of its job.
    pub params: Value,
}

/// Something that has a name, and an id once Stash has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named {
    /// Stash's id; null when it is to be created.
    #[schema(required)]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
}

/// A value of a field: a tag, performer or studio; or a text, which a date is too, `2026-01-31`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ChangeValue {
    /// A title, a description, a date.
    Text(String),
    /// A tag, a performer, a studio.
    Named(Named),
}

impl ChangeValue {
    /// As it is stored. A text and a name always become JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Named(named) => serde_json::json!({ "id": named.id, "name": named.name }),
        }
    }

    /// From how it is stored; none for null, and for what no plan stores.
    pub fn from_json(value: Option<&Value>) -> Option<Self> {
        serde_json::from_value(value?.clone()).ok()
    }
}

/// A proposed change of one field of one scene.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = plan_changes, check_for_backend(Pg))]
#[schema(as = PlanChange)]
pub struct ChangeRow {
    /// UUID v7: those of one scene stand together.
    pub id: Uuid,
    /// The plan.
    pub plan_id: Uuid,
    /// Stash's id of the scene.
    pub scene_id: String,
    /// Its title as the plan saw it, or the name of its file.
    pub scene_title: String,
    /// What of it is to change.
    pub field: ChangeField,
    /// How.
    pub action: ChangeAction,
    /// What the plan saw there; null for nothing, and where something is added.
    #[schema(value_type = Option<ChangeValue>, required)]
    pub current: Option<Value>,
    /// What is proposed; null to leave nothing there.
    #[schema(value_type = Option<ChangeValue>, required)]
    pub proposed: Option<Value>,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Why it is proposed.
    #[schema(required)]
    pub reason: Option<String>,
    /// Where it is in its life.
    pub status: ChangeStatus,
    /// Why it is a conflict, or failed.
    #[schema(required)]
    pub error: Option<String>,
    /// Who decided last.
    #[schema(required)]
    pub decided_by: Option<String>,
    /// When.
    #[schema(required)]
    pub decided_at: Option<DateTime<Utc>>,
    /// Why, in that person's words.
    #[schema(required)]
    pub decision_reason: Option<String>,
    /// When Stash had it.
    #[schema(required)]
    pub applied_at: Option<DateTime<Utc>>,
    /// When Stash had last changed the scene, as the plan saw it.
    #[schema(required)]
    pub scene_updated_at: Option<DateTime<Utc>>,
}

/// A change that is proposed now.
#[derive(Clone, Debug, PartialEq, Insertable)]
#[diesel(table_name = plan_changes, check_for_backend(Pg))]
pub struct NewChange {
    /// UUID v7.
    pub id: Uuid,
    /// The plan.
    pub plan_id: Uuid,
    /// Stash's id of the scene.
    pub scene_id: String,
    /// Its title.
    pub scene_title: String,
    /// What of it is to change.
    pub field: ChangeField,
    /// How.
    pub action: ChangeAction,
    /// What tells it apart from other changes of the field: the name that is added, lower case; else empty.
    pub key: String,
    /// What is there.
    pub current: Option<Value>,
    /// What is proposed.
    pub proposed: Option<Value>,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Why.
    pub reason: Option<String>,
    /// When Stash had last changed the scene.
    pub scene_updated_at: Option<DateTime<Utc>>,
}
