//! Which jobs a live client wants to hear of: all, those of some types, or some named ones.

use std::collections::HashSet;

use uuid::Uuid;

use crate::store::listing::Watch;

/// Which jobs.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    all: bool,
    types: HashSet<String>,
    jobs: HashSet<Uuid>,
}

impl Interest {
    /// Whether a job is among them, or was started by a job that is named.
    pub fn wants_with_parent(&self, id: &Uuid, parent: Option<&Uuid>, type_name: &str) -> bool {
        self.wants(id, type_name) || parent.is_some_and(|parent| self.jobs.contains(parent))
    }

    /// Whether a job is among them.
    pub fn wants(&self, id: &Uuid, type_name: &str) -> bool {
        self.all || self.jobs.contains(id) || self.types.contains(type_name)
    }

    /// Adds jobs.
    pub fn add(&mut self, watch: &Watch) {
        match watch {
            Watch::All => self.all = true,
            Watch::Types(types) => self.types.extend(types.iter().cloned()),
            Watch::Jobs(jobs) => self.jobs.extend(jobs),
        }
    }

    /// Takes jobs away.
    pub fn remove(&mut self, watch: &Watch) {
        match watch {
            Watch::All => *self = Self::default(),
            Watch::Types(types) => self.types.retain(|t| !types.contains(t)),
            Watch::Jobs(jobs) => self.jobs.retain(|j| !jobs.contains(j)),
        }
    }

    /// Everything of it as lists to ask the database for.
    pub fn watches(&self) -> Vec<Watch> {
        if self.all {
            return vec![Watch::All];
        }
        let types = (!self.types.is_empty()).then(|| Watch::Types(self.types.iter().cloned().collect()));
        let jobs = (!self.jobs.is_empty()).then(|| Watch::Jobs(self.jobs.iter().copied().collect()));
        types.into_iter().chain(jobs).collect()
    }

    /// How many jobs are named one by one.
    pub fn named_jobs(&self) -> usize {
        self.jobs.len()
    }

    /// How many types are named.
    pub fn named_types(&self) -> usize {
        self.types.len()
    }
}
