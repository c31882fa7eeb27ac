//! Which server a command speaks to.
//!
//! ```text
//!   --server, STASHHOG_SERVER ─▶ that one, whatever happens
//!   the run file of the data directory, its process alive and answering ─▶ that one
//!   neither ─▶ the application, started in this process on a free port
//!                 └─ the data directory is locked ─▶ somebody was quicker, or has just begun: the run file again
//! ```
//!
//! A command never knows which: it has a [`Client`].

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::client::{CallError, Client};
use super::exit::{Done, Exit, Failure};
use super::signals::StopSignals;
use super::terminal::note;
use crate::app::{Application, RunFile, is_locked};
use crate::config::{Config, DataArgs, ListenArgs, SecretKey, WorkArgs};
use crate::job::{Registry, SettingsFromEnvironment};

/// A first start creates a database, which takes a few seconds before the run file is there.
const OTHERS_START: Duration = Duration::from_secs(60);
/// How often whoever has the data directory is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// A start that takes longer should say so.
const PATIENCE: Duration = Duration::from_secs(1);
/// Jobs that others started here get this long when we leave; theirs then go back to the queue.
const GRACE: Duration = Duration::from_secs(2);

/// Where to look for a server.
#[derive(Args, Clone, Debug, Default)]
pub struct ReachArgs {
    /// Speak to this server [default: that of the data directory; without one, work in this process]
    #[arg(long, value_name = "URL", env = "STASHHOG_SERVER", global = true, help_heading = "Server")]
    pub server: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

impl ReachArgs {
    /// Takes what is said in words that are not read yet, because they follow a type whose flags are not known yet.
    pub fn look_at(&mut self, words: &[OsString]) {
        let after = |flag| value_after(words, flag);
        let text = |flag| after(flag).map(|value| value.to_string_lossy().into_owned());
        self.server = text("--server").or_else(|| self.server.take());
        self.data.data_dir = after("--data-dir").map(PathBuf::from).or_else(|| self.data.data_dir.take());
        self.data.database_url = text("--database-url").or_else(|| self.data.database_url.take());
    }
}

fn value_after<'a>(words: &'a [OsString], flag: &str) -> Option<&'a OsStr> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == flag {
            return words.next().map(OsString::as_os_str);
        }
        let value = word.to_str().and_then(|word| word.strip_prefix(flag)?.strip_prefix('='));
        if let Some(value) = value {
            return Some(OsStr::new(value));
        }
    }
    None
}

/// Finds servers, and starts one where there is none.
pub struct Reach {
    args: ReachArgs,
    /// The types of this program.
    pub registry: Registry,
}

/// A server to speak to.
pub struct Server {
    /// How.
    pub client: Client,
    here: Option<Application>,
}

/// What an application in this process is for.
#[derive(Clone, Copy)]
pub enum Purpose<'a> {
    /// To read and to note wishes: it must not start jobs that it would have to leave a moment later.
    Ask,
    /// To run jobs.
    Work(&'a WorkArgs),
}

impl Reach {
    /// Looks where `args` say.
    pub const fn new(args: ReachArgs, registry: Registry) -> Self {
        Self { args, registry }
    }

    /// Whether a server was named, so that no other will do.
    pub fn is_named(&self) -> bool {
        self.named().is_some()
    }

    /// The server that was named. An empty variable of the environment names none.
    fn named(&self) -> Option<&str> {
        self.args.server.as_deref().filter(|url| !url.is_empty())
    }

    /// The server that was named, or one that runs on the data directory.
    pub async fn running(&self) -> Result<Option<Client>, Failure> {
        if let Some(url) = self.named() {
            return Client::new(url).map(Some);
        }
        let Some(found) = RunFile::read(&self.data_dir()?) else { return Ok(None) };
        if !found.is_process_alive() {
            return Ok(None);
        }
        let client = Client::new(&found.url)?;
        Ok(client.is_alive().await.then_some(client))
    }

    /// A running server, or the application in this process. When somebody else has the data directory, who may be starting or
    /// leaving at this moment, both are tried again until one works.
    pub async fn server(&self, purpose: Purpose<'_>) -> Result<Server, Failure> {
        let since = Instant::now();
        loop {
            if let Some(client) = self.running().await? {
                return Ok(Server { client, here: None });
            }
            match self.start_here(purpose).await? {
                Ok(application) => {
                    return Ok(Server { client: Client::new(application.url())?, here: Some(application) });
                }
                Err(error) if !is_locked(&error) => return Err(error.into()),
                Err(error) if since.elapsed() >= OTHERS_START => return Err(error.into()),
                Err(_) => {}
            }
            if let Some(client) = self.unseen().await? {
                return Ok(Server { client, here: None });
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn start_here(&self, purpose: Purpose<'_>) -> Result<anyhow::Result<Application>, Failure> {
        let (config, registry) = (self.config_here(purpose)?, self.registry.clone());
        let mut start = pin!(apart(move || Application::start(config, registry)));
        if let Ok(started) = timeout(PATIENCE, &mut start).await {
            return Ok(started);
        }
        note("no server is running: starting one here; the first time takes a few seconds");
        Ok(start.await)
    }

    /// The server that has the data directory's lock, when its process is invisible from here: only its answer counts.
    async fn unseen(&self) -> Result<Option<Client>, Failure> {
        let Some(found) = RunFile::read(&self.data_dir()?) else { return Ok(None) };
        let client = Client::new(&found.url)?;
        Ok(client.is_alive().await.then_some(client))
    }

    /// A job as it is, from whoever can tell: the server that it ran on may have left since, with the command that had it.
    pub async fn job(&self, purpose: Purpose<'_>, server: &mut Server, id: Uuid) -> Result<Value, Failure> {
        match server.client.job(id).await {
            Err(CallError::Away(_)) if !self.is_named() && !server.is_here() => {
                *server = self.server(purpose).await?;
                Ok(server.client.job(id).await?)
            }
            told => Ok(told?),
        }
    }

    /// Does something with a server that is only asked, and leaves it.
    pub async fn ask(&self, question: impl AsyncFnOnce(&Client) -> Done) -> Done {
        let server = self.server(Purpose::Ask).await?;
        let done = question(&server.client).await;
        server.leave().await?;
        done
    }

    /// Where the data are.
    pub fn data_dir(&self) -> Result<PathBuf, Failure> {
        self.args.data.dir().map_err(Failure::Usage)
    }

    /// All that a server has to be told.
    pub fn config(&self, listen: ListenArgs, work: &WorkArgs) -> Result<Config, Failure> {
        let ListenArgs { listen, allowed_hosts, insecure, shutdown_grace } = listen;
        Ok(Config {
            listen,
            data_dir: self.data_dir()?,
            database_url: self.args.data.database_url.clone().filter(|url| !url.is_empty()),
            bus: self.args.data.bus,
            on_database_loss: self.args.data.on_database_loss,
            db_connections: self.args.data.db_connections,
            media_roots: work.media_roots(),
            concurrency: work.concurrency.clone(),
            allowed_hosts,
            insecure,
            shutdown_grace,
            settings: self.settings()?,
            secret_key: SecretKey::of_environment(),
            schedules: true,
        })
    }

    fn settings(&self) -> Result<SettingsFromEnvironment, Failure> {
        SettingsFromEnvironment::read(|name| std::env::var(name).ok()).map_err(|e| Failure::Usage(e.to_string()))
    }

    fn config_here(&self, purpose: Purpose<'_>) -> Result<Config, Failure> {
        let listen = ([127, 0, 0, 1], 0).into();
        let listen = ListenArgs { listen, allowed_hosts: Vec::new(), insecure: false, shutdown_grace: GRACE };
        match purpose {
            Purpose::Work(work) => Ok(Config { schedules: false, ..self.config(listen, work)? }),
            Purpose::Ask => {
                let nothing = self.registry.iter().map(|t| (t.spec.name.to_owned(), 0)).collect();
                Ok(Config { concurrency: nothing, schedules: false, ..self.config(listen, &WorkArgs::default())? })
            }
        }
    }
}

impl Server {
    /// Whether it is in this process and ends with it.
    pub const fn is_here(&self) -> bool {
        self.here.is_some()
    }

    /// Stops it if it is in this process, in order; a signal meanwhile ends the process at once, and the next start rescues.
    pub async fn leave(self) -> Result<(), Failure> {
        let Some(application) = self.here else { return Ok(()) };
        let mut signals = StopSignals::new()?;
        tokio::select! {
            stopped = apart(move || application.stop()) => stopped.map_err(Failure::from),
            () = signals.recv() => std::process::exit(i32::from(Exit::Cancelled as u8)),
        }
    }
}

/// The application blocks while it starts and stops, and has runtimes of its own: it gets a thread that knows nothing of ours.
pub async fn apart<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> anyhow::Result<T> {
    let (done, result) = oneshot::channel();
    std::thread::spawn(move || done.send(work()));
    result.await.unwrap_or_else(|_| Err(anyhow::anyhow!("the application panicked; what it said is above")))
}

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};

    use super::value_after;

    #[test]
    fn a_server_named_after_the_type_is_found() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let found = words("--items 3 --server http://a");
        assert_eq!(value_after(&found, "--server"), Some(OsStr::new("http://a")));
        assert_eq!(value_after(&words("--server=b"), "--server"), Some(OsStr::new("b")));
        assert_eq!(value_after(&words("--servers=b"), "--server"), None);
    }
}
