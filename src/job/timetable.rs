//! When a cron line is due, on the clocks of a time zone.
//!
//! Clocks are put forward and back. What a line means then depends on what it says:
//!
//! - It names times of day (`30 2 * * *`; no `*` in second, minute and hour). A time that is left out when the clock is put
//!   forward is due at the first moment after the gap; several of one gap are due there once. A time that comes twice when the
//!   clock is put back is due the first time only. So each day has its run, and one.
//! - It counts on through the day (`0 * * * *`, `*/5 2 * * *`). It is due whenever the clock shows what it says: not in a gap,
//!   and in both passes of an hour that comes twice. So an hourly line is due every hour of real time.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::{Cron, FieldError, time_zone};

/// A cron line in a time zone.
#[derive(Clone, Debug)]
pub struct Timetable {
    cron: Cron,
    zone: Tz,
}

/// Due times that lie behind: how many, and between which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The first of them.
    pub first: DateTime<Utc>,
    /// The last of them.
    pub last: DateTime<Utc>,
    /// How many. Counted up to [`Timetable::COUNTED`].
    pub count: u32,
}

impl Timetable {
    /// Due times that lie behind are counted up to so many; more are as many as these.
    pub const COUNTED: u32 = 10_000;

    /// Reads both. Errors point to `/cron` and `/time_zone`.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, Vec<FieldError>> {
        match (cron.parse(), time_zone(zone)) {
            (Ok(cron), Ok(zone)) => Ok(Self { cron, zone }),
            (cron, zone) => {
                let cron = cron.err().map(|message| FieldError::at("cron", message));
                Err(cron.into_iter().chain(zone.err().map(|message| FieldError::at("time_zone", message))).collect())
            }
        }
    }

    /// The line in words.
    pub fn words(&self) -> String {
        self.cron.words()
    }

    /// The first due time after a moment. None when it is never due again: 31 February.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&self.zone);
        if self.cron.names_times() {
            return self.next_named(after, local.naive_local());
        }
        let next = self.cron.pattern().find_next_occurrence(&local, false).ok()?.to_utc();
        (next > after).then_some(next)
    }

    /// The first `count` due times after a moment.
    pub fn next_few(&self, after: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next(after), |due| self.next(*due)).take(count).collect()
    }

    /// Looks through the times as a wall clock has them, and for each when it is.
    fn next_named(&self, after: DateTime<Utc>, mut local: NaiveDateTime) -> Option<DateTime<Utc>> {
        loop {
            local = self.cron.pattern().find_next_occurrence(&local, false).ok()?;
            let at = match self.zone.from_local_datetime(&local) {
                MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => at,
                MappedLocalTime::None => GapInfo::new(&local, &self.zone)?.end?,
            };
            if at > after {
                return Some(at.to_utc());
            }
        }
    }

    /// The due times from `first`, which is one, until `end`.
    pub fn behind(&self, first: DateTime<Utc>, end: DateTime<Utc>) -> Behind {
        let due = std::iter::successors(Some(first), |due| self.next(*due)).take_while(|due| *due <= end);
        let mut behind = Behind { first, last: first, count: 0 };
        for due in due.take(Self::COUNTED as usize) {
            behind.last = due;
            behind.count += 1;
        }
        if behind.count == Self::COUNTED {
            behind.last = self.last(behind.last, end);
        }
        behind
    }

    /// The last due time until `end`, where `known` is one. Halves the span that it may lie in: due times are whole seconds.
    pub fn last(&self, known: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
        let (mut last, mut none_after) = (known, end);
        while none_after - last >= TimeDelta::seconds(1) {
            let middle = last + (none_after - last) / 2;
            match self.next(middle).filter(|due| *due <= none_after) {
                Some(due) => last = due,
                None => none_after = middle,
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::Timetable;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn table(cron: &str, zone: &str) -> Timetable {
        Timetable::parse(cron, zone).unwrap()
    }

    /// The due times after a moment, on the clocks of the zone, with their distance from UTC.
    fn due(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let table = table(cron, zone);
        let due = table.next_few(at(after), count);
        due.iter().map(|at| at.with_timezone(&table.zone).format("%d %H:%M %z").to_string()).collect()
    }

    // In Berlin, 2026-03-29 02:00 +0100 is followed by 03:00 +0200, and 2026-10-25 03:00 +0200 by 02:00 +0100.
    // In New York, 2026-03-08 02:00 -0500 is followed by 03:00 -0400, and 2026-11-01 02:00 -0400 by 01:00 -0500.

    #[test]
    fn a_time_that_is_left_out_in_spring_is_due_once_right_after_the_gap() {
        let berlin = due("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(berlin, ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"]);
        let new_york = due("30 2 * * *", "America/New_York", "2026-03-07T06:00:00Z", 3);
        assert_eq!(new_york, ["07 02:30 -0500", "08 03:00 -0400", "09 02:30 -0400"]);
        let several = due("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T23:00:00Z", 3);
        assert_eq!(several, ["29 03:00 +0200", "29 03:30 +0200", "30 02:00 +0200"]);
    }

    #[test]
    fn a_time_that_comes_twice_in_autumn_is_due_the_first_time() {
        let berlin = due("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(berlin, ["25 02:30 +0200", "26 02:30 +0100"]);
        let new_york = due("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2);
        assert_eq!(new_york, ["01 01:30 -0400", "02 01:30 -0500"]);
        // Asked in the second pass, where the clock shows an earlier time than it did half an hour before.
        assert_eq!(due("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1), ["26 02:30 +0100"]);
        let list = due("30 1,13 * * *", "America/New_York", "2026-11-01T04:00:00Z", 3);
        assert_eq!(list, ["01 01:30 -0400", "01 13:30 -0500", "02 01:30 -0500"]);
    }

    #[test]
    fn what_counts_on_is_due_in_real_time() {
        for (zone, after) in [
            ("Europe/Berlin", "2026-03-28T20:00:00Z"),
            ("Europe/Berlin", "2026-10-24T20:00:00Z"),
            ("America/New_York", "2026-03-08T00:00:00Z"),
            ("America/New_York", "2026-10-31T23:00:00Z"),
        ] {
            for (cron, step) in [("0 * * * *", 3_600), ("*/15 * * * *", 900), ("*/20 * * * * *", 20)] {
                let table = table(cron, zone);
                let mut expected = at(after);
                for due in table.next_few(at(after), 12 * 3_600 / step) {
                    expected += TimeDelta::seconds(i64::try_from(step).unwrap());
                    assert_eq!(due, expected, "{cron} in {zone}");
                }
            }
        }
        assert_eq!(
            due("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 1),
            ["30 02:00 +0200"],
            "the gap has none"
        );
        let twice = due("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 4);
        assert_eq!(twice, ["25 02:00 +0200", "25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100"]);
    }

    #[test]
    fn midnight_is_due_also_where_it_is_left_out() {
        // Beirut's clocks go from 00:00 to 01:00.
        assert_eq!(due("@daily", "Asia/Beirut", "2026-03-28T12:00:00Z", 2), ["29 01:00 +0300", "30 00:00 +0300"]);
    }

    #[test]
    fn days_that_do_not_exist_are_never_due_and_rare_ones_are_found() {
        for never in ["0 0 31 2 *", "0 0 31 4,6,9,11 *", "* * 30 2 *", "0 0 30 2 +MON"] {
            assert_eq!(table(never, "Europe/Berlin").next(at("2026-01-01T00:00:00Z")), None, "{never}");
        }
        assert_eq!(due("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 1), ["29 00:00 +0000"]);
    }

    #[test]
    fn what_lies_behind_is_counted_to_a_bound_and_its_last_is_exact() {
        let seconds = table("* * * * * *", "UTC");
        let behind = seconds.behind(at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:09.5Z"));
        assert_eq!((behind.count, behind.last), (10, at("2026-01-01T00:00:09Z")));
        let year = seconds.behind(at("2025-01-01T00:00:00Z"), at("2026-01-01T00:00:09.5Z"));
        assert_eq!((year.count, year.last), (Timetable::COUNTED, at("2026-01-01T00:00:09Z")));
        let one_day = table("* * * 1 1 *", "UTC").behind(at("2026-01-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        assert_eq!((one_day.count, one_day.last), (Timetable::COUNTED, at("2026-01-01T23:59:59Z")));
        let daily = table("30 2 * * *", "UTC").behind(at("2026-01-01T02:30:00Z"), at("2026-01-04T02:29:59Z"));
        assert_eq!((daily.count, daily.first, daily.last), (3, at("2026-01-01T02:30:00Z"), at("2026-01-03T02:30:00Z")));
    }

    #[test]
    fn each_part_has_its_error() {
        let errors = Timetable::parse("61 * * * *", "Mars/Olympus").unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/cron", "/time_zone"]);
    }
}
