//! A workflow has each of its children once, whatever became of its runs, and completes after all of them have ended.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::drill::history::{History, JobRow, Kind, Violation};

/// Holds the children against their parents.
pub fn family(history: &History) -> Vec<Violation> {
    let mut of_parent: BTreeMap<Uuid, Vec<&JobRow>> = BTreeMap::new();
    for job in &history.jobs {
        if let Some(parent) = job.parent_id {
            of_parent.entry(parent).or_default().push(job);
        }
    }
    let jobs: HashMap<Uuid, &JobRow> = history.jobs.iter().map(|job| (job.id, job)).collect();
    let mut found = Vec::new();
    for (parent, children) in &of_parent {
        found.extend(match jobs.get(parent) {
            None => Some(Violation::of(Kind::FamilyTorn, *parent, "it has children, and is not there")),
            Some(parent) => twins(parent, children).or_else(|| too_early(parent, children)),
        });
    }
    let parents = history.jobs.iter().filter(|job| job.type_name == "drill_parent" && job.status == "completed");
    found.extend(parents.filter_map(|parent| {
        let children = of_parent.get(&parent.id).map(Vec::as_slice).unwrap_or_default();
        missing(history, parent, children)
    }));
    found
}

fn twins(parent: &JobRow, children: &[&JobRow]) -> Option<Violation> {
    let mut seen = BTreeSet::new();
    let odd = children.iter().find(|child| {
        let its = parent.tag < child.tag && child.tag <= parent.tag + parent.items;
        !its || !seen.insert(child.tag)
    })?;
    let text = format!("of parent {} (number {}) it is another number {}", parent.id, parent.tag, odd.tag);
    Some(Violation::of(Kind::FamilyTorn, odd.id, text))
}

fn too_early(parent: &JobRow, children: &[&JobRow]) -> Option<Violation> {
    let ended = parent.completed_at.filter(|_| parent.status == "completed")?;
    let late = children.iter().find(|child| child.completed_at.is_none_or(|at| at > ended))?;
    Some(Violation::of(Kind::FamilyTorn, parent.id, format!("it completed before its child {}", late.id)))
}

fn missing(history: &History, parent: &JobRow, children: &[&JobRow]) -> Option<Violation> {
    // The database may have lost one that had ended, as it was to.
    let gone =
        history.set_backs.iter().flat_map(|lost| lost.jobs.values().filter(move |job| lost.gone.contains(&job.id)));
    let gone = gone.filter(|job| job.parent_id == Some(parent.id));
    let tags: BTreeSet<i64> = children.iter().copied().chain(gone).map(|job| job.tag).collect();
    let all = i64::try_from(tags.len()).is_ok_and(|tags| tags == parent.items);
    (!all).then(|| {
        let text = format!("it completed with {} of {} children", children.len(), parent.items);
        Violation::of(Kind::FamilyTorn, parent.id, text)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, id, job, kinds};
    use super::family;
    use crate::drill::history::{History, JobRow, Kind};

    /// A parent that completed at 1000 ms, and children with these numbers and ends.
    fn found(items: i64, children: &[(i64, i64)]) -> Vec<Kind> {
        let parent = JobRow { type_name: "drill_parent".to_owned(), items, tag: 10, ..job(1) };
        let child = |(n, (tag, ended)): (u128, &(i64, i64))| JobRow {
            parent_id: Some(id(1)),
            tag: *tag,
            completed_at: Some(at(*ended)),
            ..job(n)
        };
        let jobs = std::iter::once(parent).chain((2..).zip(children).map(child)).collect();
        kinds(family(&History { jobs, ..History::default() }))
    }

    #[test]
    fn a_family_is_whole() {
        assert_eq!(found(2, &[(11, 900), (12, 1000)]), []);
        assert_eq!(found(2, &[(11, 900)]), [Kind::FamilyTorn]);
        assert_eq!(found(2, &[(11, 900), (12, 1001)]), [Kind::FamilyTorn], "it did not wait");
        assert!(found(2, &[(11, 900), (11, 900)]).contains(&Kind::FamilyTorn), "a run made its child again");
        assert!(found(1, &[(12, 900)]).contains(&Kind::FamilyTorn), "another's child");
        let orphan = JobRow { parent_id: Some(id(9)), ..job(1) };
        assert_eq!(kinds(family(&History { jobs: vec![orphan], ..History::default() })), [Kind::FamilyTorn]);
    }
}
