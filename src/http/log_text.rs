//! A whole log as a text file, sent as it is read: a log of a gigabyte costs the memory of one page.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use bytes::Bytes;
use chrono::SecondsFormat;
use futures_util::stream;
use uuid::Uuid;

use super::error::ApiError;
use super::logs::LogQuery;
use super::read::read;
use super::show::unknown;
use super::state::AppState;
use crate::store::cancel::current;
use crate::store::history::{self, LogFilter, LogRow};

/// Lines that are read at a time.
const PAGE: i64 = 1_000;

/// Answers with the lines as text.
pub(super) async fn download(state: Data<AppState>, id: Uuid, query: LogQuery) -> Result<HttpResponse, ApiError> {
    if read(&state.db, async |conn| current(conn, &[id]).await).await?.is_empty() {
        return Err(unknown(id));
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"));
    response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.log\"")));
    let filter = query.filter();
    if let Some(tail) = query.tail {
        let lines = read(&state.db, async |conn| history::last_logs(conn, id, &filter, tail).await).await?;
        return Ok(response.body(text(&lines)));
    }
    let pages = stream::try_unfold(Some(filter), move |filter| {
        let state = state.clone();
        async move {
            let Some(filter) = filter else { return Ok(None) };
            let lines = read(&state.db, async |conn| history::logs(conn, id, &filter, PAGE).await).await?;
            let full = i64::try_from(lines.len()).is_ok_and(|n| n == PAGE);
            let next = lines.last().filter(|_| full).map(|line| LogFilter { after: line.seq, ..filter });
            Ok::<_, ApiError>(Some((Bytes::from(text(&lines)), next)))
        }
    });
    Ok(response.streaming(pages))
}

fn text(lines: &[LogRow]) -> String {
    let line = |row: &LogRow| {
        let at = row.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        format!("{at} {:<5} {}: {}\n", row.level, row.target, row.message)
    };
    lines.iter().map(line).collect()
}
