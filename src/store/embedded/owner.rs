//! The user that Postgres runs as, and the files that this user is given.
//!
//! Postgres refuses to run as root. Started as root, the server therefore runs `initdb` and `postgres` as the owner of the
//! existing cluster, else as `postgres`, else as `nobody`; started by anybody else it runs them as itself. The owner
//! of an existing cluster comes first so that one run under sudo does not lock its ordinary user out.
//!
//! As root, files are written into a directory that a less trusted user owns: always by a fresh file and a
//! rename, so that a planted symbolic link is replaced and never followed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::OFlag;
use nix::unistd::{Uid, User, geteuid};

use super::error::PrivatePostgresError;

/// The account that runs Postgres.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// Its name, which the access rules of the cluster carry.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its primary group: the only one its processes get.
    gid: u32,
    /// Whether this process is root and has to change over.
    pub by_root: bool,
}

impl Owner {
    /// Decides who runs the cluster in `cluster`, which need not exist yet.
    pub fn choose(cluster: &Path) -> Result<Self, PrivatePostgresError> {
        let me = geteuid();
        let holder = fs::symlink_metadata(cluster).ok().map(|meta| meta.uid());
        match holder {
            Some(uid) if !me.is_root() && uid != me.as_raw() => {
                Err(PrivatePostgresError::NotOwner { path: cluster.to_owned(), owner: account_name(uid) })
            }
            _ if !me.is_root() => Self::of(me, false),
            Some(uid) if uid != 0 => Self::of(Uid::from_raw(uid), true),
            _ => Self::unprivileged(),
        }
    }

    fn of(uid: Uid, by_root: bool) -> Result<Self, PrivatePostgresError> {
        let user = User::from_uid(uid).ok().flatten();
        let user = user.ok_or(PrivatePostgresError::NoAccount { uid: uid.as_raw() })?;
        Ok(Self::from_account(user, by_root))
    }

    fn unprivileged() -> Result<Self, PrivatePostgresError> {
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .filter(|user| !user.uid.is_root())
            .map(|user| Self::from_account(user, true))
            .ok_or(PrivatePostgresError::NoUnprivilegedUser)
    }

    fn from_account(user: User, by_root: bool) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), by_root }
    }

    /// A command that runs as this user, without the variables (`PGDATA`, `PGPORT`, …) that would steer it elsewhere, and
    /// from the root directory, because the user may not be allowed into the current one.
    ///
    /// It gets a process group of its own: Ctrl-C in a terminal goes to every process of the foreground group, and
    /// Postgres has to outlive the jobs that use it. `std` drops the supplementary groups of root when it sets the user id.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").current_dir("/").stdin(Stdio::null()).process_group(0);
        for kept in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if self.by_root {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes an empty directory that only this user may enter.
    pub fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(dir)?;
        self.give(dir)
    }

    /// Hands a file or directory over, where this process is root.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        if self.by_root {
            lchown(path, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }

    /// Hands a whole tree over, its top last: until then nobody but root can reach what is inside.
    pub fn give_tree(&self, top: &Path) -> io::Result<()> {
        for entry in fs::read_dir(top)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.give_tree(&entry.path())?;
            } else {
                self.give(&entry.path())?;
            }
        }
        self.give(top)
    }

    /// Replaces a file of this user in one step.
    pub fn write(&self, path: &Path, content: &str) -> io::Result<()> {
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        if fs::symlink_metadata(&fresh).is_ok() {
            fs::remove_file(&fresh)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        if self.by_root {
            fchown(&file, Some(self.uid), Some(self.gid))?;
        }
        file.write_all(content.as_bytes())?;
        fs::rename(&fresh, path)
    }

    /// Checks that this user gets as far as `dir`, by sending a process there: only the kernel knows all the rules
    /// (access lists, mount options). The mode bits merely tell which directory to name.
    pub fn check_reaches(&self, dir: &Path, harmless: &Path) -> Result<(), PrivatePostgresError> {
        let mut command = self.command(harmless);
        let there = command.arg("--version").current_dir(dir).stdout(Stdio::null()).status();
        match there {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(PrivatePostgresError::NotReachable { user: self.name.clone(), dir: self.first_closed(dir) })
            }
            Err(error) => Err(PrivatePostgresError::file("enter", dir, error)),
        }
    }

    fn first_closed(&self, dir: &Path) -> PathBuf {
        let mut way: Vec<&Path> = dir.ancestors().collect();
        way.reverse();
        let closed = way.into_iter().find(|step| fs::metadata(step).is_ok_and(|meta| !self.may_enter(&meta)));
        closed.unwrap_or(dir).to_owned()
    }

    fn may_enter(&self, meta: &fs::Metadata) -> bool {
        let bit = if meta.uid() == self.uid {
            0o100
        } else if meta.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        meta.mode() & bit != 0
    }
}

/// Opens a file that the server keeps beside the cluster, never through a symbolic link. What root makes in somebody's directory
/// is given to them: they may want to start the server themselves the next time.
pub(super) fn open_beside(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)?;
    let meta = file.metadata()?;
    if geteuid().is_root() && meta.uid() == 0 && meta.nlink() == 1 {
        let dir = fs::metadata(path.parent().unwrap_or(path))?;
        fchown(&file, Some(dir.uid()), Some(dir.gid()))?;
    }
    Ok(file)
}

/// The name of an account, or its number where it has none.
fn account_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("user id {uid}"),
    }
}

/// Sets the mode that Postgres insists on for its directories.
pub(super) fn make_private(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> Owner {
        Owner::of(geteuid(), false).unwrap()
    }

    #[test]
    fn a_planted_link_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let treasure = dir.path().join("treasure");
        fs::write(&treasure, "untouched").unwrap();
        let rules = dir.path().join("pg_hba.conf");
        std::os::unix::fs::symlink(&treasure, &rules).unwrap();
        std::os::unix::fs::symlink(&treasure, dir.path().join("pg_hba.conf.new")).unwrap();

        somebody().write(&rules, "rules").unwrap();

        assert_eq!(fs::read_to_string(&treasure).unwrap(), "untouched");
        assert_eq!(fs::read_to_string(&rules).unwrap(), "rules");
        assert!(fs::symlink_metadata(&rules).unwrap().is_file());
    }

    #[test]
    fn a_file_beside_the_cluster_is_not_opened_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (treasure, link) = (dir.path().join("treasure"), dir.path().join("postgres.log"));
        fs::write(&treasure, "untouched").unwrap();
        std::os::unix::fs::symlink(&treasure, &link).unwrap();
        open_beside(&link, OpenOptions::new().append(true)).unwrap_err();
        open_beside(&treasure, OpenOptions::new().append(true)).unwrap();
    }

    #[test]
    fn the_first_closed_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("closed/below");
        fs::create_dir_all(&deep).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(dir.path().join("closed"), Permissions::from_mode(0o700)).unwrap();
        let stranger = Owner { uid: 54_321, gid: 54_321, ..somebody() };
        assert_eq!(stranger.first_closed(&deep), dir.path().join("closed"));
    }

    #[test]
    fn commands_lose_the_variables_that_steer_postgres() {
        let command = somebody().command(Path::new("/bin/true"));
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("PG")), "{names:?}");
    }
}
