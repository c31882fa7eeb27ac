//! What `process_downloads` takes for a thousand small files, linked and copied, beside what `cp` takes for the same files: the
//! release binary on a private Postgres, a qBittorrent in this process.
//!
//! Prints one line per figure. Links are made in the folder for temporary files; copies are made from `/dev/shm`, which is another
//! filesystem, into it. Takes about half a minute and leaves nothing behind.

#[path = "../tests/integration/support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use stashhog::testing::qbittorrent::{FakeQbittorrent, FakeTorrent};
use support::server::{Database, Options, Server};
use tempfile::TempDir;

const TORRENTS: usize = 100;
/// In each torrent.
const FILES: usize = 10;
const FILE_BYTES: usize = 16 << 10;
/// Each figure is the best of so many, as the disk is not ours alone.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let here = tempfile::tempdir().expect("a folder");
    let memory = TempDir::new_in("/dev/shm").expect("a folder in /dev/shm");
    println!("{} files of {} KiB in {TORRENTS} torrents, the best of {ROUNDS}", TORRENTS * FILES, FILE_BYTES >> 10);
    measure("linked", here.path(), here.path(), &[("cp -al", "cp -al {from} {to}")]).await;
    let copies = [
        ("cp -a", "cp -a {from} {to}"),
        ("cp -a, then each file on the disk", "cp -a {from} {to} && find {to} -type f -exec sync {} +"),
    ];
    measure("copied", memory.path(), here.path(), &copies).await;
}

/// Brings all files from one place to the other, by the job and by others.
async fn measure(how: &str, from: &Path, to: &Path, others: &[(&str, &str)]) {
    let downloads = from.join("downloads");
    let qbittorrent = FakeQbittorrent::start();
    let torrents: Vec<_> = (0..TORRENTS).map(|n| torrent(&downloads, n)).collect();
    let mut job = 0.0;
    for _ in 0..ROUNDS {
        torrents.iter().for_each(|torrent| qbittorrent.add(torrent.clone()));
        job = f64::max(job, run(how, &qbittorrent, from, to).await);
    }
    println!("{how} by process_downloads: {job:.0} files/s");
    for (name, command) in others {
        let other = (0..ROUNDS).map(|_| shell(command, &downloads, &to.join("copy"))).fold(0.0, f64::max);
        println!("  {name}: {other:.0} files/s; process_downloads does {:.2} of that", job / other);
    }
    fs::remove_dir_all(&downloads).expect("the downloads go");
}

fn torrent(downloads: &Path, n: usize) -> FakeTorrent {
    let name = format!("Harbour at Dawn {n}");
    fs::create_dir_all(downloads.join(&name)).expect("a folder");
    (0..FILES).fold(FakeTorrent::new(&name, downloads), |torrent, file| {
        let path = format!("{name}/{file}.mp4");
        let content: Vec<u8> = (0..FILE_BYTES).map(|byte| (byte * 7 + n * FILES + file) as u8).collect();
        fs::write(downloads.join(&path), content).expect("a file");
        torrent.file_there(&path)
    })
}

/// Files per second of one job, from its start to its end, into an empty library.
async fn run(how: &str, qbittorrent: &FakeQbittorrent, from: &Path, to: &Path) -> f64 {
    let library = to.join("library");
    fs::create_dir(&library).expect("a folder");
    let roots = [from, to].map(|root| root.to_str().expect("UTF-8"));
    let env = vec![
        ("STASHHOG_QBITTORRENT_URL", OsString::from(qbittorrent.url())),
        ("STASHHOG_DOWNLOADS_LIBRARY_FOLDER", PathBuf::from(&library).into_os_string()),
    ];
    let args = Options::args(&["--media-root", roots[0], "--media-root", roots[1]]);
    let server = Server::start_with(Options { database: Database::Private, env, ..args }).await;
    let id = server.api.submit("process_downloads", json!({})).await;
    let job = server.api.until_status(id, "completed").await;
    server.stop().await;
    let files = TORRENTS * FILES;
    assert_eq!(job["result"][how], json!(files), "{job:#}");
    fs::remove_dir_all(&library).expect("the library goes");
    files as f64 / (time(&job["completed_at"]) - time(&job["started_at"])).as_seconds_f64()
}

/// Files per second of a command that makes `to` of `from`.
fn shell(command: &str, from: &Path, to: &Path) -> f64 {
    let script = command.replace("{from}", &from.display().to_string()).replace("{to}", &to.display().to_string());
    let begun = Instant::now();
    let ran = Command::new("sh").args(["-c", &script]).status().expect("a shell");
    let seconds = begun.elapsed().as_secs_f64();
    assert!(ran.success(), "{script}");
    fs::remove_dir_all(to).expect("the copy goes");
    (TORRENTS * FILES) as f64 / seconds
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}
