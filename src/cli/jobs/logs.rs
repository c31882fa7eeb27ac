//! `stashhog jobs logs`: what a job said.
//!
//! Lines are always read by requests, in the order of their positions; the WebSocket only says when there are more. So none is
//! missed and none comes twice, however fast the job talks.

use chrono::Local;
use clap::{Args, ValueEnum};
use console::style;
use uuid::Uuid;

use crate::cli::client::{Client, read};
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::follow::{Follower, Seen, Watch};
use crate::cli::reach::Reach;
use crate::cli::signals::StopSignals;
use crate::cli::terminal::{note, print, print_json_line};
use crate::cli::words;
use crate::http::logs::LogPage;
use crate::store::history::LogRow;
use crate::store::row::JobSummary;

/// Lines per request.
const PAGE: usize = 1_000;

/// Print what a job said
#[derive(Args, Clone, Debug)]
pub struct LogsArgs {
    /// The job
    id: String,
    /// Stay and print what it says until it ends
    #[arg(short, long)]
    follow: bool,
    /// Only lines of this level and above
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<Level>,
    /// Begin with the last N lines
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000))]
    tail: Option<u32>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Runs the command.
pub async fn run(args: LogsArgs, reach: &Reach) -> Done {
    reach.ask(async |client| follow(&args, client).await).await
}

async fn follow(args: &LogsArgs, client: &Client) -> Done {
    let id = super::resolve::id(client, &args.id).await?;
    // Asked before the lines are read: what a job says before its end is there once its end is.
    let mut job: JobSummary = read(&client.job(id).await?)?;
    let mut reader = Reader { client, id, level: args.level, json: args.json, after: 0 };
    match args.tail {
        Some(tail) => reader.tail(tail).await?,
        None => reader.rest().await?,
    }
    if !args.follow {
        return Ok(Exit::Completed);
    }
    let mut stop = StopSignals::new()?;
    let mut follower = Follower::new(client.clone(), Watch::Job(id), true, 0);
    let mut away = false;
    while !job.status.is_terminal() {
        let seen = tokio::select! {
            biased;
            () = stop.recv() => return Ok(Exit::Completed),
            seen = follower.next() => seen?,
        };
        match seen {
            Seen::Job(seen) => job = *seen,
            Seen::Lines(..) => reader.rest().await?,
            Seen::Back => {
                away = false;
                reader.rest().await?;
            }
            Seen::Away(why) if !away => {
                away = true;
                note(format!("{why}; trying again"));
            }
            Seen::Away(_) => {}
        }
    }
    reader.rest().await?;
    Ok(Exit::Completed)
}

struct Reader<'a> {
    client: &'a Client,
    id: Uuid,
    level: Option<Level>,
    json: bool,
    /// The position of the last line that was printed.
    after: i64,
}

impl Reader<'_> {
    async fn tail(&mut self, tail: u32) -> Result<(), Failure> {
        if tail == 0 {
            // None of the old lines, but their last position.
            let page = self.fetch(("tail", "1".to_owned())).await?;
            self.after = page.next.unwrap_or(self.after);
            return Ok(());
        }
        let page = self.fetch(("tail", tail.to_string())).await?;
        self.print(page)
    }

    async fn rest(&mut self) -> Result<(), Failure> {
        loop {
            let page = self.fetch(("after", self.after.to_string())).await?;
            let more = page.more;
            self.print(page)?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn fetch(&self, from: (&'static str, String)) -> Result<LogPage, Failure> {
        let mut query = vec![from];
        if query[0].0 == "after" {
            query.push(("limit", PAGE.to_string()));
        }
        query.extend(self.level.map(|level| ("level", level.as_str().to_owned())));
        let answer = self.client.get(&format!("api/jobs/{}/logs", self.id), &query).await?;
        Ok(read(&answer)?)
    }

    fn print(&mut self, page: LogPage) -> Result<(), Failure> {
        for line in page.lines {
            if self.json {
                print_json_line(&line)?;
            } else {
                if let Some(gap) = page.gaps.iter().find(|gap| gap.before == line.seq) {
                    print(format!("… {} lines were left out", words::count(gap.dropped)))?;
                }
                print(text(&line))?;
            }
            self.after = line.seq;
        }
        Ok(())
    }
}

fn text(line: &LogRow) -> String {
    let level = match line.level.as_str() {
        "error" => style("error").red(),
        "warn" => style("warn ").yellow(),
        "debug" => style("debug").dim(),
        _ => style("info ").green(),
    };
    let at = line.at.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S%.3f");
    format!("{} {level} {}", style(at).dim(), line.message)
}
