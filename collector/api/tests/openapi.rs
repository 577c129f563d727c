//! The console's types are generated from `web/src/gen/openapi.json`, which must be what the code says.

use std::path::Path;

#[test]
fn the_console_knows_this_api() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src/gen/openapi.json");
    let mut now = collector_api::openapi()
        .to_pretty_json()
        .expect("it is JSON");
    now.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &now).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "the API has changed: run UPDATE_OPENAPI=1 cargo test -p collector-api --test openapi, \
         then npm run generate in web"
    );
}
