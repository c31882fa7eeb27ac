//! Trying a service with what is typed, before it is saved.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::Body;
use super::error::{ApiError, ErrorCode};
use super::limits::quoted;
use super::query::Query;
use super::refusals;
use super::settings::{SettingValues, checked};
use super::state::AppState;
use crate::job::{SettingKind, SettingSpec, Settings, Stop, StopReason};
use crate::services::Service;

/// A person waits for the answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Told where a secret that was set for another address might have made the difference.
const LEFT_OUT: &str =
    " (the stored key or password was not sent, as the address is another; type it again to try it there)";

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
/// A secret that was set for one address is not sent to another: type it again to try it there.
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
    let (now, _) = state.settings.now().await?;
    let typed = checked(body.0, &now)?;
    let (settings, left_out) = without_secrets(&now, state.settings.trying(&typed).await?, &typed);
    let stop = Stop::default();
    let tried = tokio::time::timeout(PATIENCE, (service.test)(settings, stop.clone())).await;
    stop.request(StopReason::TimedOut);
    let (ok, message) = match tried {
        Ok(Ok(said)) => (true, said),
        Ok(Err(error)) if left_out => (false, format!("{error}{LEFT_OUT}")),
        Ok(Err(error)) => (false, error.to_string()),
        Err(_) => (false, format!("{} did not answer within {} s", service.label, PATIENCE.as_secs())),
    };
    Ok(Json(ServiceTest { ok, message }))
}

/// Leaves out the secrets that were not typed, when they would be sent to another address than the one they were set for.
/// Otherwise whoever may try a service could have its key sent to a place of their own.
fn without_secrets(now: &Settings, tried: Settings, typed: &[(&SettingSpec, Value)]) -> (Settings, bool) {
    let moved: BTreeSet<_> = tried
        .iter()
        .filter(|setting| setting.spec.kind == SettingKind::Url)
        .filter(|setting| now.named(setting.spec.name).and_then(|old| old.value.as_ref()) != setting.value.as_ref())
        .map(|setting| setting.spec.service())
        .collect();
    let is_typed = |spec: &SettingSpec| typed.iter().any(|(own, value)| own.name == spec.name && !value.is_null());
    let secrets = tried.iter().filter(|s| s.spec.secret && s.value.is_some() && moved.contains(s.spec.service()));
    let secrets: Vec<_> = secrets.map(|s| s.spec).filter(|spec| !is_typed(spec)).map(|spec| spec.name).collect();
    (tried.without(&secrets), !secrets.is_empty())
}

fn unknown(name: &str) -> ApiError {
    let known: Vec<_> = Service::all().map(|service| service.name.to_owned()).collect();
    let detail = format!("there is no service {}; the services are {}", quoted(name), known.join(", "));
    ApiError::new(ErrorCode::UnknownService, detail).names(Vec::new(), known)
}
