//! A connection with the settings that StashHog relies on, whatever its role, its database or the server has as default.

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::{ConnectionError, ConnectionResult, QueryResult};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{AsyncMessage, Client, Connection, SimpleQueryMessage, SimpleQueryRow};

use super::bad;

/// A connection, and what only the place that opened it needs to know.
pub struct Session {
    /// The connection.
    pub connection: AsyncPgConnection,
    /// The process of the server that works for it, where the role may know.
    pub backend: Option<Backend>,
    /// The payloads of notifications, once it listens.
    pub notifications: mpsc::UnboundedReceiver<String>,
}

/// Settings of a session, each with its reason:
///
/// - guards read what others have committed: a stricter isolation would fail them with conflicts;
/// - limits of a role would cut off a long migration or report; our own are set where they belong;
/// - the compilation of a plan takes longer than our statements do;
/// - the statement of a client that went away ends, and does not take effect later.
///
/// `client_connection_check_interval` is refused by servers that don't run on Linux; the last two are of newer versions.
/// `synchronous_commit` is raised from `off` only: `local` and `remote_write` are a choice, see docs/database.md.
const SETTINGS: &str = "
    SELECT set_config(name, value, false) FROM (VALUES
        ('default_transaction_isolation', 'read committed'),
        ('default_transaction_deferrable', 'off'),
        ('statement_timeout', '0'),
        ('lock_timeout', '0'),
        ('idle_in_transaction_session_timeout', '0'),
        ('idle_session_timeout', '0'),
        ('transaction_timeout', '0'),
        ('jit', 'off'),
        ('client_connection_check_interval', CASE WHEN version() LIKE '%linux%' THEN '1s' END),
        ('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' END)
    ) AS wanted (name, value)
    WHERE current_setting(name, true) <> value;
    SELECT pid, backend_start FROM pg_stat_get_activity(pg_backend_pid())";

impl Session {
    /// Drives a connection and makes it ready. What drives it ends when the connection is dropped, in the middle of a
    /// statement too.
    pub(super) async fn begin<S, T>(
        client: Client,
        connection: Connection<S, T>,
        wanted: TargetSessionAttrs,
    ) -> ConnectionResult<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (hang_up, hung_up) = oneshot::channel();
        let notifications = drive(connection, hung_up);
        if wanted != TargetSessionAttrs::Any {
            check_attributes(&client, wanted).await?;
        }
        let answer = client.simple_query(SETTINGS).await.map_err(|error| bad(&error))?;
        let backend = answer.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Backend::of(row),
            _ => None,
        });
        let mut connection = AsyncPgConnection::try_from(client).await?;
        connection.set_instrumentation(HangsUp { _on_drop: hang_up });
        Ok(Self { connection, backend, notifications })
    }
}

fn refused(why: &str) -> ConnectionError {
    ConnectionError::BadConnection(why.to_owned())
}

/// Moves bytes until the connection ends or is dropped.
fn drive<S, T>(mut connection: Connection<S, T>, hung_up: oneshot::Receiver<()>) -> mpsc::UnboundedReceiver<String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, notifications) = mpsc::unbounded_channel();
    let driving = async move {
        loop {
            match poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(heard))) => _ = sender.send(heard.payload().to_owned()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return tracing::debug!(%error, "a connection to the database has ended"),
                None => return,
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = driving => {}
            _ = hung_up => {}
        }
    });
    notifications
}

/// Hangs up with the connection that it belongs to: diesel drops the two together.
struct HangsUp {
    _on_drop: oneshot::Sender<()>,
}

impl Instrumentation for HangsUp {
    fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
}

/// Holds a server to `target_session_attrs`.
async fn check_attributes(client: &Client, wanted: TargetSessionAttrs) -> ConnectionResult<()> {
    let answer = client.simple_query("SHOW transaction_read_only").await.map_err(|error| bad(&error))?;
    let read_only =
        answer.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("on")));
    match wanted {
        TargetSessionAttrs::ReadWrite if read_only => Err(refused("the database does not allow writes")),
        TargetSessionAttrs::ReadOnly if !read_only => Err(refused("the database is not read-only")),
        _ => Ok(()),
    }
}

/// A process of the server.
#[derive(Clone, Debug)]
pub struct Backend {
    pid: i32,
    /// When it began: a later process may have the same number.
    started: String,
}

/// How long a process may take to end.
const END_MILLISECONDS: u32 = 2_000;

impl Backend {
    fn of(row: &SimpleQueryRow) -> Option<Self> {
        Some(Self {
            pid: row.try_get("pid").ok()??.parse().ok()?,
            started: row.try_get("backend_start").ok()??.to_owned(),
        })
    }

    /// Ends it, if it is still there, and whatever it was doing: it has committed before this returns, or never will.
    pub async fn end(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        let Self { pid, started } = self;
        let end = format!(
            "SELECT pg_terminate_backend(pid, {END_MILLISECONDS}) FROM pg_stat_get_activity({pid})
             WHERE backend_start = '{started}'"
        );
        conn.batch_execute(&end).await
    }
}
