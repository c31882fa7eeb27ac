//! The query string of a request, read strictly.
//!
//! A parameter that nobody asked for is an error that names those that exist: a misspelt filter must not show everything. All
//! that is wrong is told at once. An empty value counts as none, as forms send it. serde's form reader does neither, and knows
//! no lists.

use std::future::{Ready, ready};
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::error::{ApiError, BadParameter};
use super::limits::{self, quoted};

/// A type that is read from a query string.
pub trait FromQuery: Sized {
    /// Asks for each of its parameters. What is wrong is noted by the reader.
    fn read(query: &mut QueryReader) -> Self;
}

/// Takes no parameters.
impl FromQuery for () {
    fn read(_: &mut QueryReader) {}
}

/// The parameters of a request.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: FromQuery> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

/// Reads a `T` from a query string.
pub fn parse<T: FromQuery>(query: &str) -> Result<T, ApiError> {
    let mut reader = QueryReader::new(query);
    let read = T::read(&mut reader);
    reader.finish().map(|()| read)
}

/// The parameters that were sent, those that were asked for, and what was wrong.
#[derive(Debug, Default)]
pub struct QueryReader {
    sent: Vec<(String, String)>,
    asked: Vec<&'static str>,
    bad: Vec<BadParameter>,
}

impl QueryReader {
    fn new(query: &str) -> Self {
        let mut reader = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => reader.sent.push((name, value)),
                _ => reader.complain(name, "is not UTF-8 in percent-encoding"),
            }
        }
        reader
    }

    /// All values of a parameter that may be repeated, or hold several with commas between them.
    pub fn list<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let (good, bad): (Vec<_>, Vec<_>) = self
            .values(name)
            .iter()
            .flat_map(|value| value.split(','))
            .filter(|value| !value.is_empty())
            .map(parse)
            .partition(Result::is_ok);
        for message in bad.into_iter().filter_map(Result::err) {
            self.complain(name, message);
        }
        good.into_iter().filter_map(Result::ok).collect()
    }

    /// The value of a parameter that may be given once.
    pub fn one<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let values = self.values(name);
        let [value] = values.as_slice() else {
            if !values.is_empty() {
                self.complain(name, "may be given once");
            }
            return None;
        };
        parse(value).map_err(|message| self.complain(name, message)).ok()
    }

    /// A whole number within a range.
    pub fn integer(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.one(name, |value| match value.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(format!("must be a whole number from {} to {}", range.start(), range.end())),
        })
    }

    /// How many rows to answer with.
    pub fn limit(&mut self, default: i64) -> i64 {
        self.integer("limit", 1..=limits::PAGE_ROWS).unwrap_or(default)
    }

    /// Notes that a value that can be read is wrong all the same.
    pub fn refuse(&mut self, name: &'static str, message: &str) {
        self.complain(name, message);
    }

    /// Refuses what was wrong and what nobody asked for.
    fn finish(mut self) -> Result<(), ApiError> {
        let known = match self.asked.as_slice() {
            [] => "this path takes no parameters".to_owned(),
            asked => format!("the parameters are {}", asked.join(", ")),
        };
        let unknown: Vec<_> = self.sent.iter().map(|(name, _)| quoted(name)).collect();
        for name in unknown {
            self.complain(name.trim_matches('`'), format!("is unknown; {known}"));
        }
        if self.bad.is_empty() { Ok(()) } else { Err(ApiError::parameters(self.bad)) }
    }

    fn values(&mut self, name: &'static str) -> Vec<String> {
        self.asked.push(name);
        let values = self.sent.extract_if(.., |(sent, _)| sent == name).map(|(_, value)| value);
        values.filter(|value| !value.is_empty()).collect()
    }

    fn complain(&mut self, name: &str, message: impl Into<String>) {
        const TOLD: usize = 20; // whoever sends more mistakes can send them again
        if self.bad.len() < TOLD {
            self.bad.push(BadParameter { parameter: name.to_owned(), message: message.into() });
        }
    }
}

/// A parser for types whose `FromStr` says in its error what is allowed.
pub fn word<T: FromStr<Err = String>>(value: &str) -> Result<T, String> {
    // The error quotes the value. No word is longer than a name, so that cutting makes none right.
    value.chars().take(limits::NAME_CHARS).collect::<String>().parse()
}

/// A parser for what is so or not.
pub fn flag(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("{} is neither true nor false", quoted(value)))
}

/// A parser for ids.
pub fn uuid(value: &str) -> Result<uuid::Uuid, String> {
    value.parse().map_err(|_| format!("{} is not a UUID", quoted(value)))
}

/// Undoes percent-encoding; none when it is broken or what it hides is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{FromQuery, QueryReader, decode, parse, word};
    use crate::job::Status;

    #[derive(Debug, PartialEq)]
    struct Asked(Vec<Status>, Option<i64>);

    impl FromQuery for Asked {
        fn read(query: &mut QueryReader) -> Self {
            Self(query.list("status", word), query.integer("limit", 1..=500))
        }
    }

    fn complaints(query: &str) -> Vec<(String, String)> {
        let error = parse::<Asked>(query).unwrap_err();
        error.problem().parameters.iter().map(|p| (p.parameter.clone(), p.message.clone())).collect()
    }

    #[test]
    fn lists_are_comma_separated_or_repeated_and_empty_values_are_none() {
        let asked = Asked(vec![Status::Pending, Status::Failed, Status::Running], None);
        assert_eq!(parse::<Asked>("status=pending,failed&status=running&limit=").unwrap(), asked);
        assert_eq!(parse::<Asked>("&&status=").unwrap(), Asked(vec![], None));
    }

    #[test]
    fn an_unknown_parameter_is_refused_and_the_known_ones_are_named() {
        assert_eq!(complaints("stauts=failed")[0].1, "is unknown; the parameters are status, limit");
        assert!(parse::<()>("x=1").unwrap_err().to_string().contains("takes no parameters"));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let told = complaints("status=done,failed&limit=99999999999999999999&x=%FF&y=1");
        let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x", "status", "limit", "y"]);
        assert!(told[1].1.contains("`done`") && told[1].1.contains("failed"), "{told:?}");
        assert_eq!(told[2].1, "must be a whole number from 1 to 500");
    }

    #[test]
    fn a_parameter_that_may_be_given_once_is_not_taken_from_either() {
        assert_eq!(complaints("limit=1&limit=2"), [("limit".to_owned(), "may be given once".to_owned())]);
    }

    #[test]
    fn percent_encoding_is_undone_or_refused() {
        assert_eq!(decode("a+b%20%C3%A9").as_deref(), Some("a b é"));
        for bad in ["%", "%2", "%zz", "%C3", "%ED%A0%80"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
