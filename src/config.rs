//! What a server has to be told, from flags and from the environment.
//!
//! Three groups of flags, because they belong to different commands: every command has to know where the data are, those
//! that run jobs what they may use, and `serve` alone where to listen.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::job::SettingsFromEnvironment;
use crate::store::capacity::NODE_MINIMUM;
use crate::store::vault::KEY_VARIABLE;

/// Everything that the application has to be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where HTTP is served. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The run file and the private Postgres live here.
    pub data_dir: PathBuf,
    /// Another Postgres than the private one.
    pub database_url: Option<String>,
    /// How to hear of what other nodes do.
    pub bus: BusKind,
    /// What running jobs do when the database can't be reached.
    pub on_database_loss: OnDatabaseLoss,
    /// How many connections to the database the node may hold; as many as it can use when none.
    pub db_connections: Option<u32>,
    /// The folders that jobs may read.
    pub media_roots: Vec<PathBuf>,
    /// Types whose number of running jobs differs from their spec's; 0 runs none on this node.
    pub concurrency: Vec<(String, u32)>,
    /// Host names that requests may ask for, beside loopback ones and the address itself.
    pub allowed_hosts: Vec<String>,
    /// Whether listening beyond loopback without tokens is wanted.
    pub insecure: bool,
    /// How long running jobs get to come to an end when the server stops.
    pub shutdown_grace: Duration,
    /// What the environment says of the settings.
    pub settings: SettingsFromEnvironment,
    /// The key of the secrets, when it is not in the data directory.
    pub secret_key: Option<SecretKey>,
    /// Whether schedules are fired here. A command that starts an application for itself is gone too soon.
    pub schedules: bool,
}

/// A key that no log shows.
#[derive(Clone)]
pub struct SecretKey(pub String);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl SecretKey {
    /// The key of the environment.
    pub fn of_environment() -> Option<Self> {
        std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty()).map(Self)
    }
}

/// Where the data are.
#[derive(Args, Clone, Debug, Default)]
pub struct DataArgs {
    /// Where the server keeps its data [default: /var/lib/stashhog for root, else ~/.local/share/stashhog]
    #[arg(long, value_name = "DIR", env = "STASHHOG_DATA_DIR", global = true, help_heading = "Server")]
    pub data_dir: Option<PathBuf>,
    /// Use this Postgres instead of a private one
    #[arg(
        long,
        value_name = "URL",
        env = "DATABASE_URL",
        hide_env_values = true,
        global = true,
        help_heading = "Server"
    )]
    pub database_url: Option<String>,
    /// How servers that share a database hear of each other at once
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        env = "STASHHOG_BUS",
        default_value = "postgres",
        hide_possible_values = true,
        long_help = BUS_HELP,
        global = true,
        help_heading = "Server"
    )]
    pub bus: BusKind,
    /// What running jobs do when the database cannot be reached for the length of a lease
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        env = "STASHHOG_ON_DATABASE_LOSS",
        default_value = "stop",
        hide_possible_values = true,
        long_help = LOSS_HELP,
        global = true,
        help_heading = "Server"
    )]
    pub on_database_loss: OnDatabaseLoss,
    /// How many connections to the database a server may hold, 8 or more [default: 22, or what the database allows]
    #[arg(
        long,
        value_name = "N",
        env = "STASHHOG_DB_CONNECTIONS",
        value_parser = clap::value_parser!(u32).range(i64::from(NODE_MINIMUM)..),
        global = true,
        help_heading = "Server"
    )]
    pub db_connections: Option<u32>,
}

const LOSS_HELP: &str = "What running jobs do when the database cannot be reached for the length of a lease: `stop` (they are \
                         stopped before another server can start them) or `continue` (they go on while this server knows of no \
                         other), for where no second server is ever started. With a private Postgres they always go on";

/// What running jobs do when the database can't be reached for the length of a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnDatabaseLoss {
    /// They are stopped: another node may take them.
    #[default]
    Stop,
    /// They go on, as long as the node knows of no other: should another have been started meanwhile, a job can run twice at a time.
    Continue,
}

const BUS_HELP: &str = "How servers that share a database hear of each other at once: `postgres` (by its notifications) or \
                        `none` (each looks by itself, once a second), for where notifications do not arrive, as behind a \
                        connection pooler in transaction mode";

/// How nodes hear of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BusKind {
    /// By notifications of Postgres.
    #[default]
    Postgres,
    /// Not: each looks by itself.
    None,
}

/// What jobs may use.
#[derive(Args, Clone, Debug, Default)]
pub struct WorkArgs {
    /// A folder that jobs may read; may be repeated [env: STASHHOG_MEDIA_ROOTS, separated by colons]
    #[arg(long = "media-root", value_name = "DIR", global = true, help_heading = "Server")]
    media_roots: Vec<PathBuf>,
    /// How many jobs of a type run at a time here; may be repeated
    #[arg(long, value_name = "TYPE=N", env = "STASHHOG_CONCURRENCY", value_delimiter = ',', value_parser = concurrency)]
    #[arg(global = true, help_heading = "Server")]
    pub concurrency: Vec<(String, u32)>,
}

/// Where to listen, and for whom.
#[derive(Args, Clone, Debug)]
pub struct ListenArgs {
    /// Where to serve the API and the UI
    #[arg(long, value_name = "ADDR", env = "STASHHOG_LISTEN", default_value = "127.0.0.1:4004", value_parser = address)]
    pub listen: SocketAddr,
    /// A host name under which browsers may reach the server; may be repeated
    #[arg(long = "allowed-host", value_name = "HOST", env = "STASHHOG_ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// Listen beyond this machine although anyone who reaches the server can run jobs
    #[arg(long, env = "STASHHOG_INSECURE")]
    pub insecure: bool,
    /// How long running jobs get to come to an end when the server stops
    #[arg(long, value_name = "SECONDS", env = "STASHHOG_SHUTDOWN_GRACE", default_value = "10", value_parser = seconds)]
    pub shutdown_grace: Duration,
}

impl DataArgs {
    /// The data directory: the one given, else the usual one. `Err` says that there is none.
    pub fn dir(&self) -> Result<PathBuf, String> {
        if let Some(dir) = self.data_dir.as_ref().filter(|dir| !dir.as_os_str().is_empty()) {
            return Ok(dir.clone());
        }
        let root = nix::unistd::geteuid().is_root();
        let env = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        usual_dir(root, env("XDG_DATA_HOME"), env("HOME"))
            .ok_or_else(|| "no home directory is known; say where the data are with --data-dir".to_owned())
    }
}

fn usual_dir(root: bool, data_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    if root {
        return Some(PathBuf::from("/var/lib/stashhog"));
    }
    let data_home = data_home.filter(|dir| dir.is_absolute()).or_else(|| Some(home?.join(".local/share")));
    Some(data_home?.join("stashhog"))
}

impl WorkArgs {
    /// The folders given, else those of the environment.
    pub fn media_roots(&self) -> Vec<PathBuf> {
        if !self.media_roots.is_empty() {
            return self.media_roots.clone();
        }
        let roots = std::env::var_os("STASHHOG_MEDIA_ROOTS").unwrap_or_default();
        std::env::split_paths(&roots).filter(|root| !root.as_os_str().is_empty()).collect()
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|e| format!("{e}; give an address and a port, 127.0.0.1:4004"))?;
    found.next().ok_or_else(|| "that name has no address".to_owned())
}

fn concurrency(text: &str) -> Result<(String, u32), String> {
    let (type_name, n) = text.split_once('=').ok_or("give a type and a number, demo=4")?;
    let n = n.parse().map_err(|_| format!("`{n}` is not a number of jobs"))?;
    Ok((type_name.replace('-', "_"), n))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| format!("`{text}` is not a number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{address, concurrency, seconds, usual_dir};

    #[test]
    fn the_usual_data_dir_depends_on_who_asks() {
        let home = || Some(PathBuf::from("/home/ann"));
        assert_eq!(usual_dir(true, None, home()).as_deref(), Some(Path::new("/var/lib/stashhog")));
        assert_eq!(usual_dir(false, None, home()).as_deref(), Some(Path::new("/home/ann/.local/share/stashhog")));
        assert_eq!(usual_dir(false, Some("/data".into()), home()).as_deref(), Some(Path::new("/data/stashhog")));
        let relative = usual_dir(false, Some("data".into()), home());
        assert_eq!(relative.as_deref(), Some(Path::new("/home/ann/.local/share/stashhog")));
        assert_eq!(usual_dir(false, None, None), None);
    }

    #[test]
    fn values_are_read_or_refused_with_an_example() {
        assert!(address("127.0.0.1:0").is_ok() && address("localhost:4004").is_ok());
        assert!(address("4004").unwrap_err().contains("127.0.0.1:4004"));
        assert_eq!(concurrency("scan-library=2"), Ok(("scan_library".to_owned(), 2)));
        assert!(concurrency("demo").is_err() && concurrency("demo=many").is_err());
        assert!(seconds("0.5").is_ok() && seconds("-1").is_err() && seconds("soon").is_err());
    }
}
