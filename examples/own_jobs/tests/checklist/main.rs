//! The checklist for a new job, as tests. Copy this folder, put your job in the place of `fetch_ratings`, and work down the
//! list; what does not apply to your job, delete.
//!
//! - [`alone`]: the handler, by the test kit.
//! - [`served`]: the job in a server, as a client and the web UI have it.

mod alone;
mod fake;
mod served;
