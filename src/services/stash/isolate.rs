//! Reading entities by their ids so that one that Stash can't tell of costs no other.

use super::super::error::ServiceError;
use super::Stash;

/// What could be read, and what could not.
#[derive(Clone, Debug)]
pub struct Isolated<T> {
    /// Those that could.
    pub found: Vec<T>,
    /// The ids of the others, with the reason.
    pub failed: Vec<(String, ServiceError)>,
}

impl Stash {
    /// Reads these ids by `read`, all at once; where that fails, half of them, and so on down to the single ones that fail.
    ///
    /// `Err` when the trouble is not with any of them: Stash is not there, or the job was stopped.
    pub async fn isolate<T>(
        &self,
        ids: Vec<String>,
        read: impl AsyncFn(&Self, &[String]) -> Result<Vec<T>, ServiceError>,
    ) -> Result<Isolated<T>, ServiceError> {
        let (mut found, mut failed) = (Vec::with_capacity(ids.len()), Vec::new());
        let mut open = vec![ids];
        while let Some(mut ids) = open.pop() {
            match read(self, &ids).await {
                Ok(some) => found.extend(some),
                Err(error) if !error.is_about_the_question() => return Err(error),
                Err(error) if ids.len() <= 1 => failed.extend(ids.pop().map(|id| (id, error))),
                Err(_) => {
                    let rest = ids.split_off(ids.len() / 2);
                    open.extend([rest, ids]);
                }
            }
        }
        Ok(Isolated { found, failed })
    }
}
