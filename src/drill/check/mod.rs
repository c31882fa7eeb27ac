//! The checks: pure functions over a history, one file per subject. Each finds what must not have happened.
//!
//! ```text
//!   asked     what was accepted is there, once, and nothing else is
//!   family    a workflow has each of its children once, and waits for them
//!   life      every job ended once; its history and its row agree; nobody failed or cancelled it without a reason
//!   writes    at most one attempt of a job wrote at a time; what completed had done all of its items
//!   limits    of a type that runs one at a time, one ran at a time
//!   witness   every client knows the end of every job, and was never told another
//! ```
//!
//! Times are the database's, except those of disturbances, which happen on the same machine. Where the order of two
//! transactions matters the ids of events decide, not their times: a transaction's time is that of its beginning.

mod asked;
mod family;
mod life;
mod limits;
mod witness;
mod writes;

#[cfg(test)]
mod sample;

use super::history::{History, Violation};

pub use life::run_end;
pub use witness::witness;
pub use writes::wrote_on;

/// All that is wrong with a history.
pub fn check(history: &History) -> Vec<Violation> {
    let mut found = history.ledger.odd.clone();
    found.extend(asked::asked(history));
    found.extend(family::family(history));
    found.extend(life::life(history));
    found.extend(writes::writes(history));
    found.extend(limits::limits(history));
    for (number, heard) in (1..).zip(&history.witnesses) {
        found.extend(witness(number, heard, &history.jobs));
    }
    found
}
