//! The corpus of the fuzz targets (`tests/fuzz/corpus`), without a fuzzer: what was once found stays mended.

use std::fs;
use std::path::Path;

use matluoi_tests::pieces;
use sensor_app::{PROTOCOLS, Protocol};

/// Only a control connection tells what is data of FTP: no seed is made of such a flow alone.
const WITHOUT_SEEDS: &[Protocol] = &[Protocol::FtpData];

#[test]
fn every_parser_reads_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for row in PROTOCOLS {
        let mut read = 0;
        for file in fs::read_dir(corpus.join(row.name)).into_iter().flatten() {
            let path = file.expect("the corpus can be read").path();
            println!("{}", path.display());
            let input = fs::read(path).expect("the corpus can be read");
            pieces::converse(row, &pieces::pieces(&input));
            read += 1;
        }
        let wanted = !WITHOUT_SEEDS.contains(&row.protocol);
        assert!(read > 0 || !wanted, "no corpus of {}", row.name);
    }
}
