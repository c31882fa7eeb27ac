//! The application: a stand-in until it is written.

use std::path::PathBuf;

use crate::config::Config;
use crate::job::Registry;

/// Another process has the data directory.
#[derive(Debug, thiserror::Error)]
#[error("the data directory {} is in use by another process", .0.display())]
pub struct Locked(pub PathBuf);

/// A started application.
pub struct Application {
    url: String,
}

impl Application {
    /// Starts it and waits until it is ready.
    pub fn start(config: Config, _: Registry) -> anyhow::Result<Self> {
        anyhow::bail!("there is no application yet to start in {}", config.data_dir.display())
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for SIGTERM or SIGINT, then stops in order.
    pub fn wait(self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Stops in order.
    pub fn stop(self) -> anyhow::Result<()> {
        Ok(())
    }
}
