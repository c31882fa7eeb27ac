//! The checks: pure functions over a history, one file per subject. Each finds what must not have happened.
//!
//! ```text
//!   asked     what was accepted is there, once, and nothing else is
//!   acts      a run that lost its job soon stops doing things outside the database
//!   bulk      of two acts on many jobs at once, each job is met by one
//!   schedules each due time has one job, or a line that says why it has none
//!   overdue   a row that somebody holds delays its own job alone
//!   family    a workflow has each of its children once, and waits for them
//!   life      every job ended once; its history and its row agree; nobody failed or cancelled it without a reason
//!   writes    at most one attempt of a job wrote at a time; what completed had done all of its items
//!   limits    of a type that runs one at a time, one ran at a time
//!   witness   every client knows the end of every job, and was never told another
//! ```
//!
//! Times are the database's, except those of disturbances, which happen on the same machine. Where the order of two
//! transactions matters the ids of events decide, not their times: a transaction's time is that of its beginning.

mod acts;
mod asked;
mod bulk;
mod family;
mod life;
mod limits;
mod overdue;
mod schedules;
mod witness;
mod writes;

#[cfg(test)]
pub mod sample;

use super::history::{History, Violation};

pub use life::run_end;
pub use witness::witness;
pub use writes::wrote_on;

/// All that is wrong with a history.
pub fn check(history: &History) -> Vec<Violation> {
    // A job that the database lost as it was to is unknown from then on.
    let is_excused =
        |odd: &&Violation| history.set_backs.iter().any(|lost| odd.job.is_some_and(|job| lost.gone.contains(&job)));
    let mut found: Vec<_> = history.ledger.odd.iter().filter(|odd| !is_excused(odd)).cloned().collect();
    found.extend(asked::asked(history));
    found.extend(family::family(history));
    found.extend(life::life(history));
    found.extend(writes::writes(history));
    found.extend(limits::limits(history));
    found.extend(acts::acts(history));
    found.extend(bulk::bulk(history));
    found.extend(schedules::schedules(history));
    found.extend(overdue::overdue(history));
    for (number, heard) in (1..).zip(&history.witnesses) {
        found.extend(witness(number, heard, &history.jobs, &history.set_backs));
    }
    found
}
