//! What this program can do: one file per job type.
//!
//! Nothing imports these modules and nobody lists them. `automod` turns every file of this folder into a module, and each
//! file hands its type to the registry. To add a job type, add its file; to see how one looks, read `demo.rs`.
//! A job that outgrows its file keeps the rest in a folder of its own name beside it.

automod::dir!("src/jobs");
