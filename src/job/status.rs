//! The status of a job and the outcome that a handler returns.
//!
//! ```text
//!  pending ──claim──▶ running ──▶ completed | failed | cancelled
//!     │                 │  └─ its node died ─▶ pending
//!     │                 └─ cancel ─▶ cancelling ─▶ cancelled
//!     └─ cancel ─▶ cancelled
//! ```
//!
//! A terminal status is never left. Both are stored as text, never as a database enum, so that adding one is no migration.

/// An enum that is text everywhere: in SQL, in JSON and on the command line.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema, utoipa::ToSchema)]
        #[derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word for it in SQL, JSON and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|v| v.as_str()).collect();
                    format!("`{text}` is not one of {}", known.join(", "))
                })
            }
        }

        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg>>::to_sql(self.as_str(), out)
            }
        }

        impl diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg>>::from_sql(bytes)?;
                text.parse::<Self>().map_err(Into::into)
            }
        }
    };
}

pub(crate) use text_enum;

text_enum! {
    /// Where a job is in its life.
    Status {
        /// Waits to be claimed.
        Pending = "pending",
        /// A node runs it.
        Running = "running",
        /// Asked to stop, not yet stopped.
        Cancelling = "cancelling",
        /// Ended; the work was done (perhaps with item errors).
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Ended because someone asked.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// What a handler returned.
    OutcomeKind {
        /// All of it was done.
        Completed = "completed",
        /// Done, but some items failed.
        CompletedWithErrors = "completed_with_errors",
        /// Not done.
        Failed = "failed",
        /// Stopped on request.
        Cancelled = "cancelled",
    }
}

impl Status {
    /// Whether a job with this status has ended for good.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The final status of a job that had this status when its handler returned `outcome`.
    ///
    /// A job that was asked to stop ends as cancelled whatever it returned; its result is kept all the same.
    pub const fn after(self, outcome: OutcomeKind) -> Self {
        match (self, outcome) {
            (Self::Cancelling, _) | (_, OutcomeKind::Cancelled) => Self::Cancelled,
            (_, OutcomeKind::Failed) => Self::Failed,
            (_, OutcomeKind::Completed | OutcomeKind::CompletedWithErrors) => Self::Completed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OutcomeKind, Status};

    #[test]
    fn a_cancelling_job_ends_cancelled_whatever_it_returned() {
        for outcome in OutcomeKind::ALL {
            assert_eq!(Status::Cancelling.after(*outcome), Status::Cancelled);
        }
    }

    #[test]
    fn outcomes_decide_the_status_of_a_running_job() {
        let ended: Vec<_> = OutcomeKind::ALL.iter().map(|o| Status::Running.after(*o)).collect();
        assert_eq!(ended, [Status::Completed, Status::Completed, Status::Failed, Status::Cancelled]);
    }

    #[test]
    fn words_round_trip_and_a_wrong_one_lists_the_right_ones() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>().as_ref(), Ok(status));
        }
        let error = "canceled".parse::<Status>().unwrap_err();
        assert!(error.contains("cancelled"), "{error}");
    }
}
