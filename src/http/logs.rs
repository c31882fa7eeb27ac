//! The log of a job: lines after a position or before one, the last lines, or all as text.
//!
//! Positions count lines per attempt, and lines that were left out leave a gap in them. Who reads all lines is told of every gap,
//! in whichever direction.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::ApiError;
use super::list::page_of;
use super::log_text;
use super::query::{FromQuery, Query, QueryReader};
use super::read::read;
use super::show::unknown;
use super::state::AppState;
use super::{limits, refusals};
use crate::job::LogLevel;
use crate::store::cancel::current;
use crate::store::history::{self, LogFilter, LogRow};

/// Lines of an answer unless told otherwise.
const LINES: i64 = 500;
/// Lines of an answer at most: 5 MB of ordinary ones.
const MOST_LINES: i64 = 10_000;
/// The levels, least first.
const LEVELS: [LogLevel; 4] = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum LogFormat {
    /// A page as JSON.
    Json,
    /// Everything, a line of text each.
    Text,
}

/// Which lines.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Lines after this position; `next` of the answer before.
    #[param(minimum = 0)]
    pub after: Option<i64>,
    /// The newest lines before this position, oldest first as ever; `prev` of the answer before. Not together with `after`.
    #[param(minimum = 0)]
    pub before: Option<i64>,
    /// With this text in the message, whatever its case.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Lines that matter at least as much; all unless told otherwise.
    #[param(required = false)]
    pub level: LogLevel,
    /// How many lines; 500 unless told otherwise. Text has all.
    #[param(required = false, minimum = 1, maximum = 10_000, default = 500)]
    pub limit: i64,
    /// Only the last so many lines. Not together with `after` or `before`.
    #[param(minimum = 1, maximum = 10_000)]
    pub tail: Option<i64>,
    /// `json` unless told otherwise; `text` is a file to keep.
    #[param(required = false)]
    pub format: LogFormat,
}

impl FromQuery for LogQuery {
    fn read(query: &mut QueryReader) -> Self {
        let after = query.integer("after", 0..=i64::MAX);
        let before = query.integer("before", 0..=i64::MAX);
        let q = query.one("q", |text| limits::text(text, limits::SEARCH_CHARS));
        let level = query.one("level", level).unwrap_or(LogLevel::Debug);
        let limit = query.integer("limit", 1..=MOST_LINES).unwrap_or(LINES);
        let tail = query.integer("tail", 1..=MOST_LINES);
        if tail.is_some() && (after.is_some() || before.is_some()) {
            query.refuse("tail", "can't be asked for together with `after` or `before`");
        }
        if before.is_some() && after.is_some() {
            query.refuse("before", "can't be asked for together with `after`");
        }
        let format = query.one("format", |word| match word {
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            _ => Err("must be json or text".to_owned()),
        });
        Self { after, before, q, level, limit, tail, format: format.unwrap_or(LogFormat::Json) }
    }
}

impl LogQuery {
    /// Which lines are asked for.
    pub fn filter(&self) -> LogFilter {
        LogFilter {
            levels: LEVELS.into_iter().filter(|level| *level >= self.level).map(LogLevel::as_str).collect(),
            text: self.q.clone(),
            after: self.after.unwrap_or(-1),
            before: self.before.unwrap_or(i64::MAX),
        }
    }

    /// Whether lines are hidden: gaps can't be told then.
    fn hides(&self) -> bool {
        self.level > LogLevel::Debug || self.q.is_some()
    }
}

fn level(word: &str) -> Result<LogLevel, String> {
    let found = LEVELS.into_iter().find(|level| level.as_str() == word);
    found.ok_or_else(|| format!("must be {}", LEVELS.map(LogLevel::as_str).join(", ")))
}

/// Some lines of a log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// The lines, oldest first.
    pub lines: Vec<LogRow>,
    /// Pass it as `after` to get what follows; null while there is nothing.
    #[schema(required)]
    pub next: Option<i64>,
    /// Pass it as `before` to get what comes before; null where the log begins.
    #[schema(required)]
    pub prev: Option<i64>,
    /// Whether there are lines after these by now. With `before`: whether the line at that position is one of those asked for.
    pub more: bool,
    /// Where lines were left out, because too many came at once. Empty when `level` or `q` hides lines: gaps can't be told then.
    pub gaps: Vec<Gap>,
}

/// Lines that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// The position of the line that comes after the gap. That of `before` is not in the answer.
    pub before: i64,
    /// How many lines are missing.
    pub dropped: i64,
}

/// Shows the log of a job, or hands it out as text.
#[utoipa::path(
    get, path = "/api/jobs/{id}/logs", operation_id = "job_logs", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job"), LogQuery),
    responses(
        (status = 200, description = "Lines of the log, oldest first; all of them with `format=text`",
         content((LogPage = "application/json"), (String = "text/plain"))),
        refusals::AnyQuestion, refusals::UnknownJob,
    ),
)]
pub async fn logs(state: Data<AppState>, id: Path<Uuid>, query: Query<LogQuery>) -> Result<HttpResponse, ApiError> {
    let (id, query) = (*id, query.0);
    if query.format == LogFormat::Text {
        return log_text::download(state, id, query).await;
    }
    let page = read(&state.db, async |conn| {
        let known = !current(conn, &[id]).await?.is_empty();
        let page = match (query.tail, query.before) {
            (Some(tail), _) => last(conn, id, &query, i64::MAX, tail).await?,
            (None, Some(before)) => last(conn, id, &query, before, query.limit).await?,
            (None, None) => first(conn, id, &query).await?,
        };
        Ok(known.then_some(page))
    });
    Ok(HttpResponse::Ok().json(page.await?.ok_or_else(|| unknown(id))?))
}

/// A page of lines after a position.
async fn first(conn: &mut AsyncPgConnection, id: Uuid, query: &LogQuery) -> QueryResult<LogPage> {
    let (lines, more) = page_of(history::logs(conn, id, &query.filter(), query.limit + 1).await?, query.limit);
    let start = query.after.map(|seq| seq.saturating_add(1));
    let gaps = if query.hides() { Vec::new() } else { gaps(&lines, start) };
    let next = lines.last().map(|line| line.seq).or(query.after);
    let prev = start.map(|start| lines.first().map_or(start, |line| line.seq));
    Ok(LogPage { lines, next, prev, more, gaps })
}

/// A page of the last `limit` lines before a position. The line at the position is read too: it tells of a gap before it.
async fn last(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    query: &LogQuery,
    before: i64,
    limit: i64,
) -> QueryResult<LogPage> {
    let filter = LogFilter { before: before.saturating_add(1), ..query.filter() };
    let mut lines = history::last_logs(conn, id, &filter, limit + 2).await?;
    let more = lines.last().is_some_and(|line| line.seq == before);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(usize::from(more));
    let earlier = lines.len() > wanted;
    lines.drain(..lines.len().saturating_sub(wanted));
    let prev = lines.first().map(|line| line.seq).filter(|_| earlier);
    // What is before them is told with them, unless it is theirs that come before.
    let gaps = if query.hides() { Vec::new() } else { gaps(&lines, prev) };
    lines.truncate(lines.len() - usize::from(more));
    let next = lines.last().map(|line| line.seq);
    Ok(LogPage { lines, next, prev, more, gaps })
}

/// The gaps before and between lines, of which the first is expected at a position; at the start of its attempt when none. Lines
/// of one attempt have the same upper half in their positions, and the first of them 0 in the lower.
fn gaps(lines: &[LogRow], mut expected: Option<i64>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for line in lines {
        let start = (line.seq >> 32) << 32;
        let dropped = line.seq - expected.unwrap_or(start).max(start);
        if dropped > 0 {
            gaps.push(Gap { before: line.seq, dropped });
        }
        expected = Some(line.seq + 1);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::{Gap, LogFormat, LogQuery, gaps};
    use crate::http::query::parse;
    use crate::job::LogLevel;
    use crate::store::history::LogRow;

    fn lines(seqs: &[i64]) -> Vec<LogRow> {
        let line = |seq: &i64| LogRow {
            seq: *seq,
            at: Utc::now(),
            level: "info".into(),
            target: String::new(),
            message: String::new(),
        };
        seqs.iter().map(line).collect()
    }

    #[test]
    fn gaps_are_found_between_lines_and_at_the_start_of_an_attempt() {
        let (first, second) = (1 << 32, 2 << 32);
        let found = gaps(&lines(&[first, first + 1, first + 5, second + 2]), None);
        assert_eq!(found, [Gap { before: first + 5, dropped: 3 }, Gap { before: second + 2, dropped: 2 }]);
        assert_eq!(gaps(&lines(&[first + 6, first + 8]), Some(first + 6)), [Gap { before: first + 8, dropped: 1 }]);
        assert_eq!(gaps(&lines(&[second]), Some(first + 6)), []);
        assert_eq!(gaps(&[], Some(i64::MAX)), []);
        assert_eq!(gaps(&lines(&[first + 7, first + 8]), Some(first + 7)), []);
    }

    #[test]
    fn a_level_stands_for_itself_and_all_that_matter_more() {
        let query: LogQuery = parse("level=warn&format=text").unwrap();
        assert_eq!(query.filter().levels, ["warn", "error"]);
        assert_eq!((query.level, query.format), (LogLevel::Warn, LogFormat::Text));
        for bad in [
            "level=trace",
            "tail=0",
            "tail=1&after=1",
            "tail=1&before=1",
            "after=-1",
            "before=-1",
            "limit=10001",
            "format=xml",
        ] {
            assert!(parse::<LogQuery>(bad).is_err(), "{bad}");
        }
    }
}
