//! `stashhog serve`: the server.

use clap::Args;

use super::exit::{Done, Exit, Failure};
use super::logging::{self, LogFormat};
use super::reach::{Reach, apart};
use super::run_file::RunFile;
use super::terminal::note;
use crate::app::{Application, Locked};
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
    guard(&args.listen)?;
    let data_dir = reach.data_dir()?;
    let config = reach.config(args.listen, &args.work)?;
    let application = apart(move || Application::start(config, reach.registry)).await.map_err(|error| {
        let other = RunFile::read(&data_dir).filter(|_| error.is::<Locked>());
        let who = other.map(|run| format!("; its server is process {} at {}", run.pid, run.url)).unwrap_or_default();
        Failure::Failed(format!("{error:#}{who}"))
    })?;
    tracing::info!(url = application.url(), data_dir = %data_dir.display(), "ready");
    apart(move || application.wait()).await?;
    Ok(Exit::Completed)
}

/// Refuses to offer everyone what has no lock.
fn guard(args: &ListenArgs) -> Result<(), Failure> {
    let listen = args.listen;
    if listen.ip().is_loopback() {
        return Ok(());
    }
    if !args.insecure {
        let risk = "whoever can reach it could run jobs, as there are no access tokens";
        let advice = "listen on 127.0.0.1, or say --insecure if a firewall or a proxy protects it";
        return Err(Failure::Usage(format!("refusing to listen on {listen}: {risk}; {advice}")));
    }
    note(format!("WARNING: listening on {listen} WITHOUT ANY PROTECTION: whoever can reach it can run jobs"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ListenArgs, guard};

    #[test]
    fn beyond_loopback_only_with_insecure() {
        let args = |listen: &str, insecure| ListenArgs {
            listen: listen.parse().unwrap(),
            allowed_hosts: Vec::new(),
            insecure,
            shutdown_grace: Duration::from_secs(1),
        };
        assert!(guard(&args("127.0.0.1:4004", false)).is_ok() && guard(&args("[::1]:4004", false)).is_ok());
        let refused = guard(&args("0.0.0.0:4004", false)).unwrap_err();
        assert!(refused.text().unwrap().contains("--insecure"));
        assert!(guard(&args("0.0.0.0:4004", true)).is_ok());
    }
}
