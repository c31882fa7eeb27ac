//! How fast a run is, and how long it will still take, from its recent progress.
//!
//! Measured over the last half minute; over its last advances, where these come more rarely than that. Worked out at most once
//! a second, and what is left is counted from the last advance: items that come in bunches make neither number jump. A run that
//! makes no headway for longer than it ever did lately slows down, and then stands still.

use std::collections::VecDeque;
use std::time::Duration;

use super::progress::Progress;

/// What "recent" means.
const WINDOW: Duration = Duration::from_secs(30);
/// Advances that are looked at even when they are older: an item may take a minute.
const FEWEST: usize = 5;
/// Between two advances that are kept, and between two results. With [`WINDOW`] it bounds what is kept to 36 advances.
const STEP: Duration = Duration::from_secs(1);
/// Less says nothing yet: a job's first items are not like the others.
const SHORTEST: Duration = Duration::from_secs(2);
/// A run that stays silent this long is measured again.
const SILENCE: Duration = Duration::from_secs(5);
/// So many of its usual pauses may be between two advances before a run counts as slower.
const PATIENCE: u32 = 2;
/// And so many before it counts as standing still.
const LOST_PATIENCE: u32 = 5;
/// What takes more than thirty years is not known.
const FURTHEST: f64 = 1e9;

/// How fast, and for how long still.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Items per second; none while it is unknown, or nothing is counted.
    pub rate_per_second: Option<f64>,
    /// Seconds until all is done; none while they are unknown.
    pub eta_seconds: Option<i64>,
}

/// Measures the pace of one run. Times are since its beginning.
#[derive(Debug, Default)]
pub(super) struct PaceMeter {
    /// When it was how far: items, or percents where none are counted.
    advances: VecDeque<(Duration, f64)>,
    counts: bool,
    measured: Option<Duration>,
    pace: Pace,
}

impl PaceMeter {
    /// Takes note of the progress at `now`.
    pub(super) fn sample(&mut self, now: Duration, progress: &Progress) -> Pace {
        #[allow(clippy::cast_precision_loss)] // a rate needs no 53 bits
        let done = progress.processed_items.map_or(progress.percent, |n| n as f64);
        let counts = progress.processed_items.is_some();
        if counts != self.counts || self.advances.back().is_some_and(|(_, before)| done < *before) {
            *self = Self { counts, ..Self::default() }; // something else is measured from here on
        }
        match self.advances.back() {
            Some((at, before)) if done <= *before || now.saturating_sub(*at) < STEP => {}
            _ => self.advances.push_back((now, done)),
        }
        while self.advances.len() > FEWEST && self.advances[0].0 + WINDOW < now {
            self.advances.pop_front();
        }
        if self.measured.is_none_or(|at| now.saturating_sub(at) >= STEP) {
            self.measured = Some(now);
            self.pace = self.measure(now, progress).unwrap_or_default();
        }
        self.pace
    }

    /// Whether the last result has come of age, as the run said nothing since.
    pub(super) fn is_stale(&self, now: Duration) -> bool {
        let moves = self.pace.eta_seconds.is_some() || self.pace.rate_per_second.is_some_and(|rate| rate > 0.0);
        moves && self.measured.is_some_and(|at| now.saturating_sub(at) >= SILENCE)
    }

    fn measure(&self, now: Duration, progress: &Progress) -> Option<Pace> {
        let ((from, first), (until, last)) = (self.advances.front()?, self.advances.back()?);
        let span = until.saturating_sub(*from);
        if span < SHORTEST {
            return None;
        }
        let pause = span / u32::try_from(self.advances.len() - 1).ok()?;
        let silent = now.saturating_sub(*until);
        if silent > WINDOW.max(pause * LOST_PATIENCE) {
            return Some(Pace { rate_per_second: self.counts.then_some(0.0), eta_seconds: None });
        }
        let slack = silent.min(pause * PATIENCE);
        let rate = (last - first) / (span + silent - slack).as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // as above
        let all = if self.counts { progress.total_items? as f64 } else { 100.0 };
        let left = (all - last) / rate - slack.as_secs_f64();
        #[allow(clippy::cast_possible_truncation)] // between 1 and `FURTHEST`
        let eta_seconds = (all > *last && left < FURTHEST).then(|| left.ceil().max(1.0) as i64);
        Some(Pace { rate_per_second: self.counts.then_some(rate), eta_seconds })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Pace, PaceMeter};
    use crate::job::Progress;

    fn items(done: i64, total: i64) -> Progress {
        Progress { processed_items: Some(done), total_items: Some(total), ..Progress::default() }
    }

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Ten items a second, told ten times a second, for so many seconds.
    fn steady(seconds: u32) -> (PaceMeter, Pace) {
        let (mut meter, mut pace) = (PaceMeter::default(), Pace::default());
        for n in 0..=seconds * 10 {
            pace = meter.sample(at(f64::from(n) / 10.0), &items(n.into(), 1_000));
        }
        (meter, pace)
    }

    fn rate(pace: Pace) -> f64 {
        pace.rate_per_second.expect("a rate")
    }

    #[test]
    fn a_steady_run_has_a_steady_pace_once_it_is_known() {
        assert_eq!(steady(1).1, Pace::default());
        let (_, pace) = steady(60);
        assert!((rate(pace) - 10.0).abs() < 0.01, "{pace:?}");
        assert_eq!(pace.eta_seconds, Some(40));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert!(steady(90).0.advances.len() <= 36);
    }

    #[test]
    fn items_that_come_in_bunches_make_no_number_jump() {
        let mut meter = PaceMeter::default();
        let mut told = Vec::new();
        for tenth in 0..1_000_u32 {
            let bunches = tenth / 100;
            let pace = meter.sample(at(f64::from(tenth) / 10.0), &items(i64::from(bunches) * 500, 10_000));
            told.extend((bunches > 1).then_some(pace));
        }
        assert!(told.iter().all(|pace| (rate(*pace) - 50.0).abs() < 0.5), "{told:?}");
        let etas: Vec<_> = told.iter().filter_map(|pace| pace.eta_seconds).collect();
        assert_eq!(etas.len(), told.len());
        assert!(etas.windows(2).all(|two| (0..=2).contains(&(two[0] - two[1]))), "{etas:?}");
    }

    #[test]
    fn a_run_that_stops_moving_slows_down_and_then_stands_still() {
        let (mut meter, before) = steady(40);
        assert!(!meter.is_stale(at(41.0)) && meter.is_stale(at(46.0)));
        let slower = meter.sample(at(60.0), &items(400, 1_000));
        assert!(rate(slower) < rate(before) && slower.eta_seconds > before.eta_seconds, "{slower:?}");
        let stands = meter.sample(at(80.0), &items(400, 1_000));
        assert_eq!(stands, Pace { rate_per_second: Some(0.0), eta_seconds: None });
        assert!(!meter.is_stale(at(999.0)), "nothing changes any more");
    }

    #[test]
    fn slow_items_are_measured_by_the_last_few_of_them() {
        let mut meter = PaceMeter::default();
        let paces: Vec<_> = (0..20_u32).map(|n| meter.sample(at(f64::from(n) * 60.0), &items(n.into(), 30))).collect();
        assert!((rate(paces[19]) - 1.0 / 60.0).abs() < 1e-6 && paces[19].eta_seconds == Some(11 * 60), "{paces:?}");
    }

    #[test]
    fn without_counts_the_percent_tells_the_time_that_is_left() {
        let mut meter = PaceMeter::default();
        let percent = |percent| Progress { percent, ..Progress::default() };
        let mut pace = Pace::default();
        for n in 0..=20_u32 {
            pace = meter.sample(at(n.into()), &percent(f64::from(n) * 2.0));
        }
        assert_eq!(pace, Pace { rate_per_second: None, eta_seconds: Some(30) });
    }

    #[test]
    fn a_count_that_begins_anew_is_measured_anew_and_a_full_one_leaves_nothing() {
        let (mut meter, _) = steady(40);
        assert_eq!(meter.sample(at(41.0), &items(0, 50)), Pace::default());
        let (mut meter, _) = steady(40);
        let done = meter.sample(at(42.0), &items(1_000, 1_000));
        assert!(done.eta_seconds.is_none() && rate(done) > 10.0, "{done:?}");
        assert_eq!(meter.sample(at(44.0), &items(1_001, 0)).eta_seconds, None);
    }
}
