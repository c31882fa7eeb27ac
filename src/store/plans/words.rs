//! The words of plans and their changes.

use crate::job::text_enum;

text_enum! {
    /// Where a plan is in its life.
    PlanStatus {
        /// A job looks at scenes.
        Building = "building",
        /// It is there to be looked at.
        Open = "open",
        /// Nothing of it is left to be applied.
        Applied = "applied",
        /// Its job ended before it found anything.
        Failed = "failed",
    }
}

text_enum! {
    /// Who proposes.
    PlanSource {
        /// An AI service.
        Ai = "ai",
        /// The names of files and of what the library knows.
        Names = "names",
    }
}

text_enum! {
    /// What of a scene is to change.
    ChangeField {
        /// Its tags.
        Tags = "tags",
        /// Its performers.
        Performers = "performers",
        /// Its studio.
        Studio = "studio",
        /// Its title.
        Title = "title",
        /// Its description.
        Details = "details",
        /// Its date.
        Date = "date",
    }
}

text_enum! {
    /// How it is to change.
    ChangeAction {
        /// The proposed value takes the place of the current one.
        Set = "set",
        /// The proposed value is added to those that are there.
        Add = "add",
        /// The proposed value is taken away from those that are there.
        Remove = "remove",
    }
}

text_enum! {
    /// Where a change is in its life.
    ChangeStatus {
        /// Nobody has decided.
        Pending = "pending",
        /// It is to be applied.
        Approved = "approved",
        /// It is not to be applied.
        Rejected = "rejected",
        /// Stash has it.
        Applied = "applied",
        /// The scene is no longer what the plan saw; it was left as it is.
        Conflict = "conflict",
        /// Stash did not take it; the next apply tries again.
        Failed = "failed",
    }
}

impl ChangeStatus {
    /// Those that people may still decide on.
    pub const OPEN: [Self; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Failed];
}
