//! Where the socket of the private Postgres lies, and the connection string that leads to it.
//!
//! The socket lies in the cluster's own directory, which only its owner (and root) may enter. A path of a socket holds about a
//! hundred bytes: a data directory that is deeper gets a directory for its socket alone, named from a hash
//! of the cluster's path, below a directory of the system. Such a name can be guessed, so what is found there is used only
//! when it is a real directory of ours that shuts everybody else out.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::PrivatePostgresError;
use super::owner::Owner;

/// The number in the socket's name. Nothing listens on TCP, so it can meet no other server.
pub(super) const PORT: u16 = 5432;

/// The longest path of a socket, without the final zero: `sun_path` has 108 bytes on Linux and 104 elsewhere.
const PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The role and the database of the private Postgres.
pub(super) const NAME: &str = "stashhog";

/// The socket that Postgres makes in `dir`.
pub(super) fn socket_in(dir: &Path) -> PathBuf {
    dir.join(format!(".s.PGSQL.{PORT}"))
}

/// The lock file that Postgres puts beside that socket.
pub(super) fn lock_in(dir: &Path) -> PathBuf {
    dir.join(format!(".s.PGSQL.{PORT}.lock"))
}

/// Finds, and makes where needed, the directory for the socket of this cluster.
pub(super) fn prepare(cluster: &Path, owner: &Owner) -> Result<PathBuf, PrivatePostgresError> {
    if fits(cluster) {
        return Ok(cluster.to_owned());
    }
    let mut reasons = Vec::new();
    for parent in parents(owner) {
        let dir = parent.join(short_name(cluster));
        match claim(&dir, owner) {
            Ok(()) => return Ok(dir),
            Err(error) => reasons.push(format!("{}: {error}", dir.display())),
        }
    }
    Err(PrivatePostgresError::SocketDirectory { reason: reasons.join(", ") })
}

/// Whether `prepare` could have chosen this directory for this cluster, now or under another environment.
pub(super) fn is_ours(dir: &Path, cluster: &Path) -> bool {
    dir == cluster || dir.file_name().is_some_and(|name| name == short_name(cluster).as_str())
}

/// Whether a socket in `dir` can be bound, and named in a connection string, whose hosts are separated by commas.
fn fits(dir: &Path) -> bool {
    let nameable = dir.to_str().is_some_and(|path| path.starts_with('/') && !path.contains(','));
    nameable && socket_in(dir).as_os_str().len() <= PATH_BYTES
}

/// Directories of the system that may hold ours, the best first. Under root the run-time directory of root's own session
/// is of no use: the user that runs Postgres may not enter it.
fn parents(owner: &Owner) -> Vec<PathBuf> {
    let best =
        if owner.by_root { Some(PathBuf::from("/run")) } else { env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) };
    let mut parents: Vec<PathBuf> = best.into_iter().chain([env::temp_dir(), PathBuf::from("/tmp")]).collect();
    parents.retain(|parent| parent.is_dir() && fits(&parent.join(short_name(parent))));
    parents.dedup();
    parents
}

/// 64 bits of a hash: two clusters of one machine do not meet by chance.
fn short_name(cluster: &Path) -> String {
    let hash = Sha256::digest(cluster.as_os_str().as_encoded_bytes());
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("stashhog-{hex}")
}

/// Makes the directory, or takes it when it is already ours alone.
fn claim(dir: &Path, owner: &Owner) -> io::Result<()> {
    match owner.create_private_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => verify(dir, owner),
        other => other,
    }
}

fn verify(dir: &Path, owner: &Owner) -> io::Result<()> {
    let meta = fs::symlink_metadata(dir)?;
    if !meta.is_dir() || meta.uid() != owner.uid {
        return Err(io::Error::other(format!("exists and is not a directory of user `{}`", owner.name)));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("exists and is open to other users"));
    }
    Ok(())
}

/// A connection string in keyword form, which `psql` understands as well.
pub(super) fn connection_string(dir: &Path, database: &str) -> String {
    format!("host={} user={NAME} dbname={database}", quoted(&dir.to_string_lossy()))
}

/// A value of a connection string, in quotes where it needs them.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The value of the setting `unix_socket_directories`: a list, so the one path is put in its quotes.
pub(super) fn setting(dir: &Path) -> String {
    format!("\"{}\"", dir.to_string_lossy().replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tokio_postgres::Config;
    use tokio_postgres::config::Host;

    use super::*;

    fn me() -> Owner {
        Owner::choose(Path::new("/nonexistent")).unwrap()
    }

    #[test]
    fn a_short_path_is_written_plainly() {
        let text = connection_string(Path::new("/var/lib/stashhog/postgres"), NAME);
        assert_eq!(text, "host=/var/lib/stashhog/postgres user=stashhog dbname=stashhog");
    }

    #[test]
    fn an_odd_path_survives_the_parser() {
        let dir = Path::new(r"/data/it's a \ 'dir' äß=1");
        let config: Config = connection_string(dir, NAME).parse().unwrap();
        assert_eq!(config.get_hosts(), [Host::Unix(dir.to_owned())]);
        assert_eq!(config.get_user(), Some(NAME));
    }

    #[test]
    fn deep_and_comma_paths_do_not_fit() {
        assert!(fits(Path::new("/var/lib/stashhog/postgres")));
        assert!(!fits(&Path::new("/d").join("x".repeat(100))));
        assert!(!fits(Path::new("/data,more/postgres")));
        let longest = PATH_BYTES - "/.s.PGSQL.5432".len();
        assert!(fits(Path::new(&format!("/{}", "x".repeat(longest - 1)))));
        assert!(!fits(Path::new(&format!("/{}", "x".repeat(longest)))));
    }

    #[test]
    fn a_directory_that_others_prepared_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let (link, open, fresh) = (parent.path().join("l"), parent.path().join("o"), parent.path().join("f"));
        symlink(parent.path(), &link).unwrap();
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        me().give(&open).unwrap();

        assert!(claim(&link, &me()).unwrap_err().to_string().contains("not a directory of user"));
        assert!(claim(&open, &me()).unwrap_err().to_string().contains("open to other users"));
        claim(&fresh, &me()).unwrap();
        claim(&fresh, &me()).unwrap();
        assert_eq!(fs::metadata(&fresh).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn the_setting_quotes_its_path() {
        assert_eq!(setting(Path::new("/a \"b\"")), "\"/a \"\"b\"\"\"");
    }
}
