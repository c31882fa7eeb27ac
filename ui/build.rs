//! Has the program built again when the page was: it is embedded in the binary.

fn main() {
    println!("cargo:rerun-if-changed=ui/dist");
}
