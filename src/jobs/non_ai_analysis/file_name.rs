//! What the name of a file says by its form: a title, a date.

use std::sync::LazyLock;

use chrono::NaiveDate;
use regex::Regex;

/// Words that speak of the file, not of what is in it.
static TECHNICAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words =
        r"(?i)^(\d{3,4}[pi]|[48]k|uhd|fhd|hd|sd|[xh]\.?26[45]|hevc|avc|av1|aac|webrip|web-?dl|bluray|hdtv|mp4)$";
    Regex::new(words).ok()
});
static DATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^0-9])((?:19|20)\d\d)([-._ ]?)(\d\d)([-._ ]?)(\d\d)(?:[^0-9]|$)").ok());

/// The name of the file without its folders and its ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 5 && !ending.contains(' ') => stem,
        _ => name,
    }
}

/// A date in the name, where one stands there with or without marks between its parts: `2026-01-31`, `20260131`.
pub fn date(path: &str) -> Option<NaiveDate> {
    let found = DATE.as_ref()?.captures(stem(path))?;
    if found.get(2)?.as_str() != found.get(4)?.as_str() {
        return None;
    }
    let number = |at| found.get(at).and_then(|part| part.as_str().parse::<u32>().ok());
    NaiveDate::from_ymd_opt(i32::try_from(number(1)?).ok()?, number(3)?, number(5)?)
}

/// A title made of the name: without date and technical words, with spaces. None when nothing is left that says anything.
pub fn title(path: &str) -> Option<String> {
    let stem = stem(path);
    let dated = date(path).and(DATE.as_ref()?.captures(stem)).and_then(|found| {
        let (from, to) = (found.get(1)?.start(), found.get(5)?.end());
        Some(format!("{} {}", &stem[..from], &stem[to..]))
    });
    let text = dated.unwrap_or_else(|| stem.to_owned());
    let spaced = text.replace(['_', '.'], " ");
    let technical = TECHNICAL.as_ref()?;
    let words: Vec<_> = spaced
        .split_whitespace()
        .filter(|word| !technical.is_match(word.trim_matches(|c: char| !c.is_alphanumeric())))
        .collect();
    let title = words.join(" ");
    let title = title.trim_matches(|c: char| c.is_whitespace() || "-[]()".contains(c)).to_owned();
    title.chars().any(char::is_alphabetic).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::{date, title};

    #[test]
    fn a_title_is_what_is_left_without_date_and_technical_words() {
        for (path, expected) in [
            ("/v/Harbour.at.Dawn.1080p.x264.mp4", Some("Harbour at Dawn")),
            ("/v/2026-01-31 - Harbour_at_Dawn [WEBRip].mkv", Some("Harbour at Dawn")),
            ("Harbour at Dawn", Some("Harbour at Dawn")),
            ("/v/20260131.mp4", None),
            ("/v/1080p.mp4", None),
            ("/v/.mp4", None),
            ("", None),
        ] {
            assert_eq!(title(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_date_is_one_that_there_is() {
        let day = |path| date(path).map(|date| date.to_string());
        assert_eq!(day("/v/a 2026.01.31 b.mp4").as_deref(), Some("2026-01-31"));
        assert_eq!(day("/v/a_20260131.mp4").as_deref(), Some("2026-01-31"));
        for none in ["/2026-01-31/a.mp4", "/v/2026-02-30.mp4", "/v/120260131.mp4", "/v/2026-0131.mp4", "/v/2026.mp4"] {
            assert_eq!(day(none), None, "{none}");
        }
    }
}
