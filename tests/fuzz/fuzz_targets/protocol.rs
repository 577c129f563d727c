//! One conversation of one protocol, which `PROTOCOL` in the environment names as rules do. Without it, the names.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sensor_app::{PROTOCOLS, ProtocolRow};

static ROW: OnceLock<&ProtocolRow> = OnceLock::new();

fuzz_target!(
    init: {
        let Ok(name) = std::env::var("PROTOCOL") else {
            for row in PROTOCOLS {
                println!("{}", row.name);
            }
            std::process::exit(0);
        };
        ROW.get_or_init(|| matluoi_tests::pieces::row(&name));
    },
    |input: &[u8]| {
        if let Some(row) = ROW.get() {
            matluoi_tests::pieces::converse(row, &matluoi_tests::pieces::pieces(input));
        }
    }
);
