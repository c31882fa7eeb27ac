//! The statements on real rows: every row that can come to be, against every statement, as `row.rs` says.

use std::collections::HashSet;

use diesel_async::AsyncPgConnection;
use serde_json::Value;
use stashhog::job::{Fence, LogLevel, LogLine, OutcomeKind, Pace, Progress, RetryPolicy, Status};
use stashhog::store::cancel::{self, CancelWrite, Rung, RungWrite};
use stashhog::store::claim::{self, Room};
use stashhog::store::finish::{self, FinishWrite, ReleaseWrite};
use stashhog::store::progress::{self, LogWrite, ProgressWrite};
use stashhog::store::rescue;
use uuid::Uuid;

use crate::row::{Life, MAX_INTERRUPTIONS, MAX_RETRIES, Row, Statement};
use crate::support::database;

/// The node that executes the statements, and another.
const ME: Life = 0;
const OTHER: Life = 1;
/// Attempts beyond the third tell nothing new.
const ATTEMPTS: i32 = 3;
/// The number of a claim that is made by the statement under test.
const FRESH: i32 = 99;

/// How the other node stands in `nodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    Lives,
    LeaseRanOut,
    SignedOff,
    Unknown,
}

#[tokio::test]
async fn every_statement_does_to_every_row_what_the_model_says() {
    let url = database::create().await;
    let rows = reachable();
    assert!(rows.len() > 20, "{rows:?}");
    for claim_of in [this_claim, another_claim] {
        for (outcome, again) in OutcomeKind::ALL.iter().flat_map(|outcome| [(*outcome, true), (*outcome, false)]) {
            let finish = move |row: &Row| Statement::Finish { claim: claim_of(row), outcome, again };
            compare(&url, &rows, Other::Lives, finish).await;
        }
        for of in [
            |claim| Statement::Release { claim },
            |claim| Statement::Climb { claim },
            |claim| Statement::TimeOut { claim },
            |claim| Statement::Report { claim },
        ] {
            compare(&url, &rows, Other::Lives, |row| of(claim_of(row))).await;
        }
    }
    for (me, other, registered) in [
        (ME, Other::Lives, true),
        (OTHER, Other::LeaseRanOut, true),
        (OTHER, Other::SignedOff, false),
        (OTHER, Other::Unknown, false),
    ] {
        compare(&url, &rows, other, move |_| Statement::Claim { me, registered, claim: FRESH }).await;
    }
    compare(&url, &rows, Other::Lives, |_| Statement::Request).await;
    for known in [true, false] {
        compare(&url, &rows, Other::Lives, move |_| Statement::Unknown { me: ME, known }).await;
    }
    for other in [Other::Lives, Other::LeaseRanOut, Other::SignedOff, Other::Unknown] {
        compare(&url, &rows, other, move |_| Statement::Rescue { me: ME, dead: other != Other::Lives }).await;
    }
}

fn this_claim(row: &Row) -> i32 {
    row.claim
}

/// Of the same attempt, as after a failover that lost the other.
fn another_claim(row: &Row) -> i32 {
    row.claim + 50
}

/// All rows that the statements can make of a new one.
fn reachable() -> Vec<Row> {
    let mut found = vec![Row::NEW];
    let mut next = 0;
    while let Some(row) = found.get(next).copied() {
        next += 1;
        let (claim, next_claim) = (row.claim, row.attempt + 1);
        let finishes =
            OutcomeKind::ALL.iter().map(|outcome| Statement::Finish { claim, outcome: *outcome, again: true });
        let others = [
            Statement::Claim { me: ME, registered: true, claim: next_claim },
            Statement::Claim { me: OTHER, registered: true, claim: next_claim },
            Statement::Release { claim },
            Statement::Rescue { me: ME, dead: true },
            Statement::Request,
        ];
        for after in finishes.chain(others).filter_map(|statement| row.after(statement)) {
            if after.attempt <= ATTEMPTS && !found.contains(&after) {
                found.push(after);
            }
        }
    }
    found
}

/// Executes a statement on all rows at once and compares: which came back, and what became of each.
async fn compare(url: &str, rows: &[Row], other: Other, statement: impl Fn(&Row) -> Statement) {
    let nodes = [Uuid::now_v7(), Uuid::now_v7()];
    set_up_nodes(url, nodes, other).await;
    let jobs: Vec<(Uuid, Row)> = rows.iter().map(|row| (Uuid::now_v7(), *row)).collect();
    set_up_jobs(url, nodes, &jobs).await;
    assert_eq!(stored(url, nodes, &jobs).await, rows, "rows are read as they were written");

    let mut conn = database::connect(url).await;
    let statements: Vec<_> = jobs.iter().map(|(id, row)| (fence(*id, *row, row.claim), *row, statement(row))).collect();
    let back = execute(&mut conn, nodes, &statements).await;
    let after = stored(url, nodes, &jobs).await;
    for ((id, before), after) in jobs.into_iter().zip(after) {
        let statement = statement(&before);
        let modelled = before.after(statement);
        assert_eq!(back.contains(&id), modelled.is_some(), "{statement:?} on {before:?}: came back or not");
        assert_eq!(after, modelled.unwrap_or(before), "{statement:?} on {before:?}");
    }
}

/// The token of a run of the row's attempt, under a claim.
fn fence(job_id: Uuid, row: Row, claim: i32) -> Fence {
    Fence { job_id, attempt: row.attempt, claim_id: claim_id(claim) }
}

fn claim_id(claim: i32) -> Uuid {
    Uuid::from_u128(claim.unsigned_abs().into())
}

/// The jobs that came back. Each statement comes with the run that holds the row.
async fn execute(conn: &mut AsyncPgConnection, nodes: [Uuid; 2], all: &[(Fence, Row, Statement)]) -> HashSet<Uuid> {
    let each = |claim_of: fn(Statement) -> i32| {
        all.iter().map(move |(run, row, statement)| fence(run.job_id, *row, claim_of(*statement)))
    };
    let jobs = match all[0].2 {
        Statement::Claim { me, .. } => {
            let room = Room { type_name: "demo", slots: u32::MAX, in_cluster: None, rate_limit: None };
            let claims = claim::claim(conn, nodes[me], &[room]).await.unwrap();
            claims.jobs.into_iter().map(|claimed| claimed.job).collect()
        }
        Statement::Finish { outcome, again, .. } => {
            let writes: Vec<_> = each(claim).map(|fence| finish_write(fence, outcome, again)).collect();
            finish::finish(conn, &writes).await.unwrap()
        }
        Statement::Release { .. } => {
            let write = |fence| ReleaseWrite { fence, reason: "its node goes away".to_owned() };
            finish::release(conn, &each(claim).map(write).collect::<Vec<_>>()).await.unwrap()
        }
        Statement::Rescue { me, .. } => rescue::rescue(conn, nodes[me], rescue::Which::All).await.unwrap(),
        Statement::Unknown { me, known } => {
            let runs: Vec<_> = all.iter().map(|(run, ..)| *run).collect();
            rescue::unknown(conn, nodes[me], if known { &runs } else { &[] }).await.unwrap()
        }
        Statement::Request => {
            let wish =
                |(run, ..): &(Fence, _, _)| CancelWrite { job_id: run.job_id, actor: "ann".to_owned(), reason: None };
            cancel::request(conn, &all.iter().map(wish).collect::<Vec<_>>()).await.unwrap()
        }
        Statement::Climb { .. } | Statement::TimeOut { .. } => {
            let rung = if matches!(all[0].2, Statement::Climb { .. }) { Rung::Delivered } else { Rung::TimedOut };
            let write = |fence| RungWrite { fence, rung };
            cancel::climb(conn, &each(claim).map(write).collect::<Vec<_>>()).await.unwrap()
        }
        Statement::Report { .. } => {
            let (progress, pace) = (Progress { percent: 1.0, ..Progress::default() }, Pace::default());
            let write = |fence| ProgressWrite { fence, progress: progress.clone(), pace };
            let written = progress::write(conn, &each(claim).map(write).collect::<Vec<_>>()).await.unwrap();
            let lines = |fence| LogWrite { fence, lines: vec![line()] };
            let logged = progress::append_logs(conn, &each(claim).map(lines).collect::<Vec<_>>()).await.unwrap();
            assert_eq!(logged, written.len(), "log lines are let in where progress is");
            written
        }
    };
    jobs.into_iter().map(|job| job.id).collect()
}

fn claim(statement: Statement) -> i32 {
    match statement {
        Statement::Finish { claim, .. }
        | Statement::Release { claim }
        | Statement::Climb { claim }
        | Statement::TimeOut { claim }
        | Statement::Report { claim } => claim,
        Statement::Claim { .. } | Statement::Rescue { .. } | Statement::Unknown { .. } | Statement::Request => {
            unreachable!("no write of a run")
        }
    }
}

fn finish_write(fence: Fence, outcome: OutcomeKind, again: bool) -> FinishWrite {
    let pause = std::time::Duration::from_secs(1);
    FinishWrite {
        fence,
        outcome,
        error: None,
        result: None,
        progress: Progress::default(),
        error_count: 0,
        item_errors: Vec::new(),
        rung: Rung::Stopped,
        retry: if again { RetryPolicy { retries: 1, first: pause, longest: pause } } else { RetryPolicy::NEVER },
    }
}

fn line() -> LogLine {
    let at = chrono::DateTime::UNIX_EPOCH;
    LogLine { seq: 1 << 32, at, level: LogLevel::Info, target: "model".to_owned(), message: "a line".to_owned() }
}

async fn set_up_nodes(url: &str, [me, other]: [Uuid; 2], stands: Other) {
    let mut nodes = format!(
        "DELETE FROM nodes;
         INSERT INTO nodes (id, hostname, pid, version) VALUES ('{me}', 'h', 1, '0'), ('{other}', 'h', 2, '0');"
    );
    nodes += &match stands {
        Other::Lives => String::new(),
        Other::LeaseRanOut => {
            let over = rescue::LEASE_SECONDS + 1.0;
            format!("UPDATE nodes SET renewed_at = now() - make_interval(secs => {over}) WHERE id = '{other}'")
        }
        Other::SignedOff => format!("UPDATE nodes SET stopped_at = now() WHERE id = '{other}'"),
        Other::Unknown => format!("DELETE FROM nodes WHERE id = '{other}'"),
    };
    database::execute(url, &nodes).await;
}

async fn set_up_jobs(url: &str, nodes: [Uuid; 2], jobs: &[(Uuid, Row)]) {
    let values = jobs.iter().map(|(id, row)| {
        let node = row.node.map_or("NULL".to_owned(), |life| format!("'{}'", nodes[life]));
        let cancel =
            if row.asked { r#"'{"requested_at": "2026-01-01T00:00:00Z", "requested_by": "ann"}'"# } else { "NULL" };
        let Row { status, attempt, interruptions, failures, .. } = row;
        let claim = claim_id(row.claim);
        format!(
            "('{id}', 'demo', '{{}}', 'model', '{status}', {attempt}, '{claim}', {node}, {interruptions}, {MAX_INTERRUPTIONS},
              {failures}, {MAX_RETRIES}, {cancel})"
        )
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let insert =
        "INSERT INTO jobs (id, type, params, created_by, status, attempt, claim_id, node_id, interruptions, max_interruptions,
                                    failures, max_retries, cancel) VALUES";
    database::execute(url, &format!("DELETE FROM jobs; DELETE FROM job_logs; {insert} {values}")).await;
}

/// The number of a claim; of one that a node made by itself, [`FRESH`].
fn number_of(claim_id: &Value) -> i32 {
    let id: Uuid = claim_id.as_str().unwrap().parse().unwrap();
    i32::try_from(id.as_u128()).unwrap_or(FRESH)
}

/// The jobs as they are, in the same order.
async fn stored(url: &str, nodes: [Uuid; 2], jobs: &[(Uuid, Row)]) -> Vec<Row> {
    let rows = database::rows(url, "SELECT * FROM jobs ORDER BY id").await;
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, jobs.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>());
    let life = |id: &Value| nodes.iter().position(|node| id == &Value::String(node.to_string()));
    let number = |n: &Value| i32::try_from(n.as_i64().unwrap()).unwrap();
    let read = |row: &Value| Row {
        status: row["status"].as_str().unwrap().parse::<Status>().unwrap(),
        attempt: number(&row["attempt"]),
        claim: number_of(&row["claim_id"]),
        node: life(&row["node_id"]),
        interruptions: number(&row["interruptions"]),
        failures: number(&row["failures"]),
        asked: row["cancel"]["requested_by"].as_str().is_some_and(|actor| actor != "timeout"),
    };
    rows.iter().map(read).collect()
}
