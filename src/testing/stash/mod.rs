//! A Stash for tests: a real HTTP server on loopback that speaks Stash's GraphQL protocol.
//!
//! ```
//! use stashhog::testing::stash::{FakeScene, FakeStash};
//!
//! let stash = FakeStash::start();
//! let tag = stash.add_tag("Harbour");
//! let scene = stash.add_scene(FakeScene { tags: vec![tag], ..FakeScene::titled("Harbour at Dawn") });
//! // A job finds it at `stash.url()`; afterwards the test looks at what became of it.
//! assert_eq!(stash.scene(&scene).unwrap().title, "Harbour at Dawn");
//! assert!(stash.mutations().is_empty());
//! ```
//!
//! Faithful where it matters: pages, sorts and filters; times as texts of the server's time zone, which are compared as texts;
//! an unknown id among `ids` fails the whole question; errors with status 200; a question that its schema does not know is
//! refused with 422; tasks that advance each time somebody looks. It looks at the operation's name to see what is asked, and
//! answers with all fields of it.

mod answer;
mod library;
mod server;
mod task;

pub use library::FakeScene;
pub use task::FakeTask;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::Value;

use self::library::Library;
use self::task::Tasks;
use super::loopback::Loopback;
use crate::services::stash::Kind;

/// A question that it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The operation: `FindScenes`.
    pub operation: String,
    /// With which variables.
    pub variables: Value,
}

/// A fake Stash; it is gone when this is dropped.
pub struct FakeStash {
    state: Arc<Mutex<State>>,
    server: Loopback,
}

type OnCall = Arc<dyn Fn(&Call) + Send + Sync>;

#[derive(Default)]
struct State {
    library: Library,
    tasks: Tasks,
    calls: Vec<Call>,
    key: Option<String>,
    before_groups: bool,
    /// Operations that fail, how often, and what is said then.
    failing: Vec<(String, u32, String)>,
    /// Called before each question is answered.
    on_call: Option<OnCall>,
}

impl FakeStash {
    /// Starts one that is empty, and asks for no key.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub fn start() -> Self {
        let state = Arc::default();
        Self { server: server::start(Arc::clone(&state)), state }
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Asks for this key from now on.
    pub fn require_key(&self, key: &str) {
        self.lock().key = Some(key.to_owned());
    }

    /// Is a server of before v0.27 from now on: it has movies instead of groups, and knows no `ids` of scenes.
    pub fn be_before_groups(&self) {
        self.lock().before_groups = true;
    }

    /// Keeps its times in this time zone.
    pub fn live_in(&self, zone: FixedOffset) {
        self.lock().library.zone = zone;
    }

    /// Answers the next `times` questions of this operation with an error.
    pub fn fail(&self, operation: &str, times: u32, message: &str) {
        self.lock().failing.push((operation.to_owned(), times, message.to_owned()));
    }

    /// Answers every question whose answer would have all of this entity with an error; its id alone is told.
    pub fn fail_entity(&self, kind: Kind, id: &str, message: &str) {
        self.lock().library.broken.insert((kind, number(id)), message.to_owned());
    }

    /// Answers without errors again.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.library.broken.clear();
        state.failing.clear();
    }

    /// Calls `look` before each question is answered.
    pub fn on_call(&self, look: impl Fn(&Call) + Send + Sync + 'static) {
        self.lock().on_call = Some(Arc::new(look));
    }

    /// What it was asked, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How often it was asked this.
    pub fn calls_of(&self, operation: &str) -> usize {
        self.lock().calls.iter().filter(|call| call.operation == operation).count()
    }

    /// The changes that it was asked to make, in order.
    pub fn mutations(&self) -> Vec<Call> {
        let changes = |call: &&Call| answer::is_mutation(&call.operation);
        self.lock().calls.iter().filter(changes).cloned().collect()
    }

    /// Adds a tag. Its id.
    pub fn add_tag(&self, name: &str) -> String {
        self.lock().library.add(Kind::Tags, name).to_string()
    }

    /// Adds a performer. Its id.
    pub fn add_performer(&self, name: &str) -> String {
        self.lock().library.add(Kind::Performers, name).to_string()
    }

    /// Adds a studio. Its id.
    pub fn add_studio(&self, name: &str) -> String {
        self.lock().library.add(Kind::Studios, name).to_string()
    }

    /// Adds a scene. Its id.
    pub fn add_scene(&self, scene: FakeScene) -> String {
        self.lock().library.add_scene(scene).to_string()
    }

    /// Has this many scenes besides, with ids from 1 on, made when they are asked for, and the performers, tags and studios that
    /// they name. All of them last changed in 2024. To be called first.
    pub fn have_scenes(&self, count: usize) {
        self.lock().library.have_scenes(count);
    }

    /// A scene as it is now.
    pub fn scene(&self, id: &str) -> Option<FakeScene> {
        self.lock().library.scene(number(id))
    }

    /// Changes a scene, as somebody does in the browser: it counts as changed now.
    ///
    /// # Panics
    ///
    /// When there is no such scene.
    pub fn change_scene(&self, id: &str, change: impl FnOnce(&mut FakeScene)) {
        self.lock().library.change_scene(number(id), change);
    }

    /// Gives a performer, tag or studio another name.
    pub fn rename(&self, kind: Kind, id: &str, name: &str) {
        self.lock().library.rename(kind, number(id), name);
    }

    /// The name of a performer, tag or studio.
    pub fn name(&self, kind: Kind, id: &str) -> Option<String> {
        self.lock().library.name(kind, number(id))
    }

    /// Says when an entity last changed.
    pub fn set_updated_at(&self, kind: Kind, id: &str, time: DateTime<Utc>) {
        self.lock().library.set_updated_at(kind, number(id), time);
    }

    /// Deletes an entity. Scenes lose it, and do not count as changed.
    pub fn delete(&self, kind: Kind, id: &str) {
        self.lock().library.delete(kind, number(id));
    }

    /// Deletes everything.
    pub fn delete_all(&self) {
        let mut state = self.lock();
        let zone = state.library.zone;
        state.library = Library::default();
        state.library.zone = zone;
    }

    /// Sets how often a task is looked at before it is over; 3 unless told otherwise. `None`: it runs until it is stopped.
    pub fn tasks_take(&self, looks: Option<u32>) {
        self.lock().tasks.looks = looks;
    }

    /// Makes tasks fail at their end.
    pub fn fail_tasks(&self, message: &str) {
        self.lock().tasks.error = Some(message.to_owned());
    }

    /// Forgets all tasks, as a restart does.
    pub fn forget_tasks(&self) {
        self.lock().tasks.all.clear();
    }

    /// Its tasks, in the order of their starts.
    pub fn tasks(&self) -> Vec<FakeTask> {
        self.lock().tasks.all.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(id: &str) -> i64 {
    id.parse().unwrap_or_else(|_| panic!("`{id}` is no id of Stash"))
}
