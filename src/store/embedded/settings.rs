//! How the private Postgres is configured.
//!
//! Three layers, the later one wins: `postgresql.conf` as `initdb` made it, [`TUNED`] in a file that is written at every start,
//! and what somebody sets by `ALTER SYSTEM`. [`FIXED`] goes on the command line, which nothing overrides. Both lists
//! apply to clusters of earlier versions at their next start.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;

use super::cluster::Cluster;
use super::error::PrivatePostgresError;
use super::socket::{self, NAME, PORT};

/// Settings that the server relies on.
const FIXED: [(&str, &str); 15] = [
    ("listen_addresses", ""),
    ("ssl", "off"),
    ("unix_socket_permissions", "0600"),
    // An accepted job survives a power cut.
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    // A killed backend costs its connections, not the database.
    ("restart_after_crash", "on"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_line_prefix", "%m [%p] "),
    // Without the details and values of a failed statement, which may hold secrets.
    ("log_error_verbosity", "terse"),
    ("log_parameter_max_length_on_error", "0"),
    ("cluster_name", NAME),
];

/// Settings that fit a queue: short statements by index on a few hot tables, each row of which is updated several times.
///
/// `shared_buffers` stays at the 128 MB of `initdb`: the hot part of a queue fits, and the machine is not Postgres' alone.
/// `max_wal_size` stays at 1 GB, which bounds the recovery after a crash to about a minute on a slow disk.
const TUNED: [(&str, &str); 6] = [
    // A plan that is thought to be expensive is compiled for 50 to 100 ms; no statement here runs as long as that.
    ("jit", "off"),
    // The hot pages are in memory, and most disks are solid: a page by index costs hardly more than one of a scan. At 4, the
    // default for spinning disks, the planner prefers scans of whole tables too early.
    ("random_page_cost", "1.1"),
    // A minute, the default, is 100,000 to 1,000,000 dead versions of rows that every claim walks over.
    ("autovacuum_naptime", "10s"),
    // Ten times the default: 80 MB/s of dirtied pages at most. At the default rate a vacuum of the jobs table is slower than
    // a busy queue makes garbage.
    ("autovacuum_vacuum_cost_limit", "2000"),
    // Each checkpoint makes the next write of every page a whole page of WAL. An idle or lightly used queue has a third of
    // them; a busy one checkpoints by `max_wal_size` anyway.
    ("checkpoint_timeout", "15min"),
    // 16 segments are kept for reuse instead of 5: a burst of jobs does not wait for new segments to be zeroed and synced.
    ("min_wal_size", "256MB"),
];

/// The pool, the dedicated connections of the actors, and some for psql.
const CONNECTIONS_PER_NODE: u32 = 60;

/// The file with the [`TUNED`] settings, in the cluster's directory.
const FILE: &str = "stashhog.conf";

/// Writes the file with the tuned settings, where it differs.
pub(super) fn write(cluster: &Cluster) -> Result<(), PrivatePostgresError> {
    let mut content = String::from(
        "# Written by stashhog at every start. To change a setting, use ALTER SYSTEM, which wins over this file.\n\
         include 'postgresql.conf'\n",
    );
    for (name, value) in TUNED {
        let _ = writeln!(content, "{name} = '{value}'"); // a String takes all
    }
    cluster.write_file(FILE, &content)
}

/// The arguments of `postgres` beside the directory.
pub(super) fn arguments(cluster: &Cluster) -> Vec<OsString> {
    let setting = |name: &str, value: &OsStr| {
        let mut setting = OsString::from(format!("{name}="));
        setting.push(value); // a path need not be text
        setting
    };
    let place = [
        setting("config_file", cluster.dir.join(FILE).as_os_str()),
        setting("max_connections", OsStr::new(&(cluster.nodes * CONNECTIONS_PER_NODE).to_string())),
        setting("unix_socket_directories", OsStr::new(&socket::setting(&cluster.socket_dir))),
        setting("port", OsStr::new(&PORT.to_string())),
        setting("hba_file", cluster.dir.join("pg_hba.conf").as_os_str()),
        setting("ident_file", cluster.dir.join("pg_ident.conf").as_os_str()),
    ];
    let fixed = FIXED.iter().map(|(name, value)| setting(name, OsStr::new(value)));
    fixed.chain(place).flat_map(|setting| ["-c".into(), setting]).collect()
}
