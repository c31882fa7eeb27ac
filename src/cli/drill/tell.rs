//! What is said of a drill: a line while it runs, a page when it is over.

use std::time::Duration;

use crate::cli::words;
use crate::drill::{Live, Recovery, Report};

/// Violations that are told one by one; a broken guarantee has hundreds.
const TOLD: usize = 20;

/// The line while it runs.
pub fn live(live: &Live, length: Duration) -> String {
    let clock = |time: Duration| format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60);
    let now = match live.under_way.as_slice() {
        [] => format!("{} faults so far", live.faults),
        under_way => under_way.join(", "),
    };
    let (elapsed, length) = (clock(live.elapsed), clock(length));
    let Live { phase, accepted, ended, running, .. } = live;
    format!("{phase} {elapsed}/{length}  {accepted} jobs accepted, {ended} ended, {running} run  {now}")
}

/// The page when it is over.
pub fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![format!(
        "{} nodes, {} of load and faults, {} in all, seed {}",
        report.nodes,
        words::duration(Duration::from_secs_f64(report.minutes * 60.0)),
        words::duration(Duration::from_secs_f64(report.seconds)),
        report.seed
    )];
    lines.push(String::new());
    lines.extend(of_jobs(report));
    lines.extend(of_faults(report));
    lines.push(String::new());
    lines.extend(verdict(report));
    lines.push(format!("again: {}", report.again));
    lines.extend(report.kept.as_ref().map(|kept| format!("kept: {}", kept.display())));
    lines
}

fn of_jobs(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for (type_name, ends) in &report.jobs {
        let ends: Vec<_> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        lines.push(format!("  {type_name:<16} {}", ends.join(", ")));
    }
    let row = |name: &str, text: String| format!("  {name:<16} {text}");
    lines.push(row(
        "submitted",
        format!(
            "{} jobs accepted, {} requests refused, {} without an answer (of them {} jobs are there)",
            report.accepted, report.refused, report.unanswered, report.unanswered_jobs
        ),
    ));
    lines.push(row(
        "attempts",
        format!(
            "{}, of which {} ended with their node; {} failed and were tried again, {} jobs were retried by hand",
            report.attempts, report.cut_off, report.automatic_retries, report.retries
        ),
    ));
    let cancels = &report.cancels;
    lines.push(row(
        "cancels",
        format!("{} accepted, ended after {} (p50), {} (max)", cancels.count, ms(cancels.p50_ms), ms(cancels.max_ms)),
    ));
    let late = &report.late_writes;
    lines.push(row(
        "writes",
        format!(
            "{} by owners; {} came late and were kept out by the job's own fence, at most {} late",
            report.writes,
            late.count,
            ms(late.max_ms)
        ),
    ));
    let lost = &report.lost_by_database;
    lines.push(row(
        "lost",
        format!(
            "{} jobs, {} changes of jobs and {} writes, by the database when it went back in time",
            lost.jobs, lost.changes, lost.writes
        ),
    ));
    lines.push(row(
        "clients",
        format!("{}, connected again {} times, told {} ends", report.witnesses, report.reconnects, report.ends_told),
    ));
    lines
}

fn of_faults(report: &Report) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (kind, count) in &report.faults {
        let recovery = report.recovery.iter().find(|recovery| recovery.fault == *kind);
        let recovery = recovery.map(|Recovery { jobs, .. }| {
            format!("  {} jobs ran again after {} (p50), {} (max)", jobs.count, ms(jobs.p50_ms), ms(jobs.max_ms))
        });
        lines.push(
            format!("  {:>3} × {:<22}{}", count, kind.label(), recovery.unwrap_or_default()).trim_end().to_owned(),
        );
    }
    lines
}

fn verdict(report: &Report) -> Vec<String> {
    let found = &report.violations;
    if found.is_empty() {
        return vec![format!(
            "no violation: all {} accepted jobs ended once, and every client knows how",
            report.accepted
        )];
    }
    let mut lines =
        vec![if found.len() == 1 { "1 violation".to_owned() } else { format!("{} violations", found.len()) }];
    for violation in found.iter().take(TOLD) {
        let kind = serde_json::to_value(violation.kind).ok();
        let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
        let job = violation.job.map_or_else(String::new, |job| format!("job {job}: "));
        lines.push(format!("  {kind}: {job}{}", violation.text));
    }
    if found.len() > TOLD {
        lines.push(format!("  and {} more; --json tells all", found.len() - TOLD));
    }
    lines
}

fn ms(ms: i64) -> String {
    words::duration(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::live;
    use crate::drill::Live;

    #[test]
    fn the_line_tells_what_is_broken_at_this_moment() {
        let mut now = Live { phase: "breaking", elapsed: Duration::from_secs(65), accepted: 3, ..Live::default() };
        let line = live(&now, Duration::from_secs(120));
        assert_eq!(line, "breaking 1:05/2:00  3 jobs accepted, 0 ended, 0 run  0 faults so far");
        now.under_way = vec!["node 1: kill -9".to_owned(), "kill -9 of Postgres".to_owned()];
        assert!(live(&now, Duration::ZERO).ends_with("0 run  node 1: kill -9, kill -9 of Postgres"));
    }
}
