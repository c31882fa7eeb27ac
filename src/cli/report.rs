//! How a job ended, for people.
//!
//! ```text
//!   Scan Library completed with errors: 1,204 / 1,206 files in 12s, 2 errors
//!     indexed 1,204
//!   2 items failed:
//!     a.mkv: permission denied
//!   more: stashhog jobs show 019aa111-2222-7333-8444-5566778899aa
//! ```

use chrono::Utc;
use serde_json::{Number, Value};

use super::client::{Client, read};
use super::words;
use crate::http::history::ItemErrorPage;
use crate::http::show::JobDetail;
use crate::job::Status;
use crate::store::row::JobSummary;

/// Enough to see what kind of trouble it is.
const ITEM_ERRORS: usize = 5;
/// A result with more entries is for programs.
const RESULT_ENTRIES: usize = 12;

/// The lines about a job that has ended.
pub async fn ended(client: &Client, detail: &JobDetail, label: &str, plural: &str) -> Vec<String> {
    let job = &detail.job;
    let mut lines = vec![headline(job, label, plural)];
    lines.extend(result_lines(detail.body.result.as_ref()));
    if job.error_count > 0 {
        lines.extend(item_errors(client, job).await);
    }
    if job.status != Status::Completed || job.error_count > 0 {
        lines.push(format!("more: {} jobs show {}, or jobs logs", words::program(), job.id));
    }
    lines
}

fn headline(job: &JobSummary, label: &str, plural: &str) -> String {
    let mut text = format!("{label} {}", words::coloured(job, words::status(job)));
    let counted = job.total_items.is_some_and(|total| total > 0);
    let amount = if counted { words::amount(job, plural) } else { String::new() };
    let took = words::took(job, Utc::now()).map(|t| format!(" in {}", words::duration(t))).unwrap_or_default();
    if !amount.is_empty() {
        text = format!("{text}: {amount}");
    }
    text.push_str(&took);
    match (&job.error, &job.message) {
        (Some(error), _) => format!("{text}\n  {error}"),
        // Without a message of its own, a job with item errors ends with their number, which is told below.
        (None, Some(message)) if !message.is_empty() && *message != words::errors(job.error_count) => {
            format!("{text}\n  {message}")
        }
        (None, Some(_) | None) => text,
    }
}

/// The plain entries of a result.
fn result_lines(result: Option<&Value>) -> Vec<String> {
    let Some(entries) = result.and_then(Value::as_object).filter(|r| r.len() <= RESULT_ENTRIES) else {
        return Vec::new();
    };
    let line = |(name, value): (&String, &Value)| {
        let name = name.replace('_', " ");
        match value {
            Value::Number(n) => Some(format!("  {name}: {}", number(n))),
            Value::String(text) => Some(format!("  {name}: {text}")),
            Value::Bool(yes) => Some(format!("  {name}: {}", if *yes { "yes" } else { "no" })),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    };
    entries.iter().filter_map(line).collect()
}

/// A number as people read it. Negative ones are rare enough to be told as they are.
fn number(n: &Number) -> String {
    match (n.as_u64(), n.as_f64()) {
        (Some(whole), _) => words::count(i64::try_from(whole).unwrap_or(i64::MAX)),
        (None, Some(fraction)) if !n.is_i64() => format!("{fraction:.2}"),
        _ => n.to_string(),
    }
}

async fn item_errors(client: &Client, job: &JobSummary) -> Vec<String> {
    let limit = [("limit", ITEM_ERRORS.to_string())];
    let answer = client.get(&format!("api/jobs/{}/item-errors", job.id), &limit).await;
    let rows = answer.and_then(|answer| read::<ItemErrorPage>(&answer)).map_or_else(|_| Vec::new(), |p| p.item_errors);
    let mut lines = vec![match job.error_count {
        1 => "1 item failed:".to_owned(),
        n => format!("{} items failed:", words::count(n)),
    }];
    lines.extend(rows.iter().map(|row| format!("  {}: {}", row.item, words::one_line(&row.error))));
    let untold = job.error_count - i64::try_from(rows.len()).unwrap_or(0);
    if untold > 0 && !rows.is_empty() {
        lines.push(format!("  and {} more", words::count(untold)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::{headline, result_lines};
    use crate::cli::words::tests::job;
    use crate::job::{OutcomeKind, Status};

    #[test]
    fn the_headline_tells_outcome_counts_and_time() {
        console::set_colors_enabled(false);
        let mut job = job();
        (job.status, job.outcome) = (Status::Completed, Some(OutcomeKind::CompletedWithErrors));
        (job.processed_items, job.total_items) = (Some(28), Some(30));
        job.started_at = Some(job.created_at);
        job.completed_at = Some(job.created_at + TimeDelta::seconds(12));
        assert_eq!(headline(&job, "Demo", "items"), "Demo completed with errors: 28 / 30 items in 12s");
        (job.status, job.error, job.total_items) = (Status::Failed, Some("no disk".into()), None);
        assert_eq!(headline(&job, "Demo", "items"), "Demo failed in 12s\n  no disk");
    }

    #[test]
    fn only_plain_entries_of_a_result_are_told() {
        let mut lines =
            result_lines(Some(&json!({"files_seen": 12_000, "dry_run": true, "list": [1], "to": "/a", "s": 0.123})));
        lines.sort();
        assert_eq!(lines, ["  dry run: yes", "  files seen: 12,000", "  s: 0.12", "  to: /a"]);
        assert!(result_lines(Some(&json!("text"))).is_empty());
    }
}
