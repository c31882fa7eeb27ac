//! Why the database does not do what it is asked, in the few kinds that people can act on.

use chrono::{DateTime, Utc};
use diesel::result::Error;

use super::failure::{Failure, sqlstate};

/// Something that keeps this node from its database, or from writing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outage {
    /// Nobody answers, or the log-in is refused.
    Unreachable,
    /// It shuts down or starts up.
    Restarting,
    /// It only reads: a standby, or `default_transaction_read_only`.
    ReadOnly,
    /// Its disk is full.
    Full,
    /// It accepts no further connection.
    TooManyConnections,
    /// It refuses a write that it should take: rights are missing, or a table or column is.
    RefusesWrites,
}

impl Outage {
    /// What an error says of the database; none where it is about the statement, or passes at once.
    pub fn of(error: &Error) -> Option<Self> {
        match sqlstate(error) {
            Some("57P01" | "57P02" | "57P03") => return Some(Self::Restarting),
            Some("25006") => return Some(Self::ReadOnly),
            Some("53100") => return Some(Self::Full),
            Some("53300") => return Some(Self::TooManyConnections),
            _ => {}
        }
        match Failure::of(error) {
            Failure::Lost => Some(Self::Unreachable),
            Failure::Incapable | Failure::Refused => {
                matches!(error, Error::DatabaseError(..)).then_some(Self::RefusesWrites)
            }
            Failure::Stale | Failure::Contention | Failure::Content => None,
        }
    }

    /// What is wrong and what to do, as the beginning of a sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Unreachable => "the database does not answer",
            Self::Restarting => "the database is shutting down or starting up",
            Self::ReadOnly => {
                "the database is read-only: it is a standby, or default_transaction_read_only is on; point --database-url at \
                 the primary"
            }
            Self::Full => "the disk of the database is full; make room on it",
            Self::TooManyConnections => {
                "the database accepts no further connection; raise the limit of the role, the database or max_connections, or \
                 lower --db-connections"
            }
            Self::RefusesWrites => "the database refuses a write; check the rights and the tables of StashHog's role",
        }
    }
}

/// An outage that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageNow {
    /// Its kind.
    pub outage: Outage,
    /// When the last statement before it succeeded, or when it was first noticed.
    pub since: DateTime<Utc>,
    /// What the database said last; empty when it said nothing.
    pub said: String,
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};

    use super::Outage;

    #[test]
    fn the_code_of_an_error_tells_the_outage() {
        let error =
            |code: &str| Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(format!("nein (SQLSTATE {code})")));
        for (code, outage) in [
            ("57P01", Some(Outage::Restarting)),
            ("57P03", Some(Outage::Restarting)),
            ("08006", Some(Outage::Unreachable)),
            ("25006", Some(Outage::ReadOnly)),
            ("53100", Some(Outage::Full)),
            ("53300", Some(Outage::TooManyConnections)),
            ("42501", Some(Outage::RefusesWrites)),
            ("42P01", Some(Outage::RefusesWrites)),
            ("55P03", None),
            ("40001", None),
            ("23505", None),
            ("0A000", None),
        ] {
            assert_eq!(Outage::of(&error(code)), outage, "{code}");
        }
        assert_eq!(Outage::of(&Error::NotFound), None);
    }
}
