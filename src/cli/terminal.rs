//! What is written where: what was asked for goes to stdout, everything else to stderr, above the progress bars.

use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;

use console::Term;
use indicatif::MultiProgress;
use serde::Serialize;
use tracing_subscriber::fmt::MakeWriter;

use super::exit::Failure;

/// All bars of this process. Whoever else writes to the terminal has to let them step aside, or leaves half a bar behind.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// The bars; hidden when stderr is no terminal.
pub fn bars() -> &'static MultiProgress {
    &BARS
}

/// Whether stderr is a terminal, so that bars can be drawn.
pub fn is_live() -> bool {
    io::stderr().is_terminal()
}

/// The columns of stdout; none when it is no terminal and lines may be as long as they like.
pub fn width() -> Option<usize> {
    let term = Term::stdout();
    term.is_term().then(|| usize::from(term.size().1))
}

/// Writes a line of the answer.
pub fn print(line: impl AsRef<str>) -> Result<(), Failure> {
    let written = BARS.suspend(|| {
        let mut out = io::stdout().lock();
        out.write_all(line.as_ref().as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush())
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Unread,
        _ => Failure::Failed(format!("the output can't be written: {error}")),
    })
}

/// Writes an answer for programs: pretty when a person looks, one line otherwise.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = if width().is_some() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    print(text.map_err(|e| Failure::Failed(format!("the answer is no JSON: {e}")))?)
}

/// Writes one object of a stream: always one line.
pub fn print_json_line(value: &impl Serialize) -> Result<(), Failure> {
    print(serde_json::to_string(value).map_err(|e| Failure::Failed(format!("the answer is no JSON: {e}")))?)
}

/// Writes a line that nobody asked for but someone may like to read. That stderr is closed is no reason to stop.
pub fn note(line: impl AsRef<str>) {
    BARS.suspend(|| {
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "{}", line.as_ref());
    });
}

/// Lets the log of the application step over the bars.
#[derive(Clone, Copy, Debug)]
pub struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().lock().write_all(text)).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
