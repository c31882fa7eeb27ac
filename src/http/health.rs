//! Probes: is the process up, and should it get requests.
//!
//! They are answered without asking an actor or the database, so that they answer when one is stuck, and under any host name and
//! whatever query, as a balancer asks. What they say of the database is what the actors' connections learn of it, each second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::state::AppState;
use crate::actors::bus_state::BusView;
use crate::actors::health::{EndsWaiting, HealthProblem, Reason, ReasonCode, RunnerState};

/// The process is up.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Live {
    /// Always true.
    pub live: bool,
    /// The version of the server.
    pub version: String,
}

/// Whether this node takes work, and how it is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether it takes requests and jobs, and stores what becomes of them.
    pub ready: bool,
    /// Why it is not ready, and since when; empty when it is.
    pub reasons: Vec<Reason>,
    /// Whether the database answers.
    pub database: bool,
    /// Whether it claims jobs: false while it goes down.
    pub claiming: bool,
    /// Threads that an abandoned handler still holds.
    pub abandoned_threads: u64,
    /// Handlers that have kept their thread for more than a second without an `.await`.
    pub blocking_jobs: u64,
    /// Live WebSocket clients.
    pub sessions: u64,
    /// Ends of jobs that wait to be stored.
    pub unwritten: u64,
    /// Those of them that wait for longer than a second, and why.
    #[schema(required)]
    pub ends_waiting: Option<EndsWaiting>,
    /// Whether jobs were stopped here, and none are claimed, because the lease could not be renewed or the database did not
    /// know this node.
    pub fenced: bool,
    /// How this node hears of what other nodes do.
    pub bus: BusView,
    /// What runs the jobs of each type.
    pub runners: BTreeMap<String, RunnerState>,
    /// What people have to set right. The server is ready all the same.
    pub problems: Vec<HealthProblem>,
}

/// Says that the process is up.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "server",
    responses((status = 200, description = "It is up", body = Live)),
)]
pub async fn live() -> Json<Live> {
    Json(Live { live: true, version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Says whether the server takes requests and jobs.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "server",
    responses(
        (status = 200, description = "It does", body = Ready),
        (status = 503, description = "It does not, for these `reasons`", body = Ready),
    ),
)]
pub async fn ready(state: Data<AppState>) -> HttpResponse {
    let health = &state.health;
    let reasons = health.reasons();
    let away = [ReasonCode::DatabaseUnreachable, ReasonCode::DatabaseRestarting];
    let figure = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let names = state.registry.iter().map(|known| known.spec.name);
    let body = Ready {
        ready: reasons.is_empty(),
        database: !reasons.iter().any(|reason| away.contains(&reason.code)),
        reasons,
        claiming: health.claiming.load(Ordering::Relaxed),
        abandoned_threads: figure(&health.abandoned_threads),
        blocking_jobs: figure(&health.blocking_jobs),
        sessions: figure(&health.sessions),
        unwritten: figure(&health.unwritten),
        ends_waiting: health.ends_waiting(),
        fenced: health.fenced().is_some(),
        bus: health.bus.view(),
        runners: names.filter_map(|name| Some((name.to_owned(), health.runner_state(name)?))).collect(),
        problems: health.problems(),
    };
    if body.ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}
