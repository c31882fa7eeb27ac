//! Trying whether a service can be reached with given settings, before they are saved.

use futures_util::future::BoxFuture;

use super::error::ServiceError;
use crate::job::{Settings, Stop};

/// A service that people can try. Submit one in the file that speaks to it; the API and the page find it.
pub struct Service {
    /// Stable, also the first part of its settings' names: `stash`.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// Tries it; what it says of itself, `Stash v0.28.1`.
    pub test: fn(Settings, Stop) -> BoxFuture<'static, Result<String, ServiceError>>,
}

inventory::collect!(Service);

impl Service {
    /// All of them.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }
}
