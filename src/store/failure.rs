//! What an error of the database means for whoever has to write something: by its SQLSTATE, never by its message, which
//! comes in the server's language.

use diesel::result::{DatabaseErrorKind, Error};

/// How to go on after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection is gone, or the server goes or comes: try again over a new connection.
    Lost,
    /// What the connection remembers is out of date (a plan, a prepared statement, the id of a type): a new one heals it.
    Stale,
    /// Somebody else is in the way: a lock, a deadlock, a serialization conflict, a time limit. Try again.
    Contention,
    /// The server can't at the moment: the disk is full, memory or connections ran out, it only reads. Try again later.
    Incapable,
    /// The database is not as it has to be: rights are missing, a table or column is, a trigger says no. It can be put
    /// right, and then the same write succeeds.
    Refused,
    /// The values can't be stored, now or later.
    Content,
}

impl Failure {
    /// What this error means.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
            | Error::BrokenTransactionManager
            | Error::RollbackErrorOnCommit { .. } => Self::Lost,
            Error::DatabaseError(..) => sqlstate(error).map_or(Self::Refused, Self::of_code),
            // A row that can't be read: a column's type has changed.
            Error::DeserializationError(_) => Self::Refused,
            _ => Self::Content,
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            "0A000" | "26000" | "34000" | "42P05" | "XX000" => Self::Stale,
            "55P03" | "55006" | "57014" => Self::Contention,
            "25006" => Self::Incapable,
            _ => match &code[..2] {
                "08" => Self::Lost,
                "57" => Self::Lost,
                "25" => Self::Lost, // the transaction is not in the state that we believe
                "40" => Self::Contention,
                "53" | "58" => Self::Incapable,
                "21" | "22" | "23" | "54" => Self::Content,
                _ => Self::Refused,
            },
        }
    }

    /// Whether the same work can succeed without anybody's help, so that trying again makes sense.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Lost | Self::Stale | Self::Contention | Self::Incapable)
    }

    /// Whether the connection is as good as before.
    pub const fn keeps_connection(self) -> bool {
        matches!(self, Self::Contention | Self::Content)
    }
}

/// What an error means, for people who watch the server: without the driver's words, which may name hosts and users.
pub fn explain(error: &Error) -> String {
    let what = match Failure::of(error) {
        Failure::Lost | Failure::Stale => "the database does not answer",
        Failure::Contention => "another session of the database holds a lock",
        Failure::Incapable => "the database cannot write at the moment: it is full, read-only or short of memory",
        Failure::Refused => {
            "the database refuses to write: rights are missing, or its tables are not as they have to be"
        }
        Failure::Content => "the database does not take the values",
    };
    sqlstate(error).map_or_else(|| what.to_owned(), |code| format!("{what} (SQLSTATE {code})"))
}

/// The SQLSTATE of an error, if the server sent it.
pub fn sqlstate(error: &Error) -> Option<&str> {
    let Error::DatabaseError(_, about) = error else { return None };
    let (_, code) = about.message().strip_suffix(')')?.rsplit_once("(SQLSTATE ")?;
    (code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> Error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[test]
    fn the_code_judges_whatever_the_language() {
        for (code, failure) in [
            ("57P01", Failure::Lost),
            ("08006", Failure::Lost),
            ("0A000", Failure::Stale),
            ("26000", Failure::Stale),
            ("55P03", Failure::Contention),
            ("40P01", Failure::Contention),
            ("57014", Failure::Contention),
            ("53100", Failure::Incapable),
            ("58030", Failure::Incapable),
            ("25006", Failure::Incapable),
            ("42501", Failure::Refused),
            ("42P01", Failure::Refused),
            ("P0001", Failure::Refused),
            ("22P05", Failure::Content),
            ("23514", Failure::Content),
            ("54000", Failure::Content),
        ] {
            let error = said(&format!("Sperre konnte nicht gesetzt werden (SQLSTATE {code})"));
            assert_eq!((sqlstate(&error), Failure::of(&error)), (Some(code), failure));
        }
    }

    #[test]
    fn a_message_that_quotes_a_code_has_none() {
        for message in ["deadlock (SQLSTATE 40P01) said the user", "(SQLSTATE 40P)", "(SQLSTATE é4001)", ""] {
            assert_eq!(sqlstate(&said(message)), None, "{message}");
        }
    }
}
