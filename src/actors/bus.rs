//! How nodes hear of each other's doings at once.
//!
//! A [`Notice`] shortens waiting and carries no truth: whoever hears one looks into the database, and looks there once a beat
//! anyway. So a notice may be lost, doubled or late, and a node that hears none works, a second slower. Notices are published
//! after the commit that they tell of, never before.
//!
//! On the wire a notice is a line of words: who sends it, its kind, and what it is about. Kinds that a node does not know it
//! passes over, so that nodes of different versions can share a database.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::mem;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::store::notify::PAYLOAD_BYTES;

/// Something happened that other nodes may want to know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// There may be jobs of these types to be claimed.
    Claimable(Vec<String>),
    /// Somebody asked these running jobs to stop.
    Cancel(Vec<Uuid>),
    /// These jobs changed, or their logs grew.
    Jobs(Vec<Uuid>),
    /// Jobs were deleted.
    Removed,
}

/// Tells the other nodes.
pub trait Bus: Send + Sync {
    /// Tells them soon, or not at all. Never waits.
    fn publish(&self, notice: Notice);
}

/// A bus for a node that has no others, or whose others look by themselves.
pub struct NoBus;

impl Bus for NoBus {
    fn publish(&self, _: Notice) {}
}

/// What is heard on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A notice.
    Notice(Notice),
    /// A node speaks to itself, to know whether it can be heard.
    Ping(u64),
}

/// Notices that wait to be sent, each job and type once.
#[derive(Debug, Default)]
pub struct Gathered {
    claimable: BTreeSet<String>,
    cancel: BTreeSet<Uuid>,
    jobs: BTreeSet<Uuid>,
    removed: bool,
}

impl Gathered {
    /// More jobs than this are not told: whoever listens finds them at the next beat.
    const JOBS: usize = 20_000;

    /// Adds a notice.
    pub fn add(&mut self, notice: Notice) {
        match notice {
            Notice::Claimable(types) => self.claimable.extend(types),
            Notice::Cancel(ids) => self.cancel.extend(ids),
            Notice::Jobs(ids) if self.jobs.len() < Self::JOBS => self.jobs.extend(ids),
            Notice::Jobs(_) => {}
            Notice::Removed => self.removed = true,
        }
    }

    /// Takes all of it, as payloads from `node`. What somebody waits for goes first.
    pub fn take(&mut self, node: Uuid) -> Vec<String> {
        let Self { claimable, cancel, jobs, removed } = mem::take(self);
        let mut payloads = Vec::new();
        write_words(&mut payloads, node, "cancel", cancel.into_iter().map(short));
        write_words(&mut payloads, node, "claimable", claimable.into_iter());
        write_words(&mut payloads, node, "jobs", jobs.into_iter().map(short));
        if removed {
            payloads.push(format!("{} removed", short(node)));
        }
        payloads
    }
}

/// The payload of a ping.
pub fn ping(node: Uuid, number: u64) -> String {
    format!("{} ping {number}", short(node))
}

/// What a payload says, and which node sent it. None for one that this version does not understand.
pub fn parse(payload: &str) -> Option<(Uuid, Heard)> {
    let mut words = payload.split(' ');
    let (node, kind) = (long(words.next()?)?, words.next()?);
    let notice = match kind {
        "claimable" => Notice::Claimable(words.map(str::to_owned).collect()),
        "cancel" => Notice::Cancel(words.map(long).collect::<Option<_>>()?),
        "jobs" => Notice::Jobs(words.map(long).collect::<Option<_>>()?),
        "removed" => Notice::Removed,
        "ping" => return Some((node, Heard::Ping(words.next()?.parse().ok()?))),
        _ => return None,
    };
    Some((node, Heard::Notice(notice)))
}

/// Writes words into as many payloads as they need.
fn write_words(payloads: &mut Vec<String>, node: Uuid, kind: &str, words: impl Iterator<Item = String>) {
    let head = format!("{} {kind}", short(node));
    let mut payload = head.clone();
    for word in words {
        if payload.len() + 1 + word.len() > PAYLOAD_BYTES && payload.len() > head.len() {
            payloads.push(mem::replace(&mut payload, head.clone()));
        }
        // Writing to a String can't fail.
        let _ = write!(payload, " {word}");
    }
    if payload.len() > head.len() {
        payloads.push(payload);
    }
}

/// An id in 22 characters.
fn short(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

fn long(word: &str) -> Option<Uuid> {
    Uuid::from_slice(&URL_SAFE_NO_PAD.decode(word).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Gathered, Heard, Notice, PAYLOAD_BYTES, parse, ping};

    #[test]
    fn what_is_gathered_is_heard_each_thing_once() {
        let (node, a, b) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let mut gathered = Gathered::default();
        for notice in [
            Notice::Jobs(vec![a, b]),
            Notice::Jobs(vec![b]),
            Notice::Cancel(vec![a]),
            Notice::Claimable(vec!["demo".into()]),
            Notice::Removed,
        ] {
            gathered.add(notice);
        }
        let heard: Vec<_> = gathered.take(node).iter().map(|payload| parse(payload).unwrap()).collect();
        let notices = [
            Notice::Cancel(vec![a]),
            Notice::Claimable(vec!["demo".into()]),
            Notice::Jobs(vec![a, b]),
            Notice::Removed,
        ];
        assert_eq!(heard, notices.map(|notice| (node, Heard::Notice(notice))));
        assert!(gathered.take(node).is_empty());
    }

    #[test]
    fn many_jobs_go_in_payloads_that_postgres_takes() {
        let mut ids: Vec<_> = (0..1_000).map(|_| Uuid::now_v7()).collect();
        let mut gathered = Gathered::default();
        gathered.add(Notice::Jobs(ids.clone()));
        let payloads = gathered.take(Uuid::nil());
        assert_eq!(payloads.len(), 3);
        assert!(payloads.iter().all(|payload| payload.len() <= PAYLOAD_BYTES));
        let mut heard: Vec<_> = payloads
            .iter()
            .flat_map(|payload| match parse(payload) {
                Some((_, Heard::Notice(Notice::Jobs(ids)))) => ids,
                other => panic!("{other:?}"),
            })
            .collect();
        heard.sort_unstable();
        ids.sort_unstable();
        assert_eq!(heard, ids);
    }

    #[test]
    fn what_nobody_understands_is_passed_over() {
        assert_eq!(parse(&ping(Uuid::nil(), 7)), Some((Uuid::nil(), Heard::Ping(7))));
        for odd in ["", "x", "ping 7", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA dance 1", "é jobs"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
        assert_eq!(parse("AAAAAAAAAAAAAAAAAAAAAA jobs short"), None);
    }
}
