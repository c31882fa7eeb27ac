//! The words of schedules: what they do about jobs that take longer than planned, and about times that nobody kept.

use super::status::text_enum;

text_enum! {
    /// What a due time does while an earlier job of the same schedule has not ended.
    Overlap {
        /// Makes no job.
        Skip = "skip",
        /// Makes a job that waits for the earlier ones.
        Queue = "queue",
    }
}

text_enum! {
    /// What becomes of due times that nobody kept: the servers were down, or none knew the type.
    CatchUp {
        /// They are noted as missed.
        None = "none",
        /// The last of them gets its job late; the others are noted as missed.
        One = "one",
    }
}

text_enum! {
    /// A line in the history of a schedule: what became of a due time, or what somebody did.
    RunOutcome {
        /// A due time made a job.
        Started = "started",
        /// A due time made no job, as another job stood in the way.
        Skipped = "skipped",
        /// Due times passed that nobody kept.
        Missed = "missed",
        /// A due time made no job, as the type no longer takes the params, or the cron line is broken.
        Refused = "refused",
        /// Somebody had it run at once.
        Manual = "manual",
        /// Somebody created it.
        Created = "created",
        /// Somebody changed it.
        Edited = "edited",
        /// Somebody switched it on.
        Enabled = "enabled",
        /// Somebody switched it off.
        Disabled = "disabled",
    }
}

impl RunOutcome {
    /// Those that speak of runs.
    pub const RUNS: [Self; 5] = [Self::Started, Self::Skipped, Self::Missed, Self::Refused, Self::Manual];
    /// Those that speak of changes.
    pub const CHANGES: [Self; 4] = [Self::Created, Self::Edited, Self::Enabled, Self::Disabled];
}
