//! What a test asserts of a run, and what it shows when that does not hold: all that a person needs to see why.

use std::fmt;

use super::run::Run;
use crate::job::{OutcomeKind, Status, StopReason};
use crate::store::cancel::Rung;

/// Newest lines of the log that a failed assertion shows.
const SHOWN_LINES: usize = 20;

impl Run {
    /// Asserts that it completed, and that no item failed.
    #[track_caller]
    pub fn assert_completed(&self) -> &Self {
        self.assert(self.outcome() == Some(OutcomeKind::Completed) && self.ends(Status::Completed), "completed")
    }

    /// Asserts that it completed, and that these items failed, in whatever order.
    #[track_caller]
    pub fn assert_completed_with_errors(&self, items: &[&str]) -> &Self {
        let completed = self.outcome() == Some(OutcomeKind::CompletedWithErrors) && self.ends(Status::Completed);
        self.assert(completed, "completed with errors");
        let mut failed: Vec<_> = self.item_errors().iter().map(|failed| failed.item.as_str()).collect();
        let mut expected = items.to_vec();
        failed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(failed, expected, "the items that failed\n{self}");
        self
    }

    /// Asserts that it failed with an error that contains `text`. Another attempt may follow.
    #[track_caller]
    pub fn assert_failed(&self, text: &str) -> &Self {
        self.assert(self.outcome() == Some(OutcomeKind::Failed), "failed");
        let told = self.error().is_some_and(|error| error.contains(text));
        self.assert(told, &format!("failed with \"{text}\" in its error"))
    }

    /// Asserts that it ended as cancelled, and that it stopped by itself within its grace.
    #[track_caller]
    pub fn assert_cancelled(&self) -> &Self {
        self.assert(self.ends(Status::Cancelled), "cancelled");
        self.assert(matches!(self.rung(), None | Some(Rung::Stopped)), "stopped by itself")
    }

    /// Asserts that its node went away in order, that it stopped by itself, and that its job is to run again.
    #[track_caller]
    pub fn assert_interrupted(&self) -> &Self {
        let interrupted = self.stop == Some(StopReason::Interrupted) && self.ends(Status::Pending);
        self.assert(interrupted, "interrupted, to run again");
        self.assert(self.rung() == Some(Rung::Stopped), "stopped by itself")
    }

    /// Asserts that its node died under it.
    #[track_caller]
    pub fn assert_crashed(&self) -> &Self {
        self.assert(self.crashed(), "gone with its node")
    }

    /// Asserts how many items it said are done, of how many.
    #[track_caller]
    pub fn assert_items(&self, done: i64, total: i64) -> &Self {
        let last = self.last_progress();
        let counted = (last.processed_items, last.total_items) == (Some(done), Some(total));
        self.assert(counted, &format!("at {done} of {total} items"))
    }

    /// Asserts that a line of its log contains `text`.
    #[track_caller]
    pub fn assert_logged(&self, text: &str) -> &Self {
        let said = self.logs().iter().any(|line| line.message.contains(text));
        self.assert(said, &format!("with \"{text}\" in its log"))
    }

    fn ends(&self, status: Status) -> bool {
        self.status() == status
    }

    #[track_caller]
    fn assert(&self, holds: bool, expected: &str) -> &Self {
        assert!(holds, "the job is not {expected}\n{self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  `{}`, attempt {}: {}", self.test.spec.name, self.attempt(), self.status())?;
        match (self.outcome(), self.crashed()) {
            (Some(outcome), _) => write!(f, ", its handler: {outcome}")?,
            (None, true) => f.write_str(", its node died")?,
            (None, false) => f.write_str(", its node went away")?,
        }
        writeln!(f, ", after {:.3} s", self.took().as_secs_f64())?;
        match self.rung() {
            Some(Rung::Stopped) => writeln!(f, "  asked to stop: stopped by itself")?,
            Some(Rung::Aborted) => {
                writeln!(f, "  asked to stop: aborted, after a grace of {:?}", self.test.spec.cancel_grace)?;
            }
            Some(Rung::Abandoned) => writeln!(f, "  asked to stop: abandoned, it blocks its thread")?,
            _ => {}
        }
        if let Some(error) = self.error() {
            writeln!(f, "  error: {error}")?;
        }
        self.show_progress(f)?;
        if let Some(result) = self.result() {
            writeln!(f, "  result: {result}")?;
        }
        for failed in self.item_errors().iter().take(SHOWN_LINES) {
            writeln!(f, "  item {}: {}", failed.item, failed.error)?;
        }
        self.show_log(f)
    }
}

impl Run {
    fn show_progress(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.last_progress();
        write!(f, "  progress: ")?;
        match (last.processed_items, last.total_items) {
            (Some(done), Some(total)) => write!(f, "{done} / {total} {}", self.test.spec.unit.plural)?,
            _ => write!(f, "{:.0} %", last.percent)?,
        }
        match &last.message {
            Some(message) => writeln!(f, ", \"{message}\""),
            None => writeln!(f),
        }
    }

    fn show_log(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.logs().len().saturating_sub(SHOWN_LINES);
        if left_out > 0 {
            writeln!(f, "  log: … {left_out} lines before")?;
        }
        for line in &self.logs()[left_out..] {
            writeln!(f, "  log: {} {}: {}", line.level.as_str(), line.target, line.message)?;
        }
        Ok(())
    }
}
