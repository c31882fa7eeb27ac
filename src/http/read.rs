//! Asking the database on behalf of a request, or writing to it: [`store::read`](crate::store::read), with its errors as answers.

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::AsyncPgConnection;

use super::error::{ApiError, ErrorCode};
use super::submit::UNKNOWN;
use crate::actors::health::ReasonCode;
use crate::job::DbPool;
use crate::store::read::{self, ReadError, STATEMENT};

/// Does `work` in a read-only transaction with a time limit.
pub async fn read<T>(
    db: &DbPool,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
) -> Result<T, ApiError> {
    read::read(db, work).await.map_err(ApiError::from)
}

/// Does `work` in a transaction with a time limit, which takes effect unless the database refuses something. `work` may have an
/// answer of its own against the request, as long as it has written nothing.
pub async fn write<T>(
    db: &DbPool,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<Result<T, ApiError>>,
) -> Result<T, ApiError> {
    read::write(db, work).await.map_err(ApiError::from)?
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Busy => {
                Self::new(ErrorCode::Unavailable, format!("{error}; try again")).cause(ReasonCode::ConnectionsBusy)
            }
            ReadError::NoConnection(outage, error) => {
                tracing::debug!(%error, "no connection for a request");
                Self::outage(outage, "try again")
            }
            ReadError::OutcomeUnknown => Self::new(ErrorCode::OutcomeUnknown, UNKNOWN),
            ReadError::Lost(outage) => Self::outage(outage, "try again"),
            ReadError::Passing => Self::new(ErrorCode::Unavailable, format!("{error}; try again")),
            ReadError::TooLong => {
                let detail = format!("the database took longer than {} s; narrow the question", STATEMENT.as_secs());
                Self::new(ErrorCode::QueryTimeout, detail)
            }
            ReadError::Refused(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, about))
                if about.constraint_name() == Some("schedules_name_key") =>
            {
                Self::new(ErrorCode::ScheduleNameTaken, "another schedule has this name; choose another")
            }
            ReadError::Refused(error) => Self::internal(&error),
        }
    }
}
