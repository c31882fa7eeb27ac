//! Finished downloads on their way into the library, from the real qBittorrent and from one that misbehaves.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use stashhog::job::{Job, JobContext, JobResult, JobSpec, Registry, Setting};
use stashhog::services::qbittorrent::{PASSWORD as PASSWORD_SETTING, URL, USERNAME as USERNAME_SETTING};
use stashhog::store::pool;
use stashhog::testing::qbittorrent::{FakeQbittorrent, FakeTorrent, Rude};
use stashhog::testing::{JobTest, Run};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::support::qbittorrent::{Auth, PASSWORD, Qbittorrent, USERNAME};
use crate::support::server::{Options, Server};
use crate::support::{database, until};
