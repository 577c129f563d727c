//! Rule sets in a real database.

use super::publish::published_hash;
use crate::*;

const NOW: UnixMillis = UnixMillis(1_764_000_000_000);
const WHO: (&str, UnixMillis) = ("lan", NOW);

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
        .await
        .expect("a store");
    (folder, store)
}

async fn sensor(store: &Store, name: &str, unit: UnitId) -> String {
    let token = store
        .create_enrolment(name, unit, "lan", NOW)
        .await
        .expect("an enrolment")
        .token;
    let enrolled = store.enrol(&token, name, NOW).await.expect("enrolled");
    enrolled.sensor_id
}

async fn set(store: &Store, name: &str, unit_id: UnitId, texts: &[&str]) -> i64 {
    let new = NewRuleSet {
        unit_id,
        name: name.to_owned(),
        draft: String::new(),
    };
    let id = store.create_rule_set(new, "lan", NOW).await.expect("made");
    for text in texts {
        let revision = store.rule_set(id, &Scope::All).await.expect("it").revision;
        let saved = store
            .save_rule_draft(id, revision, text, &Scope::All, WHO)
            .await
            .expect("saved");
        store
            .keep_rule_version(id, saved, 1, "vì sao", &Scope::All, WHO)
            .await
            .expect("kept");
    }
    id
}

#[tokio::test]
async fn a_draft_is_not_saved_over_anothers_change() {
    let (_folder, store) = store().await;
    let id = set(&store, "riêng", UnitId::ROOT, &["a"]).await;
    let all = Scope::All;
    let seen = store.rule_set(id, &all).await.expect("it").revision;
    let save = |text: &'static str| store.save_rule_draft(id, seen, text, &all, WHO);
    save("b").await.expect("saved");
    assert!(matches!(
        save("c").await,
        Err(StateError::Invalid {
            reason: "changed_meanwhile",
            ..
        })
    ));
    assert_eq!(store.rule_draft(id, &all).await.expect("a draft"), "b");
    let now = store.rule_set(id, &all).await.expect("it");
    assert!(now.changed && now.newest == Some(1));
    let kept = |why: &'static str| store.keep_rule_version(id, now.revision, 1, why, &all, WHO);
    assert!(kept(" ").await.is_err(), "a version has a reason");
    assert_eq!(kept("đúng hơn").await.expect("kept"), 2);
    assert!(kept("như cũ").await.is_err(), "nothing has changed");
    let versions = store.rule_versions(id, &all).await.expect("versions");
    let told: Vec<_> = versions
        .iter()
        .map(|one| (one.number, one.why.as_str()))
        .collect();
    assert_eq!(told, [(2, "đúng hơn"), (1, "vì sao")]);
    let long = "x".repeat(limits::MAX_RULE_SET_BYTES + 1);
    assert!(
        store
            .save_rule_draft(id, now.revision, &long, &all, WHO)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn one_sensor_then_all_then_back() {
    let (_folder, store) = store().await;
    let all = Scope::All;
    let child = NewUnit {
        parent_id: UnitId::ROOT,
        name: "xã".to_owned(),
        kind: "xã".to_owned(),
    };
    let child = store.create_unit(child).await.expect("a unit").id;
    let near = sensor(&store, "gần", UnitId::ROOT).await;
    let far = sensor(&store, "xa", child).await;
    let root = set(&store, "tỉnh", UnitId::ROOT, &["one", "two"]).await;
    let own = set(&store, "xã", child, &["own"]).await;
    let publish = |set, sensor: Option<String>, number| {
        let store = store.clone();
        async move {
            store
                .publish_rules(set, sensor.as_deref(), number, "thử", &Scope::All, WHO)
                .await
        }
    };
    let wanted = async |sensor: &str| store.wanted_rule_versions(sensor).await.expect("wanted");
    assert!(wanted(&far).await.is_empty());
    publish(root, None, Some(1)).await.expect("published");
    publish(root, Some(far.clone()), Some(2))
        .await
        .expect("published");
    publish(own, None, Some(1)).await.expect("published");
    assert_eq!(wanted(&near).await, [(root, 1)]);
    assert_eq!(wanted(&far).await, [(root, 2), (own, 1)]);
    assert!(
        publish(own, Some(near.clone()), Some(1)).await.is_err(),
        "a unit's rules do not go to the units above it"
    );
    assert!(
        publish(root, None, Some(7)).await.is_err(),
        "no such version"
    );
    assert_eq!(
        wanted(&near).await,
        [(root, 1)],
        "a refusal changes nothing"
    );
    let text = store
        .published_text(&wanted(&far).await)
        .await
        .expect("a text");
    assert_eq!(
        text,
        format!("# tỉnh: set {root}, version 2\ntwo\n# xã: set {own}, version 1\nown\n")
    );
    publish(root, None, Some(2)).await.expect("published");
    assert_eq!(wanted(&near).await, [(root, 2)]);
    assert_eq!(store.rule_set(root, &all).await.expect("it").apart, 0);
    assert!(store.delete_rule_set(root, &all).await.is_err(), "in use");
    publish(root, None, None).await.expect("taken back");
    assert!(wanted(&near).await.is_empty());
    let told = store.rule_publications(root, &all).await.expect("history");
    let told: Vec<_> = told.iter().map(|one| one.number).collect();
    assert_eq!(told, [None, Some(2), Some(2), Some(1)]);
    store.delete_rule_set(root, &all).await.expect("removed");
}

#[tokio::test]
async fn what_a_sensor_runs_is_held_against_what_it_is_to_run() {
    let (_folder, store) = store().await;
    let all = Scope::All;
    let id = sensor(&store, "cổng", UnitId::ROOT).await;
    let rules = set(&store, "tỉnh", UnitId::ROOT, &["one"]).await;
    let state = async || {
        let targets = store.rule_targets(rules, &all).await.expect("targets");
        (targets[0].state, targets[0].refused_reason.clone())
    };
    let report = async |hash: &str, refused: Option<(String, String)>| {
        let told = Reported {
            hash: hash.to_owned(),
            refused,
        };
        store.record_published(&id, &told).await.expect("kept");
    };
    assert_eq!(state().await.0, PublishedState::Unable);
    report("", None).await;
    assert_eq!(
        state().await.0,
        PublishedState::Current,
        "nothing of nothing"
    );
    store
        .publish_rules(rules, None, Some(1), "thử", &all, WHO)
        .await
        .expect("published");
    assert_eq!(state().await.0, PublishedState::Waiting);
    let versions = store.wanted_rule_versions(&id).await.expect("wanted");
    let hash = published_hash(&store.published_text(&versions).await.expect("a text"));
    report("", Some((hash.clone(), "dòng 2".to_owned()))).await;
    assert_eq!(
        state().await,
        (PublishedState::Refused, Some("dòng 2".to_owned()))
    );
    report(&hash, None).await;
    assert_eq!(state().await, (PublishedState::Current, None));
    report("another", None).await;
    assert_eq!(state().await.0, PublishedState::Waiting);
}

#[tokio::test]
async fn old_versions_go_by_number_and_by_bytes() {
    for (most, bytes, expected) in [
        (100, 1_000, &[6, 5, 4, 3, 2, 1][..]),
        (3, 1_000, &[6, 5, 4, 1]),
        (100, 20, &[6, 5, 1]),
        (100, 1, &[6, 1]),
    ] {
        let (_folder, store) = store().await;
        let texts = [
            "00000001", "00000002", "00000003", "00000004", "00000005", "00000006",
        ];
        let id = set(&store, "riêng", UnitId::ROOT, &texts).await;
        let all = Scope::All;
        store
            .publish_rules(id, None, Some(1), "w", &all, WHO)
            .await
            .expect("published");
        let mut tx = store.write().await.expect("a transaction");
        super::forget_versions(&mut tx, id, 6, (most, bytes))
            .await
            .expect("forgotten");
        tx.commit().await.expect("committed");
        let left = store.rule_versions(id, &all).await.expect("versions");
        let left: Vec<i64> = left.iter().map(|version| version.number).collect();
        assert_eq!(left, expected, "{most} {bytes}: sensors run the first");
    }
}
