//! The schedules among the load: made before anything is broken, switched off before the cluster is to come to rest.

use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::api::Api;
use super::cluster::Cluster;

/// From one due time to the next.
pub const PERIOD: Duration = Duration::from_secs(4);
/// How long it is tried to switch one on or off.
const TRIED: Duration = Duration::from_secs(60);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes the schedules; their ids.
pub async fn create(cluster: &Cluster, api: &Api) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for (overlap, catch_up) in [("queue", "one"), ("skip", "none")] {
        let schedule = json!({
            "name": format!("drill {overlap}"),
            "type": "drill_count",
            "params": { "tag": 0, "items": 4, "item_ms": 40 },
            "cron": format!("*/{} * * * * *", PERIOD.as_secs()),
            "overlap": overlap,
            "catch_up": catch_up,
        });
        let made = until_answered(cluster, api, "/api/schedules", &schedule, 201).await?;
        ids.extend(made["id"].as_str().map(str::to_owned));
    }
    Ok(ids)
}

/// Switches them off: they make no more jobs.
pub async fn switch_off(cluster: &Cluster, api: &Api, ids: &[String]) -> anyhow::Result<()> {
    for id in ids {
        until_answered(cluster, api, &format!("/api/schedules/{id}/disable"), &json!({}), 200).await?;
    }
    Ok(())
}

async fn until_answered(cluster: &Cluster, api: &Api, path: &str, body: &Value, status: u16) -> anyhow::Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < TRIED {
        for address in cluster.places.iter().filter_map(|place| place.address()) {
            match api.post(&address.url, path, body).await {
                Some(reply) if reply.status == status => return Ok(reply.body),
                Some(reply) if reply.status < 500 && reply.status != 408 => {
                    bail!("{path} was answered {}: {}", reply.status, reply.body)
                }
                _ => {}
            }
        }
        sleep(PAUSE).await;
    }
    bail!("{path} was not answered within {} s", TRIED.as_secs())
}
