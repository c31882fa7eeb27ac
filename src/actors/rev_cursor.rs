//! Up to which number all changes have been seen.
//!
//! Changes are numbered when they are made and seen when they are committed, which is in another order: after 7 was seen, 5
//! may still come. But once every transaction has ended that was under way when the numbers had come to 7, nothing up to 7
//! can come any more. So the cursor follows the numbers as far as old transactions allow: a beat or two behind, in the usual case.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::store::nodes::Renewal;

/// Who holds a transaction open for longer than this is not waited for: the notices have told of what it changes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The cursor.
#[derive(Debug, Default)]
pub struct RevCursor {
    /// Every change up to this number has been seen, or can be by who looks now.
    settled: Option<i64>,
    /// The numbers had come to this at the last beat.
    last: Option<i64>,
    marks: VecDeque<Mark>,
}

/// That the numbers had come to `rev` before transaction `next` began.
#[derive(Debug)]
struct Mark {
    rev: i64,
    next: i64,
    at: Instant,
}

impl RevCursor {
    /// Takes in what a beat brought, and tells up to which number all changes are visible from now on.
    pub fn advance(&mut self, seen: &Renewal, at: Instant) -> i64 {
        let settled = self.settled.get_or_insert(seen.rev);
        // The number of the beat before: what was numbered a moment ago may have no transaction id yet.
        if let Some(rev) = self.last.replace(seen.rev) {
            self.marks.push_back(Mark { rev, next: seen.next, at });
        }
        let over = |mark: &Mark| mark.next <= seen.oldest || at.duration_since(mark.at) > PATIENCE;
        while let Some(mark) = self.marks.pop_front_if(|mark| over(mark)) {
            *settled = mark.rev.max(*settled);
        }
        *settled
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{PATIENCE, RevCursor};
    use crate::store::nodes::Renewal;

    fn seen(rev: i64, oldest: i64, next: i64) -> Renewal {
        let at = chrono::DateTime::UNIX_EPOCH;
        Renewal { others: 1, rev, oldest, next, renewed_before: at, renewed_at: at, timeline: 1 }
    }

    #[test]
    fn it_follows_when_old_transactions_have_ended_and_not_before() {
        let (mut cursor, now) = (RevCursor::default(), Instant::now());
        assert_eq!(cursor.advance(&seen(100, 10, 10), now), 100);
        // Transaction 11 is under way, and may have numbered a change before 150.
        assert_eq!(cursor.advance(&seen(150, 11, 20), now), 100);
        assert_eq!(cursor.advance(&seen(200, 11, 30), now), 100);
        assert_eq!(cursor.advance(&seen(250, 25, 40), now), 100, "whose successors may have done so");
        assert_eq!(cursor.advance(&seen(300, 40, 40), now), 250, "all that began by the time of 250 have ended");
        assert_eq!(cursor.advance(&seen(300, 41, 41), now), 300);
    }

    #[test]
    fn a_transaction_that_never_ends_does_not_hold_it_for_ever() {
        let (mut cursor, now) = (RevCursor::default(), Instant::now());
        cursor.advance(&seen(100, 10, 11), now);
        assert_eq!(cursor.advance(&seen(150, 10, 20), now), 100);
        assert_eq!(cursor.advance(&seen(200, 10, 30), now + PATIENCE), 100);
        assert_eq!(cursor.advance(&seen(250, 10, 40), now + PATIENCE + Duration::from_secs(1)), 100);
        assert_eq!(cursor.advance(&seen(300, 10, 50), now + PATIENCE * 2 + Duration::from_secs(2)), 200);
    }
}
