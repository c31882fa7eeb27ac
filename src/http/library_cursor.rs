//! Where a page of the library begins: the sort key and the id of the last one before it, in a form that promises nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};

/// The kind of list and the version of the cursor.
const TAG: &str = "l1";
/// Stands in no text: Postgres has none.
const BETWEEN: char = '\0';

/// The cursor behind the row with this sort key and id.
pub fn after(key: &str, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{TAG}{key}{BETWEEN}{id}"))
}

/// The same for a time.
pub fn after_time(time: DateTime<Utc>, id: &str) -> String {
    after(&time.timestamp_micros().to_string(), id)
}

/// The sort key and the id that a cursor stands behind.
pub fn parse(cursor: &str) -> Result<(String, String), String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let place = text.as_deref().and_then(|text| text.strip_prefix(TAG)?.split_once(BETWEEN));
    let place = place.filter(|(_, id)| !id.contains(BETWEEN));
    place.map(|(key, id)| (key.to_owned(), id.to_owned())).ok_or_else(refused)
}

/// The same for a time. None that a database does not know.
pub fn parse_time(cursor: &str) -> Result<(DateTime<Utc>, String), String> {
    let (key, id) = parse(cursor)?;
    let time =
        key.parse().ok().and_then(DateTime::from_timestamp_micros).filter(|time| (0..=9_999).contains(&time.year()));
    time.map(|time| (time, id)).ok_or_else(refused)
}

fn refused() -> String {
    "is not a cursor of this list; pass `next_cursor` of the page before, unchanged".to_owned()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{after, after_time, parse, parse_time};

    #[test]
    fn a_cursor_comes_back_as_what_it_was_made_from_and_nothing_else_is_one() {
        assert_eq!(parse(&after("Ünïcode, name", "12")), Ok(("Ünïcode, name".to_owned(), "12".to_owned())));
        let time = DateTime::<Utc>::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        assert_eq!(parse_time(&after_time(time, "7")), Ok((time, "7".to_owned())));
        for bad in ["a name", "-99999999999999999", "8000000000000000000", "999999999999999999999"] {
            assert!(parse_time(&after(bad, "7")).is_err(), "{bad}");
        }
        for bad in ["", "x", "!!!", &after("a", "1")[1..], "bDE"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
