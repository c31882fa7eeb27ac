//! A run that lost its job soon stops doing things outside the database.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::writes::{LEARNS, is_let_go};
use crate::drill::acts::Act;
use crate::drill::history::{History, Kind, Violation};

/// One for each run that went on beside its successor.
pub fn acts(history: &History) -> Vec<Violation> {
    let mut runs: BTreeMap<Uuid, BTreeMap<Uuid, Vec<&Act>>> = BTreeMap::new();
    for act in &history.acts {
        runs.entry(act.job_id).or_default().entry(act.claim_id).or_default().push(act);
    }
    runs.iter().filter_map(|(job, runs)| went_on(history, *job, runs)).collect()
}

fn went_on(history: &History, job: Uuid, runs: &BTreeMap<Uuid, Vec<&Act>>) -> Option<Violation> {
    let mut runs: Vec<_> = runs.values().collect();
    runs.sort_by_key(|acts| acts.iter().map(|act| act.at).min());
    let mut before: Vec<&Act> = Vec::new();
    for acts in runs {
        let begun = acts.iter().map(|act| act.at).min()?;
        let late = |act: &&&Act| is_too_late(history, act, begun);
        if let Some(act) = before.iter().filter(late).max_by_key(|act| act.at) {
            let after = (act.at - begun).num_milliseconds();
            let text = format!(
                "attempt {} in process {} did item {} outside the database {after} ms after the next run had begun to",
                act.attempt, act.process, act.seq
            );
            return Some(Violation::of(Kind::ActedOn, job, text));
        }
        before.extend(acts);
    }
    None
}

fn is_too_late(history: &History, act: &Act, next_begun: DateTime<Utc>) -> bool {
    act.at > next_begun + LEARNS && !is_let_go(history, act.process, act.at)
}

#[cfg(test)]
mod tests {
    use super::acts;
    use crate::drill::acts::Act;
    use crate::drill::check::sample::{at, id, kinds};
    use crate::drill::faults::{Disturbance, FaultKind};
    use crate::drill::history::{History, Kind};

    fn act(claim: u128, ms: i64) -> Act {
        Act { job_id: id(1), attempt: 1, claim_id: id(claim), seq: 1, process: 1, at: at(ms) }
    }

    #[test]
    fn a_run_that_lost_its_job_stops_soon() {
        let mut history = History { acts: vec![act(1, 0), act(2, 1_000), act(1, 5_900)], ..History::default() };
        assert_eq!(kinds(acts(&history)), []);
        history.acts.push(act(1, 6_100));
        assert_eq!(kinds(acts(&history)), [Kind::ActedOn]);
        let (from, until) = (at(500), at(6_000));
        history.disturbances.push(Disturbance { kind: FaultKind::Freeze, process: Some((1, id(9))), from, until });
        assert_eq!(kinds(acts(&history)), []);
    }
}
