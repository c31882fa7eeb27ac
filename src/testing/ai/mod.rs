//! An AI service for tests: a real HTTP server on loopback that speaks `chat/completions` and `models` as OpenAI's does.
//!
//! ```
//! use serde_json::json;
//! use stashhog::testing::ai::{FakeAi, Reply};
//!
//! let ai = FakeAi::start();
//! // What it answers when it was told nothing else.
//! ai.answer_with(|question| Reply::json(json!({ "echo": question.user() })));
//! // What it answers first, in this order.
//! ai.next(Reply::status(429).retry_after(0));
//! // A job finds it at `ai.url()`; afterwards the test looks at what it was asked.
//! assert!(ai.questions().is_empty());
//! ```
//!
//! Faithful where it matters: the key is a bearer token; a model that it does not have is a 404 with an error object; an answer has
//! `choices` with a `finish_reason`, and `usage`. It has no mind: what it answers, the test says.

mod reply;
mod server;

pub use reply::Reply;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::loopback::Loopback;

/// The model that it has.
pub const MODEL: &str = "small-model";

/// What it answers when no reply is left of those that were said one by one.
type Answer = Arc<dyn Fn(&Question) -> Reply + Send + Sync>;

/// A fake AI service; it is gone when this is dropped.
pub struct FakeAi {
    state: Arc<Mutex<State>>,
    server: Loopback,
}

/// A question that it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The whole body of the request.
    pub body: Value,
}

impl Question {
    /// What the model is to do.
    pub fn system(&self) -> &str {
        self.said_by("system")
    }

    /// What with: the last line that the user said.
    pub fn user(&self) -> &str {
        self.said_by("user")
    }

    /// The form of the answer that is asked for: `json_schema` or `json_object`.
    pub fn form(&self) -> &str {
        self.body["response_format"]["type"].as_str().unwrap_or_default()
    }

    fn said_by(&self, role: &str) -> &str {
        let mut lines = self.body["messages"].as_array().into_iter().flatten();
        let last = lines.rfind(|line| line["role"] == role);
        last.and_then(|line| line["content"].as_str()).unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    key: Option<String>,
    no_schemas: bool,
    next: VecDeque<Reply>,
    answer: Option<Answer>,
    questions: Vec<Question>,
    at_once: usize,
    most_at_once: usize,
}

impl FakeAi {
    /// Starts one on a free port. It has the model [`MODEL`], wants no key, and answers `{}`.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        Self { server: server::start(Arc::clone(&state)), state }
    }

    /// Its base address, which the setting `ai.url` has.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Lets in only who has this key.
    pub fn require_key(&self, key: &str) {
        self.lock().key = Some(key.to_owned());
    }

    /// Makes it a server that knows no schemas, and says so.
    pub fn know_no_schemas(&self) {
        self.lock().no_schemas = true;
    }

    /// Says what it answers next; may be said several times, for several questions.
    pub fn next(&self, reply: Reply) {
        self.lock().next.push_back(reply);
    }

    /// Says what it answers to every question for which [`next`](Self::next) said nothing.
    pub fn answer_with(&self, answer: impl Fn(&Question) -> Reply + Send + Sync + 'static) {
        self.lock().answer = Some(Arc::new(answer));
    }

    /// Every question that it was asked, those that it refused too, in order.
    pub fn questions(&self) -> Vec<Question> {
        self.lock().questions.clone()
    }

    /// How many questions it had to answer at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.lock().most_at_once
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
