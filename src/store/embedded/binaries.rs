//! Finds the PostgreSQL server binaries of this machine.
//!
//! `STASHHOG_POSTGRES_BIN` decides alone when it is set. Else every directory of `PATH`, the one that `pg_config` names
//! and the places where packages of the usual systems put them are looked at. An existing cluster gets the binaries of its own
//! major version; a new one gets the newest. Nothing is downloaded: a server that an administrator installed gets
//! its security updates from the system.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::PrivatePostgresError;
use super::owner::Owner;

/// The oldest major version that is used: older ones get no fixes any more.
pub(super) const OLDEST_MAJOR: u32 = 14;

/// The variable that names the directory of the binaries.
pub(super) const ENV_DIRECTORY: &str = "STASHHOG_POSTGRES_BIN";

/// Where packages put the binaries: parent, start of the version's directory, path below it.
const PACKAGED: [(&str, &str, &str); 8] = [
    ("/usr/lib/postgresql", "", "bin"),   // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),            // the PostgreSQL project's RPMs
    ("/usr/lib", "postgresql", "bin"),    // openSUSE
    ("/usr/lib64", "postgresql-", "bin"), // Gentoo
    ("/usr/libexec", "postgresql", ""),   // Alpine
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"), // Homebrew on Intel
    ("/opt/local/lib", "postgresql", "bin"),  // MacPorts
];

/// Places without a version in their name.
const PLAIN: [&str; 3] = ["/opt/homebrew/bin", "/usr/local/pgsql/bin", "/usr/bin"];

/// One installed PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
    /// Its major version.
    pub major: u32,
}

impl Binaries {
    /// Finds the binaries for a cluster of this major version, or for a new cluster.
    pub fn find(cluster: &Path, made_by: Option<u32>, owner: &Owner) -> Result<Self, PrivatePostgresError> {
        let mut found = Found::default();
        for dir in candidates(owner) {
            found.look_at(&dir, owner);
        }
        found.choose(cluster, made_by)
    }

    /// The program that makes a cluster.
    pub fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    /// The server.
    pub fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }
}

/// What the search has seen so far.
#[derive(Debug, Default)]
struct Found {
    usable: Vec<Binaries>,
    /// Binaries that cannot be used, each with the reason.
    refused: Vec<String>,
}

impl Found {
    fn look_at(&mut self, dir: &Path, owner: &Owner) {
        if !dir.join("postgres").exists() || !dir.join("initdb").exists() {
            return;
        }
        match major_of(&dir.join("postgres"), owner) {
            Ok(major) if major >= OLDEST_MAJOR => self.usable.push(Binaries { dir: dir.to_owned(), major }),
            Ok(major) => self.refused.push(format!("version {major} in {}", dir.display())),
            Err(error) => {
                let user = &owner.name;
                self.refused.push(format!("{} does not run as user `{user}`: {error}", dir.join("postgres").display()));
            }
        }
    }

    fn choose(self, cluster: &Path, made_by: Option<u32>) -> Result<Binaries, PrivatePostgresError> {
        if self.usable.is_empty() {
            return Err(self.nothing());
        }
        let Some(wanted) = made_by else {
            // `max_by_key` returns the last of equals, and the first directory of the search should win.
            let newest = self.usable.iter().rev().max_by_key(|binaries| binaries.major).cloned();
            return newest.ok_or_else(|| self.nothing());
        };
        let installed: BTreeSet<u32> = self.usable.iter().map(|binaries| binaries.major).collect();
        let matching = self.usable.into_iter().find(|binaries| binaries.major == wanted);
        matching.ok_or_else(|| PrivatePostgresError::WrongMajor {
            path: cluster.to_owned(),
            cluster: wanted,
            installed: installed.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        })
    }

    fn nothing(&self) -> PrivatePostgresError {
        let mut found = match env::var_os(ENV_DIRECTORY) {
            Some(dir) => format!(" in {} ({ENV_DIRECTORY})", Path::new(&dir).display()),
            None => String::new(),
        };
        if !self.refused.is_empty() {
            found = format!("{found}, only {}", self.refused.join(", "));
        }
        PrivatePostgresError::NoBinaries {
            found,
            install: install_command(&fs::read_to_string("/etc/os-release").unwrap_or_default()),
        }
    }
}

/// Every directory worth a look, each once, the most specific first.
fn candidates(owner: &Owner) -> Vec<PathBuf> {
    if let Some(dir) = env::var_os(ENV_DIRECTORY) {
        return vec![PathBuf::from(dir)];
    }
    let mut dirs: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    dirs.extend(named_by_pg_config(owner));
    dirs.extend(PACKAGED.iter().flat_map(|(parent, start, below)| versioned(Path::new(parent), start, below)));
    dirs.extend(PLAIN.iter().map(PathBuf::from));
    let mut seen = BTreeSet::new();
    dirs.retain(|dir| dir.is_absolute() && seen.insert(fs::canonicalize(dir).unwrap_or_else(|_| dir.clone())));
    dirs
}

fn named_by_pg_config(owner: &Owner) -> Option<PathBuf> {
    let printed = output(owner.command(Path::new("pg_config")).arg("--bindir")).ok()?;
    Some(PathBuf::from(printed.trim()))
}

/// `parent/start*/below`.
fn versioned(parent: &Path, start: &str, below: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    named.map(|entry| entry.path().join(below)).collect()
}

fn major_of(postgres: &Path, owner: &Owner) -> io::Result<u32> {
    let printed = output(owner.command(postgres).arg("--version"))?;
    parse_major(&printed).ok_or_else(|| io::Error::other(format!("it calls itself {:?}", printed.trim())))
}

/// The major version out of `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`, `… 18beta1`.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stderr(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(output.status.to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command that installs the server, for the system that this `/etc/os-release` describes.
fn install_command(os_release: &str) -> String {
    if cfg!(target_os = "macos") {
        return "brew install postgresql".to_owned();
    }
    let ids: Vec<&str> = os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches(['"', '\'']).split_whitespace())
        .collect();
    let is = |names: &[&str]| names.iter().any(|name| ids.contains(name));
    let command = if is(&["debian", "ubuntu"]) {
        "sudo apt-get install --no-install-recommends postgresql"
    } else if is(&["fedora", "rhel", "centos"]) {
        "sudo dnf install postgresql-server"
    } else if is(&["suse", "opensuse"]) {
        "sudo zypper install postgresql-server"
    } else if is(&["arch"]) {
        "sudo pacman -S postgresql"
    } else if is(&["alpine"]) {
        "sudo apk add postgresql"
    } else {
        "the package `postgresql-server` or `postgresql` of your system"
    };
    command.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(versions: &[(&str, u32)]) -> Found {
        let binaries = |&(dir, major): &(&str, u32)| Binaries { dir: PathBuf::from(dir), major };
        Found { usable: versions.iter().map(binaries).collect(), refused: Vec::new() }
    }

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n";
        assert_eq!(parse_major(debian), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(parse_major("postgres (EvilDB) 15"), None);
    }

    #[test]
    fn a_cluster_gets_the_binaries_of_its_major_version() {
        let found = installed(&[("/usr/lib/postgresql/17/bin", 17), ("/usr/lib/postgresql/15/bin", 15)]);
        assert_eq!(found.choose(Path::new("/c"), Some(15)).unwrap().major, 15);
    }

    #[test]
    fn a_new_cluster_gets_the_newest_and_the_first_of_equals() {
        let found = installed(&[("/first", 15), ("/a", 17), ("/b", 17)]);
        assert_eq!(found.choose(Path::new("/c"), None).unwrap().dir, Path::new("/a"));
    }

    #[test]
    fn another_major_version_is_refused_with_both_versions() {
        let found = installed(&[("/a", 17), ("/b", 15), ("/c", 17)]);
        let error = found.choose(Path::new("/data/postgres"), Some(13)).unwrap_err().to_string();
        assert!(error.contains("/data/postgres was made by PostgreSQL 13"), "{error}");
        assert!(error.contains("only version 15, 17 is installed"), "{error}");
    }

    #[test]
    fn missing_binaries_are_explained_with_a_command_and_a_way_round() {
        let error = installed(&[]).choose(Path::new("/c"), None).unwrap_err().to_string();
        assert!(error.contains("version 14 or newer"), "{error}");
        assert!(error.contains("install it:  "), "{error}");
        assert!(error.contains("--database-url"), "{error}");
    }

    #[test]
    fn the_install_command_follows_the_distribution() {
        let debian = "PRETTY_NAME=\"Debian\"\nID=debian\n";
        assert_eq!(install_command(debian), "sudo apt-get install --no-install-recommends postgresql");
        assert!(install_command("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").contains("apt-get"));
        assert!(install_command("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n").contains("dnf"));
        assert!(install_command("").contains("postgresql-server"));
    }

    #[test]
    fn versioned_directories_are_listed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("pgsql-16/bin")).unwrap();
        fs::create_dir_all(root.path().join("other/bin")).unwrap();
        assert_eq!(versioned(root.path(), "pgsql-", "bin"), [root.path().join("pgsql-16/bin")]);
    }
}
