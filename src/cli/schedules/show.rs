//! `stashhog schedules show`: everything about one.

use chrono::Utc;
use clap::Args;
use console::style;
use serde_json::Value;

use super::list::{last, when};
use super::resolve;
use crate::cli::client::read;
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::reach::Reach;
use crate::cli::terminal::{note, print, print_json};
use crate::cli::words;
use crate::http::schedules::ScheduleView;

/// Show one schedule: its job, its next due times
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The schedule
    #[arg(value_name = "NAME")]
    schedule: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: ShowArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let view = resolve::schedule(client, &args.schedule).await?;
        let answer = client.get(&resolve::path(&view), &[]).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        for (name, value) in facts(&read(&answer)?) {
            for (n, line) in value.lines().enumerate() {
                print(format!("{} {line}", style(format!("{:<10}", if n == 0 { name } else { "" })).dim()))?;
            }
        }
        Ok(Exit::Completed)
    });
    ask.await
}

fn facts(view: &ScheduleView) -> Vec<(&'static str, String)> {
    let (schedule, now) = (&view.schedule, Utc::now());
    let time = |at| format!("{} ({})", words::local(at), words::relative(at, now));
    let why = schedule.reason.as_ref().map(|why| format!(": {}", words::one_line(why))).unwrap_or_default();
    let next: Vec<_> = view.next_runs.iter().map(|at| time(*at)).collect();
    let facts = [
        ("id", Some(schedule.id.to_string())),
        ("name", Some(schedule.name.clone())),
        ("type", Some(schedule.type_name.clone())),
        ("params", Some(schedule.params.to_string())),
        ("when", Some(format!("{}\n{}", when(view), schedule.cron))),
        ("state", Some(if schedule.enabled { "on" } else { "off" }.to_owned())),
        ("problem", view.problem.as_ref().map(|problem| problem.message.clone())),
        ("next", (!next.is_empty()).then(|| next.join("\n"))),
        ("last", view.last_run.as_ref().map(|run| last(run, now))),
        ("overlap", Some(schedule.overlap.to_string())),
        ("catch up", Some(schedule.catch_up.to_string())),
        ("priority", schedule.priority.map(|priority| priority.to_string())),
        ("created", Some(format!("{} by {}", time(schedule.created_at), schedule.created_by))),
        ("written", Some(format!("{} by {}{why}", time(schedule.updated_at), schedule.updated_by))),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// One line about a schedule that was just written.
pub fn summary(answer: &Value) -> Result<(), Failure> {
    let view: ScheduleView = read(answer)?;
    let name = &view.schedule.name;
    print(match view.next_runs.first() {
        _ if !view.schedule.enabled => format!("{name} is off"),
        Some(next) => format!("{name} is on: {}, next {}", when(&view), words::local(*next)),
        None => format!("{name} is on, and never due"),
    })?;
    if let Some(problem) = view.problem.filter(|_| view.schedule.enabled) {
        note(format!("warning: {}", problem.message));
    }
    Ok(())
}
