//! `stashhog jobs watch`: what happens, as it happens.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::Local;
use clap::Args;
use uuid::Uuid;

use crate::cli::attend::{Attendant, Attended, Interrupt};
use crate::cli::catalog::Catalog;
use crate::cli::client::{Client, read};
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::follow::{Follower, Seen, Watch, is_newer};
use crate::cli::reach::{Purpose, Reach};
use crate::cli::signals::StopSignals;
use crate::cli::terminal::{note, print, print_json_line, width};
use crate::cli::view::View;
use crate::cli::{report, words};
use crate::store::row::JobSummary;

/// A job that reports ten times a second is told of once in this time; changes of status always are.
const EVERY: Duration = Duration::from_secs(2);

/// Show what happens to all jobs, or to one until it ends
///
/// Watching one job ends with the exit status of `run`. Ctrl-C leaves; the jobs go on.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// The job [default: all]
    id: Option<String>,
    /// Print one JSON object per change
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: WatchArgs, reach: &Reach) -> Done {
    match &args.id {
        Some(id) => one(id, args.json, reach).await,
        None => reach.ask(async |client| all(client, args.json).await).await,
    }
}

async fn one(typed: &str, json: bool, reach: &Reach) -> Done {
    let mut server = reach.server(Purpose::Ask).await?;
    let done = async {
        let id = super::resolve::id(&server.client, typed).await?;
        let catalog = Catalog::of(&server.client).await?;
        let job: JobSummary = read(&server.client.job(id).await?)?;
        let type_name = job.type_name.clone();
        if server.is_here() && !job.status.is_terminal() {
            note("no server is running: nothing will happen to this job until one is");
        }
        let mut view = View::new(&catalog, &type_name);
        let attendant = Attendant { reach, purpose: Purpose::Ask, interrupt: Interrupt::Leaves };
        let tell = |job: &JobSummary| if json { print_json_line(job) } else { Ok(()) };
        let attended = attendant.attend(&mut server, job, &mut view, tell).await;
        view.close();
        match attended? {
            Attended::Left => Ok(Exit::Completed),
            Attended::Ended(job) if json => Ok(Exit::of(&job)),
            Attended::Ended(job) => {
                let (label, plural) = catalog.names_of(&type_name);
                let detail = read(&server.client.job(job.id).await?)?;
                for line in report::ended(&server.client, &detail, label, plural).await {
                    print(line)?;
                }
                Ok(Exit::of(&job))
            }
        }
    }
    .await;
    server.leave().await?;
    done
}

async fn all(client: &Client, json: bool) -> Done {
    let catalog = Catalog::of(client).await?;
    let mut stop = StopSignals::new()?;
    let mut follower = Follower::new(client.clone(), Watch::All, false, 0);
    let mut board = Board { catalog, told: HashMap::new() };
    let mut away = false;
    loop {
        let seen = tokio::select! {
            biased;
            () = stop.recv() => return Ok(Exit::Completed),
            seen = follower.next() => seen?,
        };
        match seen {
            Seen::Job(job) if json => print_json_line(&job)?,
            Seen::Job(job) => board.tell(*job)?,
            Seen::Lines(..) => {}
            Seen::Back => {
                away = false;
                note("the server is back");
            }
            Seen::Away(why) if !away => {
                away = true;
                note(format!("{why}; trying again"));
            }
            Seen::Away(_) => {}
        }
    }
}

/// What was told of each job, and when.
struct Board {
    catalog: Catalog,
    told: HashMap<Uuid, (JobSummary, Instant)>,
}

impl Board {
    fn tell(&mut self, job: JobSummary) -> Result<(), Failure> {
        let told = self.told.get(&job.id);
        let worth = match told {
            // The snapshot has ended jobs, too; those are history.
            None => {
                !job.status.is_terminal()
                    || job.completed_at.is_some_and(|at| (chrono::Utc::now() - at).num_seconds() < 5)
            }
            Some((last, at)) => {
                is_newer(&job, last)
                    && (last.status != job.status || !job.status.is_terminal() && at.elapsed() >= EVERY)
            }
        };
        if worth {
            print(line(&job, &self.catalog))?;
            self.told.insert(job.id, (job, Instant::now()));
        }
        Ok(())
    }
}

fn line(job: &JobSummary, catalog: &Catalog) -> String {
    let (_, plural) = catalog.names_of(&job.type_name);
    let message = words::one_line(job.error.as_deref().or(job.message.as_deref()).unwrap_or_default());
    let status = format!("{:<10}", words::short_status(job));
    let facts = [words::amount(job, plural), message].into_iter().filter(|f| !f.is_empty()).collect::<Vec<_>>();
    let at = job.updated_at.with_timezone(&Local).format("%H:%M:%S");
    let status = words::coloured(job, &status);
    let text = format!("{at}  {}  {:<14} {status} {}", words::short(job.id), job.type_name, facts.join(", "));
    match width() {
        Some(width) => console::truncate_str(&text, width, "…").into_owned(),
        None => text.trim_end().to_owned(),
    }
}
