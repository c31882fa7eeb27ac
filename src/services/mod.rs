//! The world outside: what jobs need to know to deal with it. One module each; none of them knows a job.

pub mod media;
