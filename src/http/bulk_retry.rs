//! Doing many jobs again.
//!
//! A job that was retried already is passed over unless it is named by its id, so that asking twice does not do everything twice,
//! and asking again after `more` goes on with the rest. Of two calls at the same moment, on whichever servers, each job is retried
//! by one: the rows of the old jobs are held until the new ones are stored.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::Body;
use super::bulk::{BUDGET, BulkRequest, SHOWN_IDS};
use super::cancel::reason;
use super::cursor;
use super::error::ApiError;
use super::idempotency::NewIds;
use super::query::Query;
use super::read::{read, write};
use super::refusals;
use super::state::AppState;
use super::submit::{new_job, params, refuse_unprepared};
use crate::actors::command::MadePending;
use crate::actors::tracker::Stored;
use crate::job::Status;
use crate::store::enqueue::{self, Acceptance, NewJob, Unique};
use crate::store::retries;
use crate::store::search::{self, Filter, Retryable};

/// Jobs that are read and submitted together. Each has params of up to a megabyte.
const PAGE: usize = 100;
/// New jobs of one call.
const MOST: u64 = 10_000;
/// A job with one of these can be done again.
const ENDED: [Status; 3] = [Status::Completed, Status::Failed, Status::Cancelled];

/// What became of a wish that many jobs be done again.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct BulkRetried {
    /// Nothing was done: the numbers say what would have been.
    pub dry_run: bool,
    /// Jobs that fit and had ended.
    pub matched: u64,
    /// New jobs.
    pub retried: u64,
    /// Jobs that were not done again, and named ones that have not ended or do not exist.
    pub skipped: u64,
    /// How many were skipped for which reason: `unknown_job_type`, `invalid_params`, `exclusive_job_active`,
    /// `duplicate_job_active`, `already_retried` (by somebody else at the same moment), `not_found`.
    pub skipped_because: BTreeMap<String, u64>,
    /// Bound or time were reached before all were done: ask again with `next_cursor` for the rest.
    pub more: bool,
    /// Where the next call goes on when there is more.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The first 1,000 of the new jobs; in a dry run, of the jobs that would be done again.
    pub jobs: Vec<Uuid>,
}

/// Does many jobs again, each as a new job, at most 10,000 a call.
///
/// Without `ids`, `status` and `outcome` these are the jobs that failed, were cancelled, or completed with errors. A job that was
/// retried before is passed over unless it is named in `ids`.
#[utoipa::path(
    post, path = "/api/jobs/retry", operation_id = "retry_jobs", tag = "jobs",
    request_body = BulkRequest,
    responses((status = 200, description = "What was done", body = BulkRetried), refusals::AnyWrite),
)]
pub async fn retry(
    state: Data<AppState>,
    actor: ActorName,
    ids: NewIds,
    _: Query<()>,
    body: Body<BulkRequest>,
) -> Result<Json<BulkRetried>, ApiError> {
    let reason = reason(body.0.reason.as_deref())?;
    let filter = retryable(&body.0)?;
    let named = filter.ids.len() as u64;
    let mut walk = Walk {
        state: &state,
        actor,
        ids,
        reason,
        named: named > 0,
        begun: Instant::now(),
        taken: HashSet::new(),
        answer: BulkRetried { dry_run: body.0.dry_run, ..BulkRetried::default() },
    };
    if let Err(error) = walk.all(filter).await {
        return Err(match walk.answer.retried {
            0 => error,
            n => error.but(&format!("{n} jobs were retried before; ask again for the rest")),
        });
    }
    let mut answer = walk.answer;
    answer.skip("not_found", named.saturating_sub(answer.matched));
    Ok(Json(answer))
}

struct Walk<'s> {
    state: &'s AppState,
    actor: ActorName,
    ids: NewIds,
    reason: Option<String>,
    /// Whether the jobs are named by ids: then those that were retried before are met too, and all are done in one call, as asking
    /// again would do them again.
    named: bool,
    begun: Instant,
    /// Exclusive types of which a job is pending or running.
    taken: HashSet<&'static str>,
    answer: BulkRetried,
}

impl Walk<'_> {
    async fn all(&mut self, mut filter: Filter) -> Result<(), ApiError> {
        while !self.answer.more {
            let named = self.named;
            let read = read(&self.state.db, async |conn| {
                // Before the page: what comes between the two counts as made at the same moment.
                let seen = if named { retries::of_all(conn, &filter.ids).await? } else { Vec::new() };
                Ok((search::retryable(conn, &filter, PAGE).await?, seen))
            });
            let (page, seen) = read.await?;
            self.answer.matched += page.rows.len() as u64;
            let jobs: Vec<_> = page.rows.into_iter().filter_map(|old| self.renewed(old)).collect();
            if self.answer.dry_run {
                self.answer.note(jobs.into_iter().filter_map(|job| job.retry_of).collect());
            } else {
                self.store(jobs, &seen).await?;
            }
            let Some(next) = page.next else { return Ok(()) };
            filter.before = Some(next);
            self.answer.more = !self.named && (self.begun.elapsed() > BUDGET || self.answer.retried >= MOST);
            self.answer.next_cursor = self.answer.more.then(|| cursor::after(next));
        }
        Ok(())
    }

    /// The job that does an old one again, unless something forbids it.
    fn renewed(&mut self, old: Retryable) -> Option<NewJob> {
        let Some(job_type) = self.state.registry.get(&old.job.type_name) else {
            self.answer.skip("unknown_job_type", 1);
            return None;
        };
        let Ok(params) = params(job_type, Some(old.params), "") else {
            self.answer.skip("invalid_params", 1);
            return None;
        };
        let mut new = new_job(job_type, params, &self.actor);
        if new.unique == Some(Unique::Type) && !self.taken.insert(new.type_name) {
            self.answer.skip("exclusive_job_active", 1);
            return None;
        }
        new.id = self.ids.from(old.job.id);
        let key = Unique::named_key(&old.job.type_name, old.exclusive_key.as_deref());
        new.unique = Unique::of(&job_type.spec, key);
        (new.priority, new.only_items) = (old.job.priority, old.only_items);
        (new.retry_of, new.reason) = (Some(old.job.id), self.reason.clone());
        Some(new)
    }

    /// Stores the jobs, without those whose old job has a retry that was not `seen`, and without duplicates of unfinished jobs. Those
    /// that this request stored before, when it was executed with the same key, count as stored now.
    async fn store(&mut self, jobs: Vec<NewJob>, seen: &[(Uuid, Uuid)]) -> Result<(), ApiError> {
        refuse_unprepared(self.state, &jobs).await?;
        let ids: Vec<_> = jobs.iter().filter_map(|job| job.retry_of).collect();
        let own: HashSet<_> = jobs.iter().map(|job| job.id).collect();
        let accepted = write(&self.state.db, async |conn| {
            retries::lock(conn, &ids).await?;
            let now = retries::of_all(conn, &ids).await?;
            let others = now.iter().filter(|retry| !seen.contains(retry) && !own.contains(&retry.0));
            let elsewhere: HashSet<_> = others.map(|(_, old)| *old).collect();
            let rest: Vec<_> =
                jobs.iter().filter(|job| job.retry_of.is_none_or(|old| !elsewhere.contains(&old))).cloned().collect();
            let answers = enqueue::accept(conn, &rest, self.ids.are_fixed()).await?;
            Ok(Ok(rest.into_iter().zip(answers).collect::<Vec<_>>()))
        });
        let accepted = accepted.await?;
        self.answer.skip("already_retried", (jobs.len() - accepted.len()) as u64);
        let mut stored = Vec::with_capacity(accepted.len());
        for (job, acceptance) in accepted {
            match (acceptance, job.unique) {
                (Acceptance::Stored(row), _) => stored.push(row),
                (_, Some(Unique::Params | Unique::Key(_))) => self.answer.skip("duplicate_job_active", 1),
                (_, Some(Unique::Type) | None) => self.answer.skip("exclusive_job_active", 1),
            }
        }
        self.answer.note(stored.iter().map(|job| job.id).collect());
        let types: BTreeSet<_> = stored.iter().map(|job| job.type_name.clone()).collect();
        self.state.tracker.do_send(Stored(stored));
        self.state.supervisor.do_send(MadePending(types.into_iter().collect()));
        Ok(())
    }
}

impl BulkRetried {
    fn note(&mut self, jobs: Vec<Uuid>) {
        self.retried += jobs.len() as u64;
        let room = SHOWN_IDS.saturating_sub(self.jobs.len());
        self.jobs.extend(jobs.into_iter().take(room));
    }

    fn skip(&mut self, reason: &str, jobs: u64) {
        if jobs > 0 {
            self.skipped += jobs;
            *self.skipped_because.entry(reason.to_owned()).or_default() += jobs;
        }
    }
}

/// The filter, narrowed to what can be done again.
fn retryable(request: &BulkRequest) -> Result<Filter, ApiError> {
    let mut filter = request.filter()?;
    filter.not_retried = filter.ids.is_empty();
    if !filter.statuses.is_empty() {
        filter.statuses.retain(|status| ENDED.contains(status));
        if filter.statuses.is_empty() {
            return Err(ApiError::field("/status", "jobs that have not ended can't be retried"));
        }
        return Ok(filter);
    }
    if !filter.ids.is_empty() || !filter.outcomes.is_empty() {
        filter.statuses = ENDED.to_vec();
        return Ok(filter);
    }
    filter.went_wrong = true;
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::{ENDED, retryable};
    use crate::job::Status;

    #[test]
    fn what_went_wrong_is_done_again_unless_something_else_is_asked_for() {
        let filter = |request: &str| retryable(&serde_json::from_str(request).unwrap());
        let usual = filter(r#"{"all":true}"#).unwrap();
        assert!(usual.went_wrong && usual.not_retried && usual.statuses.is_empty());
        assert_eq!(filter(r#"{"outcome":["completed"]}"#).unwrap().statuses, ENDED);
        assert_eq!(filter(r#"{"status":["failed","running"]}"#).unwrap().statuses, [Status::Failed]);
        assert!(filter(r#"{"status":["running"]}"#).is_err());
    }
}
