//! Whether a child could ever get a place of its type, where only so many of it run at a time in the cluster.
//!
//! A job keeps its place while it waits for its children. So a child must not wait for a place that is held by those who wait
//! for it: its parent, the jobs above that, or others round a circle. What would come to such a standstill is refused before it
//! is stored. Whoever decides has the turn of those who claim such jobs: two that would close a circle together come one after
//! the other.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel::QueryableByName;
use diesel::dsl::sql_query;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// A job that has a place of a limited type, or will have it again before it ends.
#[derive(Debug, QueryableByName)]
struct Holder {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    type_name: String,
    /// It is asked to stop, and ends whatever its children do.
    #[diesel(sql_type = Bool)]
    stops: bool,
    /// The limited types of the jobs under it that wait for a place.
    #[diesel(sql_type = Array<Text>)]
    waits_for: Vec<String>,
}

/// Why a child of this type would wait for itself, if it would. `line` is the jobs above it, the last its parent.
pub(super) async fn would_wait(
    conn: &mut AsyncPgConnection,
    type_name: &str,
    line: &[Uuid],
    limits: &HashMap<&'static str, u32>,
) -> QueryResult<Option<String>> {
    Ok(standstill(&mut holders(conn, limits).await?, type_name, line, limits))
}

/// Those that run; and those that ran before, have children that wait, and will run again.
async fn holders(conn: &mut AsyncPgConnection, limits: &HashMap<&'static str, u32>) -> QueryResult<Vec<Holder>> {
    let types: Vec<_> = limits.keys().copied().collect();
    sql_query(
        "WITH holder AS (
            SELECT id, type, status FROM jobs WHERE type = ANY($1) AND status IN ('running', 'cancelling')
            UNION ALL
            SELECT id, type, status FROM jobs WHERE type = ANY($1) AND status = 'pending' AND attempt > 0
        ), known AS (
            SELECT id, type AS type_name, status, status = 'cancelling' AS stops,
                   ARRAY(SELECT DISTINCT below.type FROM jobs below
                         WHERE below.ancestors @> ARRAY[holder.id] AND below.ancestors <> '{}'
                           AND below.status IN ('pending', 'running', 'cancelling')
                           AND below.status = 'pending' AND below.type = ANY($1)) AS waits_for
            FROM holder
        )
        SELECT id, type_name, stops, waits_for FROM known WHERE status <> 'pending' OR waits_for <> '{}'",
    )
    .bind::<Array<Text>, _>(types)
    .load(conn)
    .await
}

/// Adds the child to what those above it wait for, and lets all end that can: a type moves when it has a free place, or when one
/// that holds a place waits only for types that move. When the child's type does not, the child would never start.
fn standstill(
    holders: &mut [Holder],
    child: &str,
    line: &[Uuid],
    limits: &HashMap<&'static str, u32>,
) -> Option<String> {
    for holder in holders.iter_mut().filter(|holder| line.contains(&holder.id)) {
        holder.waits_for.push(child.to_owned());
    }
    let mut moving: HashSet<&str> = HashSet::new();
    loop {
        let moves = |type_name: &str, limit: u32| {
            let mut places = holders.iter().filter(|holder| holder.type_name == type_name);
            places.clone().count() < limit as usize
                || places.any(|holder| holder.stops || holder.waits_for.iter().all(|t| moving.contains(t.as_str())))
        };
        let still = limits.iter().filter(|(type_name, _)| !moving.contains(*type_name));
        let more: Vec<_> = still.filter(|(name, limit)| moves(name, **limit)).map(|(name, _)| *name).collect();
        if moving.contains(child) || more.contains(&child) {
            return None;
        }
        if more.is_empty() {
            break;
        }
        moving.extend(more);
    }
    let places: Vec<_> = holders.iter().filter(|h| h.type_name == child).map(|h| h.id.to_string()).collect();
    let limit = limits.get(child).copied().unwrap_or_default();
    Some(format!(
        "{limit} of it run at a time in the cluster, and those that do would wait for it: {}",
        places.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use uuid::Uuid;

    use super::{Holder, standstill};

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn holder(n: u128, type_name: &str, waits_for: &[&str]) -> Holder {
        let waits_for = waits_for.iter().map(|&t| t.to_owned()).collect();
        Holder { id: id(n), type_name: type_name.to_owned(), stops: false, waits_for }
    }

    fn stands_still(mut holders: Vec<Holder>, child: &str, line: &[u128]) -> bool {
        let limits = HashMap::from([("a", 1), ("b", 1), ("c", 2)]);
        let line: Vec<_> = line.iter().map(|n| id(*n)).collect();
        standstill(&mut holders, child, &line, &limits).is_some()
    }

    #[test]
    fn a_child_of_the_type_of_one_above_it_has_no_place_but_where_there_are_more() {
        assert!(stands_still(vec![holder(1, "a", &[])], "a", &[1]));
        assert!(stands_still(vec![holder(1, "a", &[]), holder(2, "b", &[])], "a", &[1, 2]));
        assert!(!stands_still(vec![holder(1, "c", &[])], "c", &[1]));
        assert!(!stands_still(vec![holder(1, "c", &[]), holder(9, "c", &[])], "c", &[1]), "9 ends some time");
        assert!(stands_still(vec![holder(1, "c", &[]), holder(9, "c", &["c"])], "c", &[1]), "9 waits for 1");
    }

    #[test]
    fn a_child_whose_place_is_held_by_a_stranger_waits_for_it() {
        assert!(!stands_still(vec![holder(1, "a", &[]), holder(2, "b", &[])], "b", &[1]));
        assert!(!stands_still(Vec::new(), "a", &[7]));
    }

    #[test]
    fn a_circle_of_two_is_seen_by_the_second() {
        assert!(!stands_still(vec![holder(1, "a", &[]), holder(2, "b", &[])], "b", &[1]));
        assert!(stands_still(vec![holder(1, "a", &["b"]), holder(2, "b", &[])], "a", &[2]));
    }

    #[test]
    fn a_circle_through_a_third_type_is_seen() {
        let held = || vec![holder(1, "a", &["b"]), holder(2, "b", &["c"]), holder(3, "c", &[])];
        assert!(!stands_still(held(), "a", &[3]), "c has a second place");
        let mut full = held();
        full.push(holder(4, "c", &["a"]));
        assert!(stands_still(full, "a", &[3]));
    }

    #[test]
    fn one_that_is_asked_to_stop_holds_nobody_up() {
        let mut held = vec![holder(1, "a", &["b"]), holder(2, "b", &[])];
        held[0].stops = true;
        assert!(!stands_still(held, "a", &[2]));
    }
}
