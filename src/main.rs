//! The `stashhog` program.

fn main() -> std::process::ExitCode {
    stashhog::main()
}
