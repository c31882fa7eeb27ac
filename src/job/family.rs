//! What a run knows of its children: which keys they hold, and how far they are, each by its weight.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

/// The children of one run.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// The numbers that children of each fingerprint hold, or that a spawn under way has reserved.
    numbers: HashMap<String, BTreeSet<u32>>,
    shares: HashMap<Uuid, Share>,
    /// What all will weigh together, when that was said.
    expected: f64,
    /// The weight of those that were started.
    started: f64,
    /// Weight times percent of those, summed up.
    done: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    weight: f64,
    percent: f64,
}

impl Family {
    /// Reserves the lowest free number among equal children, from 1.
    pub(super) fn reserve(&mut self, fingerprint: &str) -> u32 {
        let taken = self.numbers.entry(fingerprint.to_owned()).or_default();
        let free = (1..).zip(taken.iter()).find(|(number, held)| number != *held).map(|(number, _)| number);
        let number = free.unwrap_or_else(|| taken.last().map_or(1, |last| last + 1));
        taken.insert(number);
        number
    }

    /// Frees a number: no child was started under it.
    pub(super) fn release(&mut self, fingerprint: &str, number: u32) {
        if let Some(taken) = self.numbers.get_mut(fingerprint) {
            taken.remove(&number);
        }
    }

    /// What all children will weigh together.
    pub(super) fn expect(&mut self, total: f64) {
        self.expected = weight(total);
    }

    /// Counts a child with its weight. It may have been heard of before.
    pub(super) fn adopt(&mut self, child: Uuid, share: f64) {
        self.change(child, |known| known.weight = weight(share));
    }

    /// Says how far a child is. One that begins anew does not go back.
    pub(super) fn progressed(&mut self, child: Uuid, percent: f64) {
        self.change(child, |known| known.percent = known.percent.max(percent.min(100.0)));
    }

    fn change(&mut self, child: Uuid, change: impl FnOnce(&mut Share)) {
        let share = self.shares.entry(child).or_default();
        let before = *share;
        change(share);
        self.started += share.weight - before.weight;
        self.done += share.weight * share.percent - before.weight * before.percent;
    }

    /// How much of all of it is done; none while there is no weight.
    pub(super) fn percent(&self) -> Option<f64> {
        let whole = self.expected.max(self.started);
        (whole > 0.0).then(|| self.done / whole)
    }
}

fn weight(given: f64) -> f64 {
    if given.is_finite() { given.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Family;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn a_number_that_was_given_back_is_the_next_one() {
        let mut family = Family::default();
        assert_eq!([family.reserve("a"), family.reserve("a"), family.reserve("b")], [1, 2, 1]);
        family.release("a", 1);
        assert_eq!([family.reserve("a"), family.reserve("a")], [1, 3]);
        family.release("a", 3);
        assert_eq!(family.reserve("a"), 3);
    }

    #[test]
    fn children_count_by_their_weight() {
        let mut family = Family::default();
        assert_eq!(family.percent(), None);
        family.adopt(id(1), 3.0);
        family.progressed(id(1), 50.0);
        family.adopt(id(2), 1.0);
        assert_eq!(family.percent(), Some(37.5));
        family.progressed(id(2), 100.0);
        family.progressed(id(1), 20.0);
        assert_eq!(family.percent(), Some(62.5), "a child that began anew does not take the bar back");
    }

    #[test]
    fn with_the_whole_said_a_further_child_takes_nothing_back() {
        let mut family = Family::default();
        family.expect(4.0);
        for child in 1..=4 {
            let before = family.percent();
            family.progressed(id(child), 10.0); // heard of before it is counted
            family.adopt(id(child), 1.0);
            family.progressed(id(child), 100.0);
            assert!(family.percent() > before);
        }
        assert_eq!(family.percent(), Some(100.0));
        family.adopt(id(5), 4.0);
        assert_eq!(family.percent(), Some(50.0), "more than was said");
    }

    #[test]
    fn a_weight_that_is_no_number_weighs_nothing() {
        let mut family = Family::default();
        for (n, weight) in [(1, f64::NAN), (2, -3.0), (3, f64::INFINITY), (4, 0.0)] {
            family.adopt(id(n), weight);
            family.progressed(id(n), 100.0);
        }
        assert_eq!(family.percent(), None);
    }
}
