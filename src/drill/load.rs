//! The load: people and scripts that submit, cancel, retry and look through any node, and note what they were answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::api::Api;
use super::ask::Act;
use super::census::Census;
use super::cluster::Cluster;
use super::jobs::{BULK, TAGS};
use super::ledger::Ledger;

/// Requests that may wait for an answer at a time: a frozen node gives none.
const AT_A_TIME: usize = 24;
/// The longest pause between two requests.
const PAUSE_MS: u64 = 220;
/// Jobs of a type with a limit in the cluster that may wait.
const LIMITED_WAITING: usize = 6;
/// Jobs that are made to be done again in bulk, time and again: each stays as long as the drill.
const IN_BULK: u64 = 5;

/// What submits.
pub struct Load {
    /// Where.
    pub cluster: Arc<Cluster>,
    /// How.
    pub api: Api,
    /// Where it is noted.
    pub ledger: Arc<Ledger>,
    /// What there is.
    pub census: watch::Receiver<Census>,
    /// The number of the next job that is asked for.
    pub tags: AtomicU64,
    /// How many jobs there are to be done again in bulk.
    pub in_bulk: AtomicU64,
    /// How many unfinished jobs are enough.
    pub enough: usize,
}

impl Load {
    /// Asks for things until then, and waits for the last answers.
    pub async fn run(&self, until: Instant, dice: &mut fastrand::Rng) {
        let mut asked = JoinSet::new();
        while Instant::now() < until {
            while asked.len() >= AT_A_TIME {
                asked.join_next().await;
            }
            while asked.try_join_next().is_some() {}
            if let Some(act) = self.choose(dice)
                && let Some(url) = self.any_node(dice)
            {
                asked.spawn(act.done_at(url, self.api.clone(), Arc::clone(&self.ledger)));
            }
            sleep(Duration::from_millis(dice.u64(10..PAUSE_MS))).await;
        }
        asked.join_all().await;
    }

    /// A node that is up, or at least not known to be down.
    fn any_node(&self, dice: &mut fastrand::Rng) -> Option<String> {
        let up: Vec<_> = self.cluster.places.iter().filter_map(|place| place.address()).collect();
        dice.choice(up).map(|address| address.url)
    }

    fn choose(&self, dice: &mut fastrand::Rng) -> Option<Act> {
        let census = self.census.borrow();
        match dice.u32(..100) {
            0..12 => dice.choice(&census.some_running).map(|job| Act::Cancel(*job)),
            12..27 => dice.choice(census.some()).map(|job| Act::look(job, dice)),
            27..29 => self.any_node(dice).map(|other| Act::InBulk { retry: dice.u32(..3) > 0, other }),
            29..33 => dice.choice(&census.some_ended).map(|job| Act::Retry(*job, self.params(dice, "drill_serial"))),
            _ if census.unfinished() >= self.enough => None,
            33..43 => {
                let of_batch = |_| ("drill_count", self.params(dice, "drill_count"));
                Some(Act::Submit((0..6).map(of_batch).collect()))
            }
            43..45 if self.in_bulk.fetch_add(1, Ordering::Relaxed) < IN_BULK => {
                Some(Act::Submit(vec![(BULK, self.params(dice, BULK))]))
            }
            _ => {
                let type_name = match dice.u32(..100) {
                    0..46 => "drill_count",
                    46..64 => "drill_flaky",
                    64..74 => "drill_pair",
                    74..82 => "drill_paced",
                    82..90 => "drill_serial",
                    90..95 => "drill_parent",
                    _ => "drill_exclusive",
                };
                let waiting = census.unfinished.get(type_name).copied().unwrap_or_default();
                let limited = matches!(type_name, "drill_pair" | "drill_paced" | "drill_serial");
                let full = limited && waiting >= LIMITED_WAITING;
                (!full).then(|| Act::Submit(vec![(type_name, self.params(dice, type_name))]))
            }
        }
    }

    /// Params of a job, with a number of its own, and room for those of its children.
    fn params(&self, dice: &mut fastrand::Rng, type_name: &str) -> Value {
        let tag = self.tags.fetch_add(TAGS, Ordering::Relaxed);
        let items = match type_name {
            "drill_parent" => dice.u64(1..6),
            "drill_pair" | "drill_paced" | "drill_serial" | "drill_exclusive" => dice.u64(2..12),
            _ if dice.u32(..5) == 0 => dice.u64(60..160),
            _ => dice.u64(1..40),
        };
        let ignore_ms = if dice.u32(..5) == 0 { dice.u64(500..5_000) } else { 0 };
        let fail_percent = if type_name == "drill_flaky" { 40 } else { 0 };
        json!({ "tag": tag, "items": items, "item_ms": dice.u64(20..100), "ignore_ms": ignore_ms, "fail_percent": fail_percent })
    }
}
