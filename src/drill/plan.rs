//! What is done to the cluster, and when: planned by the dice before anything runs, so that one seed always plans the same.
//!
//! At most all nodes but one are disturbed at a time, and the database in one way at a time. Every disturbance ends within the drill: what follows is the proof that
//! the cluster recovers.

use std::time::Duration;

use super::faults::{Fault, FaultKind};

/// From one end of Postgres to the next: its guard waits longer each time when they follow each other closely.
const BETWEEN_POSTGRES: Duration = Duration::from_secs(20);
/// From one disturbance of the database to the next.
const BETWEEN_DATABASE: Duration = Duration::from_secs(2);
/// Nothing is done before there are jobs.
const FIRST: Duration = Duration::from_millis(1500);

/// A fault and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When, from the start.
    pub at: Duration,
    /// Which node, from 0; of no meaning where none suffers it.
    pub node: usize,
    /// What.
    pub fault: Fault,
}

/// Plans the faults of a drill of this length. `first` comes first.
pub fn plan(dice: &mut fastrand::Rng, length: Duration, nodes: usize, first: Option<Fault>) -> Vec<Planned> {
    let mut free_at = vec![Duration::ZERO; nodes];
    let mut deck: Vec<FaultKind> = Vec::new();
    let mut planned = Vec::new();
    let mut at = FIRST;
    let mut first = first;
    let (mut database_free_at, mut postgres_free_at) = (Duration::ZERO, Duration::ZERO);
    while at < length {
        if deck.is_empty() {
            deck = FaultKind::DECK.to_vec();
            dice.shuffle(&mut deck);
        }
        let kind = deck.pop().unwrap_or(FaultKind::TearOff);
        let fault = first.take().unwrap_or_else(|| Fault::of(kind, dice));
        let free: Vec<_> = (0..nodes).filter(|node| free_at[*node] <= at).collect();
        let node = free.get(dice.usize(..free.len().max(1))).copied().unwrap_or_default();
        let one_stays = nodes == 1 && free.len() == 1 || free.len() > 1;
        let fits = at + fault.length() <= length;
        let database_free = database_free_at <= at && (!fault.ends_postgres() || postgres_free_at <= at);
        let may = if fault.is_of_node() { one_stays } else { !fault.is_of_database() || database_free };
        if fits && may {
            if fault.is_of_node() {
                free_at[node] = at + fault.length() + Duration::from_secs(2);
            } else if fault.is_of_database() {
                database_free_at = at + fault.length() + BETWEEN_DATABASE;
                if fault.ends_postgres() {
                    postgres_free_at = at + BETWEEN_POSTGRES;
                }
            }
            planned.push(Planned { at, node, fault });
            at += Duration::from_secs_f64(1.0 + 3.0 * dice.f64());
        } else if fits {
            deck.insert(0, kind); // another time
            at += Duration::from_millis(500);
        } else if length.saturating_sub(at) < Duration::from_secs(4) {
            break;
        }
    }
    planned
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::plan;
    use crate::drill::faults::{Fault, FaultKind};

    #[test]
    fn a_seed_always_plans_the_same_and_every_kind_comes() {
        let of = |seed| plan(&mut fastrand::Rng::with_seed(seed), Duration::from_secs(120), 3, None);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        for seed in 0..50 {
            let planned = of(seed);
            for kind in FaultKind::DECK {
                assert!(planned.iter().any(|p| p.fault.kind() == kind), "{kind:?} with {seed}: {planned:?}");
            }
        }
    }

    #[test]
    fn one_node_is_left_alone_and_all_ends_in_time() {
        let length = Duration::from_secs(120);
        for seed in 0..50 {
            let planned = plan(&mut fastrand::Rng::with_seed(seed), length, 3, Some(Fault::Freeze));
            assert_eq!(planned[0].fault, Fault::Freeze);
            for p in planned.iter().filter(|p| p.fault.is_of_node()) {
                assert!(p.at + p.fault.length() <= length);
                let during =
                    |o: &&super::Planned| o.fault.is_of_node() && o.at <= p.at && p.at < o.at + o.fault.length();
                let disturbed: std::collections::HashSet<_> = planned.iter().filter(during).map(|o| o.node).collect();
                assert!(disturbed.len() <= 2, "{planned:?}");
            }
        }
    }
}
