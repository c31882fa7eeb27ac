//! The cluster: the directory with everything that Postgres keeps, and how it comes to be.
//!
//! A cluster appears in its place whole or not at all: `initdb` works in a directory beside it, which is renamed when it is
//! done. What a crash in the middle leaves is swept away by the next start.
//!
//! Who may connect is set before every start: over the socket only, the operating system vouching for the user
//! (`peer`), and only root and the cluster's owner. The directory and the socket are closed to everybody else besides, so that
//! no single slip lets another local user in. There is no password that could leak.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::binaries::Binaries;
use super::error::PrivatePostgresError;
use super::log::{Log, last_lines, space_note};
use super::owner::{Owner, make_private};
use super::settings;
use super::socket::{self, NAME};

/// The start of the names of clusters that are being made.
const UNFINISHED: &str = "postgres.new-";

/// The locale of a new cluster: Unicode, sorted by code point, the same on every machine and after every upgrade of it.
const LOCALE: &str = "C.UTF-8";

/// The same order with less knowledge of letters, for systems without [`LOCALE`].
const FALLBACK_LOCALE: &str = "C";

/// A cluster that exists, and all that is needed to run it.
#[derive(Debug)]
pub(super) struct Cluster {
    /// Its directory.
    pub dir: PathBuf,
    /// Who runs it.
    pub owner: Owner,
    /// What runs it.
    pub binaries: Binaries,
    /// Where its socket lies.
    pub socket_dir: PathBuf,
    /// What it says.
    pub log: Log,
    /// How many nodes share it.
    pub nodes: u32,
}

impl Cluster {
    /// Opens the cluster of a data directory, or makes it, for so many nodes. `data_dir` is absolute, without symbolic links, and
    /// locked.
    pub fn open(data_dir: &Path, nodes: u32) -> Result<Self, PrivatePostgresError> {
        let dir = data_dir.join("postgres");
        let owner = Owner::choose(&dir)?;
        let made_by = made_by(&dir)?;
        let binaries = Binaries::find(&dir, made_by, &owner)?;
        owner.check_reaches(data_dir, &binaries.postgres())?;
        sweep(data_dir);
        if made_by.is_none() {
            create(data_dir, &dir, &owner, &binaries)?;
        }
        take_over(&dir, &owner).map_err(|error| PrivatePostgresError::file("take over", &dir, error))?;
        let cluster = Self {
            socket_dir: socket::prepare(&dir, &owner)?,
            log: Log { path: data_dir.join("postgres.log") },
            dir,
            owner,
            binaries,
            nodes,
        };
        cluster.write_access_rules()?;
        settings::write(&cluster)?;
        Ok(cluster)
    }

    fn write_access_rules(&self) -> Result<(), PrivatePostgresError> {
        let rules = format!(
            "# Written by stashhog at every start.\n\
             local all {NAME} peer map={NAME}\n"
        );
        let users = format!(
            "# Written by stashhog at every start.\n\
             {NAME} root {NAME}\n\
             {NAME} {} {NAME}\n",
            ident_quoted(&self.owner.name)
        );
        self.write_file("pg_hba.conf", &rules)?;
        self.write_file("pg_ident.conf", &users)
    }

    /// Replaces a file of the cluster, where it differs.
    pub fn write_file(&self, name: &str, content: &str) -> Result<(), PrivatePostgresError> {
        let path = self.dir.join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == content) {
            return Ok(()); // as good as written, also on a full disk
        }
        self.owner.write(&path, content).map_err(|error| PrivatePostgresError::file("write", path, error))
    }
}

/// The major version that made the cluster; `None` when there is none yet.
fn made_by(dir: &Path) -> Result<Option<u32>, PrivatePostgresError> {
    let file = dir.join("PG_VERSION");
    if dir.is_symlink() {
        // It could lead to a cluster that is somebody else's.
        return Err(not_a_cluster(dir));
    }
    match fs::read_to_string(&file) {
        Ok(text) => parse_version(&text).map(Some).ok_or_else(|| not_a_cluster(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_free(dir) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(PrivatePostgresError::file("read", file, error))
        }
        Err(_) => Err(not_a_cluster(dir)),
    }
}

/// Whether a cluster can be put here: there is nothing, or an empty directory, which a rename replaces.
fn is_free(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// `15`, or `9.6` from the time when versions had three parts.
fn parse_version(text: &str) -> Option<u32> {
    text.trim().split('.').next()?.parse().ok()
}

fn not_a_cluster(dir: &Path) -> PrivatePostgresError {
    PrivatePostgresError::NotACluster { path: dir.to_owned() }
}

/// Removes clusters that were never finished. What cannot be removed now, because an `initdb` whose server was killed still
/// writes there, is removed by a later start.
fn sweep(data_dir: &Path) {
    for entry in fs::read_dir(data_dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::debug!(path = %entry.path().display(), %error, "an unfinished cluster is left for later");
        }
    }
}

fn create(data_dir: &Path, dir: &Path, owner: &Owner, binaries: &Binaries) -> Result<(), PrivatePostgresError> {
    let fresh = data_dir.join(format!("{UNFINISHED}{}", Uuid::new_v4().simple()));
    owner.create_private_dir(&fresh).map_err(|error| PrivatePostgresError::file("create", &fresh, error))?;
    let made = initdb(&fresh, owner, binaries, LOCALE).or_else(|output| {
        if output.contains("locale") { initdb(&fresh, owner, binaries, FALLBACK_LOCALE) } else { Err(output) }
    });
    if let Err(output) = made {
        let note = space_note(data_dir);
        sweep(data_dir);
        return Err(PrivatePostgresError::Initdb { path: dir.to_owned(), note, output: last_lines(&output) });
    }
    fs::rename(&fresh, dir)
        .and_then(|()| File::open(data_dir)?.sync_all())
        .map_err(|error| PrivatePostgresError::file("create", dir, error))
}

/// Runs `initdb`, which syncs all it wrote. The error is what it printed.
fn initdb(dir: &Path, owner: &Owner, binaries: &Binaries, locale: &str) -> Result<(), String> {
    let mut command = owner.command(&binaries.initdb());
    command.arg("--pgdata").arg(dir).args(["--username", NAME, "--encoding", "UTF8", "--locale", locale]).args([
        "--auth-local",
        "peer",
        "--auth-host",
        "reject",
        "--data-checksums",
        "--no-instructions",
    ]);
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes a cluster that root copied into place usable by its owner.
fn take_over(dir: &Path, owner: &Owner) -> io::Result<()> {
    if owner.by_root && fs::symlink_metadata(dir)?.uid() == 0 {
        owner.give_tree(dir)?;
    }
    make_private(dir)
}

/// A user's name in `pg_ident.conf`: quotes keep what follows a comma, a space or a `#` in it.
fn ident_quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_tells_the_version_that_made_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(made_by(&dir.path().join("missing")).unwrap(), None);
        assert_eq!(made_by(dir.path()).unwrap(), None);
        fs::write(dir.path().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(made_by(dir.path()).unwrap(), Some(15));
        fs::write(dir.path().join("PG_VERSION"), "9.6\n").unwrap();
        assert_eq!(made_by(dir.path()).unwrap(), Some(9));
    }

    #[test]
    fn something_else_in_its_place_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("precious");
        fs::write(&file, "x").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        for place in [dir.path(), &file, &link] {
            let error = made_by(place).unwrap_err().to_string();
            assert!(error.contains("is not a directory with a PostgreSQL cluster"), "{error}");
        }
    }

    #[test]
    fn unfinished_clusters_are_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("postgres.new-1/base")).unwrap();
        fs::create_dir_all(dir.path().join("postgres/base")).unwrap();
        sweep(dir.path());
        assert!(!dir.path().join("postgres.new-1").exists());
        assert!(dir.path().join("postgres/base").exists());
    }
}
