//! A job in words, for people: how far it is, how long it took, how it ended.

use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use console::{Style, StyledObject};
use indicatif::HumanCount;
use uuid::Uuid;

use crate::job::{OutcomeKind, Status};
use crate::store::row::JobSummary;

/// The name by which this program was called, for lines that people are to type.
pub fn program() -> String {
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = called.as_deref().and_then(std::path::Path::file_name).map(|n| n.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "stashhog".to_owned())
}

/// How far a job is: `15 / 30 files`, or `50%` when it does not count.
pub fn amount(job: &JobSummary, plural: &str) -> String {
    let counts = job.processed_items.zip(job.total_items).filter(|(_, total)| *total > 0);
    let unit = if plural.is_empty() { String::new() } else { format!(" {plural}") };
    match counts {
        Some((done, total)) => format!("{} / {}{unit}", count(done), count(total)),
        None if job.progress > 0.0 || job.status.is_terminal() => format!("{:.0}%", job.progress),
        None => String::new(),
    }
}

/// A number with its thousands apart.
pub fn count(n: i64) -> String {
    HumanCount(u64::try_from(n).unwrap_or(0)).to_string()
}

/// A number of errors.
pub fn errors(n: i64) -> String {
    if n == 1 { "1 error".to_owned() } else { format!("{} errors", count(n)) }
}

/// The status, where that is not the whole truth with what it hides.
pub fn status(job: &JobSummary) -> &'static str {
    match job.outcome {
        Some(OutcomeKind::CompletedWithErrors) if job.status == Status::Completed => "completed with errors",
        _ => job.status.as_str(),
    }
}

/// The status in a word or two, for a narrow column.
pub fn short_status(job: &JobSummary) -> String {
    match job.outcome {
        Some(OutcomeKind::CompletedWithErrors) if job.status == Status::Completed => errors(job.error_count),
        _ => job.status.to_string(),
    }
}

/// A status in its colour, where there are colours.
pub fn coloured<'a>(job: &JobSummary, text: &'a str) -> StyledObject<&'a str> {
    let style = Style::new();
    let style = match (job.status, job.outcome) {
        (Status::Pending, _) => style.dim(),
        (Status::Running, _) => style.cyan(),
        (Status::Cancelling, _) => style.magenta(),
        (Status::Completed, Some(OutcomeKind::CompletedWithErrors)) | (Status::Cancelled, _) => style.yellow(),
        (Status::Completed, _) => style.green(),
        (Status::Failed, _) => style.red(),
    };
    style.apply_to(text)
}

/// A span of time: `0.4s`, `12s`, `1m 05s`, `2h 03m`, `4d 01h`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", span.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// How long the last run took, or takes so far.
pub fn took(job: &JobSummary, now: DateTime<Utc>) -> Option<Duration> {
    let ended = job.completed_at.unwrap_or(now);
    (ended - job.started_at?).to_std().ok()
}

/// A time seen from `now`: `12s ago`, `5m ago`, `3h ago`, `2d ago`, then the day; `in 5m` for one to come.
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds();
    let span = match seconds.unsigned_abs() {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3_600 => format!("{}m", s / 60),
        s @ 3_600..86_400 => format!("{}h", s / 3_600),
        s @ 86_400..604_800 => format!("{}d", s / 86_400),
        _ => return at.with_timezone(&Local).format("%Y-%m-%d").to_string(),
    };
    if seconds < 0 { format!("in {span}") } else { format!("{span} ago") }
}

/// A time on the clock of whoever reads.
pub fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The end of an id, enough to name a job: its last group is random, while its beginning is its time.
pub fn short(id: Uuid) -> String {
    let text = id.to_string();
    text.rsplit('-').next().unwrap_or(&text).to_owned()
}

/// A text on one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names that someone may have meant, nearest first.
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const ALIKE: f64 = 0.7; // of 1.0, as the registry does it
    let name = name.replace('-', "_");
    let mut near: Vec<_> = known.into_iter().map(|known| (strsim::jaro_winkler(&name, known), known)).collect();
    near.retain(|(alike, _)| *alike >= ALIKE);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, known)| known).collect()
}

#[cfg(test)]
pub mod tests {
    //! Also a job for the tests of other files.

    use std::time::Duration;

    use chrono::{TimeDelta, Utc};
    use serde_json::json;

    use super::{amount, duration, near, relative, short, short_status, status};
    use crate::job::{OutcomeKind, Status};
    use crate::store::row::JobSummary;

    /// A job that waits.
    pub fn job() -> JobSummary {
        let now = Utc::now();
        serde_json::from_value(json!({
            "id": "019aa111-2222-7333-8444-5566778899aa", "type": "demo", "status": "pending", "progress": 0.0,
            "error_count": 0, "priority": 0, "run_at": now, "attempt": 0, "interruptions": 0, "failures": 0, "max_retries": 0, "created_by": "cli",
            "created_at": now, "updated_at": now, "rev": 1
        }))
        .unwrap()
    }

    #[test]
    fn progress_is_counted_in_the_units_of_the_type_or_in_percent() {
        let mut job = job();
        assert_eq!(amount(&job, "files"), "");
        job.progress = 49.6;
        assert_eq!(amount(&job, "files"), "50%");
        (job.processed_items, job.total_items) = (Some(15), Some(30_000));
        assert_eq!(amount(&job, "files"), "15 / 30,000 files");
        assert_eq!(amount(&job, ""), "15 / 30,000");
        job.total_items = Some(0);
        assert_eq!(amount(&job, "files"), "50%");
    }

    #[test]
    fn a_completed_job_with_item_errors_is_called_so() {
        let mut job = job();
        (job.status, job.outcome) = (Status::Completed, Some(OutcomeKind::CompletedWithErrors));
        job.error_count = 1_000;
        assert_eq!((status(&job), short_status(&job).as_str()), ("completed with errors", "1,000 errors"));
        job.outcome = Some(OutcomeKind::Completed);
        assert_eq!(status(&job), "completed");
    }

    #[test]
    fn times_are_short() {
        let of = |s| duration(Duration::from_secs(s));
        let told = [of(4), of(12), of(65), of(7_380), of(349_200)];
        assert_eq!(told, ["4.0s", "12s", "1m 05s", "2h 03m", "4d 01h"]);
        let now = Utc::now();
        assert_eq!(relative(now - TimeDelta::seconds(90), now), "1m ago");
        assert_eq!(relative(now + TimeDelta::hours(2), now), "in 2h");
        assert_eq!(relative(now - TimeDelta::days(40), now).len(), 10);
    }

    #[test]
    fn names_and_ids_are_recognised_by_a_part() {
        assert_eq!(near("scan-libary", ["cleanup", "demo", "scan_library"]), ["scan_library"]);
        assert_eq!(short(job().id), "5566778899aa");
    }
}
