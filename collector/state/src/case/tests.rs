//! Cases in a real database.

use crate::*;

const NOW: UnixMillis = UnixMillis(1_764_000_000_000);

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
        .await
        .expect("a store");
    (folder, store)
}

fn new(title: &str, hours_ago: i64) -> NewCase {
    NewCase {
        unit_id: UnitId::ROOT,
        title: title.to_owned(),
        summary: String::new(),
        severity: 2,
        detected: NOW.plus(-hours_ago * UnixMillis::HOUR),
        serious: hours_ago > 5,
        personal_data: false,
    }
}

#[tokio::test]
async fn a_case_is_filled_changed_and_read() {
    let (_folder, store) = store().await;
    let case = store
        .create_case(new("Mã độc ở xã", 1), &[], "lan", &Scope::All, NOW)
        .await
        .expect("made");
    for part in [
        CasePart::Note("đã gọi cho xã".to_owned()),
        CasePart::Host {
            address: "10.1.1.1".to_owned(),
            part: "victim".to_owned(),
            note: "máy kế toán".to_owned(),
        },
        CasePart::Task {
            title: "Ngắt mạng máy".to_owned(),
            owner: None,
            due: Some(NOW),
        },
        CasePart::Happened {
            at: NOW.plus(-UnixMillis::DAY),
            text: "thư lừa đảo tới".to_owned(),
        },
    ] {
        store
            .put_into_case(case.id, part, "lan", &Scope::All, NOW)
            .await
            .expect("put");
    }
    let file = NewFile {
        name: "thư.eml".to_owned(),
        kind: "message/rfc822".to_owned(),
        content: b"x".to_vec(),
    };
    let file = store
        .add_case_file(case.id, file, "lan", &Scope::All, NOW)
        .await
        .expect("kept");
    let (_, content) = store
        .case_file(case.id, file, &Scope::All)
        .await
        .expect("read");
    assert_eq!(content, b"x");
    let content = store
        .case_content(case.id, &Scope::All)
        .await
        .expect("read");
    assert!(content.events.iter().all(|event| event.intact));
    assert_eq!(
        content.events[0].text, "thư lừa đảo tới",
        "in the order of time"
    );
    let done = CasePart::TaskDone {
        id: content.tasks[0].id,
        done: true,
    };
    store
        .put_into_case(case.id, done, "minh", &Scope::All, NOW)
        .await
        .expect("done");
    let change = CaseChange {
        status: Some(CaseStatus::Closed),
        notice_sent: Some(NOW),
        cause: Some("macro".to_owned()),
        ..CaseChange::default()
    };
    let closed = store
        .change_case(
            case.id,
            Some(case.version),
            change.clone(),
            "lan",
            &Scope::All,
            NOW,
        )
        .await
        .expect("changed");
    assert_eq!(
        (
            closed.status,
            closed.closed,
            closed.open_tasks,
            closed.tasks
        ),
        (CaseStatus::Closed, Some(NOW), 0, 1)
    );
    let late = store
        .change_case(case.id, Some(case.version), change, "lan", &Scope::All, NOW)
        .await;
    assert!(late.is_err(), "another version");
    let elsewhere = Scope::Units(vec![UnitId(9)]);
    assert!(store.case(case.id, &elsewhere).await.is_err());
}

#[tokio::test]
async fn merging_keeps_the_earlier_clock() {
    let (_folder, store) = store().await;
    let make = async |title, hours| {
        store
            .create_case(new(title, hours), &[], "lan", &Scope::All, NOW)
            .await
            .expect("made")
    };
    let (old, young) = (make("cũ", 9).await, make("mới", 1).await);
    let note = CasePart::Note("ghi".to_owned());
    store
        .put_into_case(old.id, note, "lan", &Scope::All, NOW)
        .await
        .expect("noted");
    let merged = store
        .merge_cases(old.id, young.id, "minh", &Scope::All, NOW)
        .await
        .expect("merged");
    assert_eq!((merged.detected, merged.serious), (old.detected, true));
    let content = store
        .case_content(young.id, &Scope::All)
        .await
        .expect("read");
    assert!(
        content
            .events
            .iter()
            .any(|event| event.kind == "note" && event.user == "lan")
    );
    assert!(content.events.iter().all(|event| event.intact));
    let pointer = store.case(old.id, &Scope::All).await.expect("kept");
    assert_eq!(pointer.merged_into, Some(young.id));
    let again = store
        .merge_cases(old.id, young.id, "minh", &Scope::All, NOW)
        .await;
    assert!(again.is_err());
}
