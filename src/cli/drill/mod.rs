//! `stashhog drill`: proves on this machine that no job is lost.

mod tell;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::exit::{Done, Exit};
use super::reach::{Reach, apart};
use super::signals::StopSignals;
use super::terminal::{bars, print, print_json};
use crate::drill::{self, Broken, Live, Settings};

/// How often the line is drawn.
const REDRAW: Duration = Duration::from_millis(200);
/// The most nodes: each is a process, and this is one machine.
const MOST_NODES: u64 = 9;

/// Break a scratch cluster on purpose, and prove that no job is lost
///
/// Starts a Postgres and several servers in a temporary folder, submits, cancels and retries jobs through all of them, and
/// meanwhile kills, freezes and cuts off what it can. Then everything is checked: that each job that was accepted ended
/// once, that no two attempts of it wrote at a time, that every live client was told the truth. Nothing of yours is touched.
#[derive(Args, Clone, Debug)]
pub struct DrillArgs {
    /// How long to go on; what follows until all has recovered comes on top
    #[arg(long, value_name = "N", default_value = "2", value_parser = minutes)]
    minutes: Duration,
    /// How many servers
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u64).range(1..=MOST_NODES))]
    nodes: u64,
    /// Plan the same again as the drill with this seed did [default: another each time]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Keep the folder: the database and the logs of all servers
    #[arg(long)]
    keep: bool,
    /// Break a guarantee, to see that the drill notices
    #[arg(long = "break", value_enum, value_name = "WHAT")]
    broken: Option<Broken>,
    /// Tell the result as JSON
    #[arg(long)]
    json: bool,
}

/// A server of a drill
#[derive(Args, Clone, Debug)]
pub struct NodeArgs {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    database: String,
    #[arg(long)]
    process: i32,
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| format!("`{text}` is not a number of minutes"))?;
    if !(0.1..=600.0).contains(&minutes) {
        return Err("give 0.1 to 600 minutes".to_owned());
    }
    Ok(Duration::from_secs_f64(minutes * 60.0))
}

/// Runs a drill.
pub async fn run(args: DrillArgs) -> Done {
    let settings = Settings {
        length: args.minutes,
        nodes: usize::try_from(args.nodes).unwrap_or(1),
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000)),
        keep: args.keep,
        broken: args.broken,
    };
    let (live, seen) = watch::channel(Live::default());
    let (stop, of_drill) = (CancellationToken::new(), settings.clone());
    let stopped = stop.clone();
    let drill = apart(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(drill::run(of_drill, stopped, live))
    });
    let mut signals = StopSignals::new()?;
    let line = Line::new(&settings);
    let mut drill = std::pin::pin!(drill);
    let mut redraw = tokio::time::interval(REDRAW);
    let report = loop {
        tokio::select! {
            ended = &mut drill => break ended,
            () = signals.recv() => {
                if stop.is_cancelled() {
                    std::process::exit(i32::from(Exit::Cancelled as u8)); // its servers end with it
                }
                stop.cancel();
            }
            _ = redraw.tick() => line.show(&seen.borrow()),
        }
    };
    line.clear();
    let Some(report) = report? else { return Ok(Exit::Cancelled) };
    if args.json {
        print_json(&report)?;
    } else {
        tell::lines(&report).into_iter().try_for_each(print)?;
    }
    Ok(if report.violations.is_empty() { Exit::Completed } else { Exit::Failed })
}

/// Runs a server of a drill.
pub async fn serve(args: NodeArgs, reach: Reach) -> Done {
    apart(move || drill::serve(&reach.registry, args.dir, args.database, args.process)).await?;
    Ok(Exit::Completed)
}

/// The line that tells of a drill while it runs.
struct Line {
    bar: ProgressBar,
    length: Duration,
}

impl Line {
    fn new(settings: &Settings) -> Self {
        let bar = bars().add(ProgressBar::new_spinner());
        // That the template is right is tested.
        bar.set_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(format!("drill {}", settings.seed));
        bar.enable_steady_tick(REDRAW);
        Self { bar, length: settings.length }
    }

    fn show(&self, live: &Live) {
        self.bar.set_message(tell::live(live, self.length));
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
        bars().remove(&self.bar);
    }
}

const TEMPLATE: &str = "{prefix:.bold} {spinner} {wide_msg}";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use indicatif::ProgressStyle;

    use super::{TEMPLATE, minutes};

    #[test]
    fn the_line_can_be_drawn_and_minutes_are_read() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        assert_eq!(minutes("0.5"), Ok(Duration::from_secs(30)));
        assert!(minutes("0").is_err() && minutes("soon").is_err() && minutes("NaN").is_err());
    }
}
