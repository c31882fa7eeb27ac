//! The life of a job, checked exhaustively: every order in which two nodes, their crashes, their late writes and a cancellation
//! can follow each other, and not only those that a test happens to meet.
//!
//! ```text
//!   row.rs       what each statement of src/store does to the row of a job: pure functions
//!   state.rs     what is there at one moment: rows, nodes, handlers, writes under way
//!   cluster.rs   what can happen next, misfortunes too: the model that stateright walks through
//!   promises.rs  what has to hold in every state, and at the end of every path
//!   postgres.rs  the same statements on real rows: what row.rs says is what Postgres does
//! ```
//!
//! The first four would be worth little alone, since a model proves something of the model; the last one ties it to the code.
//! A model that can't fail proves nothing either: with one line of it broken ([`cluster::Bug`]), the promise that this line
//! keeps must be found broken.
//!
//! A database that goes back (a failover to an asynchronous standby, a restored backup) returns to a state that it was in: what was
//! sent to it, what runs, and what was told stays.
//!
//! Left out: time (a lease may run out at any moment, so every timing is among the paths), params, progress values, priorities,
//! pauses and limits (which decide when a job is claimed, never what becomes of it).

mod cluster;
mod postgres;
mod promises;
mod row;
mod state;
#[path = "../integration/support/mod.rs"]
#[allow(dead_code)] // the integration tests use the rest
mod support;

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use cluster::{Action, Bug, Cluster};
use promises::{ALL_END, ALL_SERVE, ASKED, KEPT, ONE_END, ONE_HANDLER, ONE_WRITER, TRUTH};
use state::State;

/// Walks through all states, and fails with the steps that lead to a broken promise.
fn check(what: &str, cluster: Cluster) {
    let begun = Instant::now();
    let checked = cluster.checker().spawn_bfs().join();
    eprintln!("{what}: {} states in {:.1} s", checked.unique_state_count(), begun.elapsed().as_secs_f64());
    checked.assert_properties();
}

#[test]
fn a_job_survives_any_two_misfortunes() {
    check("a job on two nodes", Cluster { misfortunes: 2, ..Cluster::default() });
}

#[test]
fn a_job_that_fails_and_is_tried_again_survives_any_misfortune() {
    check("a job that may fail", Cluster { retries: true, ..Cluster::default() });
}

#[test]
fn two_jobs_survive_any_misfortune_of_the_nodes_that_they_share() {
    check("two jobs", Cluster { jobs: 2, cancels: false, timely: true, ..Cluster::default() });
}

#[test]
fn where_processes_keep_time_no_two_handlers_of_a_job_run_at_once() {
    check("a job on two nodes that keep time", Cluster { misfortunes: 2, timely: true, ..Cluster::default() });
}

#[test]
fn a_node_without_others_takes_everything_from_its_predecessors() {
    check("a job on one node", Cluster { misfortunes: 2, nodes: 1, ..Cluster::default() });
}

#[test]
fn a_job_survives_a_database_that_goes_back() {
    check("a job in a database that goes back", Cluster { goes_back: true, ..Cluster::default() });
}

/// A way to break a promise.
fn way_to_break(promise: &'static str, cluster: Cluster) -> Vec<Action> {
    let broken = HasDiscoveries::AllOf(BTreeSet::from([promise]));
    let checked = cluster.checker().finish_when(broken).spawn_bfs().join();
    checked.assert_any_discovery(promise).into_actions()
}

#[test]
fn every_line_that_keeps_a_promise_is_missed() {
    for (bug, promise) in [
        (Bug::NoFence, ONE_WRITER),
        (Bug::SameClaim, ONE_WRITER),
        (Bug::AttemptIsFence, ONE_WRITER),
        (Bug::NoFinality, ONE_END),
        (Bug::AnnounceFirst, TRUTH),
        (Bug::RescueForgetsCancel, ASKED),
        (Bug::RescueIgnoresLease, KEPT),
        (Bug::LooksTooEarly, KEPT),
        (Bug::NobodyLooks, ALL_END),
        (Bug::NoSelfFence, ONE_HANDLER),
        (Bug::NeverRegistersAnew, ALL_SERVE),
        (Bug::NobodyStartsAfresh, TRUTH),
    ] {
        let timely = bug == Bug::NoSelfFence;
        let goes_back = matches!(bug, Bug::AttemptIsFence | Bug::NobodyStartsAfresh);
        // With a job that has not ended, or nothing more would happen.
        let jobs = if bug == Bug::NobodyStartsAfresh { 2 } else { 1 };
        let way = way_to_break(promise, Cluster { jobs, timely, goes_back, bug: Some(bug), ..Cluster::default() });
        eprintln!("{bug:?} breaks \"{promise}\": {way:?}");
    }
}

/// What makes `eventually` mean what it says; see `promises.rs`.
#[test]
fn no_path_is_a_circle() {
    for cluster in [Cluster { retries: true, ..Cluster::default() }, Cluster { goes_back: true, ..Cluster::default() }]
    {
        has_no_circle(&cluster);
    }
}

fn has_no_circle(cluster: &Cluster) {
    let mut left: HashMap<State, bool> = HashMap::new();
    let mut path: Vec<(State, Vec<State>)> = Vec::new();
    for first in cluster.init_states() {
        path.push((first.clone(), cluster.next_states(&first)));
        left.insert(first, false);
    }
    while let Some((state, next)) = path.last_mut() {
        match next.pop() {
            Some(next) => match left.get(&next) {
                Some(left) => assert!(left, "a circle through {next:?}"),
                None => {
                    left.insert(next.clone(), false);
                    let following = cluster.next_states(&next);
                    path.push((next, following));
                }
            },
            None => {
                left.insert(state.clone(), true);
                path.pop();
            }
        }
    }
}
