//! Opens connections to Postgres, with or without TLS.
//!
//! A database URL has either form that `psql` knows: `postgres://user:password@host/db?sslmode=…` or
//! `host=… user=… sslmode=…`. What is said about TLS is read here, because `tokio-postgres` knows neither `verify-full` nor
//! `sslrootcert`:
//!
//! | `sslmode` | TLS | the certificate |
//! | --- | --- | --- |
//! | `disable` | never | |
//! | `prefer` (default) | where the server has it | verified, with the host's name |
//! | `require`, `verify-full` | always | verified, with the host's name |
//! | `verify-ca` | always | verified, whatever host it names |
//!
//! Certificates are verified against the authorities in the PEM file `sslrootcert`, else against those that the system trusts.
//! This is stricter than libpq, where `prefer` and `require` accept any certificate: TLS that does not say who is at the
//! other end keeps nobody out. A server with a certificate of its own making needs `sslrootcert`, or `sslmode=disable` on a
//! network that is trusted. Unix sockets never use TLS.
//!
//! A password is in no error and no log: errors of the parser are reworded, since those of `tokio-postgres` quote the text
//! that they stumbled over, which may be the rest of a password with a special character in it.

mod dial;
mod error_code;
mod session;
mod tls;
mod url;

use std::error::Error as _;
use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::dial::{Dial, Server, Socket};
use self::error_code::{ErrorCodesInTls, WithErrorCodes};
pub use self::session::{Backend, Session};
use self::tls::{Roots, Tls};
pub use self::url::redacted;
use super::sessions::application_name;

/// How long one address may take to accept: a SYN that was lost twice is sent again after three seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long TLS, the log-in and diesel's first statements may take after that.
const LOG_IN_TIMEOUT: Duration = Duration::from_secs(10);

/// A silent connection is probed after this time, every [`KEEPALIVE_INTERVAL`], and given up after
/// [`KEEPALIVE_RETRIES`] probes: a server that vanished without a good-bye is noticed within 30 s.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// The idle time of `tokio-postgres`, taken to mean that the URL says nothing.
const LIBRARY_KEEPALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// How long sent data may stay unacknowledged. Keepalive probes are not sent while data waits, so this bounds the other case.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a connection to the database that this URL names.
///
/// Must be called on a tokio runtime: what drives the connection is spawned there, and ends with it. The settings of the
/// session are [`Session`]'s.
///
/// # Errors
///
/// [`ConnectionError::InvalidConnectionUrl`] when the URL cannot be read, [`ConnectionError::BadConnection`] when nobody
/// answers in time, the certificate is not trusted or the log-in is refused. The message never has the password.
pub async fn connect(database_url: &str) -> ConnectionResult<AsyncPgConnection> {
    Ok(connect_session(database_url).await?.connection)
}

/// Like [`connect`], for whoever listens, or has to end the statements of a connection that broke.
///
/// # Errors
///
/// As for [`connect`].
pub async fn connect_session(database_url: &str) -> ConnectionResult<Session> {
    let target = Target::parse(database_url).map_err(ConnectionError::InvalidConnectionUrl)?;
    target.open_within(target.time_limit()).await
}

/// Checks that a URL can be read, to refuse a wrong one at start and not at the first connection.
///
/// # Errors
///
/// [`ConnectionError::InvalidConnectionUrl`], without the password.
pub fn check_url(database_url: &str) -> ConnectionResult<()> {
    Target::parse(database_url).map(|_| ()).map_err(ConnectionError::InvalidConnectionUrl)
}

/// Where to connect, and how.
#[derive(Debug)]
struct Target {
    config: Config,
    servers: Vec<Server>,
    tls: Tls,
}

impl Target {
    fn parse(database_url: &str) -> Result<Self, String> {
        let (rest, said) = url::take_tls(database_url)?;
        let mut config: Config = rest.parse().map_err(|error| url::safe_parse_error(&error))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("the database URL names no host".to_owned());
        }
        add_defaults(&mut config);
        let over_tcp = |host: &Host| matches!(host, Host::Tcp(_));
        let remote = config.get_hosts().iter().any(over_tcp) || config.get_hosts().is_empty();
        let tls = Tls::decide(said.mode.as_deref(), said.root_cert.as_deref(), remote)?;
        config.ssl_mode(match tls {
            Tls::Off => SslMode::Disable,
            Tls::On { optional: true, .. } => SslMode::Prefer,
            Tls::On { optional: false, .. } => SslMode::Require,
        });
        let servers = Server::all(&config)?;
        Ok(Self { config, servers, tls })
    }

    async fn open_within(&self, limit: Duration) -> ConnectionResult<Session> {
        match timeout(limit, self.open()).await {
            Ok(Err(ConnectionError::BadConnection(reason))) => Err(self.bad_connection(&reason)),
            Ok(other) => other,
            Err(_) => Err(self.bad_connection(&format!("no answer within {limit:?}"))),
        }
    }

    /// Opens a session with the first server that will have one.
    async fn open(&self) -> ConnectionResult<Session> {
        let mut last = Err(ConnectionError::BadConnection("no host".to_owned()));
        for server in &self.servers {
            last = self.log_in(server).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    async fn log_in(&self, server: &Server) -> ConnectionResult<Session> {
        let socket = server.dial(Dial::of(&self.config)).await;
        let socket =
            socket.map_err(|error| ConnectionError::BadConnection(format!("error connecting to server: {error}")))?;
        let wanted = self.config.get_target_session_attrs();
        match &self.tls {
            Tls::On { roots, any_name, .. } if !server.is_local() => {
                let mut connector = self.connector(roots, *any_name).await.map_err(ConnectionError::BadConnection)?;
                let tls = MakeTlsConnect::<Socket>::make_tls_connect(&mut connector, &server.name());
                let tls = tls.map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
                let asks_first = self.config.get_ssl_negotiation() == SslNegotiation::Postgres;
                let socket = WithErrorCodes::new(socket, usize::from(asks_first));
                let connected = self.config.connect_raw(socket, ErrorCodesInTls(tls)).await;
                let (client, connection) = connected.map_err(|error| bad(&error))?;
                Session::begin(client, connection, wanted).await
            }
            _ => {
                let mut config = self.config.clone();
                config.ssl_mode(SslMode::Disable).ssl_negotiation(SslNegotiation::Postgres);
                let connected = config.connect_raw(WithErrorCodes::new(socket, 0), NoTls).await;
                let (client, connection) = connected.map_err(|error| bad(&error))?;
                Session::begin(client, connection, wanted).await
            }
        }
    }

    async fn connector(&self, roots: &Roots, any_name: bool) -> Result<MakeRustlsConnect, String> {
        let mut client = tls::client_config(roots, any_name).await?;
        if self.config.get_ssl_negotiation() == SslNegotiation::Direct {
            client.alpn_protocols = vec![b"postgresql".to_vec()]; // asked for by Postgres when TLS comes first
        }
        Ok(MakeRustlsConnect::new(client))
    }

    /// Every host may use up its time to connect before the last one is asked to log in.
    fn time_limit(&self) -> Duration {
        let each = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        each * u32::try_from(self.servers.len()).unwrap_or(u32::MAX) + LOG_IN_TIMEOUT
    }

    fn bad_connection(&self, reason: &str) -> ConnectionError {
        ConnectionError::BadConnection(format!("cannot connect to postgres at {}: {reason}", self.place()))
    }

    /// The hosts, for messages.
    fn place(&self) -> String {
        let port = |at: usize| {
            let ports = self.config.get_ports();
            ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432)
        };
        let named = self.config.get_hosts().iter().enumerate().map(|(at, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            Host::Unix(dir) => dir.display().to_string(),
        });
        let named: Vec<String> = named.collect();
        if !named.is_empty() {
            return named.join(", ");
        }
        let addresses = self.config.get_hostaddrs().iter().enumerate();
        addresses.map(|(at, address)| format!("{address}:{}", port(at))).collect::<Vec<_>>().join(", ")
    }
}

fn add_defaults(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name(application_name());
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(TCP_USER_TIMEOUT);
    }
    if config.get_keepalives_idle() == LIBRARY_KEEPALIVE_IDLE {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(KEEPALIVE_INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
}

/// The whole chain of causes: alone, the error is `error connecting to server`.
fn bad(error: &tokio_postgres::Error) -> ConnectionError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    if tls::is_mistrust(error) {
        text.push_str(
            "; name the file of the authority that signed the server's certificate with sslrootcert=FILE, \
             or turn TLS off with sslmode=disable where the network is trusted",
        );
    }
    ConnectionError::BadConnection(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    #[test]
    fn a_socket_gets_no_tls_whatever_is_said() {
        for url in
            ["host=/run/pg user=u", "host=/run/pg sslmode=require", "postgres://u@%2Frun%2Fpg/db?sslmode=verify-full"]
        {
            let target = parse(url);
            assert!(matches!(target.tls, Tls::Off), "{url}");
            assert_eq!(target.config.get_ssl_mode(), SslMode::Disable);
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        let url = parse("postgres://u:p@db.example:6432/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem");
        let words =
            parse("host=db.example port=6432 user=u password=p dbname=d sslmode=verify-full sslrootcert='/etc/ca.pem'");
        assert_eq!(url.config, words.config);
        assert_eq!(url.tls, words.tls);
        assert_eq!(url.config.get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn defaults_are_added_and_what_is_said_stays() {
        let silent = parse("postgres://u@h/d").config;
        assert_eq!(silent.get_application_name(), Some(application_name().as_str()));
        assert_eq!(silent.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(silent.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        assert_eq!(silent.get_keepalives_idle(), KEEPALIVE_IDLE);
        assert_eq!(silent.get_ssl_mode(), SslMode::Prefer);
        let said = parse("postgres://u@h/d?application_name=x&connect_timeout=60&keepalives_idle=7").config;
        assert_eq!(said.get_application_name(), Some("x"));
        assert_eq!(said.get_connect_timeout(), Some(&Duration::from_secs(60)));
        assert_eq!(said.get_keepalives_idle(), Duration::from_secs(7));
    }

    #[test]
    fn places_name_hosts_and_ports() {
        assert_eq!(parse("postgres://u:p@a,b:6432/d").place(), "a:5432, b:6432");
        assert_eq!(parse("host=/run/pg").place(), "/run/pg");
        assert_eq!(parse("hostaddr=10.0.0.1 port=1").place(), "10.0.0.1:1");
    }

    #[test]
    fn no_error_of_a_wrong_url_has_a_piece_of_the_password() {
        let wrong = [
            "postgres://u:hunter@2secret@h:x/d",
            "postgres://u:p@h/d?hunter=2secret",
            "host=h user=u password=my hunter 2secret",
            "host=h user=u password=my hunter=2secret",
            "host=h user=u password='hunter2secret",
            "postgres://u:hunter2secret@h/d?sslmode=hunter2secret",
            "user=u password=hunter2secret",
            "hunter2secret",
        ];
        for url in wrong {
            let ConnectionError::InvalidConnectionUrl(error) = check_url(url).unwrap_err() else {
                panic!("{url}: another kind of error");
            };
            assert!(!error.contains("hunter") && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn nobody_at_home_names_the_place_and_not_the_password() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("postgres://u:hunter2@127.0.0.1:{port}/d?sslmode=disable");
        let Err(error) = connect(&url).await else { panic!("somebody was at home") };
        let error = error.to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("refused"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = parse(&format!("host=127.0.0.1 port={port} user=u sslmode=disable connect_timeout=2"));
        assert_eq!(target.time_limit(), Duration::from_secs(2) + LOG_IN_TIMEOUT);
        let Err(error) = target.open_within(Duration::from_millis(50)).await else { panic!("silence was an answer") };
        assert!(error.to_string().contains("no answer within 50ms"), "{error}");
        drop(listener);
    }
}
