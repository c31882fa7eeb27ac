//! How many questions are asked at a time, and how soon one follows the other.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{MAX_CONCURRENT, REQUESTS_PER_MINUTE};
use crate::job::{Settings, Stop, Stopped};

/// Gives every question its turn.
#[derive(Debug)]
pub(super) struct Turns {
    places: Semaphore,
    /// How many places there are.
    pub(super) at_a_time: usize,
    /// The time between two beginnings; none when nothing limits them.
    apart: Option<Duration>,
    /// When the next question may begin.
    next: Mutex<Instant>,
}

impl Turns {
    pub(super) fn of(settings: &Settings) -> Self {
        let at_a_time = settings.get(&MAX_CONCURRENT).and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
        let per_minute = settings.get(&REQUESTS_PER_MINUTE).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        Self {
            places: Semaphore::new(at_a_time),
            at_a_time,
            apart: per_minute.map(|n| Duration::from_secs(60) / n),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for a place, then for the turn. The place is held until it is dropped. None without a place: nobody closes the places.
    pub(super) async fn wait(&self, stop: &Stop) -> Result<Option<SemaphorePermit<'_>>, Stopped> {
        let place = stop.unless_requested(self.places.acquire()).await?;
        if let Some(at) = self.turn() {
            stop.unless_requested(tokio::time::sleep_until(at)).await?;
        }
        Ok(place.ok())
    }

    fn turn(&self) -> Option<Instant> {
        let apart = self.apart?;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (*next).max(Instant::now());
        *next = at + apart;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::json;

    use super::Turns;
    use crate::job::{Settings, Stop};

    #[tokio::test]
    async fn questions_wait_for_a_place_and_begin_apart() {
        let values = [("ai.max_concurrent".to_owned(), json!(2))];
        let (turns, stop) = (Turns::of(&Settings::default().with(values)), Stop::default());
        let first = turns.wait(&stop).await.unwrap();
        let _second = turns.wait(&stop).await.unwrap();
        assert!(turns.wait(&stop).now_or_never().is_none(), "both places are taken");
        drop(first);
        assert!(turns.wait(&stop).now_or_never().is_some());

        let values = [("ai.requests_per_minute".to_owned(), json!(60))];
        let turns = Turns::of(&Settings::default().with(values));
        let (first, second) = (turns.turn().unwrap(), turns.turn().unwrap());
        assert_eq!((second - first).as_secs(), 1);
    }
}
