//! StashHog with job types of our own beside the built-in ones.

mod jobs;

fn main() -> std::process::ExitCode {
    stashhog::main()
}
