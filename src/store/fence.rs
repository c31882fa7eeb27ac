//! The fence in SQL: the guard that every write of a run has, and its binds.

use diesel::QueryResult;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use uuid::Uuid;

use super::statement::Binds;
use crate::job::Fence;

/// The condition that row `$w`, which has `job_id` and `claim_id`, is of the run that holds the row of `jobs`.
macro_rules! owned_by {
    ($w:literal) => {
        concat!(
            "jobs.id = ",
            $w,
            ".job_id AND jobs.claim_id = ",
            $w,
            ".claim_id AND jobs.status IN ('running', 'cancelling')"
        )
    };
}
pub(super) use owned_by;

/// The tokens of many runs, as the columns `job_id` and `claim_id`.
#[derive(Default)]
pub(super) struct FenceColumns {
    jobs: Vec<Uuid>,
    claims: Vec<Uuid>,
}

impl FenceColumns {
    pub(super) fn push(&mut self, fence: Fence) {
        self.jobs.push(fence.job_id);
        self.claims.push(fence.claim_id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.jobs)?;
        binds.add::<Array<SqlUuid>, _>(&self.claims)
    }
}

impl FromIterator<Fence> for FenceColumns {
    fn from_iter<I: IntoIterator<Item = Fence>>(fences: I) -> Self {
        let mut columns = Self::default();
        fences.into_iter().for_each(|fence| columns.push(fence));
        columns
    }
}
