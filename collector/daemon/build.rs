//! The console is embedded from `web/dist`; a new bundle makes a new binary.

fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}
