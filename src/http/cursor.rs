//! Where a page of jobs, or of other things that have an id, begins, in a form that says nothing and promises nothing.
//!
//! A cursor holds the id of the last one of a page, behind a tag with the kind of list and a version: what does not carry the tag
//! is not ours, and a later version may hold more without old cursors being misread.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// The kind of list and the version of its cursors.
pub type Tag = [u8; 2];

/// Lists of jobs.
const JOBS: &Tag = b"j1";
/// Lists of plans.
pub const PLANS: &Tag = b"p1";
/// Lists of the changes of a plan.
pub const PLAN_CHANGES: &Tag = b"c1";

/// The cursor behind a job.
pub fn after(job: Uuid) -> String {
    after_one_of(JOBS, job)
}

/// The job that a cursor stands behind.
pub fn parse(cursor: &str) -> Result<Uuid, String> {
    parse_one_of(JOBS, cursor)
}

/// The cursor behind something in a list of this kind.
pub fn after_one_of(tag: &Tag, id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode([tag, id.as_bytes().as_slice()].concat())
}

/// What in a list of this kind a cursor stands behind.
pub fn parse_one_of(tag: &Tag, cursor: &str) -> Result<Uuid, String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let id = bytes.as_deref().and_then(|bytes| bytes.strip_prefix(tag)).and_then(|id| Uuid::from_slice(id).ok());
    id.ok_or_else(|| "is not a cursor of this server; pass `next_cursor` of the page before, unchanged".to_owned())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{after, parse};

    #[test]
    fn a_cursor_comes_back_as_the_job_it_was_made_from() {
        let id = Uuid::now_v7();
        assert_eq!(parse(&after(id)), Ok(id));
        assert_eq!(after(id).len(), 24);
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        let id = Uuid::now_v7();
        let cursor = after(id);
        let long = format!("{cursor}AAAA");
        for bad in ["", "x", "!!!", &id.to_string(), &cursor[1..], &cursor[..20], &long, "azIAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
