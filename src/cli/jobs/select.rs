//! Which jobs: the filters that listing, cancelling and retrying share.

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Map, Value};

use crate::job::{OutcomeKind, Status};

/// Filters; a job has to match all that are given.
#[derive(Args, Clone, Debug, Default)]
pub struct Select {
    /// With one of these statuses
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = words(Status::ALL.iter().map(|s| s.as_str())))]
    #[arg(help_heading = "Filters")]
    status: Vec<String>,
    /// Of one of these types
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', help_heading = "Filters")]
    types: Vec<String>,
    /// With one of these outcomes
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',')]
    #[arg(value_parser = words(OutcomeKind::ALL.iter().map(|s| s.as_str())), help_heading = "Filters")]
    outcome: Vec<String>,
    /// With this text in the message, the error or the type
    #[arg(short, long, value_name = "TEXT", help_heading = "Filters")]
    q: Option<String>,
    /// Triggered by
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    actor: Option<String>,
    /// Created at or after: 2026-11-24, 2026-11-24T08:00, or 30m, 12h, 7d ago
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Filters")]
    since: Option<DateTime<Utc>>,
    /// Created before
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Filters")]
    until: Option<DateTime<Utc>>,
}

fn words(known: impl Iterator<Item = &'static str>) -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(known.collect::<Vec<_>>())
}

impl Select {
    /// As the query of a list. Several values of one filter are one parameter, separated by commas.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let one = |name, value: Option<String>| value.map(|value| (name, value));
        let many = |name, values: &[String]| (!values.is_empty()).then(|| (name, values.join(",")));
        let time = |name, at: Option<DateTime<Utc>>| at.map(|at| (name, at.to_rfc3339()));
        let all = [
            many("status", &self.status),
            many("type", &self.types()),
            many("outcome", &self.outcome),
            one("q", self.q.clone()),
            one("actor", self.actor.clone()),
            time("since", self.since),
            time("until", self.until),
        ];
        all.into_iter().flatten().collect()
    }

    /// As the body of an act on many jobs.
    pub fn body(&self) -> Map<String, Value> {
        let value = |(name, value): (&str, String)| match name {
            "status" | "type" | "outcome" => (name.to_owned(), value.split(',').collect::<Value>()),
            _ => (name.to_owned(), value.into()),
        };
        self.query().into_iter().map(value).collect()
    }

    /// Whether no filter is given.
    pub fn is_empty(&self) -> bool {
        self.query().is_empty()
    }

    fn types(&self) -> Vec<String> {
        self.types.iter().map(|name| name.replace('-', "_")).collect()
    }
}

/// A point in time: one of the calendar, on the clock of whoever types it, or a while ago.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    if let Some(ago) = span(text) {
        return Utc::now().checked_sub_signed(ago).ok_or_else(|| "that is too long ago".to_owned());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let moment = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let at = day.or(moment).and_then(|at| Local.from_local_datetime(&at).earliest());
    at.map(|at| at.to_utc()).ok_or_else(|| "give 2026-11-24, 2026-11-24T08:00, or 30m, 12h, 7d for a while ago".into())
}

fn span(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|n| *n >= 0)?;
    match unit {
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};
    use clap::{Args, Command, FromArgMatches};
    use serde_json::json;

    use super::{Select, time};

    #[test]
    fn filters_are_a_query_or_a_body() {
        let line = "x --status pending,running --type scan-library -q a";
        let matches = Select::augment_args(Command::new("x")).get_matches_from(line.split(' '));
        let select = Select::from_arg_matches(&matches).unwrap();
        let query = [("status", "pending,running"), ("type", "scan_library"), ("q", "a")];
        assert_eq!(select.query(), query.map(|(name, value)| (name, value.to_owned())));
        let body = json!({"status": ["pending", "running"], "type": ["scan_library"], "q": "a"});
        assert_eq!(json!(select.body()), body);
        assert!(Select::default().is_empty());
    }

    #[test]
    fn times_are_dates_or_a_while_ago() {
        let ago = Utc::now() - time("2h").unwrap();
        assert!((ago - TimeDelta::hours(2)).num_seconds().abs() < 5);
        assert!(time("2026-11-24").unwrap() < time("2026-11-24T08:00").unwrap());
        assert_eq!(time("2026-11-24T08:00:00Z").unwrap().timestamp(), 1_795_507_200);
        for bad in ["", "h", "-3h", "soon", "99999999999999999d", "é"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
