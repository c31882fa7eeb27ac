//! Waiting for the end of a job on behalf of a request: `GET /api/jobs/{id}?wait=30s`.
//!
//! A wait holds no thread and no connection to the database. It is woken by what the tracker announces, whichever node runs the
//! job, and the job is looked at every second as well, many jobs in one query, so that a lost notification costs a second. The
//! number of waits is bounded, and a wait ends early when its client hangs up or the server shuts down.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::error::{ApiError, ErrorCode};
use super::read::read;
use super::show::unknown;
use super::state::AppState;
use super::ws::Kept;
use crate::actors::child_watch::ChildWatch;
use crate::store::cancel::current;

/// Requests that wait at a time. Each costs a few kilobytes, and a look at its job per second.
const MOST_WAITS: usize = 1_000;
/// The longest wait. Proxies cut connections that are silent for longer.
pub const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How often a waiting request checks that its client is still connected.
const CLIENT_CHECK: Duration = Duration::from_secs(1);

/// The waits of this node.
pub struct Waits {
    watch: Arc<ChildWatch>,
    permits: Semaphore,
    closing: CancellationToken,
}

impl Waits {
    /// Waits that are woken by what `watch` hears.
    pub fn new(watch: Arc<ChildWatch>) -> Self {
        Self { watch, permits: Semaphore::new(MOST_WAITS), closing: CancellationToken::new() }
    }

    /// Ends all waits, now and later: each is answered with its job as it is.
    pub fn close(&self) {
        self.closing.cancel();
    }
}

/// Returns when the job has ended or `patience` is over; earlier when the client of this request hangs up, or the server shuts down.
pub async fn until_ended(
    state: &AppState,
    request: &HttpRequest,
    id: Uuid,
    patience: Duration,
) -> Result<(), ApiError> {
    let waits = &state.waits;
    let Ok(_permit) = waits.permits.try_acquire() else {
        let detail = format!("{MOST_WAITS} requests wait for jobs already; ask without `wait`, or again in a moment");
        return Err(ApiError::new(ErrorCode::Unavailable, detail));
    };
    let patience = sleep_until(Instant::now() + patience);
    tokio::pin!(patience);
    loop {
        // Before the look: the job may end between the two.
        let mut ended = waits.watch.follow_end(id);
        let jobs = read(&state.db, async |conn| current(conn, &[id]).await).await?;
        let job = jobs.first().ok_or_else(|| unknown(id))?;
        if job.status.is_terminal() {
            return Ok(());
        }
        tokio::select! {
            _ = ended.wait_for(|ended| *ended) => {} // or closed: it may have ended
            () = &mut patience => return Ok(()),
            () = waits.closing.cancelled() => return Ok(()),
            () = hung_up(request) => return Ok(()),
        }
    }
}

/// Returns when the client has closed its connection.
async fn hung_up(request: &HttpRequest) {
    let Some(connection) = request.conn_data::<Kept>() else { return std::future::pending().await };
    let mut check = interval(CLIENT_CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !connection.is_closed() {
        check.tick().await;
    }
}

/// Reads how long to wait: `30s`, `1500ms`, `1m`.
pub fn patience(value: &str) -> Result<Duration, String> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &value[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let number = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|digits| digits.parse::<u64>().ok());
    let wait = unit.zip(number).and_then(|(unit, number)| Some(Duration::from_millis(number.checked_mul(unit)?)));
    let allowed = wait.filter(|wait| *wait <= LONGEST_WAIT);
    allowed.ok_or_else(|| {
        format!("must be a whole number with ms, s or m, at most {} s, like 30s", LONGEST_WAIT.as_secs())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::patience;

    #[test]
    fn a_wait_has_a_unit_and_a_bound() {
        for (text, ms) in [("30s", 30_000), ("0s", 0), ("1m", 60_000), ("1500ms", 1_500), ("60000ms", 60_000)] {
            assert_eq!(patience(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in
            ["30", "s", "-1s", "+1s", "1.5s", "61s", "2m", "1h", "99999999999999999999s", "18446744073709551615m", "é"]
        {
            assert!(patience(bad).is_err(), "{bad}");
        }
    }
}
