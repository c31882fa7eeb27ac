//! The bounds of what a client may send, each with its reason, and the checks of single values.
//!
//! Each check gives back the value or a sentence; whoever calls it knows where the value stood.

use chrono::{DateTime, Utc};

/// The body of one request: params are settings for a job, not its input data.
pub const BODY_BYTES: usize = 1 << 20;
/// The params of a schedule, which lists of schedules carry: 1,000 are 64 MiB at most.
pub const SCHEDULE_PARAMS_BYTES: usize = 64 << 10;
/// The body of a batch: 10,000 jobs with 1.6 kB each.
pub const BATCH_BYTES: usize = 16 << 20;
/// Jobs in a batch. They are one statement: 10,000 are a fraction of a second, a million would hold up every other write.
pub const BATCH_JOBS: usize = 10_000;
/// The characters of a reason: a sentence or two.
pub const REASON_CHARS: usize = 1_000;
/// The characters of a text to look for. Longer ones are pasted by mistake.
pub const SEARCH_CHARS: usize = 200;
/// The characters of a schedule's name: it becomes a part of its jobs' actor.
pub const SCHEDULE_NAME_CHARS: usize = 100;
/// The characters of a name: of a type, of an actor.
pub const NAME_CHARS: usize = 200;
/// The characters of a unique key: a path, or some ids. With its type it must fit into an index.
pub const UNIQUE_KEY_CHARS: usize = 200;
/// Priorities, either way. Enough to order by hand; small enough to be read.
pub const PRIORITY: i64 = 1_000;
/// Rows of one answer.
pub const PAGE_ROWS: i64 = 500;
/// Years that times may lie in: what Postgres, JavaScript and an id's clock all can hold.
const YEARS: std::ops::Range<&str> = "1970-01-01T00:00:00Z".."3000-01-01T00:00:00Z";

/// A text of at most `chars` characters that Postgres can store.
pub fn text(value: &str, chars: usize) -> Result<String, String> {
    if value.contains('\0') {
        return Err("must not contain the character U+0000".to_owned());
    }
    match value.char_indices().nth(chars) {
        Some(_) => Err(format!("must have at most {chars} characters")),
        None => Ok(value.to_owned()),
    }
}

/// The name of a schedule: what a person can read, and find again in a list.
pub fn schedule_name(value: &str) -> Result<String, String> {
    let name = text(value, SCHEDULE_NAME_CHARS)?;
    if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
        return Err("must have a character at least, none that is invisible, and no space at its ends".to_owned());
    }
    Ok(name)
}

/// A key that no two unfinished jobs of a type may share.
pub fn unique_key(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("must not be empty".to_owned());
    }
    text(value, UNIQUE_KEY_CHARS)
}

/// A time, RFC 3339.
pub fn time(value: &str) -> Result<DateTime<Utc>, String> {
    let parse = |text: &str| DateTime::parse_from_rfc3339(text).map(|t| t.to_utc());
    let at = parse(value).map_err(|_| "must be a time like 2026-01-31T18:00:00Z (a `+` in a URL is %2B)".to_owned())?;
    let allowed = parse(YEARS.start).is_ok_and(|first| at >= first) && parse(YEARS.end).is_ok_and(|end| at < end);
    if allowed { Ok(at) } else { Err("must be in the years 1970 to 2999".to_owned()) }
}

/// A priority.
pub fn priority(value: i64) -> Result<i32, String> {
    match i32::try_from(value) {
        Ok(priority) if (-PRIORITY..=PRIORITY).contains(&value) => Ok(priority),
        _ => Err(format!("must be from -{PRIORITY} to {PRIORITY}")),
    }
}

/// What a client wrote, short enough to be shown again.
pub fn quoted(value: &str) -> String {
    const SHOWN: usize = 60; // a name and some more
    let shown: String = value.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    let cut = if value.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("`{shown}{cut}`")
}

#[cfg(test)]
mod tests {
    use super::{priority, quoted, text, time};

    #[test]
    fn times_outside_of_what_all_can_hold_are_refused() {
        assert!(time("2026-01-31T18:00:00Z").is_ok() && time("2026-01-31T18:00:00.5+02:00").is_ok());
        for bad in ["", "now", "2026-01-31", "-9999-01-01T00:00:00Z", "3000-01-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_counted_in_characters_and_may_hold_no_nul() {
        assert!(text("ééé", 3).is_ok());
        assert!(text("éééé", 3).is_err());
        assert!(text("a\0b", 10).is_err());
    }

    #[test]
    fn a_priority_is_bounded_on_both_sides() {
        assert_eq!(priority(-1_000), Ok(-1_000));
        for bad in [-1_001, 1_001, i64::MAX, i64::MIN + 1, i64::MIN] {
            assert!(priority(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_again_is_short_and_has_no_control_characters() {
        assert_eq!(quoted("a\nb\0"), "`ab`");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 63);
    }
}
