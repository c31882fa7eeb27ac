//! A row that somebody holds delays its own job and no other.

use chrono::TimeDelta;

use crate::drill::faults::{Disturbance, FaultKind, Overdue};
use crate::drill::history::{History, Kind, Violation};

/// For how long before a look nothing else may have been broken that delays an end, recovery included.
const UNDISTURBED: TimeDelta = TimeDelta::seconds(7);

/// One for each job that waited while nothing else was broken.
pub fn overdue(history: &History) -> Vec<Violation> {
    let found = history.overdue.iter().filter(|overdue| !is_excused(history, overdue));
    found
        .map(|overdue| {
            Violation::of(
                Kind::Overdue,
                overdue.job,
                "it was done, and its end was not stored while another job's row was held",
            )
        })
        .collect()
}

fn is_excused(history: &History, overdue: &Overdue) -> bool {
    let delays = |d: &Disturbance| match d.process {
        Some((_, node)) => overdue.node.is_none_or(|of_job| of_job == node),
        None => !matches!(d.kind, FaultKind::HoldRow | FaultKind::Analyze | FaultKind::TearOff),
    };
    let recent = |d: &Disturbance| d.from <= overdue.at && overdue.at - UNDISTURBED <= d.until;
    history.disturbances.iter().any(|d| delays(d) && recent(d))
}

#[cfg(test)]
mod tests {
    use super::overdue;
    use crate::drill::check::sample::{at, id, kinds};
    use crate::drill::faults::{Disturbance, FaultKind, Overdue};
    use crate::drill::history::{History, Kind};

    #[test]
    fn a_job_waits_for_its_own_troubles_only() {
        let hold = Disturbance { kind: FaultKind::HoldRow, process: None, from: at(20_000), until: at(30_000) };
        let late = Overdue { job: id(1), node: Some(id(9)), at: at(29_000) };
        let mut history = History { overdue: vec![late], disturbances: vec![hold.clone()], ..History::default() };
        assert_eq!(kinds(overdue(&history)), [Kind::Overdue]);
        let cut = |node| Disturbance { kind: FaultKind::Cut, process: Some((1, id(node))), ..hold.clone() };
        history.disturbances = vec![hold.clone(), cut(8)];
        assert_eq!(kinds(overdue(&history)), [Kind::Overdue]);
        history.disturbances = vec![hold.clone(), cut(9)];
        assert_eq!(kinds(overdue(&history)), []);
    }
}
