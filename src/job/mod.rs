//! What a job is: the trait, its description, its parameters, its context, its outcome.
//!
//! ```text
//!   Job (trait) ──JobType::of──▶ JobType ──inventory──▶ Registry
//!                                                          │ params checked, handler started
//!                                                          ▼
//!                     JobContext ◀──────────────────── Attempt: progress slot, log buffer,
//!                     (what a handler sees)                     stop signal, item errors
//! ```
//!
//! Nothing in this folder knows an actor, a query or a socket. A handler talks to its [`Attempt`] through its
//! [`JobContext`]; whoever watches the attempt is told "touched" and reads the newest state from it.

mod attempt;
mod child;
mod child_key;
mod command;
mod context;
mod cron;
mod curve;
mod environment;
mod family;
mod fence;
mod log;
mod outcome;
mod pace;
mod params;
mod progress;
mod registry;
mod schedule;
mod setting;
mod settings;
mod spec;
mod state;
mod status;
mod stop;
mod text;
mod time_zone;
mod timetable;

pub use attempt::{Attempt, ItemError, ItemErrors, OnTouched, Reading};
pub use child::{ChildFailed, ChildJob, ChildOutcome, Children, MOST_ANCESTORS, NewChild, SpawnError, SpawnJob};
pub use command::{CommandOutput, JobCommand};
pub use context::JobContext;
pub use cron::Cron;
pub use curve::CurvePoint;
pub use environment::{DbPool, Environment, MediaRoots, OnRemoved, RemovedJob};
pub use fence::Fence;
pub use log::{JobLogLayer, LogBuffer, LogLevel, LogLine, first_seq, middle_of_log};
pub use outcome::{Fatal, JobResult, Outcome};
pub use pace::Pace;
pub use params::{FieldError, InvalidParams};
pub use progress::{Progress, ProgressParser};
pub use registry::{JobType, Registered, Registry, RegistryError};
pub use schedule::{CatchUp, Overlap, RunOutcome};
pub use setting::{Setting, SettingKind, SettingSpec, SettingValue};
pub use settings::{Resolved, SettingSource, Settings, SettingsFromEnvironment, SettingsSource, folder};
pub use spec::{Admission, Color, JobSpec, RateLimit, RetryPolicy, Unit};
pub use state::{STATE_BYTES, StateError, States};
pub(crate) use status::text_enum;
pub use status::{OutcomeKind, Status};
pub use stop::{Stop, StopReason, Stopped};
pub use text::cut;
pub use time_zone::time_zone;
pub use timetable::{Behind, Timetable};

use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One kind of job. The struct's fields are the parameters; its doc comment is what people read in the form.
///
/// # Cancellation
///
/// A handler is asked to stop through its context ([`JobContext::is_cancelled`], [`JobContext::cancelled`],
/// [`JobContext::checkpoint`]; [`JobContext::each`] does it between items). It then has its
/// [`cancel_grace`](JobSpec::cancel_grace) to come to an end. After that its future is dropped at its next `.await`,
/// and if it reaches none within five more seconds the attempt is fenced off: whatever it still does, it can no longer
/// write to its job.
///
/// # At least once
///
/// A handler may run again with the same parameters when its node died. Make repeating harmless.
pub trait Job: Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// What people and the supervisor need to know of this type.
    const SPEC: JobSpec;

    /// Checks what a schema can't say (one field against another, a path that must exist). Called when the job is
    /// submitted; whoever submitted it gets the errors.
    fn validate(&self) -> Result<(), Vec<FieldError>> {
        Ok(())
    }

    /// Names settings that these params need set beside those of [`JobSpec::needs`].
    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Does the work. `Err` fails the job with the whole error chain; a panic fails it with the panic's message.
    fn run(self, ctx: JobContext) -> impl Future<Output = JobResult> + Send;
}
