//! Asking the database on behalf of a request, or writing to it: [`store::read`](crate::store::read), with its errors as answers.

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::AsyncPgConnection;

use super::error::{ApiError, ErrorCode};
use crate::job::DbPool;
use crate::store::read::{self, ReadError, STATEMENT};

/// Does `work` in a read-only transaction with a time limit.
pub async fn read<T>(
    db: &DbPool,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
) -> Result<T, ApiError> {
    read::read(db, work).await.map_err(refusal)
}

/// Does `work` in a transaction with a time limit, which takes effect unless the database refuses something. `work` may have an
/// answer of its own against the request, as long as it has written nothing.
pub async fn write<T>(
    db: &DbPool,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<Result<T, ApiError>>,
) -> Result<T, ApiError> {
    read::write(db, work).await.map_err(refusal)?
}

fn refusal(error: ReadError) -> ApiError {
    match error {
        ReadError::NoConnection(error) => {
            tracing::debug!(%error, "no connection for a request");
            ApiError::new(ErrorCode::Unavailable, "the database does not answer or is overrun; try again")
        }
        ReadError::Lost => ApiError::new(ErrorCode::Unavailable, "the database does not answer; try again"),
        ReadError::TooLong => {
            let detail = format!("the database took longer than {} s; narrow the question", STATEMENT.as_secs());
            ApiError::new(ErrorCode::QueryTimeout, detail)
        }
        ReadError::Refused(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, about))
            if about.constraint_name() == Some("schedules_name_key") =>
        {
            ApiError::new(ErrorCode::ScheduleNameTaken, "another schedule has this name; choose another")
        }
        ReadError::Refused(error) => ApiError::internal(&error),
    }
}
