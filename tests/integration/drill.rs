//! The drill, as a person runs it: it finds nothing in the real thing, and finds what is broken on purpose.
//!
//! Drills take minutes and run beside the other tests, one at a time: each has a cluster of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::support::program::{Ended, Program};
use crate::support::{database, until};

/// Held by the drill that runs.
static ONE: Mutex<()> = Mutex::const_new(());
/// Beyond what the load, the recovery and the last news take together.
const LONGEST: Duration = Duration::from_secs(420);

/// A drill in a folder of temporary files of its own.
fn drill(line: &str) -> (Program, TempDir) {
    let folder = database::folder();
    let words = ["drill", "--json"].into_iter().chain(line.split_whitespace());
    (Program::new(words).env("TMPDIR", folder.path()), folder)
}

async fn run(line: &str) -> (Ended, TempDir) {
    let _one = ONE.lock().await;
    let (program, folder) = drill(line);
    (program.start().ended_within(LONGEST).await, folder)
}

/// The kinds of violations that a report names.
fn kinds(report: &Value) -> BTreeSet<&str> {
    let violations = report["violations"].as_array().expect("violations");
    violations.iter().map(|violation| violation["kind"].as_str().expect("a kind")).collect()
}

/// What still runs and names the folder on its command line.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("a path");
    let processes = fs::read_dir("/proc").expect("the processes").flatten();
    let line = |process: fs::DirEntry| String::from_utf8(fs::read(process.path().join("cmdline")).ok()?).ok();
    processes.filter_map(line).filter(|line| line.contains(folder)).collect()
}

fn assert_nothing_is_left(folder: &Path) {
    assert_eq!(processes_in(folder), [""; 0]);
    let left: Vec<_> = fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_in_two_minutes_of_all_that_can_go_wrong() {
    let (ended, folder) = run("--seed 7").await;
    let report = ended.expect(0).json();
    assert_eq!(kinds(&report), BTreeSet::new());
    let faults = report["faults"].as_object().expect("faults");
    assert_eq!(faults.len(), 21, "every kind of fault: {faults:?}");
    assert!(report["accepted"].as_u64() > Some(200) && report["cut_off"].as_u64() > Some(10), "{report:#}");
    assert!(report["ends_told"].as_u64() > report["accepted"].as_u64(), "by several witnesses: {report:#}");
    assert!(report["again"].as_str().is_some_and(|again| again.contains("--seed 7")), "{report:#}");
    assert_nothing_is_left(folder.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_notices_a_broken_fence() {
    let (ended, _folder) = run("--minutes 0.5 --seed 7 --break fence").await;
    let report = ended.expect(1).json();
    let of_a_fence = BTreeSet::from(["cut_short", "wrote_on", "attempts_overlap", "ended_twice"]);
    assert!(!kinds(&report).is_disjoint(&of_a_fence), "{:?}", kinds(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_notices_ends_that_are_told_and_not_stored() {
    let (ended, _folder) = run("--minutes 0.3 --seed 7 --break announce").await;
    let report = ended.expect(1).json();
    assert!(kinds(&report).is_superset(&BTreeSet::from(["false_end", "two_ends"])), "{:?}", kinds(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_is_interrupted_leaves_nothing_behind() {
    let _one = ONE.lock().await;
    let (program, folder) = drill("--nodes 2");
    let drill = program.start();
    until("its servers run", async || {
        let servers = processes_in(folder.path()).iter().filter(|line| line.contains("drill-node")).count();
        (servers == 2).then_some(())
    })
    .await;
    drill.signal(Signal::SIGINT);
    drill.ended().await.expect(130);
    assert_nothing_is_left(folder.path());
}
