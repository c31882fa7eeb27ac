//! Which jobs an act on many is about.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::ApiError;
use super::limits::{self, text, time};
use crate::job::{FieldError, OutcomeKind, Status};
use crate::store::listing::Filter;

/// Jobs named one by one in a request.
const IDS: usize = 10_000;
/// Ids of touched jobs in an answer; the counts are complete.
pub const SHOWN_IDS: usize = 1_000;
/// An act on many stops here and says that there is more: people and proxies give up waiting after half a minute.
pub const BUDGET: Duration = Duration::from_secs(20);

/// Jobs, named by ids or by a filter with the fields of `GET /api/jobs`; where both are given, jobs that fit both.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BulkRequest {
    /// These jobs.
    #[schema(value_type = Vec<Uuid>, max_items = 10_000, required = false)]
    pub ids: Option<Vec<Uuid>>,
    /// All jobs. Must be said when nothing else narrows them.
    pub all: bool,
    /// With one of these statuses.
    pub status: Vec<Status>,
    /// Of one of these types.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// With one of these outcomes.
    pub outcome: Vec<OutcomeKind>,
    /// With this text in the message, the error or the type.
    #[schema(max_length = 200)]
    pub q: Option<String>,
    /// Triggered by.
    #[schema(max_length = 200)]
    pub actor: Option<String>,
    /// Created at or after.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<String>,
    /// Created before.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<String>,
    /// Started by this job.
    pub parent: Option<Uuid>,
    /// Only says what would happen.
    pub dry_run: bool,
    /// Why, for the history of each job.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

impl BulkRequest {
    /// The filter that it stands for.
    pub fn filter(&self) -> Result<Filter, ApiError> {
        let mut errors = Vec::new();
        let mut note = |field: &str, message: String| errors.push(FieldError::at(field, message));
        let names = |name: &String| text(name, limits::NAME_CHARS);
        let filter = Filter {
            ids: self.ids.clone().unwrap_or_default(),
            statuses: self.status.clone(),
            types: self.types.iter().map(names).collect::<Result<_, _>>().unwrap_or_else(|m| {
                note("type", m);
                Vec::new()
            }),
            outcomes: self.outcome.clone(),
            text: checked(self.q.as_deref(), |q| text(q, limits::SEARCH_CHARS), |m| note("q", m)),
            actor: checked(self.actor.as_deref(), |actor| text(actor, limits::NAME_CHARS), |m| note("actor", m)),
            since: checked(self.since.as_deref(), time, |m| note("since", m)),
            until: checked(self.until.as_deref(), time, |m| note("until", m)),
            parent: self.parent,
            before: None,
        };
        if self.ids.as_ref().is_some_and(|ids| ids.is_empty() || ids.len() > IDS) {
            note("ids", format!("must hold 1 to {IDS} ids"));
        }
        if errors.is_empty() { self.narrowed().map(|()| filter) } else { Err(ApiError::fields(errors)) }
    }

    /// Acting on every job must be meant: an empty filter is more often a mistake in a script.
    fn narrowed(&self) -> Result<(), ApiError> {
        let lists = self.status.len() + self.types.len() + self.outcome.len();
        let texts = [&self.q, &self.actor, &self.since, &self.until].iter().filter(|text| text.is_some()).count();
        let narrowed = lists + texts > 0 || self.ids.is_some() || self.parent.is_some();
        match (narrowed, self.all) {
            (false, false) => Err(ApiError::field("", "names no jobs; give `ids`, a filter, or `\"all\": true`")),
            (true, true) => Err(ApiError::field("/all", "contradicts the filter; leave out one of them")),
            _ => Ok(()),
        }
    }
}

fn checked<T>(value: Option<&str>, check: impl Fn(&str) -> Result<T, String>, note: impl FnOnce(String)) -> Option<T> {
    value.map(check).transpose().unwrap_or_else(|message| {
        note(message);
        None
    })
}

#[cfg(test)]
mod tests {
    use super::BulkRequest;

    fn pointers(request: &str) -> Vec<String> {
        let request: BulkRequest = serde_json::from_str(request).unwrap();
        let error = request.filter().unwrap_err();
        error.problem().errors.iter().map(|e| e.pointer.clone()).collect()
    }

    #[test]
    fn acting_on_all_jobs_must_be_said() {
        assert_eq!(pointers("{}"), [""]);
        assert_eq!(pointers(r#"{"dry_run":true,"reason":"x","status":[]}"#), [""]);
        assert_eq!(pointers(r#"{"all":true,"status":["failed"]}"#), ["/all"]);
        assert_eq!(pointers(r#"{"ids":[]}"#), ["/ids"]);
        let all: BulkRequest = serde_json::from_str(r#"{"all":true}"#).unwrap();
        assert!(all.filter().is_ok());
    }

    #[test]
    fn every_wrong_field_is_named() {
        let request = r#"{"type":["a\u0000"],"q":"\u0000","actor":"\u0000","since":"x","until":"y"}"#;
        assert_eq!(pointers(request), ["/type", "/q", "/actor", "/since", "/until"]);
    }
}
