//! How one job is shown while it is followed: a bar on a terminal, now and then a line elsewhere, or nothing.

use std::time::{Duration, Instant};

use console::style;

use super::bar::Bar;
use super::catalog::Catalog;
use super::ladder;
use super::terminal::{is_live, note};
use super::words;
use crate::job::Status;
use crate::store::history::LogRow;
use crate::store::row::JobSummary;

/// Where nobody watches a bar, a line in this time is enough.
const EVERY: Duration = Duration::from_secs(5);
/// A job with ten thousand broken items would fill the screen; the log has them all.
const MOST_LINES: usize = 20;

/// Shows one job on stderr.
pub struct View {
    label: String,
    plural: String,
    bar: Option<Bar>,
    last: Option<JobSummary>,
    told: Option<Instant>,
    /// The newest log line that was shown.
    seq: i64,
    lines: usize,
}

impl View {
    /// A view of a job of a type.
    pub fn new(catalog: &Catalog, type_name: &str) -> Self {
        let (label, plural) = catalog.names_of(type_name);
        let bar = is_live().then(|| Bar::new(label, plural));
        Self { label: label.to_owned(), plural: plural.to_owned(), bar, last: None, told: None, seq: -1, lines: 0 }
    }

    /// Shows the job as it is now.
    pub fn job(&mut self, job: &JobSummary) {
        // How a job came to an end that was over before we looked is not news.
        if self.last.is_some() || !job.status.is_terminal() {
            self.rungs(job);
        }
        match &mut self.bar {
            Some(bar) => bar.show(job),
            None => self.line(job),
        }
        self.last = Some(job.clone());
    }

    fn rungs(&self, job: &JobSummary) {
        let before = self.last.as_ref().map(ladder::of).unwrap_or_default();
        for (_, what) in ladder::climbed(&before, &ladder::of(job)) {
            note(format!("{} {what}", style("cancel:").for_stderr().magenta()));
        }
    }

    fn line(&mut self, job: &JobSummary) {
        let changed = self.last.as_ref().is_none_or(|last| last.status != job.status);
        let due = self.told.is_none_or(|at| at.elapsed() >= EVERY);
        if job.status.is_terminal() || !(changed || due && moved(self.last.as_ref(), job)) {
            return; // how it ended is told by whoever followed it
        }
        self.told = Some(Instant::now());
        note(progress_line(&self.label, &self.plural, job));
    }

    /// Shows what a person should see of the job's log: warnings and errors.
    pub fn log(&mut self, lines: &[LogRow]) {
        for line in lines.iter().filter(|line| line.seq > self.seq && matters(line)) {
            self.lines += 1;
            if self.lines <= MOST_LINES {
                note(log_line(line));
            } else if self.lines == MOST_LINES + 1 {
                note("… the log has more of these");
            }
        }
        self.seq = lines.iter().map(|line| line.seq).fold(self.seq, i64::max);
    }

    /// Takes the bar away.
    pub fn close(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.clear();
        }
    }
}

fn moved(last: Option<&JobSummary>, job: &JobSummary) -> bool {
    let at = |job: &JobSummary| (job.processed_items, job.message.clone(), job.progress.to_bits());
    last.is_none_or(|last| at(last) != at(job))
}

/// `Scan Library: running, 15 / 30 files, /media/a.mkv`
fn progress_line(label: &str, plural: &str, job: &JobSummary) -> String {
    let message = words::one_line(job.message.as_deref().unwrap_or_default());
    let amount = if job.status == Status::Pending { String::new() } else { words::amount(job, plural) };
    let parts = [job.status.as_str().to_owned(), amount, message];
    format!("{label}: {}", parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "))
}

fn matters(line: &LogRow) -> bool {
    matches!(line.level.as_str(), "warn" | "error")
}

/// A warning or an error of a job's log.
fn log_line(line: &LogRow) -> String {
    let level = match line.level.as_str() {
        "error" => style("error").for_stderr().red(),
        _ => style("warn").for_stderr().yellow(),
    };
    format!("{level} {}", line.message)
}

#[cfg(test)]
mod tests {
    use super::{moved, progress_line};
    use crate::cli::words::tests::job;
    use crate::job::Status;

    #[test]
    fn a_line_tells_what_is_known() {
        let mut job = job();
        assert_eq!(progress_line("Demo", "items", &job), "Demo: pending");
        job.status = Status::Running;
        (job.processed_items, job.total_items, job.message) = (Some(3), Some(9), Some("at\nit".into()));
        assert_eq!(progress_line("Demo", "items", &job), "Demo: running, 3 / 9 items, at it");
    }

    #[test]
    fn only_a_job_that_moved_is_worth_a_line() {
        let mut later = job();
        assert!(moved(None, &later) && !moved(Some(&job()), &later));
        later.progress = 1.0;
        assert!(moved(Some(&job()), &later));
    }
}
