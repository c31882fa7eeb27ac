//! Asking many jobs to stop.
//!
//! The matches are walked newest first, a page at a time; jobs that come meanwhile are newer and not met. Each page is one command: what
//! was asked stays asked when the client leaves or the database goes away on the way, and asking again goes on from there.

use std::time::Instant;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::Body;
use super::bulk::{BUDGET, BulkRequest, SHOWN_IDS};
use super::cancel::{ask, reason};
use super::cursor;
use super::error::ApiError;
use super::query::Query;
use super::read::read;
use super::refusals;
use super::state::AppState;
use crate::actors::command::CancelAnswer;
use crate::job::Status;
use crate::store::search::{self, Filter};

/// Jobs of one command: a statement that Postgres does in some tens of milliseconds.
const PAGE: usize = 1_000;
/// A job with one of these can be asked to stop.
const CANCELLABLE: [Status; 3] = [Status::Pending, Status::Running, Status::Cancelling];

/// What became of a wish that many jobs stop.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct BulkCancelled {
    /// Nothing was done: the numbers say what would have been.
    pub dry_run: bool,
    /// Jobs that fit and had not ended.
    pub matched: u64,
    /// Jobs that this call asked to stop, and pending ones that it cancelled. Of two calls at once each counts its own.
    pub cancelled: u64,
    /// Jobs that ended, or that somebody else asked, before this call could ask them; named ones that had ended or do not exist.
    pub skipped: u64,
    /// The time was over before all were asked: ask again with `next_cursor` for the rest.
    pub more: bool,
    /// Where the next call goes on when there is more.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The first 1,000 of the cancelled ones.
    pub jobs: Vec<Uuid>,
}

/// Asks many jobs to stop.
#[utoipa::path(
    post, path = "/api/jobs/cancel", operation_id = "cancel_jobs", tag = "jobs",
    request_body = BulkRequest,
    responses((status = 200, description = "What was done", body = BulkCancelled), refusals::AnyWrite),
)]
pub async fn cancel(
    state: Data<AppState>,
    actor: ActorName,
    _: Query<()>,
    body: Body<BulkRequest>,
) -> Result<Json<BulkCancelled>, ApiError> {
    let reason = reason(body.0.reason.as_deref())?;
    let filter = cancellable(&body.0)?;
    let named = filter.ids.len() as u64;
    let mut answer = BulkCancelled { dry_run: body.0.dry_run, ..BulkCancelled::default() };
    let so_far = |answer: &BulkCancelled, error: ApiError| match answer.cancelled {
        0 => error,
        n => error.but(&format!("{n} jobs were asked to stop before; ask again for the rest")),
    };
    walk(&state, filter, &actor, reason.as_ref(), &mut answer).await.map_err(|error| so_far(&answer, error))?;
    if !answer.more {
        answer.skipped += named.saturating_sub(answer.matched);
    }
    Ok(Json(answer))
}

async fn walk(
    state: &AppState,
    mut filter: Filter,
    actor: &ActorName,
    reason: Option<&String>,
    answer: &mut BulkCancelled,
) -> Result<(), ApiError> {
    let begun = Instant::now();
    while !answer.more {
        let page = read(&state.db, async |conn| search::ids(conn, &filter, PAGE).await).await?;
        let (ids, next) = (page.rows, page.next);
        answer.matched += ids.len() as u64;
        if answer.dry_run {
            answer.note(ids);
        } else if !ids.is_empty() {
            let answers = ask(state, ids, actor.clone(), reason.cloned()).await?;
            let again = filter.statuses.contains(&Status::Cancelling);
            let asked: Vec<_> = answers.iter().filter_map(|answer| accepted(answer, again)).collect();
            answer.skipped += (answers.len() - asked.len()) as u64;
            answer.note(asked);
        }
        let Some(next) = next else { return Ok(()) };
        filter.before = Some(next);
        answer.more = begun.elapsed() > BUDGET;
        answer.next_cursor = answer.more.then(|| cursor::after(next));
    }
    Ok(())
}

impl BulkCancelled {
    fn note(&mut self, asked: Vec<Uuid>) {
        self.cancelled += asked.len() as u64;
        let room = SHOWN_IDS.saturating_sub(self.jobs.len());
        self.jobs.extend(asked.into_iter().take(room));
    }
}

/// The job that is asked to stop by this call; when that is wanted `again`, also one that somebody had asked before.
fn accepted(answer: &CancelAnswer, again: bool) -> Option<Uuid> {
    match answer {
        CancelAnswer::Accepted(job) => Some(job.id),
        CancelAnswer::Kept(id) => Some(*id), // stored when its row is free
        CancelAnswer::AskedBefore(job) => again.then_some(job.id),
        CancelAnswer::Terminal(_) | CancelAnswer::Unknown(_) => None,
    }
}

/// The filter, narrowed to what can be asked to stop. Those that were asked before are left alone unless they are asked for.
fn cancellable(request: &BulkRequest) -> Result<Filter, ApiError> {
    let mut filter = request.filter()?;
    if !filter.outcomes.is_empty() {
        return Err(ApiError::field("/outcome", "only jobs that have ended have one, and those can't be cancelled"));
    }
    if filter.statuses.is_empty() {
        filter.statuses = vec![Status::Pending, Status::Running];
    } else {
        filter.statuses.retain(|status| CANCELLABLE.contains(status));
        if filter.statuses.is_empty() {
            return Err(ApiError::field("/status", "jobs that have ended can't be cancelled"));
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::cancellable;
    use crate::job::Status;

    #[test]
    fn only_jobs_that_have_not_ended_are_met() {
        let statuses =
            |request: &str| cancellable(&serde_json::from_str(request).unwrap()).map(|filter| filter.statuses);
        assert_eq!(statuses(r#"{"all":true}"#).unwrap(), [Status::Pending, Status::Running]);
        assert_eq!(statuses(r#"{"status":["cancelling","failed"]}"#).unwrap(), [Status::Cancelling]);
        assert!(statuses(r#"{"status":["failed"]}"#).is_err());
        assert!(statuses(r#"{"outcome":["failed"]}"#).is_err());
    }
}
