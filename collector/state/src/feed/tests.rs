//! Sources in a real database.

use crate::*;

const NOW: UnixMillis = UnixMillis(1_764_000_000_000);
const WHO: (&str, UnixMillis) = ("lan", NOW);
const ALL: &Scope = &Scope::All;

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
        .await
        .expect("a store");
    (folder, store)
}

fn change(every_hours: Option<u32>) -> FeedChange {
    FeedChange {
        config: "{}".to_owned(),
        enabled: true,
        every_hours,
        publishes: false,
        secret: SecretChange::Set("key".to_owned()),
    }
}

async fn feed(store: &Store) -> Feed {
    let change = change(Some(6));
    let made = store.create_feed(UnitId::ROOT, "ET", &change, "lan", NOW);
    let id = made.await.expect("made");
    store.feed(id, ALL).await.expect("it")
}

#[tokio::test]
async fn a_source_writes_the_versions_of_its_set_and_nobody_else_does() {
    let (_folder, store) = store().await;
    let feed = feed(&store).await;
    let keep = |text: &'static str| store.keep_fed_version(feed.set_id, text, 1, "vì sao", WHO);
    assert_eq!(keep("one").await.expect("kept"), Some(1));
    assert_eq!(keep("one").await.expect("the same"), None);
    assert_eq!(keep("two").await.expect("kept"), Some(2));
    let set = store.rule_set(feed.set_id, ALL).await.expect("it");
    assert_eq!(
        (set.fed_by, set.newest, set.changed),
        (Some(feed.id), Some(2), false)
    );
    let by_hand = store
        .save_rule_draft(set.id, set.revision, "x", ALL, WHO)
        .await;
    assert!(matches!(
        by_hand,
        Err(StateError::Invalid {
            reason: "written_by_source",
            ..
        })
    ));
    let gone = store.delete_rule_set(set.id, ALL).await;
    assert!(
        matches!(gone, Err(StateError::InUse { .. })),
        "its source is there"
    );
    store.delete_feed(feed.id, ALL).await.expect("gone");
    let kept = store.rule_version_text(set.id, 2, ALL).await;
    assert_eq!(kept.expect("its versions stay"), "two");
    assert!(keep("three").await.is_err());
}

#[tokio::test]
async fn runs_follow_one_another_and_failures_are_counted() {
    let (_folder, store) = store().await;
    let feed = feed(&store).await;
    let due = store.due_feeds(NOW).await.expect("sources");
    assert_eq!(due.len(), 1, "a new one runs at once");
    let end = |status, due| RunEnd {
        status,
        number: None,
        report: "{}",
        due,
    };
    for failures in 1..=2 {
        let run = store
            .begin_feed_run(feed.id, None, "{}", NOW)
            .await
            .expect("begun");
        let second = store.begin_feed_run(feed.id, Some("lan"), "{}", NOW).await;
        assert!(matches!(second, Err(StateError::InUse { .. })));
        let later = Some(NOW.plus(1));
        store
            .end_feed_run(run, &end(FeedRunStatus::Failed, later), NOW)
            .await
            .expect("ended");
        assert!(store.due_feeds(NOW).await.expect("sources").is_empty());
        let now = store.feed(feed.id, ALL).await.expect("it");
        assert_eq!((now.failures, now.due), (failures, later));
    }
    let run = store
        .begin_feed_run(feed.id, None, "{}", NOW)
        .await
        .expect("begun");
    store
        .fail_interrupted_feed_runs("{\"a\":1}", NOW)
        .await
        .expect("noted");
    let runs = store.feed_runs(feed.id, ALL).await.expect("runs");
    assert_eq!((runs[0].id, runs[0].status), (run, FeedRunStatus::Failed));
    let run = store
        .begin_feed_run(feed.id, None, "{}", NOW)
        .await
        .expect("begun");
    store
        .end_feed_run(run, &end(FeedRunStatus::Unchanged, None), NOW)
        .await
        .expect("ended");
    let now = store.feed(feed.id, ALL).await.expect("it");
    assert_eq!((now.failures, now.due), (0, None));
    assert_eq!(
        now.last_run.map(|run| run.status),
        Some(FeedRunStatus::Unchanged)
    );
}

#[tokio::test]
async fn secrets_are_kept_changed_and_forgotten() {
    let (_folder, store) = store().await;
    let feed = feed(&store).await;
    store
        .note_feed_seen(feed.id, Some("{}"))
        .await
        .expect("noted");
    for (secret, expected) in [
        (SecretChange::Keep, Some("key")),
        (SecretChange::Set("other".to_owned()), Some("other")),
        (SecretChange::Forget, None),
    ] {
        let change = FeedChange {
            secret,
            ..change(None)
        };
        store
            .change_feed(feed.id, &change, ALL, WHO)
            .await
            .expect("changed");
        let kept = store.feed_secret(feed.id).await.expect("read");
        assert_eq!(kept.as_deref(), expected);
    }
    let now = store.feed(feed.id, ALL).await.expect("it");
    assert_eq!((now.has_secret, now.due, now.seen), (false, None, None));
    let first = store
        .save_feed_filters(feed.id, now.revision, "{}", ALL, WHO)
        .await;
    assert_eq!(first.expect("saved"), now.revision + 1);
    let second = store
        .save_feed_filters(feed.id, now.revision, "{}", ALL, WHO)
        .await;
    assert!(second.is_err(), "changed meanwhile");
    let never = change(Some(24 * 32));
    assert!(store.change_feed(feed.id, &never, ALL, WHO).await.is_err());
}
