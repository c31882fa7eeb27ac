//! How far a job is, and how it is read out of a message.
//!
//! The slot is shared between a handler and whoever watches it; the latest value wins. A handler may store a million values a
//! second: nobody is told more than "touched" once per reading, and nothing is queued.

use std::sync::{Mutex, MutexGuard, PoisonError};

use regex::Regex;

use super::text::cut;

/// The pattern of the old system, which every type understands.
const COUNTS: &str = r"(?:Processed|Synced|Applied) (\d+)/(\d+)";

/// A message is one line on a page, told to every client ten times a second.
const MESSAGE_BYTES: usize = 2 << 10;

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// 0 to 100.
    pub percent: f64,
    /// What it is doing.
    pub message: Option<String>,
    /// Items done, when it counts.
    pub processed_items: Option<i64>,
    /// Items in all, when it counts.
    pub total_items: Option<i64>,
}

/// Reads counts out of progress messages: the old system's pattern and the type's own.
#[derive(Debug)]
pub struct ProgressParser {
    patterns: Vec<Regex>,
    /// With the old pattern alone only a message with a slash can match: a cheap test that spares the search.
    needs_slash: bool,
}

impl ProgressParser {
    /// Compiles the patterns. `Err` names the one that is no regular expression or has not two groups.
    pub fn new(own: &[&str]) -> Result<Self, String> {
        let patterns = std::iter::once(&COUNTS)
            .chain(own)
            .map(|pattern| match Regex::new(pattern) {
                Err(error) => Err(format!("progress pattern `{pattern}`: {error}")),
                Ok(regex) if regex.captures_len() < 3 => {
                    Err(format!("progress pattern `{pattern}` needs two groups, processed and total"))
                }
                Ok(regex) => Ok(regex),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { patterns, needs_slash: own.is_empty() })
    }

    /// The counts in a message: processed, total.
    pub fn counts(&self, message: &str) -> Option<(i64, i64)> {
        if self.needs_slash && !message.as_bytes().contains(&b'/') {
            return None;
        }
        self.patterns.iter().find_map(|pattern| {
            let found = pattern.captures(message)?;
            Some((found[1].parse().ok()?, found[2].parse().ok()?))
        })
    }
}

/// The shared slot of one attempt.
#[derive(Debug, Default)]
pub(super) struct ProgressSlot(Mutex<Progress>);

impl ProgressSlot {
    /// Stores percent and message; counts found in the message are stored with it, earlier counts stay otherwise.
    pub(super) fn set(&self, parser: &ProgressParser, percent: f64, message: Option<String>) {
        let counts = message.as_deref().and_then(|m| parser.counts(m));
        let mut slot = self.lock();
        slot.percent = clamp(percent);
        if let Some(message) = message {
            slot.message = Some(cut(message, MESSAGE_BYTES));
        }
        if let Some((processed, total)) = counts {
            slot.processed_items = Some(processed);
            slot.total_items = Some(total);
        }
    }

    /// Stores counts; the percent follows from them.
    pub(super) fn set_items(&self, processed: u64, total: u64) {
        let mut slot = self.lock();
        slot.processed_items = Some(i64::try_from(processed).unwrap_or(i64::MAX));
        slot.total_items = Some(i64::try_from(total).unwrap_or(i64::MAX));
        if total > 0 {
            #[allow(clippy::cast_precision_loss)] // a percent needs no 53 bits
            let percent = processed as f64 / total as f64 * 100.0;
            slot.percent = clamp(percent);
        }
    }

    pub(super) fn set_percent(&self, percent: f64) {
        self.lock().percent = clamp(percent);
    }

    pub(super) fn set_message(&self, message: String) {
        self.lock().message = Some(cut(message, MESSAGE_BYTES));
    }

    pub(super) fn get(&self) -> Progress {
        self.lock().clone()
    }

    /// A handler that panicked while it held the lock left whole fields behind: each is stored in one assignment.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clamp(percent: f64) -> f64 {
    if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::{ProgressParser, ProgressSlot};

    #[test]
    fn the_old_pattern_is_understood_anywhere_in_a_message() {
        let parser = ProgressParser::new(&[]).unwrap();
        assert_eq!(parser.counts("Processed 5/10 records"), Some((5, 10)));
        assert_eq!(parser.counts("studio 3: Synced 6/10"), Some((6, 10)));
        assert_eq!(parser.counts("Applied 7/10"), Some((7, 10)));
        assert_eq!(parser.counts("Completed 7/10"), None);
        assert_eq!(parser.counts("Processed 99999999999999999999/3"), None);
    }

    #[test]
    fn a_type_may_add_patterns_and_a_bad_one_is_named() {
        let parser = ProgressParser::new(&[r"(\d+) of (\d+) done"]).unwrap();
        assert_eq!(parser.counts("3 of 4 done"), Some((3, 4)));
        assert_eq!(parser.counts("Processed 1/2"), Some((1, 2)));
        assert!(ProgressParser::new(&["("]).unwrap_err().contains("`(`"));
        assert!(ProgressParser::new(&[r"(\d+)"]).unwrap_err().contains("two groups"));
    }

    #[test]
    fn counts_stay_when_a_later_message_has_none() {
        let parser = ProgressParser::new(&[]).unwrap();
        let slot = ProgressSlot::default();
        slot.set(&parser, 50.0, Some("Processed 5/10".into()));
        slot.set(&parser, 60.0, Some("almost there".into()));
        let progress = slot.get();
        assert_eq!((progress.processed_items, progress.total_items), (Some(5), Some(10)));
        assert_eq!(progress.message.as_deref(), Some("almost there"));
    }

    #[test]
    fn a_percent_is_a_number_from_0_to_100_whatever_was_given() {
        let parser = ProgressParser::new(&[]).unwrap();
        let slot = ProgressSlot::default();
        for (given, kept) in [(-3.0, 0.0), (250.0, 100.0), (f64::NAN, 0.0), (f64::INFINITY, 0.0), (12.5, 12.5)] {
            slot.set(&parser, given, None);
            assert!((slot.get().percent - kept).abs() < f64::EPSILON);
        }
        slot.set_items(1, 0);
        assert!((slot.get().percent - 12.5).abs() < f64::EPSILON);
    }
}
