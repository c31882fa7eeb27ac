//! The settings: what they are, what they stand at, and changing them. Secrets go in and never come out.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::actor::ActorName;
use super::body::Body;
use super::error::ApiError;
use super::etag::{IfMatch, IfNoneMatch, tag, tagged};
use super::limits::quoted;
use super::query::Query;
use super::read::write;
use super::refusals;
use super::state::AppState;
use crate::job::{FieldError, Resolved, SettingKind, SettingSource, SettingSpec, Settings};
use crate::services::Service;
use crate::store::settings::{self, NewValue, SetSetting, StoredSettings};

/// All settings, and the services that can be tried.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SettingsView {
    /// Every setting, by name.
    pub settings: Vec<SettingView>,
    /// The services of `POST /api/settings/test/{service}`. The first part of a setting's name is its service's.
    pub services: Vec<ServiceView>,
    /// The value for `If-Match`: another one whenever a setting has changed.
    pub etag: String,
}

/// A setting.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SettingView {
    /// Stable: `stash.url`.
    pub name: String,
    /// What people read.
    pub label: String,
    /// The part of the page that it stands in.
    pub group: String,
    /// What it does.
    pub description: String,
    /// What its value may be.
    #[schema(value_type = SettingKind)]
    pub kind: Value,
    /// Never shown.
    pub secret: bool,
    /// Its value where nobody set one.
    #[schema(required)]
    pub default: Option<Value>,
    /// The environment variable that sets it.
    pub variable: String,
    /// Its value, unless it is unset or secret.
    #[schema(required)]
    pub value: Option<Value>,
    /// Where its value comes from.
    pub source: SettingSource,
    /// Whether it has a value.
    pub is_set: bool,
    /// Why what was set can't be read.
    #[schema(required)]
    pub unreadable: Option<String>,
    /// When it was set here.
    #[schema(required)]
    pub updated_at: Option<DateTime<Utc>>,
    /// Who set it here.
    #[schema(required)]
    pub updated_by: Option<String>,
}

/// A service that can be tried.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    /// The name in the path.
    pub name: String,
    /// What people read.
    pub label: String,
}

/// Values for settings. Some are secret, so it can't be shown.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingValues {
    /// By the setting's name; `null` takes back what was set, so that the environment or the default holds again.
    #[schema(value_type = HashMap<String, Value>)]
    pub values: BTreeMap<String, Value>,
}

/// Shows the settings: what they are, what they stand at, and where that comes from.
#[utoipa::path(
    get, path = "/api/settings", operation_id = "list_settings", tag = "settings",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of what the client holds")),
    responses(
        (status = 200, description = "All settings", body = SettingsView, headers(("ETag" = String, description = "For `If-Match`"))),
        (status = 304, description = "The client holds them already"),
        refusals::AnyQuestion,
    ),
)]
pub async fn list(state: Data<AppState>, held: IfNoneMatch, _: Query<()>) -> Result<HttpResponse, ApiError> {
    let (settings, rows) = state.settings.now().await?;
    let view = view(&settings, &rows);
    Ok(held.answer(&view.etag, &view))
}

/// Changes settings: all that are named, or none.
///
/// A change is in force for the next job that starts; no restart is needed.
#[utoipa::path(
    patch, path = "/api/settings", operation_id = "change_settings", tag = "settings",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body = SettingValues,
    responses(
        (status = 200, description = "They are changed", body = SettingsView),
        refusals::AnyWrite, refusals::Changed,
    ),
)]
pub async fn change(
    state: Data<AppState>,
    actor: ActorName,
    seen: IfMatch,
    _: Query<()>,
    body: Body<SettingValues>,
) -> Result<HttpResponse, ApiError> {
    let values = checked(body.0, &Settings::default())?;
    let new = values.into_iter().map(|(spec, value)| Ok((spec.name, new_value(&state.settings, spec, value)?)));
    let new = new.collect::<Result<Vec<_>, ApiError>>()?;
    let now = async |conn: &mut AsyncPgConnection| {
        let rows = settings::all(conn).await?;
        QueryResult::Ok(view(&state.settings.resolve(&rows), &rows))
    };
    let changed = write(&state.db, async |conn| {
        settings::lock(conn).await?;
        if let Err(changed) = seen.check(&now(conn).await?.etag, "a setting") {
            return Ok(Err(changed));
        }
        for (name, value) in &new {
            settings::set(conn, name, value.clone(), &actor.0).await?;
        }
        now(conn).await.map(Ok)
    });
    let changed = changed.await?;
    let names: Vec<_> = new.iter().map(|(name, _)| *name).collect();
    tracing::info!(by = actor.0, "settings changed: {}", names.join(", "));
    Ok(tagged(&changed.etag, &changed))
}

fn new_value(stored: &StoredSettings, spec: &SettingSpec, value: Value) -> Result<NewValue, ApiError> {
    match value {
        Value::Null => Ok(NewValue::Nothing),
        Value::String(secret) if spec.secret => {
            stored.vault.seal(spec.name, &secret).map(NewValue::Sealed).map_err(ApiError::internal)
        }
        value => Ok(NewValue::Plain(value)),
    }
}

/// The settings that are named, with values that they can have. The error names all that are wrong.
pub(super) fn checked(
    request: SettingValues,
    known: &Settings,
) -> Result<Vec<(&'static SettingSpec, Value)>, ApiError> {
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for (name, value) in request.values {
        let checked = match known.named(&name) {
            Some(setting) if value.is_null() => Ok(setting.spec),
            Some(setting) => setting.spec.check(&value).map(|()| setting.spec),
            None => Err(format!("there is no setting {}; GET /api/settings has all", quoted(&name))),
        };
        match checked {
            Ok(spec) => right.push((spec, value)),
            Err(message) => wrong.push(FieldError { pointer: format!("/values/{}", escaped(&name)), message }),
        }
    }
    if wrong.is_empty() { Ok(right) } else { Err(ApiError::fields(wrong)) }
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn view(settings: &Settings, rows: &[SetSetting]) -> SettingsView {
    let row_of = |name: &str| rows.iter().find(|row| row.name == name);
    let settings: Vec<_> = settings.iter().map(|setting| setting_view(setting, row_of(setting.spec.name))).collect();
    let mut services: Vec<_> = Service::all()
        .map(|service| ServiceView { name: service.name.to_owned(), label: service.label.to_owned() })
        .collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    let etag = tag(&(&settings, &services));
    SettingsView { settings, services, etag }
}

fn setting_view(setting: &Resolved, row: Option<&SetSetting>) -> SettingView {
    let spec = setting.spec;
    SettingView {
        name: spec.name.to_owned(),
        label: spec.label.to_owned(),
        group: spec.group.to_owned(),
        description: spec.description.to_owned(),
        kind: serde_json::to_value(spec.kind).unwrap_or_default(),
        secret: spec.secret,
        default: spec.default_value(),
        variable: spec.variable(),
        value: setting.value.clone().filter(|_| !spec.secret),
        source: setting.source,
        is_set: setting.value.is_some(),
        unreadable: setting.unreadable.clone(),
        updated_at: row.map(|row| row.updated_at),
        updated_by: row.map(|row| row.updated_by.clone()),
    }
}
