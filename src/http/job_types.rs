//! The job types: everything that a form, a card or a command line needs to know of them.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web::{Data, Json, Path};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::error::ApiError;
use super::query::Query;
use super::read::read;
use super::refusals;
use super::state::AppState;
use super::submit::job_type;
use crate::actors::health::RunnerState;
use crate::job::{Admission, Color, Registered, Unit};
use crate::store::pauses::{self, Pause};

/// Which jobs of a type may exist or run beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdmissionKind {
    /// Up to `concurrency` run on each node; any number may wait.
    PerNode,
    /// One runs in the whole cluster; the others wait.
    Serial,
    /// One is pending or running in the whole cluster; a second is refused.
    Exclusive,
}

/// How often the jobs of a type are started.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RateLimit)]
pub struct RateLimitView {
    /// So many starts,
    pub starts: u32,
    /// within any span of so many seconds.
    pub period_seconds: f64,
}

/// The automatic retries of a type.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RetryPolicy)]
pub struct RetryView {
    /// How many failed attempts are followed by another.
    pub retries: u32,
    /// The pause after the first failure; it doubles each time, and is shortened by up to half at random.
    pub first_pause_seconds: f64,
    /// The longest pause.
    pub longest_pause_seconds: f64,
}

/// A job type.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = JobType)]
pub struct JobTypeView {
    /// Its name.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// What it does.
    pub description: String,
    /// The group of cards it stands in.
    pub category: &'static str,
    /// The colour of its tag.
    pub color: Color,
    /// An Ant Design icon's name without its suffix, `download`.
    pub icon: &'static str,
    /// What its items are called.
    pub unit: Unit,
    /// How many of its jobs one node runs at a time.
    pub concurrency: u32,
    /// Which of its jobs may exist or run beside each other.
    pub admission: AdmissionKind,
    /// Whether a job is refused while one with the same params is pending, running or cancelling.
    #[schema(required = false)]
    pub unique_by_params: bool,
    /// How many of its jobs run at a time in the whole cluster; null where only the slots of the nodes limit that.
    #[schema(required)]
    pub in_cluster: Option<u32>,
    /// How often its jobs are started, in the whole cluster; null for as often as there is room.
    #[schema(required)]
    pub rate_limit: Option<RateLimitView>,
    /// What follows when an attempt fails; null for nothing.
    #[schema(required)]
    pub retry: Option<RetryView>,
    /// The priority of its jobs unless told otherwise; higher is claimed first.
    pub priority: i32,
    /// The settings that must be set before a job of it is triggered.
    pub needs: &'static [&'static str],
    /// How long an attempt may run before it is stopped and failed; null for ever.
    #[schema(required)]
    pub timeout_seconds: Option<f64>,
    /// How often in a row its node may die under a job before the job is failed.
    pub max_interruptions: i32,
    /// How long a handler has to stop by itself once it was asked to.
    pub cancel_grace_seconds: f64,
    /// The JSON Schema (2020-12) of its params.
    #[schema(value_type = HashMap<String, Value>)]
    pub params_schema: Value,
    /// Set while it is paused: no node starts a job of it.
    #[schema(required)]
    pub paused: Option<Pause>,
    /// What runs its jobs on this node.
    pub runner: RunnerState,
}

/// The job types.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobTypes {
    /// Every type, by name.
    pub job_types: Vec<JobTypeView>,
}

impl JobTypeView {
    /// A type as the API shows it.
    pub fn new(known: &Registered, paused: Option<Pause>, runner: RunnerState) -> Self {
        let spec = &known.spec;
        Self {
            name: spec.name,
            label: spec.label,
            description: known.description.clone(),
            category: spec.category,
            color: spec.color,
            icon: spec.icon,
            unit: spec.unit,
            concurrency: spec.slots(),
            admission: match spec.admission {
                Admission::PerNode(_) => AdmissionKind::PerNode,
                Admission::Serial => AdmissionKind::Serial,
                Admission::Exclusive => AdmissionKind::Exclusive,
            },
            unique_by_params: spec.unique_by_params,
            in_cluster: spec.cluster_limit(),
            rate_limit: spec
                .rate_limit
                .map(|limit| RateLimitView { starts: limit.starts, period_seconds: limit.period.as_secs_f64() }),
            retry: Some(spec.retry).filter(|retry| retry.retries > 0).map(|retry| RetryView {
                retries: retry.retries,
                first_pause_seconds: retry.first.as_secs_f64(),
                longest_pause_seconds: retry.longest.as_secs_f64(),
            }),
            priority: spec.priority,
            needs: spec.needs,
            timeout_seconds: spec.timeout.as_ref().map(Duration::as_secs_f64),
            max_interruptions: spec.max_interruptions,
            cancel_grace_seconds: spec.cancel_grace.as_secs_f64(),
            params_schema: known.schema.clone(),
            paused,
            runner,
        }
    }
}

/// Lists the job types.
#[utoipa::path(
    get, path = "/api/job-types", operation_id = "list_job_types", tag = "job types",
    responses((status = 200, description = "The types", body = JobTypes), refusals::AnyQuestion),
)]
pub async fn list(state: Data<AppState>, _: Query<()>) -> Result<Json<JobTypes>, ApiError> {
    let mut pauses: HashMap<_, _> = read(&state.db, pauses::all).await?.into_iter().collect();
    let each = state.registry.iter().map(|known| view(&state, known, pauses.remove(known.spec.name)));
    Ok(Json(JobTypes { job_types: each.collect() }))
}

/// Shows a job type.
#[utoipa::path(
    get, path = "/api/job-types/{type}", operation_id = "show_job_type", tag = "job types",
    params(("type" = String, Path, description = "The job type")),
    responses(
        (status = 200, description = "The type", body = JobTypeView),
        refusals::AnyQuestion, refusals::UnknownJobType,
    ),
)]
pub async fn show(state: Data<AppState>, name: Path<String>, _: Query<()>) -> Result<Json<JobTypeView>, ApiError> {
    let known = job_type(&state.registry, &name)?;
    let paused = read(&state.db, async |conn| pauses::of(conn, known.spec.name).await).await?;
    Ok(Json(view(&state, known, paused)))
}

/// A type with its runner on this node.
pub fn view(state: &AppState, known: &Registered, paused: Option<Pause>) -> JobTypeView {
    // Health has a runner for each type of the registry that it was made from; another's has none yet.
    let none = RunnerState::idle(known.spec.slots().into());
    JobTypeView::new(known, paused, state.health.runner_state(known.spec.name).unwrap_or(none))
}
