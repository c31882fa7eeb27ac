//! From the settings to a client, for jobs and for whoever tries the settings.

use std::time::Duration;

use super::client::Qbittorrent;
use super::session::{Login, Session};
use super::settings::{PASSWORD, URL, USERNAME};
use crate::job::{JobContext, Settings, Stop};
use crate::services::remote::{Identity, Remote};
use crate::services::{Service, ServiceError};

const IDENTITY: Identity = Identity { service: "qBittorrent", url_setting: URL.name(), key_setting: PASSWORD.name() };

/// It answers from memory; a list of ten thousand torrents takes a second.
const ANSWER: Duration = Duration::from_secs(30);

impl Qbittorrent {
    /// The one that the settings say. Connects to nothing yet.
    pub fn of(settings: &Settings, stop: Stop) -> Result<Self, ServiceError> {
        let remote =
            Remote::new(IDENTITY, &settings.need(&URL).map_err(ServiceError::settings)?, stop)?.answers_within(ANSWER);
        let login = match settings.get(&USERNAME) {
            Some(username) => {
                Some(Login { username, password: settings.need(&PASSWORD).map_err(ServiceError::settings)? })
            }
            None => None,
        };
        Ok(Self { session: Session::new(remote, login) })
    }
}

impl JobContext {
    /// qBittorrent, as the settings say. It gives up waiting when the job is asked to stop.
    pub async fn qbittorrent(&self) -> anyhow::Result<Qbittorrent> {
        Ok(Qbittorrent::of(&self.settings().await?, self.stop_signal())?)
    }
}

inventory::submit!(Service {
    name: "qbittorrent",
    label: "qBittorrent",
    test: |settings, stop| {
        Box::pin(async move {
            let version = Qbittorrent::of(&settings, stop)?.version().await?;
            Ok(format!("qBittorrent {version}"))
        })
    },
});
