//! Media files: what they are, by their first bytes; the fingerprint that Stash knows them by; what ffprobe says of them.
//!
//! All of it is pure: bytes in, facts out. Who opens the file and who runs ffprobe is the caller's affair.

mod container;
mod oshash;
mod probe;

pub use container::{Container, Medium};
pub use oshash::{OSHASH_CHUNK, oshash};
pub use probe::{FFPROBE_ARGS, Probe};
