//! `stashhog serve`: the server.

use clap::Args;

use super::exit::{Done, Exit, Failure};
use super::logging::{self, LogFormat};
use super::reach::{Reach, apart};
use crate::app::{Application, RunFile, is_locked};
use crate::config::{ListenArgs, WorkArgs};

/// Run the server: the API, the UI, and the jobs
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    work: WorkArgs,
    /// How log lines look on stderr; RUST_LOG says which (info)
    #[arg(long, value_enum, value_name = "FORMAT", env = "STASHHOG_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl ServeArgs {
    /// Sets up the server's log.
    pub fn set_up_log(&self, verbose: u8) {
        logging::of_server(if verbose == 0 { "info" } else { "info,stashhog=debug" }, self.log_format);
    }
}

/// Runs the server until it is told to stop.
pub async fn run(args: ServeArgs, reach: Reach) -> Done {
    let data_dir = reach.data_dir()?;
    let config = reach.config(args.listen, &args.work)?;
    let application = apart(move || Application::start(config, reach.registry)).await.map_err(|error| {
        let other = RunFile::read(&data_dir).filter(|_| is_locked(&error));
        let who = other.map(|run| format!("; its server is process {} at {}", run.pid, run.url)).unwrap_or_default();
        Failure::Failed(format!("{error:#}{who}"))
    })?;
    tracing::info!(url = application.url(), data_dir = %data_dir.display(), "ready");
    apart(move || application.wait()).await?;
    Ok(Exit::Completed)
}
