//! The progress bar of one job.
//!
//! ```text
//!   Scan Library ━━━━━━━━━━╸───────── 15 / 30 files  12/s  2s left
//!   /media/films/a.mkv
//! ```

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::echo::QuietEcho;
use super::terminal::bars;
use super::words;
use crate::job::Status;
use crate::store::row::JobSummary;

/// Percents are drawn in hundredths, or a long job would stand still.
const HUNDREDTHS: u64 = 10_000;
/// Often enough for the time that is left to count down.
const REDRAW: Duration = Duration::from_millis(200);

/// What the bar measures: its form follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Waiting,
    Percent,
    Items,
}

/// A bar.
pub struct Bar {
    bar: ProgressBar,
    plural: String,
    form: Option<Form>,
    _echo: Option<QuietEcho>,
}

impl Bar {
    /// A bar below the others.
    pub fn new(label: &str, plural: &str) -> Self {
        // Styled before it is drawn: the default would flash.
        let bar = ProgressBar::new(HUNDREDTHS).with_style(style(Form::Waiting, plural));
        let bar = bars().add(bar);
        bar.set_prefix(label.to_owned());
        bar.enable_steady_tick(REDRAW);
        Self { bar, plural: plural.to_owned(), form: None, _echo: QuietEcho::new() }
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
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.form.replace(form) != Some(form) {
            self.bar.set_style(style(form, &self.plural));
            self.bar.reset_eta(); // what was done before we looked says nothing about the rate
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

fn style(form: Form, plural: &str) -> ProgressStyle {
    let plural = plural.to_owned();
    let amount = move |state: &ProgressState, out: &mut dyn Write| {
        let _ = match form {
            Form::Items => write!(out, "{}", items(state.pos(), state.len().unwrap_or(0), &plural)),
            Form::Percent | Form::Waiting => write!(out, "{}%", state.pos() / 100),
        };
    };
    let figures = move |state: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{}", figures(form == Form::Items, state));
    };
    // That the templates are right is tested.
    let style = ProgressStyle::with_template(template(form)).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸─").with_key("amount", amount).with_key("figures", figures)
}

fn items(done: u64, total: u64, plural: &str) -> String {
    format!("{} / {} {plural}", indicatif::HumanCount(done), indicatif::HumanCount(total))
}

/// How fast, and how long still; nothing while that is unknown.
fn figures(counting: bool, state: &ProgressState) -> String {
    let (rate, left) = (state.per_sec(), state.len().unwrap_or(0).saturating_sub(state.pos()));
    if !rate.is_finite() || rate <= 0.001 || left == 0 {
        return String::new();
    }
    let speed = match rate {
        _ if !counting => String::new(),
        rate if rate < 10.0 => format!("  {rate:.1}/s"),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and finite
        rate => format!("  {}/s", indicatif::HumanCount(rate as u64)),
    };
    format!("{speed}  {} left", words::duration(Duration::from_secs(state.eta().as_secs().max(1))).replace(".0s", "s"))
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    use super::{Form, doing, items, template};
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
}
