//! Figures over all jobs, for a dashboard. Each of them is bounded by what is active or by the window, never by the history.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use super::query::{FromQuery, Query, QueryReader};
use super::read::read;
use super::refusals;
use super::state::AppState;
use crate::store::stats::{self, ActiveCount, Durations, Minute};

/// The window unless told otherwise.
const MINUTES: i64 = 60;
/// A day: 1,440 points of a curve.
const MOST_MINUTES: i64 = 24 * 60;

/// Which window.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// The last so many minutes; 60 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 1440, default = 60)]
    minutes: i32,
}

impl FromQuery for StatsQuery {
    fn read(query: &mut QueryReader) -> Self {
        let minutes = query.integer("minutes", 1..=MOST_MINUTES).unwrap_or(MINUTES);
        Self { minutes: i32::try_from(minutes).unwrap_or(i32::MAX) }
    }
}

/// Sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Jobs that wait.
    pub pending: i64,
    /// Jobs that run.
    pub running: i64,
    /// Jobs that are asked to stop.
    pub cancelling: i64,
    /// Jobs that completed within the window.
    pub completed: i64,
    /// Jobs that failed within the window.
    pub failed: i64,
    /// Jobs that were cancelled within the window.
    pub cancelled: i64,
    /// About how many jobs are kept in all, by Postgres' own estimate.
    pub kept_about: i64,
}

/// Figures over all jobs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// The window.
    pub minutes: i32,
    /// Sums.
    pub totals: Totals,
    /// Jobs that have not ended, by type and status.
    pub active: Vec<ActiveCount>,
    /// What ended in each minute of the window, oldest first. Minutes without an end are left out.
    pub throughput: Vec<Minute>,
    /// How long the jobs took that ended within the window, by type.
    pub durations: Vec<Durations>,
}

/// Shows figures over all jobs.
#[utoipa::path(
    get, path = "/api/stats", operation_id = "stats", tag = "server",
    params(StatsQuery),
    responses((status = 200, description = "The figures", body = Stats), refusals::AnyQuestion),
)]
pub async fn stats(state: Data<AppState>, query: Query<StatsQuery>) -> Result<Json<Stats>, ApiError> {
    let minutes = query.0.minutes;
    let answer = read(&state.db, async |conn| {
        let active = stats::active(conn).await?;
        let throughput = stats::throughput(conn, minutes).await?;
        let durations = stats::durations(conn, minutes).await?;
        let totals = totals(&active, &throughput, stats::kept_about(conn).await?);
        Ok(Stats { minutes, totals, active, throughput, durations })
    });
    answer.await.map(Json)
}

fn totals(active: &[ActiveCount], throughput: &[Minute], kept_about: i64) -> Totals {
    let with = |status: &str| active.iter().filter(|group| group.status == status).map(|group| group.count).sum();
    Totals {
        pending: with("pending"),
        running: with("running"),
        cancelling: with("cancelling"),
        completed: throughput.iter().map(|minute| minute.completed).sum(),
        failed: throughput.iter().map(|minute| minute.failed).sum(),
        cancelled: throughput.iter().map(|minute| minute.cancelled).sum(),
        kept_about,
    }
}
