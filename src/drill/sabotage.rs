//! `--break`: shows that the drill notices. The relay rewrites what a node says to the database, so that no code of the server
//! itself can break in this way.
//!
//! - `fence`: conditions on the claim are replaced by ones that always hold: a late write of an old attempt is let in.
//! - `announce`: some transactions that end jobs are rolled back where the node believes that it commits them: it tells ends that
//!   are not stored.
//! - `rows`: the lock timeout of sessions is lifted: a batch waits for as long as somebody holds one of its rows.
//!
//! Knows as much of the protocol as that takes: a message is a letter, a length and a body; texts of statements come in
//! `Parse`, their uses in `Bind`, `COMMIT` in `Query`. A replacement is as long as what it replaces.

use std::collections::HashSet;
use std::mem;

use clap::ValueEnum;
use serde::Serialize;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// Writes of attempts that have lost their job are let in
    Fence,
    /// Some ends are told although they are not stored
    Announce,
    /// A row that somebody holds is waited for, however long
    Rows,
}

/// A condition of the fence begins with this, and ends with [`FENCE_END`].
const FENCE: &[u8] = b"jobs.claim_id = ";
const FENCE_END: &[u8] = b".claim_id";
/// What takes its place: every run has begun with a claim.
const NO_FENCE: &[u8] = b"jobs.attempt > 0";

/// How long a session waits for a lock, in milliseconds, follows this.
const LOCK_TIMEOUT: &[u8] = b"lock_timeout = ";

/// The statement that ends jobs has this in it.
const ENDS: &[u8] = b"ended AS ";
const COMMIT: &[u8] = b"COMMIT\0";
const ABORT: &[u8] = b"ABORT \0";
/// One of so many ends is lost.
const ONE_OF: u32 = 3;

/// Spoils one connection.
pub struct Sabotage {
    broken: Broken,
    dice: fastrand::Rng,
    /// The bytes of a message that is not whole yet.
    rest: Vec<u8>,
    /// Whether the first message, which has no letter, is through.
    begun: bool,
    /// The names of prepared statements that end jobs.
    enders: HashSet<Vec<u8>>,
    /// Whether the transaction that is under way ends jobs.
    ends: bool,
}

impl Sabotage {
    /// Breaks this, as the dice fall.
    pub fn new(broken: Broken, dice: fastrand::Rng) -> Self {
        Self { broken, dice, rest: Vec::new(), begun: false, enders: HashSet::new(), ends: false }
    }

    /// What is to be sent in place of these bytes: whole messages only.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let mut out = mem::take(&mut self.rest);
        let mut at = 0;
        while let Some(length) = message_length(&out[at..], self.begun) {
            if mem::replace(&mut self.begun, true) {
                self.spoil(&mut out[at..at + length]);
            }
            at += length;
        }
        self.rest = out.split_off(at);
        out
    }

    fn spoil(&mut self, message: &mut [u8]) {
        let (head, body) = message.split_at_mut(5);
        match (self.broken, head[0]) {
            (Broken::Fence, b'P') => open_fences(body),
            (Broken::Rows, b'Q') => lift_lock_timeout(body),
            (Broken::Announce, b'P') if find(body, ENDS).is_some() => {
                self.enders.extend(texts(body).next().map(<[u8]>::to_vec));
            }
            (Broken::Announce, b'B') => self.ends |= texts(body).nth(1).is_some_and(|name| self.enders.contains(name)),
            (Broken::Announce, b'Q') if mem::take(&mut self.ends) && body == COMMIT && self.dice.u32(..ONE_OF) == 0 => {
                body.copy_from_slice(ABORT);
            }
            _ => {}
        }
    }
}

/// The length of the message at the start of these bytes, when they hold all of it.
fn message_length(bytes: &[u8], has_letter: bool) -> Option<usize> {
    let at = usize::from(has_letter);
    let length = bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)?;
    let length = at + usize::try_from(length).ok()?;
    (length >= at + 4 && bytes.len() >= length).then_some(length)
}

/// The texts at the start of a body, each ended by a zero.
fn texts(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|byte| *byte == 0)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Makes the number a zero, which stands for no limit.
fn lift_lock_timeout(text: &mut [u8]) {
    if let Some(at) = find(text, LOCK_TIMEOUT) {
        text[at + LOCK_TIMEOUT.len()..]
            .iter_mut()
            .take_while(|byte| byte.is_ascii_digit())
            .for_each(|byte| *byte = b'0');
    }
}

fn open_fences(text: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = find(&text[from..], FENCE).map(|at| from + at) {
        let operand = at + FENCE.len();
        let word = text[operand..].iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
        from = operand + word;
        if text[from..].starts_with(FENCE_END) {
            from += FENCE_END.len();
            text[at..from].fill(b' ');
            text[at..at + NO_FENCE.len()].copy_from_slice(NO_FENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Sabotage, open_fences};

    fn message(letter: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![letter];
        message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        message.extend(body);
        message
    }

    fn begun(broken: Broken) -> Sabotage {
        let mut sabotage = Sabotage::new(broken, fastrand::Rng::with_seed(1));
        let hello = [0, 0, 0, 8, 0, 3, 0, 0];
        assert_eq!(sabotage.pass(&hello), hello);
        sabotage
    }

    #[test]
    fn a_fence_is_opened_and_no_length_changes() {
        let mut text = *b"WHERE jobs.claim_id = w.claim_id AND jobs.claim_id = ended.claim_id AND jobs.claim_id = $2";
        open_fences(&mut text);
        assert_eq!(
            text.as_slice(),
            b"WHERE jobs.attempt > 0           AND jobs.attempt > 0               AND jobs.claim_id = $2"
        );
    }

    #[test]
    fn a_session_waits_for_locks_without_limit() {
        let mut sabotage = begun(Broken::Rows);
        let set = message(b'Q', b"SET x = '5s'; SET lock_timeout = 300\0");
        assert_eq!(sabotage.pass(&set), message(b'Q', b"SET x = '5s'; SET lock_timeout = 000\0"));
    }

    #[test]
    fn messages_are_whole_however_they_come() {
        let mut sabotage = begun(Broken::Fence);
        let parse = message(b'P', b"s1\0x WHERE jobs.claim_id = w.claim_id\0\0\0");
        let mut out = Vec::new();
        for byte in &parse {
            out.extend(sabotage.pass(&[*byte]));
        }
        assert_eq!(out, message(b'P', b"s1\0x WHERE jobs.attempt > 0          \0\0\0"));
    }

    #[test]
    fn only_commits_of_ends_are_lost_and_not_all() {
        let mut sabotage = begun(Broken::Announce);
        sabotage.pass(&message(b'P', b"s1\0WITH x, ended AS MATERIALIZED (SELECT 1)\0\0\0"));
        let commit = message(b'Q', b"COMMIT\0");
        assert!((0..50).all(|_| sabotage.pass(&commit) == commit));
        let lost = (0..90).filter(|_| {
            sabotage.pass(&message(b'B', b"\0s1\0\0\0"));
            sabotage.pass(&commit) != commit
        });
        assert!((10..60).contains(&lost.count()));
    }
}
