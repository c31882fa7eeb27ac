//! Walks folders in the order of the index: by the bytes of their paths.
//!
//! A folder is sorted as if its name ended with a slash, so that what is below it comes exactly where its paths belong:
//! `a.txt` before `a/x`. A folder's entries are held until the walk leaves it; a path is held only for the folders that
//! lead to the present one.
//!
//! Symlinks are not followed and not met; nor are fifos, sockets and devices, which are never opened.

use std::ffi::{CStr, CString};
use std::vec::IntoIter;

use anyhow::{Error, anyhow};
use nix::NixPath;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FileStat, SFlag, fstatat};

use crate::services::files::open_folder;

/// What a walk meets.
pub enum Met {
    /// A regular file.
    File(Found),
    /// A file or a folder that can't be looked at: nothing is known of it and of what is below it.
    Unreadable {
        /// Its resolved path.
        path: String,
        /// Whether it is a folder.
        is_folder: bool,
        /// Why not.
        error: Error,
    },
    /// A file or a folder whose name is not UTF-8: the index can't hold it, and a folder's content neither.
    Unnameable {
        /// As near to its path as text can be.
        path: String,
        /// What to do about it.
        error: Error,
    },
}

/// A regular file, as the index would have it.
pub struct Found {
    /// Its resolved path.
    pub path: String,
    /// In bytes.
    pub size: i64,
    /// Microseconds since 1970, the precision of the database.
    pub mtime: i64,
}

/// A walk through everything at and below a path. Ends early once `stopped` says so.
pub struct Walk<S> {
    folders: Vec<Folder>,
    stopped: S,
}

struct Folder {
    /// With its final slash.
    path: String,
    entries: IntoIter<Entry>,
}

struct Entry {
    /// That of a folder ends with a slash.
    name: Vec<u8>,
    kind: Kind,
}

enum Kind {
    Folder,
    File { size: i64, mtime: i64 },
    Unreadable(Errno),
    Unnameable,
}

impl<S: Fn() -> bool> Walk<S> {
    /// A walk that starts at `start`, a file or a folder with a resolved path. Where nothing is, it meets nothing.
    pub fn new(start: &str, stopped: S) -> Self {
        let kind = match fstatat(AT_FDCWD, start, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Kind::of(&stat),
            Err(Errno::ENOENT | Errno::ENOTDIR) => stands_for_another(start).then_some(Kind::Unnameable),
            Err(errno) => Some(Kind::Unreadable(errno)),
        };
        let entries: Vec<_> = kind.map(|kind| Entry::new(start.as_bytes().to_vec(), kind)).into_iter().collect();
        Self { folders: vec![Folder { path: String::new(), entries: entries.into_iter() }], stopped }
    }

    /// What an entry is to whoever walks; enters it when it is a folder.
    fn meet(&mut self, entry: Entry) -> Option<Met> {
        let folder = self.folders.last().map_or("", |folder| folder.path.as_str());
        let Entry { name, kind } = entry;
        let name = match String::from_utf8(name) {
            Ok(name) => name,
            Err(error) => {
                let name = String::from_utf8_lossy(error.as_bytes());
                return Some(unnameable(format!("{folder}{}", name.trim_end_matches('/'))));
            }
        };
        let path = format!("{folder}{name}");
        match kind {
            Kind::File { size, mtime } => Some(Met::File(Found { path, size, mtime })),
            Kind::Unreadable(errno) => Some(unreadable(path, false, errno)),
            Kind::Unnameable => Some(unnameable(path)),
            Kind::Folder => match self.list(&path) {
                Ok(mut entries) => {
                    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                    self.folders.push(Folder { path, entries: entries.into_iter() });
                    None
                }
                Err(Errno::ENOENT) => None,
                Err(errno) => Some(unreadable(path, true, errno)),
            },
        }
    }

    fn list(&self, folder: &str) -> nix::Result<Vec<Entry>> {
        let (dir, names) = names(folder, &self.stopped)?;
        let mut entries = Vec::with_capacity(names.len());
        for (name, kind) in names {
            let kind = match kind {
                _ if (self.stopped)() => break,
                Some(Type::Directory) => Some(Kind::Folder),
                Some(Type::File) | None => match stat(&dir, &name) {
                    Ok(stat) => Kind::of(&stat),
                    Err(Errno::ENOENT) => None,
                    Err(errno) => Some(Kind::Unreadable(errno)),
                },
                Some(_) => None,
            };
            entries.extend(kind.map(|kind| Entry::new(name.into_bytes(), kind)));
        }
        Ok(entries)
    }
}

impl<S: Fn() -> bool> Iterator for Walk<S> {
    type Item = Met;

    fn next(&mut self) -> Option<Met> {
        while !(self.stopped)() {
            match self.folders.last_mut()?.entries.next() {
                None => drop(self.folders.pop()),
                Some(entry) => {
                    if let Some(met) = self.meet(entry) {
                        return Some(met);
                    }
                }
            }
        }
        None
    }
}

impl Entry {
    fn new(mut name: Vec<u8>, kind: Kind) -> Self {
        if matches!(kind, Kind::Folder) && !name.ends_with(b"/") {
            name.push(b'/');
        }
        Self { name, kind }
    }
}

impl Kind {
    /// None for what is neither a regular file nor a folder.
    fn of(stat: &FileStat) -> Option<Self> {
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => Some(Self::Folder),
            SFlag::S_IFREG => Some(Self::File { size: stat.st_size, mtime: micros(stat.st_mtime, stat.st_mtime_nsec) }),
            _ => None,
        }
    }
}

/// A time of the file system as the index keeps it. Times before 1 and after 9999 are no times that a file was changed at; the
/// database could not hold them all.
pub fn micros(seconds: i64, nanoseconds: i64) -> i64 {
    const YEARS_1_TO_9999: (i64, i64) = (-62_135_596_800, 253_402_300_799);
    seconds.clamp(YEARS_1_TO_9999.0, YEARS_1_TO_9999.1) * 1_000_000 + nanoseconds / 1_000
}

/// Counts the regular files at and below a path, far faster than a walk: nothing is looked at, only listed.
/// What can't be listed counts nothing.
pub fn count_files(start: &str, stopped: impl Fn() -> bool) -> u64 {
    let mut files = 0;
    let mut folders = vec![start.as_bytes().to_vec()];
    while let Some(folder) = folders.pop() {
        match names(folder.as_slice(), &stopped) {
            Ok((dir, names)) => {
                for (name, kind) in names {
                    match kind.or_else(|| stat(&dir, &name).ok().and_then(|stat| kind_of(&stat))) {
                        Some(Type::File) => files += 1,
                        Some(Type::Directory) => folders.push([&folder, b"/".as_slice(), name.as_bytes()].concat()),
                        _ => {}
                    }
                }
            }
            Err(Errno::ENOTDIR) => files += 1,
            Err(_) => {}
        }
    }
    files
}

fn kind_of(stat: &FileStat) -> Option<Type> {
    match Kind::of(stat)? {
        Kind::Folder => Some(Type::Directory),
        _ => Some(Type::File),
    }
}

/// A name in a folder and, where its file system tells, what it is.
type Named = (CString, Option<Type>);

/// The names in a folder, in no order.
fn names<P: ?Sized + NixPath>(folder: &P, stopped: impl Fn() -> bool) -> nix::Result<(Dir, Vec<Named>)> {
    let mut dir = Dir::from_fd(open_folder(folder)?)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        if stopped() {
            break;
        }
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    Ok((dir, names))
}

fn stat(dir: &Dir, name: &CStr) -> nix::Result<FileStat> {
    fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

fn unreadable(mut path: String, is_folder: bool, errno: Errno) -> Met {
    if path.len() > 1 && path.ends_with('/') {
        path.pop();
    }
    let what = if is_folder { "the folder can't be listed" } else { "the file can't be looked at" };
    Met::Unreadable { path, is_folder, error: Error::new(std::io::Error::from(errno)).context(what) }
}

fn unnameable(path: String) -> Met {
    Met::Unnameable { path, error: anyhow!("its name is not UTF-8; rename it") }
}

/// Whether the path is what an earlier scan made of a name that is not UTF-8.
fn stands_for_another(path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/').filter(|_| path.contains(char::REPLACEMENT_CHARACTER)) else {
        return false;
    };
    names(folder, || false).is_ok_and(|(_, names)| names.iter().any(|(other, _)| other.to_string_lossy() == name))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::super::reader::tests::folder;
    use super::{Met, Walk, count_files, micros};

    fn fill(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
    }

    /// What a walk met, below `folder`: files by their names, what failed in brackets.
    fn met(start: &Path, folder: &Path) -> Vec<String> {
        let short = |path: &str| path.strip_prefix(folder.to_str().unwrap()).unwrap().to_owned();
        let walk = Walk::new(start.to_str().unwrap(), || false);
        let met = walk.map(|met| match met {
            Met::File(found) => short(&found.path),
            Met::Unreadable { path, .. } | Met::Unnameable { path, .. } => format!("[{}]", short(&path)),
        });
        met.collect()
    }

    #[test]
    fn files_come_in_the_order_of_the_bytes_of_their_paths() {
        let (_dir, folder) = folder();
        let files = ["a/x", "a.txt", "a b", "a-b/c/d", "a-b/c.d", "a/b/c", "ab", "z/é", "é", "0", "A", "a/\u{10FFFF}"];
        fill(&folder, &files);
        let mut sorted: Vec<_> = files.iter().map(|file| format!("/{file}")).collect();
        sorted.sort();
        assert_eq!(met(&folder, &folder), sorted);
        assert_eq!(count_files(folder.to_str().unwrap(), || false), files.len() as u64);
    }

    #[test]
    fn a_walk_starts_at_a_file_or_at_nothing_too() {
        let (_dir, folder) = folder();
        fill(&folder, &["a/x"]);
        assert_eq!(met(&folder.join("a/x"), &folder), ["/a/x"]);
        assert_eq!(met(&folder.join("b"), &folder), Vec::<String>::new());
        assert_eq!(met(&folder.join("a/x/y"), &folder), Vec::<String>::new());
        assert_eq!(count_files(folder.join("a/x").to_str().unwrap(), || false), 1);
        assert_eq!(count_files(folder.join("b").to_str().unwrap(), || false), 0);
    }

    #[test]
    fn symlinks_and_special_files_are_not_met() {
        let (_dir, folder) = folder();
        fill(&folder, &["a/x"]);
        symlink(folder.join("a"), folder.join("folder")).unwrap();
        symlink(folder.join("a/x"), folder.join("file")).unwrap();
        symlink("/nowhere", folder.join("nowhere")).unwrap();
        mkfifo(&folder.join("fifo"), Mode::S_IRWXU).unwrap();
        assert_eq!(met(&folder, &folder), ["/a/x"]);
        assert_eq!(met(&folder.join("folder"), &folder), Vec::<String>::new());
        assert_eq!(count_files(folder.to_str().unwrap(), || false), 1);
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_told_and_found_again_by_what_was_told() {
        let (_dir, folder) = folder();
        fill(&folder, &["a", "z"]);
        std::fs::write(folder.join(OsStr::from_bytes(b"m\xFF")), "").unwrap();
        assert_eq!(met(&folder, &folder), ["/a", "[/m\u{FFFD}]", "/z"]);
        assert_eq!(met(&folder.join("m\u{FFFD}"), &folder), ["[/m\u{FFFD}]"]);
        assert_eq!(met(&folder.join("n\u{FFFD}"), &folder), Vec::<String>::new());
    }

    #[test]
    fn a_walk_ends_when_it_is_stopped() {
        let (_dir, folder) = folder();
        fill(&folder, &["a", "b"]);
        assert_eq!(Walk::new(folder.to_str().unwrap(), || true).count(), 0);
    }

    #[test]
    fn times_fit_the_database() {
        assert_eq!(micros(1, 999_999_999), 1_999_999);
        assert_eq!(micros(-1, 500_000_000), -500_000);
        assert!(chrono::DateTime::from_timestamp_micros(micros(i64::MAX, 0)).is_some());
        assert!(chrono::DateTime::from_timestamp_micros(micros(i64::MIN, 0)).is_some());
    }
}
