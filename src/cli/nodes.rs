//! `stashhog nodes`: the servers that share the database.

use chrono::{DateTime, Utc};
use clap::Args;

use super::client::read;
use super::exit::{Done, Exit};
use super::reach::Reach;
use super::table::Table;
use super::terminal::{note, print, print_json, width};
use super::words;
use crate::actors::bus_state::{BusState, BusView};
use crate::http::nodes::{NodeView, Nodes};

/// List the servers that share the database, and those that went within the last hour
#[derive(Args, Clone, Debug)]
pub struct NodesArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: NodesArgs, reach: &Reach) -> Done {
    let idle = reach.running().await?.is_none();
    let ask = reach.ask(async |client| {
        let answer = client.get("api/nodes", &[]).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        if idle {
            note("no server is running: the one that answers is this command itself");
        }
        let Nodes { nodes, bus } = read(&answer)?;
        for line in table(&nodes, Utc::now()).lines(width()) {
            print(line)?;
        }
        if let Some(trouble) = trouble(bus) {
            note(trouble);
        }
        Ok(Exit::Completed)
    });
    ask.await
}

fn table(nodes: &[NodeView], now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["NODE", "HOST", "PID", "VERSION", "STARTED", "STATE", "RUNNING"]);
    for node in nodes {
        table.row(vec![
            words::short(node.id),
            node.hostname.clone(),
            node.pid.to_string(),
            node.version.clone(),
            words::relative(node.started_at, now),
            state(node, now),
            running(node),
        ]);
    }
    table
}

fn state(node: &NodeView, now: DateTime<Utc>) -> String {
    match (node.live, node.claiming) {
        (true, true) if node.this => "live, this one".to_owned(),
        (true, true) => "live".to_owned(),
        (true, false) => "going down".to_owned(),
        (false, _) => format!("gone {}", words::relative(node.stopped_at.unwrap_or(node.beat_at), now)),
    }
}

/// Why the server that answers is slow to hear of what the others do, if it is.
const fn trouble(bus: BusView) -> Option<&'static str> {
    match (bus.state, bus.others) {
        (BusState::Lost, _) => {
            Some("the server that answers has no connection to hear the others at once: it looks once a second")
        }
        (BusState::Deaf, _) => Some(
            "notifications of Postgres do not arrive at the server that answers, as behind a connection pooler in transaction \
             mode: it looks once a second",
        ),
        (BusState::Off, 1..) => {
            Some("the server that answers was told not to listen to the others: it looks once a second")
        }
        (BusState::Off | BusState::Alone | BusState::Live, _) => None,
    }
}

/// `demo 2 of 4, cleanup 1 of 1`
fn running(node: &NodeView) -> String {
    let busy = node.runners.iter().filter(|runner| runner.running > 0);
    let told = busy.map(|runner| format!("{} {} of {}", runner.type_name, runner.running, runner.slots));
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::json;

    use super::{NodeView, running, state, table};

    fn node(live: bool, claiming: bool, now: DateTime<Utc>) -> NodeView {
        let started = now - TimeDelta::hours(3);
        serde_json::from_value(json!({
            "id": "019aa111-2222-7333-8444-5566778899aa", "hostname": "hog", "pid": 17, "version": "0.1.0",
            "started_at": started, "beat_at": started, "lease_seconds_left": 9.5, "live": live, "claiming": claiming,
            "this": true, "stopped_at": null,
            "runners": [
                { "type": "cleanup", "slots": 1, "running": 0 },
                { "type": "demo", "slots": 4, "running": 2 },
                { "type": "scan_library", "slots": 1, "running": 1 },
            ]
        }))
        .unwrap()
    }

    #[test]
    fn a_node_is_told_by_its_state_and_what_it_runs() {
        let now = Utc::now();
        let states = [(true, true), (true, false), (false, false)]
            .map(|(live, claiming)| state(&node(live, claiming, now), now));
        assert_eq!(states, ["live, this one", "going down", "gone 3h ago"]);
        assert_eq!(running(&node(true, true, now)), "demo 2 of 4, scan_library 1 of 1");
        console::set_colors_enabled(false);
        let lines = table(&[node(true, true, now)], now).lines(Some(80));
        assert!(
            lines[1].starts_with("5566778899aa  hog   17   0.1.0    3h ago   live, this one  demo 2"),
            "{}",
            lines[1]
        );
    }
}
