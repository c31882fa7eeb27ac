//! What the job of a test keeps between its attempts: in memory.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending, ready};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::run::Run;
use super::setup::JobTest;
use crate::job::{Attempt, StateError, States};

/// The state of a job, whichever run of it stored it.
#[derive(Default)]
pub(super) struct KeptState(Mutex<Option<Value>>);

impl KeptState {
    fn get(&self) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }
}

/// Keeps the state of a job as one of its runs sees it.
pub(super) struct TestStates {
    pub(super) kept: Arc<KeptState>,
    /// Its node died: nobody is there any more who could store anything.
    pub(super) crashed: CancellationToken,
}

impl States for TestStates {
    fn load(&self, _: &Arc<Attempt>) -> BoxFuture<'static, Result<Option<Value>, StateError>> {
        ready(Ok(self.kept.get())).boxed()
    }

    fn store(&self, _: &Arc<Attempt>, state: Value, _: usize) -> BoxFuture<'static, Result<(), StateError>> {
        if self.crashed.is_cancelled() {
            return pending().boxed();
        }
        self.kept.set(state);
        ready(Ok(())).boxed()
    }
}

impl JobTest {
    /// Lets the job begin with this state, as if an earlier attempt had stored it.
    #[track_caller]
    pub fn state<T: Serialize + ?Sized>(self, state: &T) -> Self {
        let state = serde_json::to_value(state).unwrap_or_else(|error| panic!("the state can't be JSON: {error}"));
        self.kept_state.set(state);
        self
    }
}

impl Run {
    /// What its job keeps now for the next attempt; none when it has stored nothing.
    ///
    /// # Panics
    ///
    /// When that is not a `T`.
    #[track_caller]
    pub fn state<T: DeserializeOwned>(&self) -> Option<T> {
        let state = self.test.kept_state.get().filter(|state| !state.is_null())?;
        Some(
            serde_json::from_value(state)
                .unwrap_or_else(|error| panic!("the kept state does not fit: {error}\n{self}")),
        )
    }

    /// Asserts that its job keeps this state for the next attempt.
    #[track_caller]
    pub fn assert_state<T: Serialize + ?Sized>(&self, expected: &T) -> &Self {
        let expected = serde_json::to_value(expected).unwrap_or_else(|error| panic!("no JSON to expect: {error}"));
        assert_eq!(self.test.kept_state.get(), Some(expected), "the state that it keeps\n{self}");
        self
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use crate::job::{Job, JobContext, JobResult, JobSpec, Outcome};
    use crate::testing;

    /// Read a book, page by page.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Read {
        pages: u64,
        notes: String,
    }

    #[derive(Default, Serialize, Deserialize)]
    struct Bookmark {
        page: u64,
        notes: String,
    }

    impl Job for Read {
        const SPEC: JobSpec = JobSpec::new("read", "Read");

        async fn run(self, ctx: JobContext) -> JobResult {
            let mut bookmark: Bookmark = ctx.state().await?.unwrap_or_default();
            let read = bookmark.page;
            for page in read + 1..=self.pages {
                ctx.checkpoint()?;
                bookmark = Bookmark { page, notes: self.notes.clone() };
                ctx.checkpoint_state(&bookmark).await?;
                ctx.items(page, self.pages);
                tokio::task::yield_now().await;
            }
            Ok(Outcome::completed().data(json!({ "read": self.pages - read })))
        }
    }

    fn read(notes: &str) -> testing::JobTest {
        testing::job(Read { pages: 5, notes: notes.to_owned() })
    }

    #[tokio::test]
    async fn the_next_attempt_goes_on_where_the_last_checkpoint_was() {
        let run = read("").crash_at_item(3).await;
        run.assert_crashed().assert_state(&json!({ "page": 3, "notes": "" }));
        let run = run.resume().await;
        run.assert_completed();
        assert_eq!(run.result(), Some(&json!({ "read": 2 })));
        assert_eq!(run.state::<Bookmark>().map(|bookmark| bookmark.page), Some(5));
    }

    #[tokio::test]
    async fn a_test_says_what_an_earlier_attempt_kept() {
        let run = read("").state(&Bookmark { page: 4, notes: String::new() }).await;
        assert_eq!(run.result(), Some(&json!({ "read": 1 })));
        assert!(read("").state(&json!(null)).await.state::<Bookmark>().is_some(), "null is none");
        read("").state(&json!("gone")).await.assert_failed("the stored state does not fit");
    }

    #[tokio::test]
    async fn a_state_that_is_too_large_is_refused_in_words() {
        let run = read(&"x".repeat(262_144)).await;
        run.assert_failed("may have 262144 bytes of JSON, and this one has");
        assert!(run.state::<Bookmark>().is_none());
    }
}
