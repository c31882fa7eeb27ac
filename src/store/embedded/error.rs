//! Why the private Postgres could not be started, adopted or stopped.
//!
//! Every message names the path or the program it is about and says what to do next: this is the first thing that
//! somebody sees whose server does not come up.

use std::io;
use std::path::PathBuf;

/// What went wrong with the private Postgres.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivatePostgresError {
    /// A file or directory of the data directory could not be made, read or written.
    #[error("cannot {act} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb: `create`, `lock`.
        act: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The path of the data directory has control characters, which the files of Postgres cannot carry.
    #[error("the data directory {path:?} has a control character in its name; pick another --data-dir")]
    OddPath {
        /// The data directory.
        path: PathBuf,
    },
    /// Another server that lives uses this data directory.
    #[error(
        "the data directory {} is in use by another stashhog server{}; stop that one or pick another --data-dir",
        data_dir.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
        /// The other server, where it left its process id.
        pid: Option<u32>,
    },
    /// Started as root on a machine that has no user to run Postgres as.
    #[error(
        "postgres refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody`; \
         make one of them, start stashhog as an ordinary user, or name a database with --database-url"
    )]
    NoUnprivilegedUser,
    /// The user id has no account, which Postgres insists on.
    #[error(
        "user id {uid} has no account on this machine, and postgres needs one; \
         add it to /etc/passwd or name a database with --database-url"
    )]
    NoAccount {
        /// The user id.
        uid: u32,
    },
    /// The cluster belongs to somebody else.
    #[error(
        "the database in {} belongs to {owner}; start stashhog as {owner} or as root, or pick another --data-dir",
        path.display()
    )]
    NotOwner {
        /// The cluster's directory.
        path: PathBuf,
        /// The user it belongs to.
        owner: String,
    },
    /// The user that runs Postgres cannot reach the data directory.
    #[error(
        "postgres runs as user `{user}`, who may not enter {}: \
         pick another --data-dir, for example /var/lib/stashhog, or run `chmod o+x {}`",
        dir.display(),
        dir.display()
    )]
    NotReachable {
        /// The user that runs Postgres.
        user: String,
        /// The first directory on the way that shuts this user out.
        dir: PathBuf,
    },
    /// No server binaries, or only old ones.
    #[error(
        "no PostgreSQL server of version {} or newer was found{found}\n\
         install it:  {install}\n\
         or point {} at the directory that has `postgres` and `initdb`,\n\
         or use a server you already have:  stashhog --database-url postgres://…",
        super::binaries::OLDEST_MAJOR,
        super::binaries::ENV_DIRECTORY
    )]
    NoBinaries {
        /// What was found instead, ready to be read after "was found".
        found: String,
        /// The command that installs the server on this machine.
        install: String,
    },
    /// The cluster was made by a major version that is not installed.
    #[error(
        "the database in {} was made by PostgreSQL {cluster}, but only version {installed} is installed here; \
         install PostgreSQL {cluster}, or carry the data over with pg_upgrade or pg_dump",
        path.display()
    )]
    WrongMajor {
        /// The cluster's directory.
        path: PathBuf,
        /// The major version that made the cluster.
        cluster: u32,
        /// The installed major versions, separated by commas.
        installed: String,
    },
    /// Something else than a cluster is in the cluster's place.
    #[error("{} is not a directory with a PostgreSQL cluster; move it away or pick another --data-dir", path.display())]
    NotACluster {
        /// The directory.
        path: PathBuf,
    },
    /// `initdb` failed.
    #[error("initdb could not create the database in {}{note}:\n{output}", path.display())]
    Initdb {
        /// Where the cluster was to be.
        path: PathBuf,
        /// A remark on the disk's free space, or nothing.
        note: String,
        /// The end of what `initdb` printed.
        output: String,
    },
    /// No directory for the socket that is short enough and private.
    #[error("no private directory for the postgres socket: {reason}; pick a --data-dir with a shorter path")]
    SocketDirectory {
        /// What was wrong with each directory that was tried.
        reason: String,
    },
    /// A server that this process cannot see answers on the cluster's socket.
    #[error(
        "a postgres that is not visible from here, perhaps in another container, runs on {}; stop it first",
        path.display()
    )]
    ElsewhereAlive {
        /// The cluster's directory.
        path: PathBuf,
    },
    /// The postmaster ended, or did not become ready in time.
    #[error("postgres did not start: {what}{note}; the end of {}:\n{tail}", log.display())]
    Start {
        /// What was seen.
        what: String,
        /// A remark on the disk's free space, or nothing.
        note: String,
        /// The log file.
        log: PathBuf,
        /// What this start wrote to it.
        tail: String,
    },
    /// Postgres runs, but refuses this server or the database cannot be made.
    #[error("postgres in {} runs but does not serve: {reason}", path.display())]
    NotServing {
        /// The cluster's directory.
        path: PathBuf,
        /// What Postgres answered.
        reason: String,
    },
    /// Postgres was told to stop and did not, not even at once.
    #[error("postgres (process {pid}) did not stop within {seconds} s; its files are safe, but it still runs")]
    Stop {
        /// The postmaster.
        pid: i32,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The start was called off because the server is stopping.
    #[error("the start of postgres was called off")]
    CalledOff,
}

impl PrivatePostgresError {
    /// Names the file that an operation of the operating system was about.
    pub(super) fn file(act: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { act, path: path.into(), source }
    }
}
