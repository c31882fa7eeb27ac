//! What the world around a job gives it: a database, the settings, the media roots, an ear. Handed in by the application, so that nothing in this
//! folder knows where it comes from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Pool;
use uuid::Uuid;

use super::child::Children;
use super::settings::SettingsSource;
use super::state::States;

/// Connections for handlers and requests; those of the actors are their own.
pub type DbPool = Pool<AsyncPgConnection>;

/// A job that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedJob {
    /// The job.
    pub id: Uuid,
    /// Its type.
    pub type_name: String,
}

/// Told of jobs that were deleted. Must not block.
pub type OnRemoved = Arc<dyn Fn(Vec<RemovedJob>) + Send + Sync>;

/// What a handler can reach through its context. Cheap to clone.
#[derive(Clone, Default)]
pub struct Environment {
    /// None where a job runs alone, as in a unit test.
    pub db: Option<DbPool>,
    /// Who tells those that watch a job that it is gone; none where nobody watches.
    pub on_removed: Option<OnRemoved>,
    /// Who starts child jobs; none where a job runs alone.
    pub children: Option<Arc<dyn Children>>,
    /// Who keeps the states of jobs; none where a job runs alone.
    pub states: Option<Arc<dyn States>>,
    /// Who knows the settings; their defaults hold when none.
    pub settings: Option<Arc<dyn SettingsSource>>,
    /// The folders that jobs may read.
    pub media_roots: MediaRoots,
}

/// The folders that jobs may touch. A path outside of them is refused, symlinks resolved first.
#[derive(Clone, Debug, Default)]
pub struct MediaRoots(Vec<PathBuf>);

impl MediaRoots {
    /// Resolves the roots. `Err` names one that can't be read.
    pub fn new(roots: &[PathBuf]) -> anyhow::Result<Self> {
        let resolve = |root: &PathBuf| {
            root.canonicalize().with_context(|| format!("the media root {} can't be opened", root.display()))
        };
        Ok(Self(roots.iter().map(resolve).collect::<Result<_, _>>()?))
    }

    /// All roots, resolved.
    pub fn all(&self) -> &[PathBuf] {
        &self.0
    }

    /// The real path behind `path`, if it is under a root.
    pub fn resolve(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let real = path.canonicalize().with_context(|| format!("{} can't be opened", path.display()))?;
        if !self.contains(&real) {
            bail!("{} is under no media root; allow it with --media-root", real.display());
        }
        Ok(real)
    }

    /// Whether a resolved path is under a root.
    pub fn contains(&self, real: &Path) -> bool {
        self.0.iter().any(|root| real.starts_with(root))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::MediaRoots;

    #[test]
    fn a_symlink_that_leads_out_of_the_roots_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(&outside).unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        let roots = MediaRoots::new(std::slice::from_ref(&inside)).unwrap();
        assert!(roots.resolve(&inside).is_ok());
        assert!(roots.resolve(&inside.join("../in")).is_ok());
        for bad in [inside.join("link"), inside.join("../out"), inside.join("missing")] {
            assert!(roots.resolve(&bad).is_err(), "{}", bad.display());
        }
    }
}
