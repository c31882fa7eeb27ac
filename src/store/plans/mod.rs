//! Plans: changes to scenes that a job proposes and a person decides on.
//!
//! ```text
//!   a job ──begin──▶ building ──add, scene by scene──▶ finish ──▶ open ──▶ applied
//!                        │                                          │  ▲
//!                        └─ its job is gone, nothing found ▶ failed └──┘ what is approved anew
//!
//!   a change:  pending ◀──▶ approved ──apply──▶ applied | conflict | failed
//!                 └──────▶ rejected                                   └─ tried again by the next apply
//! ```
//!
//! The changes of a scene and the note that it was looked at are stored together: a run that is cut short goes on behind what
//! it stored, and no change is there twice.

pub mod apply;
pub mod build;
pub mod decide;
pub mod read;
pub mod row;
pub mod words;

pub use row::{ChangeRow, ChangeValue, Named, NewChange, NewPlan, PlanRow};
pub use words::{ChangeAction, ChangeField, ChangeStatus, PlanSource, PlanStatus};
