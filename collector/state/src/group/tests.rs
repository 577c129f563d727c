//! Groups in a real database.

use crate::*;

const NOW: UnixMillis = UnixMillis(1_764_000_000_000);

async fn store() -> (tempfile::TempDir, Store, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
        .await
        .expect("a store");
    let token = store
        .create_enrolment("cổng", UnitId::ROOT, "admin", NOW)
        .await
        .expect("an enrolment")
        .token;
    let sensor = store
        .enrol(&token, "gateway", NOW)
        .await
        .expect("enrolled")
        .sensor_id;
    (folder, store, sensor)
}

fn alert(seq: u64, sid: u32, source: &str, severity: u8) -> AlertSeen<'static> {
    AlertSeen {
        seq,
        id: "event-1",
        at: NOW.plus(seq as i64),
        gid: 1,
        sid,
        signature: if sid == 1 {
            "Quét cổng TCP"
        } else {
            "Web shell"
        },
        category: "x",
        severity,
        source: source.parse().expect("an address"),
        destination: "10.0.0.9".parse().expect("an address"),
        app_proto: None,
        technique: Some("T1046"),
    }
}

async fn apply(store: &Store, sensor: &str, alerts: &[AlertSeen<'_>]) -> usize {
    let through_seq = alerts.last().map_or(0, |alert| alert.seq);
    let batch = AlertBatch {
        sensor_id: sensor,
        epoch: 7,
        class: "alert",
        through_seq,
        alerts,
    };
    store.apply_alerts(batch, NOW).await.expect("applied").len()
}

fn filter(terms: Vec<Term>) -> GroupFilter {
    GroupFilter {
        scope: Scope::All,
        status: None,
        terms,
        severities: Vec::new(),
        from: None,
        to: None,
    }
}

const PAGE: GroupPage = GroupPage {
    sort: GroupSort::Risk,
    descending: true,
    limit: 2,
    after: None,
};

#[tokio::test]
async fn alerts_are_counted_once_however_often_they_come() {
    let (_folder, store, sensor) = store().await;
    let alerts = [
        alert(1, 1, "10.1.1.1", 3),
        alert(2, 1, "10.1.1.1", 3),
        alert(3, 2, "10.2.2.2", 1),
    ];
    assert_eq!(apply(&store, &sensor, &alerts).await, 3);
    assert_eq!(apply(&store, &sensor, &alerts).await, 0);
    let groups = store
        .groups(&filter(Vec::new()), PAGE)
        .await
        .expect("groups");
    let seen: Vec<_> = groups
        .iter()
        .map(|group| (group.sid, group.count, group.sensors.len()))
        .collect();
    assert_eq!(seen, [(2, 1, 1), (1, 2, 1)], "the worse one first");
    assert_eq!(
        store.group_counts(&Scope::All).await.expect("counts").new,
        2
    );
}

#[tokio::test]
async fn filters_find_text_without_accents_and_networks() {
    let (_folder, store, sensor) = store().await;
    apply(
        &store,
        &sensor,
        &[alert(1, 1, "10.1.1.1", 3), alert(2, 2, "10.2.2.2", 1)],
    )
    .await;
    let range = |first: &str, last: &str| {
        (
            first.parse().expect("an address"),
            last.parse().expect("an address"),
        )
    };
    let (first, last) = range("10.1.0.0", "10.1.255.255");
    for (term, sids) in [
        (Term::Text("quet CONG".to_owned()), &[1][..]),
        (Term::Sid(2), &[2]),
        (Term::Address(first, last), &[1]),
        (Term::Destination(first, last), &[]),
        (Term::Text("zzz".to_owned()), &[]),
    ] {
        let found = store
            .groups(&filter(vec![term.clone()]), PAGE)
            .await
            .expect("groups");
        assert_eq!(
            found.iter().map(|group| group.sid).collect::<Vec<_>>(),
            sids,
            "{term:?}"
        );
        assert_eq!(
            store
                .count_groups(&filter(vec![term]))
                .await
                .expect("a count"),
            sids.len() as u64
        );
    }
    let rolled = store
        .rolled_groups(&filter(Vec::new()), By::Destination, PAGE)
        .await
        .expect("rolled");
    assert_eq!(
        (rolled.len(), rolled[0].groups, rolled[0].sources),
        (1, 2, 2)
    );
}

#[tokio::test]
async fn pages_follow_one_another() {
    let (_folder, store, sensor) = store().await;
    let alerts: Vec<_> = (1..=5u64)
        .map(|n| {
            alert(
                n,
                1,
                ["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.5"][n as usize - 1],
                2,
            )
        })
        .collect();
    apply(&store, &sensor, &alerts).await;
    let mut page = PAGE;
    let mut ids = Vec::new();
    loop {
        let groups = store
            .groups(&filter(Vec::new()), page)
            .await
            .expect("groups");
        let Some(last) = groups.last() else { break };
        page.after = Some((last.risk, last.id));
        ids.extend(groups.iter().map(|group| group.id.0));
    }
    assert_eq!(ids, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn actions_are_recorded_and_undone() {
    let (_folder, store, sensor) = store().await;
    apply(&store, &sensor, &[alert(1, 1, "10.1.1.1", 3)]).await;
    let id = store
        .groups(&filter(Vec::new()), PAGE)
        .await
        .expect("groups")[0]
        .id;
    let close = |verdict| Change {
        action: Action::Close,
        verdict,
        reason: Some("kiểm thử".to_owned()),
        comment: None,
        owner: None,
    };
    let act = async |change: Change| store.act(&[id], &change, "lan", &Scope::All, NOW).await;
    assert!(act(close(None)).await.is_err(), "a close says why");
    let closed = act(close(Some(Verdict::FalsePositive)))
        .await
        .expect("closed");
    assert_eq!(closed.changed, 1);
    apply(&store, &sensor, &[alert(2, 1, "10.1.1.1", 3)]).await;
    let group = store.group(id, &Scope::All).await.expect("the group");
    assert_eq!(
        (group.status, group.verdict, group.count),
        (Status::Closed, Some(Verdict::FalsePositive), 2)
    );
    assert_eq!(
        store
            .undo(&closed.undo_token, "minh", &Scope::All, NOW)
            .await
            .expect("nothing"),
        0,
        "another's action"
    );
    assert_eq!(
        store
            .undo(&closed.undo_token, "lan", &Scope::All, NOW)
            .await
            .expect("undone"),
        1
    );
    assert_eq!(
        store
            .undo(&closed.undo_token, "lan", &Scope::All, NOW)
            .await
            .expect("once"),
        0
    );
    act(close(Some(Verdict::TruePositive)))
        .await
        .expect("closed");
    apply(&store, &sensor, &[alert(3, 1, "10.1.1.1", 3)]).await;
    assert_eq!(
        store
            .group(id, &Scope::All)
            .await
            .expect("the group")
            .status,
        Status::New,
        "it goes on"
    );
    let history = store.history(id).await.expect("history");
    assert_eq!(
        history
            .iter()
            .map(|row| row.action.as_str())
            .collect::<Vec<_>>(),
        ["close", "undo", "close"]
    );
    let elsewhere = Scope::Units(vec![UnitId(99)]);
    assert!(store.group(id, &elsewhere).await.is_err());
    assert_eq!(
        store
            .act(&[id], &close(Some(Verdict::Benign)), "lan", &elsewhere, NOW)
            .await
            .expect("none")
            .changed,
        0
    );
}
