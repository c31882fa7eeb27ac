//! Pages of jobs that match a filter, newest first, each at a bounded cost.
//!
//! A filter is read as a few *ranges*, each a part of one index in the order of ids: of a type and a status, of an actor, of a parent.
//! When the ranges say all that the filter does, a page is as many rows as it shows. Conditions that no index knows (a text, rare
//! combinations) are checked row by row, but only on the newest `SEARCHED` rows of the ranges: then the page ends early, and says
//! how far it looked and where the next one goes on. So no filter makes Postgres read a table of millions to find nothing.

use chrono::{DateTime, Duration, Utc};
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, PgTextExpressionMethods, QueryDsl, SelectableHelper,
};
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::{NoContext, Timestamp, Uuid};

use super::row::JobSummary;
use super::schema::jobs;
use crate::job::{OutcomeKind, Status};

/// Rows that one page looks at for conditions without an index: some 20 ms when they are in memory.
const SEARCHED: i64 = 5_000;
/// More ranges than this are not merged; the newest jobs are searched instead.
const MOST_RANGES: usize = 64;

/// Which jobs.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One of these; any when empty.
    pub ids: Vec<Uuid>,
    /// With one of these statuses; any when empty.
    pub statuses: Vec<Status>,
    /// Of one of these types; any when empty.
    pub types: Vec<String>,
    /// With one of these outcomes; any when empty.
    pub outcomes: Vec<OutcomeKind>,
    /// Failed, cancelled, or completed with errors. Instead of statuses and outcomes.
    pub went_wrong: bool,
    /// Not retried yet.
    pub not_retried: bool,
    /// With this text in the message, the error or the type, or with this id.
    pub text: Option<String>,
    /// Triggered by.
    pub actor: Option<String>,
    /// Created at or after.
    pub since: Option<DateTime<Utc>>,
    /// Created before.
    pub until: Option<DateTime<Utc>>,
    /// Started by this job.
    pub parent: Option<Uuid>,
    /// Made by this schedule.
    pub schedule: Option<Uuid>,
    /// Older than this job: where the page begins.
    pub before: Option<Uuid>,
}

/// A page of what matches.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What was found, newest first.
    pub rows: Vec<T>,
    /// The next page has what is older than this id; none after the last page.
    pub next: Option<Uuid>,
    /// Set when the page ended before it was full: it looked at all jobs back to this time.
    pub searched_until: Option<DateTime<Utc>>,
}

/// What is needed to do a job again.
#[derive(Clone, Debug)]
pub struct Retryable {
    /// The job.
    pub job: JobSummary,
    /// Its params.
    pub params: Value,
    /// The items that it is about, when not all.
    pub only_items: Option<Value>,
    /// Its exclusive key.
    pub exclusive_key: Option<String>,
}

/// A page of jobs.
pub async fn page(conn: &mut AsyncPgConnection, filter: &Filter, limit: usize) -> QueryResult<Page<JobSummary>> {
    let found = ids(conn, filter, limit).await?;
    let named = jobs::table.filter(jobs::id.eq_any(&found.rows)).order(jobs::id.desc());
    Ok(found.with(named.select(JobSummary::as_select()).load(conn).await?))
}

/// A page of jobs, with what is needed to do them again.
pub async fn retryable(conn: &mut AsyncPgConnection, filter: &Filter, limit: usize) -> QueryResult<Page<Retryable>> {
    let found = ids(conn, filter, limit).await?;
    let named = jobs::table.filter(jobs::id.eq_any(&found.rows)).order(jobs::id.desc());
    let rows: Vec<(JobSummary, Value, Option<Value>, Option<String>)> =
        named.select((JobSummary::as_select(), jobs::params, jobs::only_items, jobs::exclusive_key)).load(conn).await?;
    let retryable = |(job, params, only_items, exclusive_key)| Retryable { job, params, only_items, exclusive_key };
    Ok(found.with(rows.into_iter().map(retryable).collect()))
}

/// The ids of a page of jobs.
pub async fn ids(conn: &mut AsyncPgConnection, filter: &Filter, limit: usize) -> QueryResult<Page<Uuid>> {
    if let Some(id) = filter.text.as_deref().and_then(|text| Uuid::parse_str(text).ok()) {
        let named = Filter { ids: vec![id], text: None, ..filter.clone() };
        let wanted = filter.ids.is_empty() || filter.ids.contains(&id);
        let found = if wanted { merged(conn, &named, limit).await? } else { Page::empty() };
        if !found.rows.is_empty() || filter.before.is_some_and(|before| before <= id) {
            return Ok(found);
        }
    }
    merged(conn, filter, limit).await
}

/// Reads all ranges of a filter and merges what they found.
async fn merged(conn: &mut AsyncPgConnection, filter: &Filter, limit: usize) -> QueryResult<Page<Uuid>> {
    let ranges = Range::of(filter);
    let searched = SEARCHED / i64::try_from(ranges.len().max(1)).unwrap_or(SEARCHED);
    let (mut rows, mut floor) = (Vec::new(), None);
    for range in ranges {
        let oldest = match range.says_all_of(filter) {
            true => None,
            false => {
                let nth = range.query(filter).order(jobs::id.desc()).offset(searched - 1).limit(1).select(jobs::id);
                nth.first::<Uuid>(conn).await.optional()?
            }
        };
        let mut query = range.matching(filter);
        if let Some(oldest) = oldest {
            query = query.filter(jobs::id.ge(oldest));
        }
        let newest = query.order(jobs::id.desc()).limit(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        rows.extend(newest.select(jobs::id).load::<Uuid>(conn).await?);
        floor = floor.max(oldest);
    }
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows.dedup(); // ranges may overlap
    // Below the floor not every range was read.
    rows.retain(|id| floor.is_none_or(|floor| *id >= floor));
    if rows.len() > limit {
        rows.truncate(limit);
        return Ok(Page { next: rows.last().copied(), rows, searched_until: None });
    }
    Ok(Page { rows, next: floor, searched_until: floor.map(time_of) })
}

impl<T> Page<T> {
    const fn empty() -> Self {
        Self { rows: Vec::new(), next: None, searched_until: None }
    }

    fn with<U>(&self, rows: Vec<U>) -> Page<U> {
        Page { rows, next: self.next, searched_until: self.searched_until }
    }
}

/// A part of one index, in the order of ids.
#[derive(Clone, Copy, Debug)]
enum Range<'f> {
    All,
    Ids(&'f [Uuid]),
    Parent(Uuid),
    Schedule(Uuid),
    Status(Status),
    TypeAndStatus(&'f str, Status),
    /// Jobs that this actor triggered and that have ended.
    Actor(&'f str),
    /// Jobs that completed with errors.
    WithErrors,
}

type Boxed<'f> = jobs::BoxedQuery<'f, Pg>;

const ENDED: [Status; 3] = [Status::Completed, Status::Failed, Status::Cancelled];
const ACTIVE: [Status; 3] = [Status::Pending, Status::Running, Status::Cancelling];

impl<'f> Range<'f> {
    /// The ranges that hold everything that matches a filter, and as little else as possible.
    fn of(filter: &'f Filter) -> Vec<Self> {
        if !filter.ids.is_empty() {
            return vec![Self::Ids(&filter.ids)];
        }
        if let Some(parent) = filter.parent {
            return vec![Self::Parent(parent)];
        }
        if let Some(schedule) = filter.schedule {
            return vec![Self::Schedule(schedule)];
        }
        let wanted = |status: &Status| filter.statuses.is_empty() || filter.statuses.contains(status);
        if let Some(actor) = &filter.actor {
            let ended = ENDED.iter().any(wanted).then_some(Self::Actor(actor));
            let active = ACTIVE.into_iter().filter(wanted).filter(|_| !filter.went_wrong).map(Self::Status);
            return ended.into_iter().chain(active).collect();
        }
        if filter.outcomes == [OutcomeKind::CompletedWithErrors] {
            return vec![Self::WithErrors];
        }
        let ranges: Vec<_> = if filter.went_wrong {
            let wrong = [Status::Failed, Status::Cancelled];
            wrong.into_iter().flat_map(|status| Self::of_status(filter, status)).chain([Self::WithErrors]).collect()
        } else if filter.statuses.is_empty() && filter.types.is_empty() {
            vec![Self::All]
        } else {
            let statuses = ACTIVE.into_iter().chain(ENDED).filter(wanted);
            statuses.flat_map(|status| Self::of_status(filter, status)).collect()
        };
        if ranges.len() > MOST_RANGES { vec![Self::All] } else { ranges }
    }

    /// What has this status, of the types of the filter.
    fn of_status(filter: &'f Filter, status: Status) -> Vec<Self> {
        match filter.types.is_empty() {
            true => vec![Self::Status(status)],
            false => filter.types.iter().map(|name| Self::TypeAndStatus(name, status)).collect(),
        }
    }

    /// Its rows, as far as the times of the filter and the page before allow.
    fn query(self, filter: &'f Filter) -> Boxed<'f> {
        let mut query: Boxed<'f> = jobs::table.into_boxed();
        query = match self {
            Self::All => query,
            Self::Ids(ids) => query.filter(jobs::id.eq_any(ids)),
            Self::Parent(parent) => query.filter(jobs::parent_id.eq(parent)),
            Self::Schedule(schedule) => query.filter(jobs::schedule_id.eq(schedule)),
            Self::Status(status) => query.filter(jobs::status.eq(status)),
            Self::TypeAndStatus(name, status) => query.filter(jobs::type_.eq(name)).filter(jobs::status.eq(status)),
            Self::Actor(actor) => query
                .filter(jobs::created_by.eq(actor))
                .filter(sql::<Bool>("status IN ('completed', 'failed', 'cancelled')")),
            Self::WithErrors => query.filter(sql::<Bool>("outcome = 'completed_with_errors'")),
        };
        if let Some(since) = filter.since {
            query = query.filter(jobs::id.ge(id_at(since - CLOCKS)));
        }
        if let Some(until) = filter.until {
            query = query.filter(jobs::id.lt(id_at(until + CLOCKS)));
        }
        if let Some(before) = filter.before {
            query = query.filter(jobs::id.lt(before));
        }
        query
    }

    /// Whether all of its rows match the filter.
    fn says_all_of(self, filter: &Filter) -> bool {
        let types = filter.types.is_empty() || matches!(self, Self::TypeAndStatus(..));
        let statuses = filter.statuses.is_empty() || matches!(self, Self::TypeAndStatus(..) | Self::Status(_));
        let outcomes = filter.outcomes.is_empty() || matches!(self, Self::WithErrors);
        let wrong = !filter.went_wrong || matches!(self, Self::TypeAndStatus(..) | Self::Status(_) | Self::WithErrors);
        let actor = filter.actor.is_none() || matches!(self, Self::Actor(_));
        let parent = filter.parent.is_none() || matches!(self, Self::Parent(_));
        let schedule = filter.schedule.is_none() || matches!(self, Self::Schedule(_));
        let times = filter.since.is_none() && filter.until.is_none();
        matches!(self, Self::Ids(_)) // there are few
            || types && statuses && outcomes && wrong && actor && parent && schedule && times
                && filter.text.is_none() && !filter.not_retried
    }

    /// Those of its rows that match.
    fn matching(self, filter: &'f Filter) -> Boxed<'f> {
        let mut query = self.query(filter);
        if !filter.types.is_empty() && !matches!(self, Self::TypeAndStatus(..)) {
            query = query.filter(jobs::type_.eq_any(&filter.types));
        }
        if !filter.statuses.is_empty() && !matches!(self, Self::TypeAndStatus(..) | Self::Status(_)) {
            query = query.filter(jobs::status.eq_any(&filter.statuses));
        }
        if !filter.outcomes.is_empty() && !matches!(self, Self::WithErrors) {
            query = query.filter(jobs::outcome.eq_any(&filter.outcomes));
        }
        if filter.went_wrong && !matches!(self, Self::TypeAndStatus(..) | Self::Status(_) | Self::WithErrors) {
            let wrong = jobs::status.eq_any([Status::Failed, Status::Cancelled]);
            query = query.filter(wrong.or(sql::<Bool>("outcome = 'completed_with_errors'")));
        }
        if filter.not_retried {
            query = query.filter(sql::<Bool>("NOT EXISTS (SELECT FROM jobs AS retry WHERE retry.retry_of = jobs.id)"));
        }
        if let (Some(actor), false) = (&filter.actor, matches!(self, Self::Actor(_))) {
            query = query.filter(jobs::created_by.eq(actor));
        }
        if let (Some(parent), false) = (filter.parent, matches!(self, Self::Parent(_))) {
            query = query.filter(jobs::parent_id.eq(parent));
        }
        if let (Some(schedule), false) = (filter.schedule, matches!(self, Self::Schedule(_))) {
            query = query.filter(jobs::schedule_id.eq(schedule));
        }
        if let Some(since) = filter.since {
            query = query.filter(jobs::created_at.ge(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(jobs::created_at.lt(until));
        }
        if let Some(text) = &filter.text {
            let pattern = containing(text);
            query = query.filter(
                jobs::message
                    .ilike(pattern.clone())
                    .or(jobs::error.ilike(pattern.clone()))
                    .or(jobs::type_.ilike(pattern)),
            );
        }
        query
    }
}

/// A pattern of LIKE for a text that contains this one.
pub(super) fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Ids are made by the nodes' clocks, `created_at` by the database's: they may differ by this much.
const CLOCKS: Duration = Duration::hours(1);

/// The smallest id of a moment: lets the primary key find a time.
fn id_at(at: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0);
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
    Uuid::from_u128(id.as_u128() & !((1 << 80) - 1))
}

/// When an id was made.
fn time_of(id: Uuid) -> DateTime<Utc> {
    let made = id.get_timestamp().map(|at| at.to_unix());
    made.and_then(|(seconds, nanos)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)).unwrap_or_default()
}
