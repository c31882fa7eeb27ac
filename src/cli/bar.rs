//! The progress bar of one job.
//!
//! ```text
//!   Scan Library ━━━━━━━━━━╸───────── 15 / 30 files  12/s  2s left
//!   /media/films/a.mkv
//! ```

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::echo::QuietEcho;
use super::terminal::bars;
use super::words;
use crate::job::Status;
use crate::store::row::JobSummary;

/// Percents are drawn in hundredths, or a long job would stand still.
const HUNDREDTHS: u64 = 10_000;
/// Often enough for the time that a job waits to count up.
const REDRAW: Duration = Duration::from_millis(200);

/// What the bar measures: its form follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Waiting,
    Percent,
    Items,
}

/// Shared by a bar and its style.
type Figures = Arc<Mutex<String>>;

/// A bar.
pub struct Bar {
    bar: ProgressBar,
    plural: String,
    form: Option<Form>,
    /// How fast, and how long still, as its style draws it.
    figures: Figures,
    _echo: Option<QuietEcho>,
}

impl Bar {
    /// A bar below the others.
    pub fn new(label: &str, plural: &str) -> Self {
        // Styled before it is drawn: the default would flash.
        let figures = Figures::default();
        let bar = ProgressBar::new(HUNDREDTHS).with_style(style(Form::Waiting, plural, &figures));
        let bar = bars().add(bar);
        bar.set_prefix(label.to_owned());
        bar.enable_steady_tick(REDRAW);
        Self { bar, plural: plural.to_owned(), form: None, figures, _echo: QuietEcho::new() }
    }

    /// Shows the job as it is now.
    pub fn show(&mut self, job: &JobSummary) {
        let counts = job.processed_items.zip(job.total_items).filter(|(_, total)| *total > 0);
        let (form, done, total) = match counts {
            _ if job.status == Status::Pending => (Form::Waiting, 0, HUNDREDTHS),
            Some((done, total)) => (Form::Items, whole(done), whole(total)),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 100
            None => (Form::Percent, (job.progress * 100.0) as u64, HUNDREDTHS),
        };
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures(job);
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.form.replace(form) != Some(form) {
            self.bar.set_style(style(form, &self.plural, &self.figures));
        }
        self.bar.set_message(doing(job));
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
        bars().remove(&self.bar);
    }
}

fn whole(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// What the job does, as its second line.
fn doing(job: &JobSummary) -> String {
    let message = words::one_line(job.message.as_deref().unwrap_or_default());
    match job.status {
        Status::Pending if message.is_empty() => "waiting for its turn".to_owned(),
        Status::Cancelling => format!("cancelling… {message}"),
        _ => message,
    }
}

const fn template(form: Form) -> &'static str {
    match form {
        Form::Waiting => "{prefix:.bold} {spinner} pending {elapsed}\n  {wide_msg:.dim}",
        Form::Percent | Form::Items => "{prefix:.bold} {bar:20.cyan/dim} {amount}{figures}\n  {wide_msg:.dim}",
    }
}

fn style(form: Form, plural: &str, figures: &Figures) -> ProgressStyle {
    let (plural, figures) = (plural.to_owned(), Arc::clone(figures));
    let amount = move |state: &ProgressState, out: &mut dyn Write| {
        let _ = match form {
            Form::Items => write!(out, "{}", items(state.pos(), state.len().unwrap_or(0), &plural)),
            Form::Percent | Form::Waiting => write!(out, "{}%", state.pos() / 100),
        };
    };
    let figures = move |_: &ProgressState, out: &mut dyn Write| {
        let _ = out.write_str(&figures.lock().unwrap_or_else(PoisonError::into_inner));
    };
    // That the templates are right is tested.
    let style = ProgressStyle::with_template(template(form)).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─").with_key("amount", amount).with_key("figures", figures)
}

fn items(done: u64, total: u64, plural: &str) -> String {
    format!("{} / {} {plural}", indicatif::HumanCount(done), indicatif::HumanCount(total))
}

/// How fast, and how long still, by the server's measure; nothing while that is unknown.
fn figures(job: &JobSummary) -> String {
    let speed = match job.rate_per_second.filter(|rate| *rate > 0.001) {
        None => String::new(),
        Some(rate) if rate < 10.0 => format!("  {rate:.1}/s"),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and finite
        Some(rate) => format!("  {}/s", indicatif::HumanCount(rate as u64)),
    };
    let left = |seconds| words::duration(Duration::from_secs(whole(seconds))).replace(".0s", "s");
    let left = job.eta_seconds.map_or_else(String::new, |seconds| format!("  {} left", left(seconds)));
    format!("{speed}{left}")
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    use super::{Form, doing, figures, items, template};
    use crate::cli::words::tests::job;
    use crate::job::Status;

    #[test]
    fn every_form_has_a_template_that_can_be_drawn() {
        for form in [Form::Waiting, Form::Percent, Form::Items] {
            assert!(ProgressStyle::with_template(template(form)).is_ok());
        }
        assert_eq!(items(15, 30_000, "files"), "15 / 30,000 files");
    }

    #[test]
    fn the_second_line_says_what_the_job_does() {
        let mut job = job();
        assert_eq!(doing(&job), "waiting for its turn");
        job.message = Some("a\nb".into());
        assert_eq!(doing(&job), "a b");
        job.status = Status::Cancelling;
        assert_eq!(doing(&job), "cancelling… a b");
    }
    #[test]
    fn the_figures_are_those_of_the_server() {
        let mut job = job();
        assert_eq!(figures(&job), "");
        (job.rate_per_second, job.eta_seconds) = (Some(1_234.5), Some(65));
        assert_eq!(figures(&job), "  1,234/s  1m 05s left");
        (job.rate_per_second, job.eta_seconds) = (Some(0.25), Some(4));
        assert_eq!(figures(&job), "  0.2/s  4s left");
        (job.rate_per_second, job.eta_seconds) = (Some(0.0), None);
        assert_eq!(figures(&job), "");
    }
}
