//! Capture files of any form.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sensor_capture::{CaptureFile, FRAME_LIMIT};

fuzz_target!(|input: &[u8]| {
    let reader = Box::new(Cursor::new(input.to_vec()));
    let Ok(mut file) = CaptureFile::from_reader(Path::new("input"), reader) else {
        return;
    };
    let mut offset = 0;
    while let Ok(Some(frame)) = file.next_frame() {
        assert!(frame.data.len() <= FRAME_LIMIT);
        assert!(file.offset() > offset, "every frame brings the reader on");
        offset = file.offset();
    }
});
