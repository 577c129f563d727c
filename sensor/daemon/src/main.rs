//! `matluoi-sensor`.

fn main() -> std::process::ExitCode {
    matluoi_sensor::main()
}
