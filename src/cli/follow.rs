//! What happens to jobs, as it happens: the WebSocket, and plain requests where it fails.
//!
//! The end of a job is never missed. A socket that breaks is opened again with the last `rev` that was seen; at every opening,
//! and whenever nothing was heard for a while, a single job is also asked for by a plain request.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::USER_AGENT;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use super::client::{AGENT, CallError, Client, read};
use super::exit::Failure;
use crate::store::history::LogRow;
use crate::store::row::JobSummary;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Longer than any server takes to answer an upgrade.
const OPEN: Duration = Duration::from_secs(5);
/// Between two attempts to open the socket.
const PAUSE: Duration = Duration::from_millis(500);
/// After this much silence we ask: about our job, or whether the server is still there.
const SILENCE: Duration = Duration::from_secs(5);
/// After this much silence the connection is dead, whatever TCP thinks: several of our questions went unanswered.
const DEAD: Duration = Duration::from_secs(20);

/// Which jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// All.
    All,
    /// One.
    Job(Uuid),
}

/// What was seen.
#[derive(Debug)]
pub enum Seen {
    /// A job, newer than when it was seen last.
    Job(Box<JobSummary>),
    /// Lines of a job's log, newer than those seen before.
    Lines(Vec<LogRow>),
    /// Neither the socket nor a request gets an answer. Comes again and again until one does.
    Away(String),
    /// The server answers again.
    Back,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame {
    Snapshot {
        rev: i64,
        jobs: Vec<JobSummary>,
    },
    JobUpdate {
        rev: i64,
        jobs: Vec<JobSummary>,
    },
    JobRemoved {
        jobs: Vec<Uuid>,
    },
    JobLog {
        lines: Vec<LogRow>,
    },
    Error {
        code: String,
        message: String,
    },
    #[serde(other)]
    Other,
}

/// Follows jobs on one server.
pub struct Follower {
    client: Client,
    watch: Watch,
    logs: bool,
    socket: Option<Socket>,
    /// Seen and not yet handed out.
    seen: VecDeque<Seen>,
    /// The newest change seen: from here on we want to know.
    rev: i64,
    /// Whether the last word was that the server is away.
    away: bool,
    /// Whether to wait before the next attempt.
    failed: bool,
    /// When we last heard anything.
    heard: Instant,
    /// When we last asked because of silence.
    asked: Instant,
}

impl Follower {
    /// Follows `watch`, with log lines if `logs`. `rev` is the newest change that is known already, 0 for none.
    pub fn new(client: Client, watch: Watch, logs: bool, rev: i64) -> Self {
        let now = Instant::now();
        let seen = VecDeque::new();
        Self { client, watch, logs, socket: None, seen, rev, away: false, failed: false, heard: now, asked: now }
    }

    /// Goes on with another server of the same jobs.
    pub fn move_to(&mut self, client: Client) {
        self.client = client;
        self.socket = None;
        self.failed = false;
        self.away = false;
    }

    /// Waits for the next thing. Nothing is lost when the future is dropped. `Err` when waiting makes no sense: there is no
    /// such job, or the server does not let us.
    pub async fn next(&mut self) -> Result<Seen, Failure> {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return Ok(seen);
            }
            match self.socket.is_some() {
                true => self.listen().await?,
                false => self.open().await?,
            }
        }
    }

    async fn open(&mut self) -> Result<(), Failure> {
        if self.failed {
            sleep(PAUSE).await;
        }
        self.failed = true;
        let opened = timeout(OPEN, self.connected()).await.unwrap_or_else(|_| Err("it takes too long".to_owned()));
        match opened {
            Ok(socket) => {
                self.socket = Some(socket);
                self.failed = false;
                self.answered();
                self.ask().await
            }
            Err(_) if matches!(self.watch, Watch::Job(_)) => self.ask().await,
            Err(error) => {
                self.not_answered(format!("{} does not answer: {error}", self.client.url()));
                Ok(())
            }
        }
    }

    async fn connected(&self) -> Result<Socket, String> {
        let path = match self.watch {
            Watch::All => "api/jobs/ws".to_owned(),
            Watch::Job(id) => format!("api/jobs/{id}/ws"),
        };
        let mut query = vec![("logs", self.logs.to_string())];
        if self.rev > 0 {
            query.push(("since", self.rev.to_string()));
        }
        let url = self.client.at(&path, &query).to_string().replacen("http", "ws", 1);
        let mut request = url.into_client_request().map_err(|e| e.to_string())?;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        // The path and its query say what we want: no need to subscribe.
        let (socket, _) = connect_async(request).await.map_err(|e| e.to_string().to_lowercase())?;
        Ok(socket)
    }

    async fn listen(&mut self) -> Result<(), Failure> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        let silent = self.heard.max(self.asked) + SILENCE;
        let message = tokio::select! {
            message = socket.next() => message,
            () = sleep_until(silent) => {
                if self.heard.elapsed() > DEAD {
                    self.socket = None;
                    return Ok(());
                }
                self.asked = Instant::now();
                // A socket that can't be written to says so when it is read.
                let _ = socket.send(Message::text(r#"{"type":"ping"}"#)).await;
                return self.ask().await;
            }
        };
        match message {
            Some(Ok(Message::Text(text))) => {
                self.answered();
                self.take(text.as_str())
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.socket = None;
                self.failed = true;
                Ok(())
            }
            Some(Ok(_)) => {
                self.answered();
                Ok(())
            }
        }
    }

    /// Asks for the one job that is followed.
    async fn ask(&mut self) -> Result<(), Failure> {
        let Watch::Job(id) = self.watch else { return Ok(()) };
        match self.client.job(id).await {
            Ok(job) => {
                self.answered();
                self.jobs(vec![read(&job)?]);
                Ok(())
            }
            Err(CallError::Away(why)) => {
                self.not_answered(why);
                Ok(())
            }
            // Its database may be gone for a moment, or a proxy answers for it.
            Err(CallError::Refused(problem)) if problem.status >= 500 => {
                self.not_answered(problem.detail.unwrap_or(problem.title));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, text: &str) -> Result<(), Failure> {
        match serde_json::from_str(text) {
            Ok(Frame::Snapshot { rev, jobs } | Frame::JobUpdate { rev, jobs }) => {
                self.jobs(jobs);
                self.rev = self.rev.max(rev);
                Ok(())
            }
            Ok(Frame::JobRemoved { jobs }) => match self.watch {
                Watch::Job(id) if jobs.contains(&id) => Err(Failure::Failed(format!("job {id} was cleaned up"))),
                Watch::Job(_) | Watch::All => Ok(()),
            },
            Ok(Frame::JobLog { lines }) => {
                self.seen.push_back(Seen::Lines(lines));
                Ok(())
            }
            // It closes the connection next, and we come again.
            Ok(Frame::Error { code, .. }) if code == "unavailable" => Ok(()),
            Ok(Frame::Error { message, .. }) => Err(Failure::Failed(message)),
            Ok(Frame::Other) => Ok(()),
            Err(error) => Err(Failure::Failed(format!("the server's frame makes no sense: {error}"))),
        }
    }

    fn jobs(&mut self, jobs: Vec<JobSummary>) {
        let wanted = jobs.into_iter().filter(|job| self.watch == Watch::All || self.watch == Watch::Job(job.id));
        self.seen.extend(wanted.map(|job| Seen::Job(Box::new(job))));
    }

    fn answered(&mut self) {
        self.heard = Instant::now();
        self.asked = self.heard;
        if std::mem::take(&mut self.away) {
            self.seen.push_back(Seen::Back);
        }
    }

    fn not_answered(&mut self, why: String) {
        self.away = true;
        self.seen.push_back(Seen::Away(why));
    }
}

/// Whether a job as it was seen is newer than what is held: updates may come twice, and late.
pub fn is_newer(seen: &JobSummary, held: &JobSummary) -> bool {
    seen.rev > held.rev || (seen.rev == held.rev && seen.updated_at > held.updated_at)
}
