//! Which jobs an act on many is about.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cursor;
use super::error::ApiError;
use super::fields::Fields;
use super::limits::{self, text, time};
use crate::job::{OutcomeKind, Status};
use crate::store::search::Filter;

/// Jobs named one by one in a request.
const IDS: usize = 10_000;
/// Ids of touched jobs in an answer; the counts are complete.
pub const SHOWN_IDS: usize = 1_000;
/// An act on many stops here and says that there is more: people and proxies give up waiting after half a minute.
pub const BUDGET: Duration = Duration::from_secs(20);

/// Jobs, named by ids or by a filter with the fields of `GET /api/jobs`; where both are given, jobs that fit both.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkRequest {
    /// These jobs.
    #[schema(min_items = 1, max_items = 10_000)]
    pub ids: Option<Vec<Uuid>>,
    /// All jobs. Must be said when nothing else narrows them.
    #[serde(default)]
    pub all: bool,
    /// With one of these statuses.
    #[serde(default)]
    pub status: Vec<Status>,
    /// Of one of these types.
    #[serde(rename = "type", default)]
    pub types: Vec<String>,
    /// With one of these outcomes.
    #[serde(default)]
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
    /// Made by this schedule.
    pub schedule: Option<Uuid>,
    /// `next_cursor` of the answer before, to go on where that ended.
    pub cursor: Option<String>,
    /// Only says what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Why, for the history of each job.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

impl BulkRequest {
    /// The filter that it stands for.
    pub fn filter(&self) -> Result<Filter, ApiError> {
        let mut fields = Fields::default();
        let short = |name: &String| text(name, limits::NAME_CHARS);
        let types = self.types.iter().map(short).collect::<Result<_, _>>();
        let filter = Filter {
            ids: self.ids.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect(),
            statuses: self.status.clone(),
            types: fields.take("type", Some(types)).unwrap_or_default(),
            outcomes: self.outcome.clone(),
            went_wrong: false,
            not_retried: false,
            text: fields.take("q", self.q.as_deref().map(|q| text(q, limits::SEARCH_CHARS))),
            actor: fields.take("actor", self.actor.as_ref().map(short)),
            since: fields.take("since", self.since.as_deref().map(time)),
            until: fields.take("until", self.until.as_deref().map(time)),
            parent: self.parent,
            schedule: self.schedule,
            before: fields.take("cursor", self.cursor.as_deref().map(cursor::parse)),
        };
        if self.ids.as_ref().is_some_and(|ids| ids.is_empty() || ids.len() > IDS) {
            fields.refuse("ids", format!("must hold 1 to {IDS} ids"));
        }
        fields.finish().map_err(ApiError::fields)?;
        self.narrowed().map(|()| filter)
    }

    /// Acting on every job must be meant: an empty filter is more often a mistake in a script.
    fn narrowed(&self) -> Result<(), ApiError> {
        let lists = self.status.len() + self.types.len() + self.outcome.len();
        let texts = [&self.q, &self.actor, &self.since, &self.until].iter().filter(|text| text.is_some()).count();
        let above = [self.parent, self.schedule];
        let narrowed = lists + texts > 0 || self.ids.is_some() || above.iter().any(Option::is_some);
        match (narrowed, self.all) {
            (false, false) => Err(ApiError::field("", "names no jobs; give `ids`, a filter, or `\"all\": true`")),
            (true, true) => Err(ApiError::field("/all", "contradicts the filter; leave out one of them")),
            _ => Ok(()),
        }
    }
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
