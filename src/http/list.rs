//! Pages of jobs, newest first.
//!
//! Pages hang together by keyset, never by offset: the thousandth page costs what the first does, and jobs that come meanwhile
//! shift nothing. Nothing counts the whole table, and no filter reads it whole: a page ends early instead.

use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::ApiError;
use super::query::{self, FromQuery, Query, QueryReader};
use super::read::read;
use super::state::AppState;
use super::{cursor, limits, refusals};
use crate::job::{OutcomeKind, Status};
use crate::store::row::JobSummary;
use crate::store::search::{self, Filter};

/// Rows of a page unless told otherwise: what a screen shows.
const PAGE: i64 = 50;

/// Which jobs, and which page of them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// With one of these statuses.
    #[param(required = false, style = Form, explode = false)]
    status: Vec<Status>,
    /// Of one of these types.
    #[param(required = false, style = Form, explode = false, rename = "type")]
    types: Vec<String>,
    /// With one of these outcomes.
    #[param(required = false, style = Form, explode = false)]
    outcome: Vec<OutcomeKind>,
    /// With this text in the message, the error or the type, or with this id.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Triggered by.
    #[param(max_length = 200)]
    actor: Option<String>,
    /// Created at or after.
    since: Option<DateTime<Utc>>,
    /// Created before.
    until: Option<DateTime<Utc>>,
    /// Started by this job.
    parent: Option<Uuid>,
    /// Made by this schedule.
    schedule: Option<Uuid>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Uuid>,
    /// How many jobs; 50 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

impl FromQuery for ListQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self {
            status: query.list("status", query::word),
            types: query.list("type", |name| limits::text(name, limits::NAME_CHARS)),
            outcome: query.list("outcome", query::word),
            q: query.one("q", |text| limits::text(text, limits::SEARCH_CHARS)),
            actor: query.one("actor", |name| limits::text(name, limits::NAME_CHARS)),
            since: query.one("since", limits::time),
            until: query.one("until", limits::time),
            parent: query.one("parent", query::uuid),
            schedule: query.one("schedule", query::uuid),
            cursor: query.one("cursor", cursor::parse),
            limit: query.limit(PAGE),
        }
    }
}

impl From<ListQuery> for Filter {
    fn from(query: ListQuery) -> Self {
        Self {
            ids: Vec::new(),
            statuses: query.status,
            types: query.types,
            outcomes: query.outcome,
            went_wrong: false,
            not_retried: false,
            text: query.q,
            actor: query.actor,
            since: query.since,
            until: query.until,
            parent: query.parent,
            schedule: query.schedule,
            before: query.cursor,
        }
    }
}

/// A page of jobs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    /// The jobs, newest first.
    pub jobs: Vec<JobSummary>,
    /// Where the next page begins; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// Set when the page ended early, with few jobs or none: all jobs back to this time were searched, and older ones may match. Go on
    /// with `next_cursor`. A page looks at so many jobs at most when its filter has a text, or another condition without an index.
    #[schema(required)]
    pub searched_until: Option<DateTime<Utc>>,
}

/// Lists jobs, newest first.
#[utoipa::path(
    get, path = "/api/jobs", operation_id = "list_jobs", tag = "jobs",
    params(ListQuery),
    responses((status = 200, description = "A page of jobs", body = JobPage), refusals::AnyQuestion),
)]
pub async fn list(state: Data<AppState>, query: Query<ListQuery>) -> Result<Json<JobPage>, ApiError> {
    let limit = usize::try_from(query.0.limit).unwrap_or(usize::MAX);
    let filter = Filter::from(query.0);
    let page = read(&state.db, async |conn| search::page(conn, &filter, limit).await).await?;
    Ok(Json(JobPage {
        jobs: page.rows,
        next_cursor: page.next.map(cursor::after),
        searched_until: page.searched_until,
    }))
}

/// Takes a page out of rows of which one more than asked for was read, and says whether that one was there.
pub fn page_of<T>(mut rows: Vec<T>, limit: i64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    (rows, more)
}
