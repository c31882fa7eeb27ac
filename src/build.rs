//! Has the program built again when a folder that is embedded in it changed: the web UI, and the migrations.

fn main() {
    println!("cargo:rerun-if-changed=ui/dist");
    println!("cargo:rerun-if-changed=migrations");
}
