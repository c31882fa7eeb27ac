//! `stashhog schedules preview`.

use chrono::Utc;
use clap::Args;
use serde_json::json;

use super::job::tell;
use crate::cli::client::{CallError, read};
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::reach::Reach;
use crate::cli::terminal::{print, print_json};
use crate::cli::words;
use crate::http::schedule_preview::Preview;

/// Say what a cron line means, and when it is next due
#[derive(Args, Clone, Debug)]
pub struct PreviewArgs {
    /// `minute hour day month weekday`, or seconds in front, or `@daily`
    #[arg(value_name = "LINE")]
    cron: String,
    /// On the clocks of which IANA time zone, Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: PreviewArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let line = json!({ "cron": args.cron, "time_zone": args.time_zone });
        let answer = client.post("api/schedules/preview", &line).await.map_err(|error| match error {
            CallError::Refused(problem) => tell(&problem, None),
            other => Failure::from(other),
        })?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let Preview { words, next } = read(&answer)?;
        print(words)?;
        let now = Utc::now();
        for due in next {
            print(format!("  {} ({})", words::local(due), words::relative(due, now)))?;
        }
        Ok(Exit::Completed)
    });
    ask.await
}
