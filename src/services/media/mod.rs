//! Media files: what they are, by their first bytes; the fingerprint that Stash knows them by; what ffprobe says of them.
//!
//! All of it but the call of ffprobe is pure: bytes in, facts out. Who opens the file is the caller's affair.

mod container;
mod ffprobe;
mod oshash;
mod probe;

pub use container::{Container, Medium};
pub use ffprobe::{ffprobe, has_ffprobe};
pub use oshash::{OSHASH_CHUNK, oshash};
pub use probe::{FFPROBE_ARGS, Probe};
