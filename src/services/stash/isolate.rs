//! Reading entities by their ids so that one that Stash can't tell of costs no other.

use super::super::error::ServiceError;
use super::Stash;

/// Failures in a row of Stash itself, without a success between: then nothing is wrong with the entities. Each costs the repeats
/// of a call, which are seconds, or minutes where it took too long.
const MOST_IN_A_ROW: u32 = 5;

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
    /// `Err` when the trouble is not with any of them: Stash is not there, or the job was stopped; or it fails or takes too long
    /// time after time. What Stash says of one of them in an answer is about that one, however many there are.
    pub async fn isolate<T>(
        &self,
        ids: Vec<String>,
        read: impl AsyncFn(&Self, &[String]) -> Result<Vec<T>, ServiceError>,
    ) -> Result<Isolated<T>, ServiceError> {
        let (mut found, mut failed) = (Vec::with_capacity(ids.len()), Vec::new());
        let (mut open, mut in_a_row) = (vec![ids], 0);
        while let Some(mut ids) = open.pop() {
            match read(self, &ids).await {
                Ok(some) => {
                    in_a_row = 0;
                    found.extend(some);
                }
                Err(error) if !error.is_about_the_question() && !error.is_timeout() => return Err(error),
                Err(error) => {
                    let is_refusal = matches!(error, ServiceError::Refused { .. });
                    in_a_row += u32::from(error.is_timeout() || (is_refusal && ids.len() <= 1));
                    if in_a_row >= MOST_IN_A_ROW {
                        return Err(error);
                    }
                    if ids.len() <= 1 {
                        failed.extend(ids.pop().map(|id| (id, error)));
                    } else {
                        let rest = ids.split_off(ids.len() / 2);
                        open.extend([rest, ids]);
                    }
                }
            }
        }
        Ok(Isolated { found, failed })
    }
}
