//! The ids of what a plan names: what Stash knows by that name, or what is made now.

use std::collections::HashMap;

use crate::planning::folded;
use crate::services::ServiceError;
use crate::services::stash::{Named, Stash};
use crate::store::plans::ChangeField;

/// What was looked up or made in this run, so that a name is asked for once.
#[derive(Default)]
pub struct Made(HashMap<(ChangeField, String), String>);

impl Made {
    /// How many names it knows.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The id of a tag, performer or studio of this name. Looked for before it is made: an earlier run may have made it.
    pub async fn id(&mut self, stash: &Stash, field: ChangeField, name: &str) -> Result<String, ServiceError> {
        let key = (field, folded(name));
        if let Some(id) = self.0.get(&key) {
            return Ok(id.clone());
        }
        let named = match find(stash, field, name).await? {
            Some(found) => found,
            None => {
                tracing::info!("making `{name}` of {field}");
                make(stash, field, name).await?
            }
        };
        Ok(self.0.entry(key).or_insert(named.id).clone())
    }
}

async fn find(stash: &Stash, field: ChangeField, name: &str) -> Result<Option<Named>, ServiceError> {
    match field {
        ChangeField::Performers => stash.performer_named(name).await,
        ChangeField::Studio => stash.studio_named(name).await,
        _ => stash.tag_named(name).await,
    }
}

async fn make(stash: &Stash, field: ChangeField, name: &str) -> Result<Named, ServiceError> {
    match field {
        ChangeField::Performers => stash.create_performer(name).await,
        ChangeField::Studio => stash.create_studio(name).await,
        _ => stash.create_tag(name).await,
    }
}
