//! Where each file of a torrent goes, by the names that it and its files have. Whoever made the torrent chose them.
//!
//! - One file lies in the library folder itself, under its own name.
//! - Several lie in a folder that is called as the torrent is called in qBittorrent, with the folders that they are in there;
//!   where all are in one folder, as is usual, that one is left out.

use anyhow::{Context, bail, ensure};

use super::partial::PREFIX;
use crate::services::qbittorrent::{Torrent, TorrentFile};

/// The longest name of a file on Linux.
const LONGEST_NAME: usize = 255;

/// A file, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its place in the torrent's list.
    pub index: usize,
    /// The folders below the library folder that it goes into.
    pub folders: Vec<String>,
    /// Its name there.
    pub name: String,
}

impl Target {
    /// Its path below the library folder.
    pub fn path(&self) -> String {
        let parts: Vec<&str> = self.folders.iter().chain([&self.name]).map(String::as_str).collect();
        parts.join("/")
    }
}

/// The places of the files that are wanted. `Err` when one of its names can't be, or one of them is not whole.
pub fn layout(torrent: &Torrent, files: &[TorrentFile]) -> anyhow::Result<Vec<Target>> {
    ensure!(
        torrent.save_path.starts_with('/'),
        "its folder `{}` is no absolute path",
        torrent.save_path.escape_debug()
    );
    if leads_out(&torrent.name) {
        bail!("its name `{}` tries to leave the library folder", torrent.name.escape_debug());
    }
    let paths = files.iter().map(|file| parts(&file.name)).collect::<anyhow::Result<Vec<_>>>()?;
    let one_folder = match paths.split_first() {
        Some((first, others)) => first.len() > 1 && others.iter().all(|path| path.len() > 1 && path[0] == first[0]),
        None => bail!("qBittorrent knows none of its files"),
    };
    let mut above = Vec::new();
    if files.len() > 1 {
        let name = torrent.name.as_str();
        check(name).with_context(|| {
            format!("its name `{}` can't be that of a folder; rename it in qBittorrent", name.escape_debug())
        })?;
        above.push(name);
    }
    let left_out = usize::from(one_folder);
    let mut targets = Vec::new();
    for (index, (file, path)) in files.iter().zip(&paths).enumerate() {
        let Some((name, folders)) = path.split_last().filter(|_| file.priority != 0) else { continue };
        ensure!(file.is_whole(), "its file `{}` is not all there", file.name.escape_debug());
        let folders = if above.is_empty() { &[][..] } else { &folders[left_out..] };
        let folders = above.iter().chain(folders).map(|&folder| folder.to_owned()).collect();
        targets.push(Target { index, folders, name: (*name).to_owned() });
    }
    ensure!(!targets.is_empty(), "none of its files is wanted");
    Ok(targets)
}

/// The parts of a file's path in its torrent.
fn parts(path: &str) -> anyhow::Result<Vec<&str>> {
    let refused = || format!("the path `{}` of one of its files is refused", path.escape_debug());
    path.split('/').map(|part| check(part).with_context(refused)).collect()
}

/// A name of a file or a folder.
fn check(name: &str) -> anyhow::Result<&str> {
    ensure!(!matches!(name, "" | "." | "..") && !name.contains('/'), "it could lead out of the library folder");
    ensure!(!name.contains('\0'), "it has a NUL in it");
    ensure!(name.len() <= LONGEST_NAME, "a name may have {LONGEST_NAME} bytes");
    ensure!(!name.starts_with(PREFIX), "names that begin with `{PREFIX}` are those of copies that are not whole");
    Ok(name)
}

/// Whether a name is a path to elsewhere.
fn leads_out(name: &str) -> bool {
    name.starts_with('/') || name.contains('\0') || name.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::{Torrent, TorrentFile, layout};

    fn torrent(name: &str) -> Torrent {
        Torrent { hash: "ab".to_owned(), name: name.to_owned(), save_path: "/downloads".to_owned(), tags: Vec::new() }
    }

    fn file(name: &str) -> TorrentFile {
        TorrentFile { name: name.to_owned(), size: 1, progress: 1.0, priority: 1 }
    }

    fn paths(name: &str, files: &[&str]) -> anyhow::Result<Vec<String>> {
        let files: Vec<_> = files.iter().map(|name| file(name)).collect();
        Ok(layout(&torrent(name), &files)?.iter().map(super::Target::path).collect())
    }

    #[test]
    fn one_file_lies_in_the_library_several_in_a_folder_of_their_torrents_name() {
        for (files, expected) in [
            (&["a.mp4"][..], &["a.mp4"][..]),
            (&["Root/sub/a.mp4"], &["a.mp4"]),
            (&["Root/a.mp4", "Root/sub/b.srt"], &["Dawn/a.mp4", "Dawn/sub/b.srt"]),
            (&["a.mp4", "sub/b.srt"], &["Dawn/a.mp4", "Dawn/sub/b.srt"]),
            (&["One/a.mp4", "Two/a.mp4"], &["Dawn/One/a.mp4", "Dawn/Two/a.mp4"]),
        ] {
            assert_eq!(paths("Dawn", files).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["..", "../x", "a/../../b", "/etc", "a\0b"] {
            assert!(paths(name, &["a.mp4"]).is_err(), "{name}");
            assert!(paths("fine", &["a.mp4", name]).is_err(), "{name}");
        }
        for name in ["", ".", "AC/DC", &"x".repeat(256)] {
            assert!(paths(name, &["a.mp4"]).is_ok(), "{name}: it is not used");
            assert!(paths(name, &["a", "b"]).is_err(), "{name}");
        }
        for path in ["/etc/passwd", "a//b", "a/", "./a", "a/../b", &"x".repeat(256), ".stashhog-x"] {
            assert!(paths("fine", &[path]).is_err(), "{path}");
        }
        assert_eq!(paths("..dots..", &["...", "a..b"]).unwrap(), ["..dots../...", "..dots../a..b"]);
        let odd = Torrent { save_path: "downloads".to_owned(), ..torrent("x") };
        assert!(layout(&odd, &[file("a")]).is_err());
    }

    #[test]
    fn what_is_not_wanted_is_left_out_and_what_is_not_whole_is_told() {
        let unwanted = TorrentFile { progress: 0.0, priority: 0, ..file("R/b") };
        let targets = layout(&torrent("Dawn"), &[unwanted.clone(), file("R/a")]).unwrap();
        assert_eq!((targets.len(), targets[0].index, targets[0].path()), (1, 1, "Dawn/a".to_owned()));
        assert!(layout(&torrent("Dawn"), &[unwanted]).is_err());
        let half = TorrentFile { progress: 0.5, ..file("R/b") };
        assert!(layout(&torrent("Dawn"), &[file("R/a"), half]).unwrap_err().to_string().contains("R/b"));
        assert!(layout(&torrent("Dawn"), &[]).is_err());
    }
}
