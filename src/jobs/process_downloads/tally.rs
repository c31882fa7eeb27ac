//! What a run did.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It has a second name, in the library.
    Linked,
    /// It is there a second time.
    Copied,
    /// It was there.
    Skipped,
    /// It is too short.
    Excluded,
}

impl How {
    /// The word for it in the table and in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Copied => "copied",
            Self::Skipped => "skipped",
            Self::Excluded => "excluded",
        }
    }
}

/// Files, by what became of them.
#[derive(Default)]
pub struct Tally {
    linked: AtomicU64,
    copied: AtomicU64,
    skipped: AtomicU64,
    excluded: AtomicU64,
}

impl Tally {
    /// Counts one.
    pub fn add(&self, how: How) {
        self.of(how).fetch_add(1, Relaxed);
    }

    fn of(&self, how: How) -> &AtomicU64 {
        match how {
            How::Linked => &self.linked,
            How::Copied => &self.copied,
            How::Skipped => &self.skipped,
            How::Excluded => &self.excluded,
        }
    }

    /// The result of the job.
    pub fn data(&self, torrents: usize, errors: i64) -> Value {
        let of = |how| self.of(how).load(Relaxed);
        json!({
            "torrents": torrents,
            "linked": of(How::Linked),
            "copied": of(How::Copied),
            "skipped": of(How::Skipped),
            "excluded": of(How::Excluded),
            "errors": errors,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |how| self.of(how).load(Relaxed);
        write!(f, "{} linked, {} copied, ", of(How::Linked), of(How::Copied))?;
        write!(f, "{} skipped, {} excluded", of(How::Skipped), of(How::Excluded))
    }
}
