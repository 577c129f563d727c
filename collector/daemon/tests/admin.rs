//! `admin` as a person runs it.

use std::path::Path;
use std::process::{Command, Output};

fn admin(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_matluoi-collector"))
        .arg("admin")
        .arg("--data")
        .arg(data)
        .args(arguments)
        .output()
        .expect("it runs")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn accounts_survive_backup_and_restore() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, copy, new) = (
        folder.path().join("data"),
        folder.path().join("copy"),
        folder.path().join("new"),
    );
    let added = text(&admin(
        &data,
        &["user", "add", "thu", "--role", "administrator"],
    ));
    assert!(
        added.contains("thu administrator") && added.contains("password: "),
        "{added}"
    );
    assert!(
        !admin(&data, &["user", "add", "thu"]).status.success(),
        "the name is taken"
    );
    let changed = text(&admin(&data, &["user", "passwd", "thu"]));
    assert!(changed.contains("password: "), "{changed}");
    assert!(!admin(&data, &["user", "passwd", "nobody"]).status.success());

    let evidence = data.join("evidence");
    std::fs::create_dir_all(&evidence).expect("it is made");
    for (name, content) in [("7.pcapng", "frames"), ("8.part", "frames that still come")] {
        std::fs::write(evidence.join(name), content).expect("it is written");
    }
    let feeds = data.join("feeds");
    std::fs::create_dir_all(&feeds).expect("it is made");
    for (name, content) in [("3.content", "rules"), ("3.new", "rules that still come")] {
        std::fs::write(feeds.join(name), content).expect("it is written");
    }
    let copy_name = copy.to_str().expect("UTF-8");
    text(&admin(&data, &["backup", copy_name]));
    let again = text(&admin(&data, &["backup", copy_name]));
    assert!(
        again.contains(copy_name),
        "it is brought up to date: {again}"
    );
    text(&admin(&new, &["restore", copy_name]));
    assert!(
        !admin(&new, &["restore", copy_name]).status.success(),
        "it is not empty"
    );
    let listed = text(&admin(&new, &["user", "list"]));
    assert!(listed.contains("thu\tadministrator"), "{listed}");
    assert!(text(&admin(&new, &["verify"])).contains("unbroken"));
    let kept = std::fs::read_to_string(new.join("evidence/7.pcapng"));
    assert_eq!(kept.expect("evidence is there"), "frames");
    assert!(!new.join("evidence/8.part").exists(), "half of it is none");
    let kept = std::fs::read_to_string(new.join("feeds/3.content"));
    assert_eq!(kept.expect("what sources sent is there"), "rules");
    assert!(!new.join("feeds/3.new").exists(), "half of it is none");
}

#[test]
fn faults_in_the_configuration_are_told_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("collector.toml");
    let faulty = "data_dir = \"d\"\n[api]\nlisten = \"nowhere\"\n[index]\nopen_writers = 0\n";
    std::fs::write(&config, faulty).expect("it is written");
    let output = Command::new(env!("CARGO_BIN_EXE_matluoi-collector"))
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for key in ["api.listen", "index.open_writers", "delivery.advertise"] {
        assert!(told.contains(key), "{key}: {told}");
    }
}
