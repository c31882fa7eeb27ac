//! `stashhog schedules history`.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::Value;

use super::resolve;
use crate::cli::client::read;
use crate::cli::exit::{Done, Exit};
use crate::cli::reach::Reach;
use crate::cli::table::Table;
use crate::cli::terminal::{note, print, print_json, width};
use crate::cli::words;
use crate::http::schedule_history::RunPage;
use crate::store::schedule_runs::RunRow;

/// Show what became of a schedule's due times, and who changed it, newest first
#[derive(Args, Clone, Debug)]
pub struct HistoryArgs {
    /// The schedule
    #[arg(value_name = "NAME")]
    schedule: String,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Go on where an earlier answer ended (its `next`)
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: HistoryArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let view = resolve::schedule(client, &args.schedule).await?;
        let mut query = vec![("limit", args.limit.to_string())];
        query.extend(args.before.map(|before| ("before", before.to_string())));
        let answer = client.get(&format!("{}/runs", resolve::path(&view)), &query).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let RunPage { runs, next } = read(&answer)?;
        for line in table(&runs, Utc::now()).lines(width()) {
            print(line)?;
        }
        if let Some(next) = next {
            note(format!("for more: --before {next}, or a greater --limit"));
        }
        Ok(Exit::Completed)
    });
    ask.await
}

fn table(runs: &[RunRow], now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["WHEN", "DUE", "OUTCOME", "JOB", "MORE"]);
    for run in runs {
        let status = run.job_status.map(|status| format!(" {status}")).unwrap_or_default();
        table.row(vec![
            words::relative(run.at, now),
            run.due_at.map(words::local).unwrap_or_default(),
            run.outcome.to_string(),
            run.job_id.map(|id| format!("{}{status}", words::short(id))).unwrap_or_default(),
            more(run),
        ]);
    }
    table
}

/// Who, why, and further facts.
fn more(run: &RunRow) -> String {
    let facts = run.detail.as_ref().and_then(Value::as_object).into_iter().flatten();
    let facts = facts.map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    let actor = run.actor.as_ref().map(|actor| format!("by {actor}"));
    let reason = run.reason.as_deref().map(words::one_line);
    actor.into_iter().chain(reason).chain(facts).collect::<Vec<_>>().join(", ")
}
