//! What the jobs that propose changes to scenes have in common, whoever has the ideas.
//!
//! ```text
//!   Wanted (params) ──▶ Building::begin ──▶ ids of scenes ──▶ scenes ──▶ the job's ideas: Suggestion
//!                            │ Catalog (names that the library has)            │
//!                            ▼                                                 ▼ only what differs from what is there
//!                       plans, plan_scenes  ◀────────── keep ───────────── NewChange
//! ```
//!
//! A job has one plan however often it runs: a run that was cut short goes on behind the scenes that it kept. What ends a run,
//! the plan is told: cancelled or failed, it stays with what was found and says why it is not whole.

mod building;
mod catalog;
mod suggestion;

pub use building::{Building, Wanted};
pub use catalog::{Catalog, Names, folded};
pub use suggestion::Suggestion;
