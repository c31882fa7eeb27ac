//! The command line: every command is a client of the HTTP API, and the server is one of the commands.
//!
//! ```text
//!   Cli ─▶ serve ──────────────────────────────▶ Application
//!     └──▶ run, jobs …, schedules …, types … ─▶ Reach ─▶ Client ──HTTP, WebSocket──▶ a server that runs
//!               │                                  └────▶ Application in this process, on a free port
//!               └─ Attendant: Follower (what happens) ─▶ View (bar or lines) ─▶ report
//! ```
//!
//! What was asked for goes to stdout, everything else to stderr; `Exit` is what scripts rely on.

mod attend;
mod bar;
mod catalog;
mod client;
mod drill;
mod echo;
mod exit;
mod flags;
mod follow;
mod jobs;
mod ladder;
mod logging;
mod nodes;
mod openapi;
mod problem;
mod reach;
mod report;
mod run;
mod schedules;
mod schema;
mod serve;
mod settings;
mod signals;
mod table;
mod terminal;
mod types;
mod view;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use crate::job::{Registry, RegistryError};
use exit::{Done, Exit, Failure};
use logging::LogFormat;
use reach::{Reach, ReachArgs};

/// An actor-based supervisor for the long jobs of a media library
#[derive(Clone, Debug, Parser)]
#[command(name = "stashhog", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    reach: ReachArgs,
    /// Tell more on stderr; twice for still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Run(run::RunArgs),
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    #[command(subcommand)]
    Schedules(schedules::SchedulesCommand),
    #[command(subcommand)]
    Settings(settings::SettingsCommand),
    Types(types::TypesArgs),
    Nodes(nodes::NodesArgs),
    Drill(drill::DrillArgs),
    #[command(hide = true)]
    DrillNode(drill::NodeArgs),
    /// Print the OpenAPI description of the API as JSON
    Openapi {
        /// Accepted for uniformity: it is JSON anyway
        #[arg(long, hide = true)]
        json: bool,
    },
}

/// The whole program.
pub fn main(registry: Result<Registry, RegistryError>) -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    let done = match Cli::try_parse_from(&line) {
        Err(error) => of_clap(&error),
        Ok(cli) => registry.map_err(|e| Failure::Failed(e.to_string())).and_then(|registry| cli.run(line, registry)),
    };
    done.unwrap_or_else(|failure| {
        if let Some(text) = failure.text() {
            let word = console::style("error:").for_stderr().red().bold();
            terminal::note(format!("{word} {text}"));
        }
        failure.exit()
    })
    .into()
}

/// Help and version are no errors; mistakes are usage errors, which clap tells well.
fn of_clap(error: &clap::Error) -> Done {
    let _ = error.print();
    Ok(if error.use_stderr() { Exit::Usage } else { Exit::Completed })
}

/// How often a word of the command line says `-v`.
fn verbosity(word: &OsString) -> u8 {
    match word.to_str() {
        Some("-v" | "--verbose") => 1,
        Some("-vv") => 2,
        _ => 0,
    }
}

impl Cli {
    fn run(mut self, line: Vec<OsString>, registry: Registry) -> Done {
        if let Command::Run(args) = &self.command {
            self.reach.look_at(args.after_type());
            self.verbose += args.after_type().iter().map(verbosity).sum::<u8>();
        }
        match &self.command {
            Command::Serve(args) => args.set_up_log(self.verbose),
            Command::DrillNode(_) => logging::of_server("info", LogFormat::Text),
            // It kills its own Postgres: what the server says of that is no news.
            Command::Drill(_) if self.verbose == 0 => logging::of_command("warn,stashhog::store=off"),
            _ => logging::of_command(["warn", "info", "info,stashhog=debug"][usize::from(self.verbose.min(2))]),
        }
        let reach = Reach::new(self.reach, registry);
        // The application has threads of its own; a client needs no more than this one.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Failure::Failed(format!("no runtime: {e}")))?;
        runtime.block_on(async {
            match self.command {
                Command::Serve(args) => serve::run(args, reach).await,
                Command::Run(args) => run::run(args, line, reach).await,
                Command::Jobs(command) => jobs::run(command, &reach).await,
                Command::Schedules(command) => schedules::run(command, &reach).await,
                Command::Settings(command) => settings::run(command, &reach).await,
                Command::Types(args) => types::run(args, &reach).await,
                Command::Nodes(args) => nodes::run(args, &reach).await,
                Command::Drill(args) => drill::run(args).await,
                Command::DrillNode(args) => drill::serve(args, reach).await,
                Command::Openapi { json: _ } => openapi::run(&reach).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
