//! StashHog with job types of our own beside the built-in ones.

use own_jobs as _; // links them in

fn main() -> std::process::ExitCode {
    stashhog::main()
}
