//! Rule files of any content: loading, compiling and explaining them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rules::signature::{Environment, Language, SourceFile, explain, load};
use sensor_detect::{Engine, Names, Options};

static NAMES: LazyLock<Names> = LazyLock::new(Names::compiled_in);

fuzz_target!(|input: &[u8]| {
    let source = SourceFile {
        name: "fuzz".to_owned(),
        text: String::from_utf8_lossy(input).into_owned(),
    };
    let environment = Environment::default();
    let report = load(&[source], &NAMES.vocabulary, &environment);
    for signature in &report.signatures {
        for language in [Language::Vietnamese, Language::English] {
            explain(signature, &NAMES.vocabulary, language);
        }
    }
    // Sets and lists on disk are none of this target's.
    if !input
        .windows(7)
        .any(|word| word == b"dataset" || word == b"datarep")
    {
        Engine::new(Names::compiled_in(), report.signatures, Options::default());
    }
});
