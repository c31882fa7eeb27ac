//! The course of a run's progress, from its beginning to now, in a bounded number of points.
//!
//! Every reading of the progress is a sample. Samples that are too near to the point before are passed over; when there is no
//! more room, the least distance is doubled and the points are thinned by it. So they stay even in time, however long the run
//! is. The newest sample is always the last point.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most points: more than a small chart has pixels between them. 8 kB in memory, 3 kB stored.
pub(super) const MOST_POINTS: usize = 200;
/// The least distance of two points at first: as often as progress is read.
const SPACING: Duration = Duration::from_millis(100);
/// A run that ends before has no course to speak of: nothing is kept of it.
const FIRST_STORED: Duration = Duration::from_secs(1);
/// Between two times that a curve is stored: what a crash may take from it.
const STORED_EVERY: Duration = Duration::from_secs(5);

/// How far a job was at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CurvePoint {
    /// When, by the clock of its node.
    pub at: DateTime<Utc>,
    /// 0 to 100.
    pub progress: f64,
    /// Items done, when it counts.
    #[schema(required)]
    pub processed_items: Option<i64>,
}

/// The curve of one run. Times are since its beginning.
#[derive(Debug)]
pub(super) struct Curve {
    begun: DateTime<Utc>,
    /// At least `spacing` from each other; empty until the first sample.
    points: Vec<CurvePoint>,
    newest: Option<CurvePoint>,
    spacing: Duration,
    /// When it was last handed out to be stored.
    stored: Option<Duration>,
    /// Whether there is something since then.
    news: bool,
    ended: bool,
}

impl Curve {
    pub(super) fn new(begun: DateTime<Utc>) -> Self {
        let begun = begun.trunc_subsecs(3);
        Self { begun, points: Vec::new(), newest: None, spacing: SPACING, stored: None, news: false, ended: false }
    }

    /// Takes note of the progress at `now`.
    pub(super) fn sample(&mut self, now: Duration, progress: f64, processed_items: Option<i64>) {
        if self.ended {
            return; // what an abandoned run still does is not its job's any more
        }
        match self.newest.take() {
            None => self.points.push(CurvePoint { at: self.begun, progress: 0.0, processed_items: None }),
            Some(newest) if self.is_far(&newest) => self.settle(newest),
            Some(_) => {}
        }
        self.newest = Some(CurvePoint { at: self.at(now), progress, processed_items });
        self.news = true;
    }

    /// The points, when it is time to store them.
    pub(super) fn due(&mut self, now: Duration) -> Option<Vec<CurvePoint>> {
        let least = if self.stored.is_some() { STORED_EVERY } else { FIRST_STORED };
        let due = self.news && now.saturating_sub(self.stored.unwrap_or_default()) >= least;
        due.then(|| self.hand_out(now))
    }

    /// Whether the run said nothing since its newest point should have been stored.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        self.news && !self.ended && now.saturating_sub(self.stored.unwrap_or_default()) >= STORED_EVERY
    }

    /// All points, the last one exactly this. None when the run was too short.
    pub(super) fn end(
        &mut self,
        now: Duration,
        progress: f64,
        processed_items: Option<i64>,
    ) -> Option<Vec<CurvePoint>> {
        let points = (now >= FIRST_STORED).then(|| {
            self.sample(now, progress, processed_items);
            self.hand_out(now)
        });
        self.ended = true;
        points
    }

    fn hand_out(&mut self, now: Duration) -> Vec<CurvePoint> {
        self.stored = Some(now);
        self.news = false;
        self.points.iter().chain(&self.newest).cloned().collect()
    }

    fn settle(&mut self, point: CurvePoint) {
        self.points.push(point);
        // The newest sample is a point too.
        while self.points.len() >= MOST_POINTS {
            self.spacing *= 2;
            let points = std::mem::take(&mut self.points);
            for point in points {
                if self.is_far(&point) {
                    self.points.push(point);
                }
            }
        }
    }

    /// Whether a point is far enough from the one before.
    fn is_far(&self, point: &CurvePoint) -> bool {
        let distance = |before: &CurvePoint| (point.at - before.at).to_std().unwrap_or_default();
        self.points.last().is_none_or(|before| distance(before) >= self.spacing)
    }

    fn at(&self, now: Duration) -> DateTime<Utc> {
        let ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.begun.checked_add_signed(TimeDelta::try_milliseconds(ms).unwrap_or_default()).unwrap_or(self.begun)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, Utc};

    use super::{Curve, CurvePoint, MOST_POINTS};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn curve() -> Curve {
        Curve::new(DateTime::UNIX_EPOCH)
    }

    fn gaps(points: &[CurvePoint]) -> Vec<i64> {
        points.windows(2).map(|two| (two[1].at - two[0].at).num_milliseconds()).collect()
    }

    #[test]
    fn however_long_a_run_is_its_points_are_few_and_even_and_the_ends_exact() {
        for tenths in [15, 199, 200, 201, 1_234, 100_000_u32] {
            let mut curve = curve();
            for n in 1..tenths {
                curve.sample(ms(100 * u64::from(n)), 100.0 * f64::from(n) / f64::from(tenths), Some(n.into()));
                assert!(curve.points.len() < MOST_POINTS);
            }
            let points = curve.end(ms(100 * u64::from(tenths) + 7), 100.0, Some(tenths.into())).expect("points");
            assert!(
                points.len() <= MOST_POINTS && (tenths < 200 || points.len() >= MOST_POINTS / 2),
                "{}",
                points.len()
            );
            assert_eq!(points[0], CurvePoint { at: DateTime::<Utc>::UNIX_EPOCH, progress: 0.0, processed_items: None });
            let last = points.last().expect("a point");
            assert_eq!(
                (last.processed_items, last.at.timestamp_millis()),
                (Some(tenths.into()), i64::from(tenths) * 100 + 7)
            );
            assert!((last.progress - 100.0).abs() < f64::EPSILON);
            let gaps = gaps(&points);
            let inner = &gaps[..gaps.len() - 2];
            let (least, most) = (inner.iter().min().expect("gaps"), inner.iter().max().expect("gaps"));
            assert!(most <= &(least * 2), "{tenths}: {least} to {most}");
        }
    }

    #[test]
    fn a_run_of_less_than_a_second_has_no_curve() {
        let mut curve = curve();
        curve.sample(ms(100), 10.0, None);
        assert_eq!(curve.due(ms(100)), None);
        assert_eq!(curve.end(ms(999), 100.0, None), None);
        assert!(!curve.is_overdue(ms(100_000)));
    }

    #[test]
    fn it_is_stored_after_a_second_and_then_every_five() {
        let mut curve = curve();
        let mut stored = Vec::new();
        for tenth in 1..=120 {
            curve.sample(ms(tenth * 100), 1.0, None);
            stored.extend(curve.due(ms(tenth * 100)).map(|_| tenth));
        }
        assert_eq!(stored, [10, 60, 110]);
        assert!(!curve.is_overdue(ms(12_000)) && curve.is_overdue(ms(16_000)));
        assert!(curve.due(ms(16_000)).is_some());
        assert!(!curve.is_overdue(ms(60_000)), "all of it is stored");
    }

    #[test]
    fn what_comes_after_the_end_is_not_in_it() {
        let mut curve = curve();
        assert_eq!(curve.end(ms(2_000), 50.0, None).map(|points| points.len()), Some(2));
        curve.sample(ms(9_000), 60.0, None);
        assert_eq!((curve.due(ms(9_000)), curve.is_overdue(ms(9_000))), (None, false));
    }
}
