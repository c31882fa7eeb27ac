//! The drill: a scratch cluster that is broken on purpose, so that a person can see on his own machine that no job is lost.
//!
//! ```text
//!   load ──REST──▶ node 1 ─┐                               witnesses ◀──WebSocket── nodes
//!    │             node 2 ─┼─ a relay each ─▶ Postgres          │
//!    ▼             node 3 ─┘        ▲            ▲              ▼
//!   ledger            ▲             │            │            heard
//!    │                └── injector: kill, freeze, cut, … ─┘     │
//!    └──────────────▶ history ◀── rows, events, writes ◀────────┘
//!                        │
//!                      check ─▶ report
//! ```
//!
//! The nodes are processes of this very program, with the drill's own job types added. What is broken and when follows from one
//! seed; how the threads of eight processes interleave does not, so the same seed plans the same drill and need not find the
//! same.
//!
//! [`mod@run`] has the order of events; [`faults`] what is done to the cluster, [`check`] what has to hold, [`sabotage`] how the drill
//! itself is proved.

mod acts;
mod api;
mod ask;
mod census;
mod check;
mod cluster;
mod database;
mod faults;
mod heard;
mod history;
mod inject;
mod jobs;
mod ledger;
mod load;
mod node;
mod plan;
mod recovery;
mod relay;
mod report;
mod run;
mod sabotage;
mod schedules;
mod scratch;
mod set_back;
mod standby;
mod witness;

pub use node::serve;
pub use recovery::Recovery;
pub use report::Report;
pub use run::{Live, run};
pub use sabotage::Broken;

use std::time::Duration;

/// What is to be drilled.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long jobs are submitted and the cluster is broken; recovery comes after it.
    pub length: Duration,
    /// How many nodes.
    pub nodes: usize,
    /// What the dice begin with.
    pub seed: u64,
    /// Whether the scratch folder stays.
    pub keep: bool,
    /// What is broken, to show that it is noticed.
    pub broken: Option<Broken>,
}
