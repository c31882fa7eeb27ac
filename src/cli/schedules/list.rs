//! `stashhog schedules list`.

use chrono::{DateTime, Utc};
use clap::Args;

use crate::cli::client::read;
use crate::cli::exit::{Done, Exit};
use crate::cli::reach::Reach;
use crate::cli::table::Table;
use crate::cli::terminal::{note, print, print_json, width};
use crate::cli::words;
use crate::http::schedules::{ScheduleView, Schedules};
use crate::store::schedule_runs::RunRow;

/// List the schedules
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: ListArgs, reach: &Reach) -> Done {
    let idle = reach.running().await?.is_none();
    let ask = reach.ask(async |client| {
        let answer = client.get("api/schedules", &[]).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let Schedules { schedules } = read(&answer)?;
        if schedules.is_empty() {
            note("no schedules yet");
            return Ok(Exit::Completed);
        }
        for line in table(&schedules, Utc::now()).lines(width()) {
            print(line)?;
        }
        for problem in schedules.iter().filter(|view| view.schedule.enabled).filter_map(|view| view.problem.as_ref()) {
            note(format!("warning: {}", problem.message));
        }
        if idle {
            note(format!("no server is running: due times are kept while `{} serve` does", words::program()));
        }
        Ok(Exit::Completed)
    });
    ask.await
}

fn table(schedules: &[ScheduleView], now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["NAME", "TYPE", "NEXT", "LAST", "WHEN"]);
    for view in schedules {
        table.row(vec![
            view.schedule.name.clone(),
            view.schedule.type_name.clone(),
            next(view, now),
            view.last_run.as_ref().map(|run| last(run, now)).unwrap_or_default(),
            when(view),
        ]);
    }
    table
}

/// `in 3h`, `off`.
fn next(view: &ScheduleView, now: DateTime<Utc>) -> String {
    match view.next_runs.first() {
        _ if !view.schedule.enabled => "off".to_owned(),
        Some(next) => words::relative(*next, now),
        None => "never".to_owned(),
    }
}

/// `completed 3h ago`, `skipped 5m ago`.
pub fn last(run: &RunRow, now: DateTime<Utc>) -> String {
    let what = run.job_status.filter(|_| run.is_start()).map_or_else(|| run.outcome.to_string(), |s| s.to_string());
    format!("{what} {}", words::relative(run.at, now))
}

/// `At 02:30, on Monday (Europe/Berlin)`.
pub fn when(view: &ScheduleView) -> String {
    let words = view.cron_words.as_deref().unwrap_or(&view.schedule.cron);
    format!("{words} ({})", view.schedule.time_zone)
}
