//! Stays with a job until it has ended, whatever happens to the server, and passes on the wish to stop it.

use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use super::client::{CallError, Client, read};
use super::exit::Failure;
use super::follow::{Follower, Seen, Watch, is_newer};
use super::reach::{Purpose, Reach, Server};
use super::signals::StopSignals;
use super::terminal::note;
use super::view::View;
use super::words::{program, short};
use crate::http::logs::LogPage;
use crate::job::Status;
use crate::store::row::JobSummary;

/// A server that restarts is back sooner. After this time without one, the application here takes over.
const TAKE_OVER: Duration = Duration::from_secs(15);
/// A server that was named is waited for this long.
const GIVE_UP: Duration = Duration::from_secs(120);

/// What Ctrl-C means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// Cancel the job and wait for its end; leave at the second.
    Cancels,
    /// Leave. The job goes on.
    Leaves,
}

/// How it ended.
pub enum Attended {
    /// The job is terminal.
    Ended(Box<JobSummary>),
    /// Somebody wants to leave before.
    Left,
}

/// Somebody who stays with a job.
pub struct Attendant<'a> {
    /// How to find a server again.
    pub reach: &'a Reach,
    /// What an application in this process would be for.
    pub purpose: Purpose<'a>,
    /// What Ctrl-C means.
    pub interrupt: Interrupt,
}

impl Attendant<'_> {
    /// Follows the job to its end. `tell` is called with every new state, the first and the last included.
    pub async fn attend(
        &self,
        server: &mut Server,
        mut job: JobSummary,
        view: &mut View,
        mut tell: impl FnMut(&JobSummary) -> Result<(), Failure>,
    ) -> Result<Attended, Failure> {
        let mut stop = StopSignals::new()?;
        let mut follower = Follower::new(server.client.clone(), Watch::Job(job.id), true, job.rev);
        let (mut asked, mut away_since) = (false, None);
        view.job(&job);
        tell(&job)?;
        while !job.status.is_terminal() {
            let seen = tokio::select! {
                biased;
                () = stop.recv() => {
                    if asked || self.interrupt == Interrupt::Leaves {
                        return Ok(Attended::Left);
                    }
                    asked = true;
                    note("cancelling the job and waiting for its end; Ctrl-C again leaves at once");
                    cancel(&server.client, job.id).await?;
                    continue;
                }
                seen = follower.next() => seen?,
            };
            match seen {
                Seen::Job(seen) if is_newer(&seen, &job) => {
                    job = *seen;
                    view.job(&job);
                    tell(&job)?;
                }
                Seen::Job(_) => {}
                Seen::Lines(lines) => view.log(&lines),
                Seen::Back => {
                    away_since = None;
                    note("the server is back");
                    cancel_again(asked, &server.client, &job).await?;
                }
                Seen::Away(why) => {
                    let since = *away_since.get_or_insert_with(|| {
                        note(format!("{why}; trying again"));
                        Instant::now()
                    });
                    if self.find_again(server, &mut follower, since.elapsed(), job.id).await? {
                        away_since = None;
                        cancel_again(asked, &server.client, &job).await?;
                    }
                }
            }
        }
        self.last_lines(&server.client, job.id, view).await;
        view.close();
        Ok(Attended::Ended(Box::new(job)))
    }

    /// Looks whether the server came back elsewhere; after a while does without it. True when there is another now.
    async fn find_again(
        &self,
        server: &mut Server,
        follower: &mut Follower,
        away: Duration,
        id: Uuid,
    ) -> Result<bool, Failure> {
        let lost = || {
            let advice = format!("its job is kept; see how it goes with `{} jobs watch {}`", program(), short(id));
            Failure::Failed(format!("{} has been away for {} s; {advice}", server.client.url(), away.as_secs()))
        };
        if self.reach.is_named() || server.is_here() {
            return if away < GIVE_UP { Ok(false) } else { Err(lost()) };
        }
        let found = self.reach.running().await?;
        if let Some(client) = found.filter(|client| client.url() != server.client.url()) {
            note(format!("the server is back at {}", client.url()));
            server.client = client;
        } else if away > TAKE_OVER && matches!(self.purpose, Purpose::Work(_)) {
            note("there is no server any more; going on in this process");
            *server = self.reach.server(self.purpose).await?;
        } else if away > GIVE_UP {
            return Err(lost());
        } else {
            return Ok(false);
        }
        follower.move_to(server.client.clone());
        Ok(true)
    }

    /// The last warnings may come after the end of the job, too late for the socket.
    async fn last_lines(&self, client: &Client, id: Uuid, view: &mut View) {
        let newest = [("level", "warn".to_owned()), ("tail", "100".to_owned())];
        if let Ok(answer) = client.get(&format!("api/jobs/{id}/logs"), &newest).await
            && let Ok(page) = read::<LogPage>(&answer)
        {
            view.log(&page.lines);
        }
    }
}

/// Asks a server that is back, if the one that went away may not have heard.
async fn cancel_again(asked: bool, client: &Client, job: &JobSummary) -> Result<(), Failure> {
    if asked && job.status != Status::Cancelling { cancel(client, job.id).await } else { Ok(()) }
}

/// Asks the server to stop the job. That it has ended meanwhile is no failure, and that the server is away will be noticed.
async fn cancel(client: &Client, id: Uuid) -> Result<(), Failure> {
    match client.post(&format!("api/jobs/{id}/cancel"), &json!({"reason": "Ctrl-C"})).await {
        Ok(_) | Err(CallError::Away(_)) => Ok(()),
        Err(CallError::Refused(problem)) if problem.status == 409 || problem.status >= 500 => Ok(()),
        Err(error) => Err(error.into()),
    }
}
