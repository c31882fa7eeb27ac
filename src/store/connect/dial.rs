//! Opens the socket of a connection: TCP with keepalive, or a unix socket.
//!
//! `tokio-postgres` does this too, but keeps its sockets to itself, and the errors that come over ours carry their code
//! ([`error_code`](super::error_code)).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};
use tokio_util::either::Either;

use super::CONNECT_TIMEOUT;

/// What a connection goes over.
pub(super) type Socket = Either<TcpStream, UnixStream>;

/// One of the servers that a database URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// What it is called. A certificate is held to this name.
    pub host: Option<Host>,
    /// Its address, where the URL spares the look-up of its name.
    address: Option<IpAddr>,
    port: u16,
}

impl Server {
    /// The servers of a URL, in the order in which they are tried.
    ///
    /// # Errors
    ///
    /// A sentence, when the URL has more or fewer ports or addresses than hosts.
    pub fn all(config: &Config) -> Result<Vec<Self>, String> {
        let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
        let count = hosts.len().max(addresses.len());
        if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
            return Err(format!("the database URL has {} hosts and {} addresses", hosts.len(), addresses.len()));
        }
        if ports.len() > 1 && ports.len() != count {
            return Err(format!("the database URL has {count} hosts and {} ports", ports.len()));
        }
        let port = |at: usize| ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
        let server = |at| Self { host: hosts.get(at).cloned(), address: addresses.get(at).copied(), port: port(at) };
        let mut servers: Vec<_> = (0..count).map(server).collect();
        if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            fastrand::shuffle(&mut servers);
        }
        Ok(servers)
    }

    /// Whether it is on this machine, behind a file.
    pub const fn is_local(&self) -> bool {
        matches!((&self.host, self.address), (Some(Host::Unix(_)), None))
    }

    /// What its certificate must name.
    pub fn name(&self) -> String {
        match (&self.host, self.address) {
            (Some(Host::Tcp(name)), _) => name.clone(),
            (_, Some(address)) => address.to_string(),
            _ => String::new(),
        }
    }

    /// Connects to it. Each of its addresses has the whole time.
    pub async fn dial(&self, how: Dial) -> io::Result<Socket> {
        match (&self.host, self.address) {
            (_, Some(address)) => how.tcp((address, self.port).into()).await,
            (Some(Host::Unix(dir)), None) => {
                let path = dir.join(format!(".s.PGSQL.{}", self.port));
                Ok(Either::Right(in_time(how.limit, UnixStream::connect(path)).await?))
            }
            (Some(Host::Tcp(name)), None) => {
                let mut addresses: Vec<_> = lookup_host((name.clone(), self.port)).await?.collect();
                if how.shuffles {
                    fastrand::shuffle(&mut addresses);
                }
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for address in addresses {
                    match how.tcp(address).await {
                        Ok(socket) => return Ok(socket),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            (None, None) => Err(io::Error::new(io::ErrorKind::InvalidInput, "no host")),
        }
    }
}

/// How sockets are opened.
#[derive(Clone, Debug)]
pub(super) struct Dial {
    /// How long one address may take to accept.
    limit: Duration,
    /// How long sent data may stay unacknowledged.
    user_timeout: Option<Duration>,
    keepalive: Option<TcpKeepalive>,
    /// Whether the addresses of a name are tried in any order.
    shuffles: bool,
}

impl Dial {
    /// What a URL says, and our defaults.
    pub fn of(config: &Config) -> Self {
        let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            keepalive = keepalive.with_interval(interval);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            keepalive = keepalive.with_retries(retries);
        }
        Self {
            limit: config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT),
            user_timeout: config.get_tcp_user_timeout().copied(),
            keepalive: config.get_keepalives().then_some(keepalive),
            shuffles: config.get_load_balance_hosts() == LoadBalanceHosts::Random,
        }
    }

    async fn tcp(&self, address: SocketAddr) -> io::Result<Socket> {
        let socket = in_time(self.limit, TcpStream::connect(address)).await?;
        socket.set_nodelay(true)?;
        let options = SockRef::from(&socket);
        #[cfg(target_os = "linux")]
        options.set_tcp_user_timeout(self.user_timeout)?;
        if let Some(keepalive) = &self.keepalive {
            options.set_tcp_keepalive(keepalive)?;
        }
        Ok(Either::Left(socket))
    }
}

async fn in_time<T>(limit: Duration, connecting: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, connecting).await.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "timed out")))
}
