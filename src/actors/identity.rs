//! Who this node is in the database, for all its actors.

use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;

/// The id under which this node is registered. It changes while the process runs: a node whose registration is gone, or was ended by
/// somebody else, registers anew under a fresh id.
#[derive(Debug)]
pub struct NodeIdentity(RwLock<Uuid>);

impl NodeIdentity {
    /// A node that is registered under this id.
    pub fn new(id: Uuid) -> Arc<Self> {
        Arc::new(Self(RwLock::new(id)))
    }

    /// The id of this moment.
    pub fn current(&self) -> Uuid {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes on another id.
    pub(super) fn replace(&self, id: Uuid) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = id;
    }
}
