//! Where `tracing` goes: into the logs of the jobs, and to stderr.
//!
//! What a job says is that job's log: `serve` repeats its warnings only. A command that only happens to have the application in
//! its own process tells warnings of the server, and shows the job's log in its own way. A panic is said in a line, in the log
//! of the job that panicked; `RUST_BACKTRACE` adds where it came from.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

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
    install(lines.with_filter(wanted(level, LevelFilter::WARN)));
}

/// Sets up the log of a command: what the server says from `level` on, without what its jobs say.
pub fn of_command(level: &str) {
    let lines = fmt::layer().with_writer(AboveBars).with_ansi(is_live() && console::colors_enabled_stderr());
    install(lines.with_filter(wanted(level, LevelFilter::OFF)));
}

/// What is said from `level` on, by jobs only from `of_jobs` on.
fn wanted(level: &str, of_jobs: LevelFilter) -> impl Filter<registry::Registry> + use<> {
    // The spans of jobs have to pass whatever the level, or nobody could tell what is said inside.
    let spans = filter_fn(|metadata| metadata.is_span() && metadata.target() == JOB).with_max_level_hint(Level::INFO);
    directives(level).or(spans).and(JobsFrom(of_jobs))
}

/// tokio_postgres tells statements with their values at DEBUG: secrets do not belong in a log, whoever asks. actix_http tells of
/// clients that do not speak HTTP as errors, which they are not: anyone could fill the log.
fn directives(level: &str) -> EnvFilter {
    let usual = || EnvFilter::new(format!("{level},actix_http=off"));
    let asked = EnvFilter::try_from_default_env().unwrap_or_else(|_| usual());
    match "tokio_postgres=info".parse() {
        Ok(capped) => asked.add_directive(capped),
        Err(_) => asked,
    }
}

/// Says a panic through the log, so that one in a handler is in its job's log too.
fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => tracing::error!("panicked at {place}: {}\n{backtrace}", message(panic)),
            _ => tracing::error!("panicked at {place}: {}", message(panic)),
        }
    }));
}

fn message<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("a value that is no text")
}

fn install(lines: impl Layer<registry::Registry> + Send + Sync) {
    let logs = registry().with(lines).with(JobLogLayer.with_filter(LevelFilter::INFO));
    tell_panics();
    // Fails when the program around us has set up its own log, which then is the right one.
    let _ = logs.try_init();
}

/// The target of the spans that jobs run in.
const JOB: &str = "stashhog::job";

/// Lets pass what is said outside of jobs, and of what jobs say only what matters this much: it is in their logs.
struct JobsFrom(LevelFilter);

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Filter<S> for JobsFrom {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> bool {
        let mut spans = ctx.event_scope(event).into_iter().flatten();
        *event.metadata().level() <= self.0 || !spans.any(|span| span.metadata().target() == JOB)
    }
}
