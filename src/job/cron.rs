//! A cron line: five fields, or six with seconds in front, or a nickname such as `@daily`.
//!
//! The `croner` crate reads and evaluates it. Its errors speak of components and positions; here each field is read alone
//! first, so that a mistake is told by the name of its field and what may stand there.

use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};

/// Longer lines are pasted by mistake.
const LONGEST: usize = 200;

/// The fields with what they may hold, seconds first.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L for the last, 15W for the weekday next to the 15th"),
    ("month", "1 to 12 or JAN to DEC"),
    ("weekday", "0 to 7 or SUN to SAT, 5#2 for the second Friday, 5#L for the last"),
];

/// Words for whole lines.
const NICKNAMES: [&str; 6] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"];

/// A cron line that was read.
#[derive(Clone, Debug)]
pub struct Cron {
    /// As it was written.
    line: String,
    pattern: croner::Cron,
    /// Whether second, minute and hour hold no `*`.
    names_times: bool,
}

impl Cron {
    /// Whether the line names times of day (`30 2 * * *`, `0,30 9-17 * * *`), and does not count on through the day
    /// (`0 * * * *`). The two differ when the clock is put forward or back: see [`Timetable`](super::Timetable).
    pub const fn names_times(&self) -> bool {
        self.names_times
    }

    /// It in words: `At 02:30`; else with the line: `On the line 0-30/5 * * * *`.
    pub fn words(&self) -> String {
        if self.line.split_ascii_whitespace().all(has_words) {
            self.pattern.describe().trim_end_matches('.').to_owned()
        } else {
            format!("On the line {}", self.line)
        }
    }

    /// The evaluator.
    pub(super) const fn pattern(&self) -> &croner::Cron {
        &self.pattern
    }
}

impl FromStr for Cron {
    /// What is wrong, and what is allowed.
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        if line.len() > LONGEST || !line.bytes().all(|b| b.is_ascii_graphic() || b == b' ' || b == b'\t') {
            return Err(format!("must be at most {LONGEST} plain characters on one line"));
        }
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        match fields.as_slice() {
            [nickname] if nickname.starts_with('@') => {
                if !NICKNAMES.contains(&nickname.to_ascii_lowercase().as_str()) {
                    return Err(format!("there is no `{nickname}`; the nicknames are {}", NICKNAMES.join(", ")));
                }
            }
            fields @ ([_, _, _, _, _] | [_, _, _, _, _, _]) => check_each(fields)?,
            other => {
                return Err(format!(
                    "has {} fields; it needs five (minute, hour, day of the month, month, weekday), or six with seconds in front",
                    other.len()
                ));
            }
        }
        // Whatever the whole has against it besides, the parser says in its own words.
        let pattern = read(line).map_err(|error| format!("is not understood: {error}"))?;
        // `@hourly` is the one nickname that counts on through the day.
        let times = if fields.len() == 1 { &fields[..] } else { &fields[..fields.len() - 3] };
        let names_times = !times.iter().any(|field| field.contains('*') || field.eq_ignore_ascii_case("@hourly"));
        Ok(Self { line: line.trim().to_owned(), pattern, names_times })
    }
}

/// Whether `croner` finds the right words for a field: steps from a minimum are all the same to it, wherever they end.
fn has_words(field: &str) -> bool {
    !field.contains('/') || field.strip_prefix("*/").is_some_and(|step| step.bytes().all(|b| b.is_ascii_digit()))
}

/// Reads each field with `*` in the place of the others. `croner` takes lists with nothing between two commas, and then looks
/// for values that the field does not have.
fn check_each(fields: &[&str]) -> Result<(), String> {
    let first = FIELDS.len() - fields.len();
    for (index, field) in fields.iter().enumerate() {
        let mut alone = ["*"; FIELDS.len()];
        alone[first + index] = field;
        let has_gap = field.trim_start_matches('+').split(',').any(str::is_empty);
        if has_gap || read(&alone.join(" ")).is_err() {
            let (name, values) = FIELDS[first + index];
            return Err(format!(
                "the {name} `{field}` is not understood; it takes {values}, and `*`, lists `1,2`, ranges `1-5`, steps `*/5`"
            ));
        }
    }
    Ok(())
}

fn read(line: &str) -> Result<croner::Cron, croner::errors::CronError> {
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build().parse(line)
}

#[cfg(test)]
mod tests {
    use super::Cron;

    fn read(line: &str) -> Result<Cron, String> {
        line.parse()
    }

    #[test]
    fn five_fields_six_fields_and_nicknames_are_read() {
        for (line, words) in [
            ("30 2 * * *", "At 02:30"),
            ("*/5 * * * *", "At every 5 minutes"),
            ("* * * * * *", "Every second"),
            ("@daily", "At 00:00"),
            (" 0 9 * * MON-FRI ", "At 09:00, on Monday, Tuesday, Wednesday, Thursday, and Friday"),
            ("0 12 L * ?", "At 12:00, on the last day of the month"),
            ("0-30/5 * * * *", "On the line 0-30/5 * * * *"),
            ("*/5,7 * * * MON", "On the line */5,7 * * * MON"),
        ] {
            assert_eq!(read(line).unwrap().words(), words, "{line}");
        }
    }

    #[test]
    fn a_mistake_is_told_by_its_field() {
        for (line, told) in [
            ("", "has 0 fields"),
            ("* * * *", "has 4 fields"),
            ("* * * * * * *", "has 7 fields"),
            ("60 * * * *", "the minute `60`"),
            ("0 24 * * *", "the hour `24`"),
            ("0 0 32 * *", "the day of the month `32`"),
            ("0 0 * FEBR *", "the month `FEBR`"),
            ("0 0 * * MONDAY", "the weekday `MONDAY`"),
            ("61 * * * * *", "the second `61`"),
            ("*/0 * * * *", "the minute `*/0`"),
            ("5-1 * * * *", "the minute `5-1`"),
            ("a * * * *", "the minute `a`"),
            (", * * * *", "the minute `,`"),
            ("1,,2 * * * *", "the minute `1,,2`"),
            ("0 0 * * +", "the weekday `+`"),
            ("@dayly", "there is no `@dayly`; the nicknames are @hourly, @daily"),
            ("@daily @daily", "has 2 fields"),
            ("0 0 * * \u{30c4}", "plain characters"),
            ("0 0 * *\n*", "plain characters"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(told), "{line}: {error}");
        }
        assert!(read(&"1,".repeat(500)).unwrap_err().contains("at most 200"));
    }

    #[test]
    fn times_of_day_are_told_from_what_counts_on() {
        for line in ["30 2 * * *", "0,30 9-17 * * *", "0 15 3 1 * *", "@daily", "0 0-23/6 * * *"] {
            assert!(read(line).unwrap().names_times(), "{line}");
        }
        for line in ["* * * * *", "*/5 2 * * *", "0 */2 * * *", "* 30 2 * * *", "@hourly"] {
            assert!(!read(line).unwrap().names_times(), "{line}");
        }
    }
}
