//! Where `tracing` goes: into the logs of the jobs, and to stderr.
//!
//! `serve` tells all of it. A command that only happens to have the application in its own process tells warnings of the
//! server; what a job says is that job's log, which the command shows in its own way.

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Context, Filter, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

use super::terminal::{AboveBars, is_live};
use crate::job::JobLogLayer;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Sets up the log of a server: everything from `level` on, unless `RUST_LOG` says otherwise.
pub fn of_server(level: &str, format: LogFormat) {
    let lines = fmt::layer().with_writer(AboveBars).with_ansi(is_live() && console::colors_enabled_stderr());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    install(lines.with_filter(directives(level)));
}

/// Sets up the log of a command: what the server says from `level` on, without what its jobs say.
pub fn of_command(level: &str) {
    let lines = fmt::layer().with_writer(AboveBars).with_ansi(is_live() && console::colors_enabled_stderr());
    // Spans of jobs have to be known to it, or it could not tell what is said inside.
    let job_spans =
        filter_fn(|metadata| metadata.is_span() && metadata.target() == JOB).with_max_level_hint(Level::INFO);
    install(lines.with_filter(directives(level).or(job_spans).and(OutsideJobs)));
}

fn directives(level: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level))
}

fn install(lines: impl Layer<registry::Registry> + Send + Sync) {
    let logs = registry().with(lines).with(JobLogLayer.with_filter(LevelFilter::INFO));
    // Fails when the program around us has set up its own log, which then is the right one.
    let _ = logs.try_init();
}

/// The target of the spans that jobs run in.
const JOB: &str = "stashhog::job";

/// Lets pass what is not said inside a job's span.
struct OutsideJobs;

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Filter<S> for OutsideJobs {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> bool {
        let mut spans = ctx.event_scope(event).into_iter().flatten();
        !spans.any(|span| span.metadata().target() == JOB)
    }
}
