//! Trying a service with what is typed, before it is saved.

use std::time::Duration;

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::error::{ApiError, ErrorCode};
use super::limits::quoted;
use super::query::Query;
use super::refusals;
use super::settings::{SettingValues, checked};
use super::state::AppState;
use crate::job::{Stop, StopReason};
use crate::services::Service;

/// A person waits for the answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// What came of trying a service.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ServiceTest {
    /// Whether it works.
    pub ok: bool,
    /// What the service says of itself, or what is wrong and what to do.
    pub message: String,
}

/// Tries a service with the settings as they stand, and over them the values given. Nothing is saved.
///
/// A service that does not work is no error of this request: `ok` is false then.
#[utoipa::path(
    post, path = "/api/settings/test/{service}", operation_id = "test_service", tag = "settings",
    params(("service" = String, Path, description = "A service of `GET /api/settings`")),
    request_body = SettingValues,
    responses(
        (status = 200, description = "It was tried", body = ServiceTest),
        refusals::AnyWrite, refusals::UnknownService,
    ),
)]
pub async fn test(
    state: Data<AppState>,
    name: Path<String>,
    _: Query<()>,
    body: Body<SettingValues>,
) -> Result<Json<ServiceTest>, ApiError> {
    let service = Service::all().find(|service| service.name == *name).ok_or_else(|| unknown(&name))?;
    let (settings, _) = state.settings.now().await?;
    let typed = checked(body.0, &settings)?;
    let settings = settings.with(typed.into_iter().map(|(spec, value)| (spec.name.to_owned(), value)));
    let stop = Stop::default();
    let tried = tokio::time::timeout(PATIENCE, (service.test)(settings, stop.clone())).await;
    stop.request(StopReason::TimedOut);
    let (ok, message) = match tried {
        Ok(Ok(said)) => (true, said),
        Ok(Err(error)) => (false, error.to_string()),
        Err(_) => (false, format!("{} did not answer within {} s", service.label, PATIENCE.as_secs())),
    };
    Ok(Json(ServiceTest { ok, message }))
}

fn unknown(name: &str) -> ApiError {
    let known: Vec<_> = Service::all().map(|service| service.name.to_owned()).collect();
    let detail = format!("there is no service {}; the services are {}", quoted(name), known.join(", "));
    ApiError::new(ErrorCode::UnknownService, detail).names(Vec::new(), known)
}
