//! The real `qbittorrent-nox`, with a profile of its own, on this machine alone: it looks for no peer and is found by none.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use sha1::{Digest, Sha1};
use tempfile::TempDir;

use super::until;

/// The name that lets in, where one is asked for.
pub const USERNAME: &str = "harbour";
/// The password that goes with it.
pub const PASSWORD: &str = "harbour at dawn";
/// PBKDF2-HMAC-SHA512 of it in 100,000 rounds, with the salt before it, as qBittorrent writes it down.
const PASSWORD_HASH: &str = "c3Rhc2hob2ctdGVzdGluZw==:\
    QEVeBwOjMpZeB6OeX/pNUkBpXVcPhqWRECxDZEHSJEGPho/x/JvI2ALDHIswBL/OrurcGyw58ay3ZT36cVCi2A==";
/// Wrong passwords until it bans this machine.
pub const MOST_FAILURES: u32 = 3;

const PIECE: usize = 16 << 10;

/// Whom it lets in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// Whoever knows the password.
    Password,
    /// Everybody on this machine.
    Nobody,
}

/// A running one. Dropping it kills it.
pub struct Qbittorrent {
    child: Child,
    folder: TempDir,
    port: u16,
    /// `http://127.0.0.1:1234`
    pub url: String,
    /// Where the files of its torrents lie.
    pub downloads: PathBuf,
    client: Client,
    cookie: Option<String>,
}

impl Qbittorrent {
    /// A new one.
    pub async fn start(auth: Auth) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("stashhog-qbittorrent-").tempdir().expect("a folder");
        let base = folder.path().canonicalize().expect("its path");
        let downloads = base.join("downloads");
        fs::create_dir(&downloads).expect("a folder");
        let config = base.join("profile/qBittorrent/config");
        fs::create_dir_all(&config).expect("a folder");
        fs::write(config.join("qBittorrent.conf"), configuration(auth, &downloads)).expect("its configuration");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let child = spawn(&base, port);
        let url = format!("http://127.0.0.1:{port}");
        let mut started = Self { child, folder, port, url, downloads, client: Client::new(), cookie: None };
        started.until_ready().await;
        if auth == Auth::Password {
            started.log_in().await;
        }
        started
    }

    /// Stops it in order, so that it keeps its torrents, and starts it again. Sessions do not outlive that.
    pub async fn restart(&mut self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), Signal::SIGTERM).expect("a signal");
        let child = &mut self.child;
        until("qBittorrent ends", async || child.try_wait().expect("its status")).await;
        self.child = spawn(&self.folder.path().canonicalize().expect("its path"), self.port);
        self.until_ready().await;
        if self.cookie.take().is_some() {
            self.log_in().await;
        }
    }

    /// Writes a file of a torrent.
    pub fn write(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.downloads.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    /// Makes a torrent of a file or a folder that lies in `downloads`, adds it, and waits until its data was checked. Its hash.
    pub async fn add(&self, name: &str, category: &str) -> String {
        let (torrent, hash) = torrent(&self.downloads, name);
        let boundary = "between-two-parts";
        let mut body = Vec::new();
        for (field, value) in [("savepath", self.downloads.to_str().expect("UTF-8")), ("category", category)] {
            let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"torrents\"; filename=\"t.torrent\"\r\n\
             Content-Type: application/x-bittorrent\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&torrent);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        let post = self.client.post(self.path("torrents/add")).header(CONTENT_TYPE, kind).body(body);
        assert_eq!(self.send(post).await.text().await.expect("a word"), "Ok.");
        until("the torrent's data is checked", async || {
            self.info(&hash).await.filter(|torrent| torrent["progress"] == 1.0).map(drop)
        })
        .await;
        hash
    }

    /// What it says of a torrent.
    pub async fn info(&self, hash: &str) -> Option<Value> {
        let answer = self.send(self.client.get(self.path(&format!("torrents/info?hashes={hash}")))).await;
        let mut torrents: Vec<Value> = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        torrents.pop()
    }

    /// The tags of a torrent.
    pub async fn tags(&self, hash: &str) -> String {
        self.info(hash).await.expect("the torrent")["tags"].as_str().expect("its tags").to_owned()
    }

    /// Posts a form.
    pub async fn post(&self, path: &str, form: &str) {
        let kind = "application/x-www-form-urlencoded";
        self.send(self.client.post(self.path(path)).header(CONTENT_TYPE, kind).body(form.to_owned())).await;
    }

    async fn send(&self, request: RequestBuilder) -> Response {
        let request = match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
        answer
    }

    async fn log_in(&mut self) {
        let form = format!("username={USERNAME}&password={}", PASSWORD.replace(' ', "+"));
        let post = self.client.post(self.path("auth/login")).body(form);
        let post = post.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = post.send().await.expect("an answer");
        let cookie = answer.headers().get(SET_COOKIE).expect("a session").to_str().expect("text");
        self.cookie = Some(cookie.split(';').next().expect("its first part").to_owned());
    }

    fn path(&self, path: &str) -> String {
        format!("{}/api/v2/{path}", self.url)
    }

    async fn until_ready(&mut self) {
        let (client, url) = (self.client.clone(), self.path("app/version"));
        let (child, log) = (&mut self.child, self.folder.path().join("log"));
        until("qBittorrent answers", async || {
            if let Some(status) = child.try_wait().expect("its status") {
                panic!("qBittorrent ended with {status}:\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            client.get(&url).send().await.ok().map(drop)
        })
        .await;
    }
}

impl Drop for Qbittorrent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(base: &Path, port: u16) -> Child {
    let log = File::create(base.join("log")).expect("a log file");
    Command::new("qbittorrent-nox")
        .arg(format!("--profile={}", base.join("profile").display()))
        .arg(format!("--webui-port={port}"))
        .env("HOME", base)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("qbittorrent-nox; .ci/need qbittorrent installs it")
}

fn configuration(auth: Auth, downloads: &Path) -> String {
    format!(
        "[LegalNotice]\nAccepted=true\n\n\
         [BitTorrent]\nSession\\DHTEnabled=false\nSession\\PeXEnabled=false\nSession\\LSDEnabled=false\n\
         Session\\Interface=lo\nSession\\InterfaceName=lo\nSession\\InterfaceAddress=127.0.0.1\nSession\\Port=0\n\
         Session\\DefaultSavePath={}\n\n\
         [Network]\nPortForwardingEnabled=false\n\n\
         [Preferences]\nWebUI\\Address=127.0.0.1\nWebUI\\Username={USERNAME}\n\
         WebUI\\Password_PBKDF2=\"@ByteArray({PASSWORD_HASH})\"\nWebUI\\LocalHostAuth={}\nWebUI\\UseUPnP=false\n\
         WebUI\\MaxAuthenticationFailCount={MOST_FAILURES}\nWebUI\\ServerDomains=qbittorrent.test\n",
        downloads.display(),
        auth == Auth::Password,
    )
}

/// A torrent of version 1 (BEP 3) of a file or a folder, and its hash.
fn torrent(folder: &Path, name: &str) -> (Vec<u8>, String) {
    let mut files = Vec::new();
    find(&folder.join(name), &mut Vec::new(), &mut files);
    files.sort();
    let content: Vec<u8> = files.iter().flat_map(|(_, content)| content.clone()).collect();
    let pieces: Vec<u8> = content.chunks(PIECE).flat_map(|piece| Sha1::digest(piece).to_vec()).collect();
    let mut info = b"d".to_vec();
    match files.as_slice() {
        [(path, content)] if path.is_empty() => info.extend(format!("6:lengthi{}e", content.len()).bytes()),
        _ => {
            info.extend(b"5:filesl");
            for (path, content) in &files {
                let path: String = path.iter().map(|part| text(part)).collect();
                info.extend(format!("d6:lengthi{}e4:pathl{path}ee", content.len()).bytes());
            }
            info.extend(b"e");
        }
    }
    info.extend(format!("4:name{}12:piece lengthi{PIECE}e6:pieces{}:", text(name), pieces.len()).bytes());
    info.extend(pieces);
    info.extend(b"7:privatei1ee");
    let hash = Sha1::digest(&info).iter().map(|byte| format!("{byte:02x}")).collect();
    ([b"d4:info", info.as_slice(), b"e"].concat(), hash)
}

fn text(text: &str) -> String {
    format!("{}:{text}", text.len())
}

/// All files at and below a path: the parts of their paths from there on, and their content.
fn find(at: &Path, below: &mut Vec<String>, files: &mut Vec<(Vec<String>, Vec<u8>)>) {
    if at.is_file() {
        return files.push((below.clone(), fs::read(at).expect("a file")));
    }
    for entry in fs::read_dir(at).expect("a folder") {
        let entry = entry.expect("an entry");
        below.push(entry.file_name().into_string().expect("UTF-8"));
        find(&entry.path(), below, files);
        below.pop();
    }
}
