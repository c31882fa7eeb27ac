//! A job's log: what its handler says through `tracing`.
//!
//! [`JobLogLayer`] sends every event that happens inside a job's span to that job's [`LogBuffer`]. The buffer keeps the first
//! lines and the newest ones between two readings and gives every line a number, so that what was left out shows as a
//! gap in the numbers: a job that logs a million lines a second costs bounded memory.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::attempt::Attempt;
use super::text::cut;

/// The first lines of an attempt are kept whatever follows: they say how it was started.
pub const HEAD_LINES: i64 = 10_000;
/// And the newest: they say how it ended. Together about 20 MB in the worst ordinary case of 200 bytes a line.
pub const TAIL_LINES: i64 = 100_000;
/// Newest lines held between two readings, a tenth of a second apart.
const BUFFERED_LINES: usize = 10_000;
/// Bytes of text held between two readings.
const BUFFERED_BYTES: usize = 4 << 20;
/// A longer message is cut: a log line is read by people.
const MESSAGE_BYTES: usize = 8 << 10;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    /// The word for it in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl From<&Level> for LogLevel {
    fn from(level: &Level) -> Self {
        match *level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warn,
            Level::INFO => Self::Info,
            Level::DEBUG | Level::TRACE => Self::Debug,
        }
    }
}

/// One line of a job's log.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// Position in the whole log of the job: the attempt's number in the upper bits, then the line's own from 0.
    pub seq: i64,
    /// When it was said, by this machine's clock, in the microseconds that Postgres keeps.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: LogLevel,
    /// The module that said it.
    pub target: String,
    /// The text, with its fields as `key=value`.
    pub message: String,
}

/// Where the lines of an attempt start: `attempt << 32`, so that positions grow over attempts too and fit JSON's numbers.
pub const fn first_seq(attempt: i32) -> i64 {
    (attempt as i64) << 32
}

/// What to cut out of the middle of a stored log once the lines from `first` to `last` were added: from, until. Now and then
/// only, so that the log may be longer by a tenth for a while.
pub fn middle_of_log(attempt: i32, first: i64, last: i64) -> Option<(i64, i64)> {
    const STEP: i64 = TAIL_LINES / 10;
    let start = first_seq(attempt);
    let stepped = (last - start) / STEP > (first - start) / STEP;
    (stepped && last - start >= HEAD_LINES + TAIL_LINES).then(|| (start + HEAD_LINES, last + 1 - TAIL_LINES))
}

/// The lines of one attempt that nobody has read yet.
#[derive(Debug)]
pub struct LogBuffer(Mutex<Lines>);

#[derive(Debug)]
struct Lines {
    first: i64,
    next: i64,
    head: Vec<LogLine>,
    head_bytes: usize,
    newest: VecDeque<LogLine>,
    newest_bytes: usize,
}

impl LogBuffer {
    pub(super) fn new(attempt: i32) -> Self {
        let first = first_seq(attempt);
        Self(Mutex::new(Lines {
            first,
            next: first,
            head: Vec::new(),
            head_bytes: 0,
            newest: VecDeque::new(),
            newest_bytes: 0,
        }))
    }

    fn push(&self, level: LogLevel, target: &str, message: String) {
        let mut lines = self.lock();
        let line =
            LogLine { seq: lines.next, at: Utc::now().trunc_subsecs(6), level, target: target.to_owned(), message };
        lines.next += 1;
        if line.seq - lines.first < HEAD_LINES && lines.head_bytes < BUFFERED_BYTES {
            lines.head_bytes += line.message.len();
            lines.head.push(line);
        } else {
            lines.push_newest(line);
        }
    }

    /// Takes the lines since the last call, oldest first.
    pub fn take(&self) -> Vec<LogLine> {
        let mut lines = self.lock();
        let mut taken = std::mem::take(&mut lines.head);
        taken.extend(lines.newest.drain(..));
        (lines.head_bytes, lines.newest_bytes) = (0, 0);
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn push_newest(&mut self, line: LogLine) {
        self.newest_bytes += line.message.len();
        self.newest.push_back(line);
        while self.newest.len() > BUFFERED_LINES || self.newest_bytes > BUFFERED_BYTES {
            let Some(gone) = self.newest.pop_front() else {
                break;
            };
            self.newest_bytes -= gone.message.len();
        }
    }
}

/// The name of the span that a handler runs in.
const SPAN: &str = "job";

/// Opens the span of an attempt: whatever is said inside becomes its log.
pub(super) fn open_span(attempt: &Arc<Attempt>) -> Span {
    // At the highest level, so that no filter of a log hides from it in whose span something was said.
    let span = tracing::error_span!(target: "stashhog::job", SPAN, id = %attempt.job_id, r#type = attempt.type_name);
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<tracing_subscriber::Registry>();
        if let Some(data) = registry.and_then(|r| r.span(id)) {
            data.extensions_mut().insert(Arc::clone(attempt));
        }
    });
    span
}

/// The `tracing` layer that hands events to the job in whose span they happen. Install it with a filter of `INFO`.
#[derive(Debug, Default)]
pub struct JobLogLayer;

impl<S> Layer<S> for JobLogLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let Some(scope) = ctx.event_scope(event) else {
            return;
        };
        let attempt = scope.into_iter().find_map(|span| span.extensions().get::<Arc<Attempt>>().cloned());
        if let Some(attempt) = attempt {
            let mut text = Text::default();
            event.record(&mut text);
            attempt.say(LogLevel::from(event.metadata().level()), event.metadata().target(), text.finish());
        }
    }
}

/// An event as one line of text.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record(field, format_args!("{value:?}"));
    }
}

impl Text {
    fn record(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a String can't fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Attempt {
    /// Adds a line to this attempt's log, as the supervisor does about a job from outside its span.
    pub fn say(self: &Arc<Self>, level: LogLevel, target: &str, message: impl Into<String>) {
        self.log.push(level, target, cut(message.into(), MESSAGE_BYTES));
        self.touch();
    }
}

#[cfg(test)]
mod tests {
    use super::{BUFFERED_LINES, HEAD_LINES, LogBuffer, LogLevel, TAIL_LINES, first_seq, middle_of_log};

    #[test]
    fn the_head_and_the_newest_lines_are_kept_and_the_gap_shows_in_the_numbers() {
        let buffer = LogBuffer::new(2);
        let said = HEAD_LINES + 3 * i64::try_from(BUFFERED_LINES).unwrap();
        for n in 0..said {
            buffer.push(LogLevel::Info, "t", n.to_string());
        }
        let kept = buffer.take();
        assert_eq!(kept.len(), usize::try_from(HEAD_LINES).unwrap() + BUFFERED_LINES);
        assert_eq!(kept[0].seq, first_seq(2));
        assert_eq!(kept.last().unwrap().seq, first_seq(2) + said - 1);
        assert!(kept.windows(2).all(|w| w[0].seq < w[1].seq));
        assert!(buffer.take().is_empty());
    }

    #[test]
    fn the_middle_of_a_long_log_is_cut_out_now_and_then() {
        let start = first_seq(1);
        assert_eq!(middle_of_log(1, start, start + TAIL_LINES), None);
        let last = start + HEAD_LINES + TAIL_LINES;
        assert_eq!(middle_of_log(1, start, last), Some((start + HEAD_LINES, last + 1 - TAIL_LINES)));
        assert_eq!(middle_of_log(1, last, last + 1), None);
    }
}
