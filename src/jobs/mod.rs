//! What this program can do: one file per job type.
//!
//! Nobody lists these modules, and nothing outside of this folder imports them. `automod` turns every file of it into a module, and
//! each file hands its type to the registry. To add a job type, add its file; to see how one looks, read `demo.rs`.
//! A job that outgrows its file keeps the rest in a folder of its own name beside it. A workflow imports the params of the jobs that
//! it starts as its children, and nothing else of them.

automod::dir!("src/jobs");
