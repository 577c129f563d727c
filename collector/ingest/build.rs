//! Compiles the delivery protocol; `protox` needs no `protoc` on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = "../../sensor/event/proto";
    println!("cargo:rerun-if-changed={folder}/delivery.proto");
    let descriptors = protox::compile(["delivery.proto"], [folder])?;
    tonic_prost_build::configure()
        .build_client(false)
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}
