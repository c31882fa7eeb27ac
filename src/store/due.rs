//! Which schedules are due, by the database's clock: the one that all servers share.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{Double, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::schedules::ScheduleRow;
use super::schema::schedules;

/// The schedule that has been due longest, of these types and not among `except`, with the time that it is. Nobody else fires or
/// writes it until the transaction ends; what another node is firing is passed over.
pub async fn pick(
    conn: &mut AsyncPgConnection,
    types: &[&str],
    except: &[Uuid],
) -> QueryResult<Option<(ScheduleRow, DateTime<Utc>)>> {
    schedules::table
        .filter(schedules::enabled)
        .filter(schedules::next_run_at.le(sql::<Nullable<Timestamptz>>("now()")))
        .filter(schedules::type_.eq_any(types))
        .filter(schedules::id.ne_all(except))
        .order((schedules::next_run_at, schedules::id))
        .select((ScheduleRow::as_select(), sql::<Timestamptz>("now()")))
        .for_update()
        .skip_locked()
        .first(conn)
        .await
        .optional()
}

/// Schedules of these types that wait for a due time, with the time that it is.
pub async fn waiting(conn: &mut AsyncPgConnection, types: &[&str]) -> QueryResult<Vec<(ScheduleRow, DateTime<Utc>)>> {
    schedules::table
        .filter(schedules::enabled)
        .filter(schedules::next_run_at.gt(sql::<Nullable<Timestamptz>>("now()")))
        .filter(schedules::type_.eq_any(types))
        .select((ScheduleRow::as_select(), sql::<Timestamptz>("now()")))
        .load(conn)
        .await
}

/// Moves a schedule back that waits for a due time which is not its next one. False when somebody wrote it meanwhile.
pub async fn move_back(conn: &mut AsyncPgConnection, schedule: &ScheduleRow, next: DateTime<Utc>) -> QueryResult<bool> {
    let as_read = schedules::table
        .find(schedule.id)
        .filter(schedules::next_run_at.eq(schedule.next_run_at))
        .filter(schedules::updated_at.eq(schedule.updated_at));
    Ok(diesel::update(as_read).set(schedules::next_run_at.eq(next)).execute(conn).await? > 0)
}

/// Moves a picked schedule on to its next due time; none when there is no telling.
pub async fn move_on(conn: &mut AsyncPgConnection, id: Uuid, next: Option<DateTime<Utc>>) -> QueryResult<usize> {
    diesel::update(schedules::table.find(id)).set(schedules::next_run_at.eq(next)).execute(conn).await
}

/// Seconds until the next schedule of these types is due; negative where one is.
pub async fn seconds_until_next(conn: &mut AsyncPgConnection, types: &[&str]) -> QueryResult<Option<f64>> {
    schedules::table
        .filter(schedules::enabled)
        .filter(schedules::type_.eq_any(types))
        .select(sql::<Nullable<Double>>("extract(epoch FROM min(next_run_at) - clock_timestamp())::float8"))
        .first(conn)
        .await
}
