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
        attacker: None,
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

fn by<'a>(user: &'a str, scope: &'a Scope) -> Actor<'a> {
    Actor {
        user,
        address: "127.0.0.1",
        scope,
        now: NOW,
    }
}

fn change(action: Action, verdict: Option<Verdict>) -> Change {
    Change {
        action,
        verdict,
        reason: Some("kiểm thử".to_owned()),
        comment: None,
        owner: None,
        mute_until: None,
    }
}

/// Acts on one group, whatever its version.
async fn act(store: &Store, id: GroupId, change: &Change) -> Result<ActionOutcome> {
    let target = Target { id, version: None };
    let token = store.undo_token().expect("random");
    store
        .act(&[target], change, by("lan", &Scope::All), &token)
        .await
}

async fn only(store: &Store) -> Group {
    let mut groups = store
        .groups(&filter(Vec::new()), PAGE)
        .await
        .expect("groups");
    groups.remove(0)
}

const PAGE: GroupPage = GroupPage {
    sort: GroupSort::Risk,
    descending: true,
    limit: 2,
    after: None,
};

#[tokio::test]
async fn an_alert_on_an_answer_comes_from_the_attacked() {
    let (_folder, store, sensor) = store().await;
    let by = |seq, sid, attacker: Option<&str>| AlertSeen {
        attacker: attacker.map(|address| address.parse().expect("an address")),
        ..alert(seq, sid, "10.0.0.1", 1)
    };
    let alerts = [by(1, 1, Some("10.0.0.9")), by(2, 2, None)];
    apply(&store, &sensor, &alerts).await;
    let new = NewCase {
        unit_id: UnitId::ROOT,
        title: "Web shell".to_owned(),
        summary: String::new(),
        severity: 1,
        detected: NOW,
        serious: false,
        personal_data: false,
    };
    for (group, attacker, victim) in [(1, "10.0.0.9", "10.0.0.1"), (2, "10.0.0.1", "10.0.0.9")] {
        let case = store
            .create_case(new.clone(), &[GroupId(group)], "lan", &Scope::All, NOW)
            .await
            .expect("made");
        let content = store
            .case_content(case.id, &Scope::All)
            .await
            .expect("read");
        let part = |name: &str| content.hosts.iter().find(|host| host.part == name);
        assert_eq!(
            part("attacker").map(|host| host.address.as_str()),
            Some(attacker)
        );
        assert_eq!(
            part("victim").map(|host| host.address.as_str()),
            Some(victim)
        );
    }
}

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
    assert_eq!(ids, [2, 1, 5, 4, 3], "the first ones were rare");
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
    let close = |verdict| change(Action::Close, verdict);
    assert!(
        act(&store, id, &close(None)).await.is_err(),
        "a close says why"
    );
    let closed = act(&store, id, &close(Some(Verdict::FalsePositive)))
        .await
        .expect("closed");
    assert_eq!(closed.changed, 1);
    apply(&store, &sensor, &[alert(2, 1, "10.1.1.1", 3)]).await;
    let group = only(&store).await;
    assert_eq!(
        (group.status, group.verdict, group.count),
        (Status::Closed, Some(Verdict::FalsePositive), 2)
    );
    for (user, undone) in [("minh", 0), ("lan", 1), ("lan", 0)] {
        let done = store.undo(&closed.undo_token, by(user, &Scope::All)).await;
        assert_eq!(done.expect("tried"), undone, "{user}");
    }
    act(&store, id, &close(Some(Verdict::TruePositive)))
        .await
        .expect("closed");
    apply(&store, &sensor, &[alert(3, 1, "10.1.1.1", 3)]).await;
    assert_eq!(only(&store).await.status, Status::New, "it goes on");
    let history = store.history(id).await.expect("history");
    assert!(history.iter().all(|row| row.intact));
    assert_eq!(
        history
            .iter()
            .map(|row| row.action.as_str())
            .collect::<Vec<_>>(),
        ["return", "close", "undo", "close"]
    );
    sqlx::query("UPDATE group_history SET reason = 'khác' WHERE group_id = ? AND action = 'close'")
        .bind(id.0)
        .execute(store.writer())
        .await
        .expect("changed behind its back");
    let history = store.history(id).await.expect("history");
    assert_eq!(
        history.iter().map(|row| row.intact).collect::<Vec<_>>(),
        [true, false, true, false]
    );
    let elsewhere = Scope::Units(vec![UnitId(99)]);
    assert!(store.group(id, &elsewhere).await.is_err());
    let target = Target { id, version: None };
    let outside = store
        .act(
            &[target],
            &close(Some(Verdict::Benign)),
            by("lan", &elsewhere),
            "t",
        )
        .await;
    assert_eq!(outside.expect("none").changed, 0);
}

#[tokio::test]
async fn what_another_changed_is_not_overwritten() {
    let (_folder, store, sensor) = store().await;
    apply(&store, &sensor, &[alert(1, 1, "10.1.1.1", 3)]).await;
    let seen = only(&store).await;
    act(&store, seen.id, &change(Action::Acknowledge, None))
        .await
        .expect("taken");
    let target = Target {
        id: seen.id,
        version: Some(seen.version),
    };
    let close = change(Action::Close, Some(Verdict::Benign));
    let late = store
        .act(&[target], &close, by("minh", &Scope::All), "t")
        .await
        .expect("told");
    assert_eq!(late.changed, 0);
    assert_eq!(
        late.conflicts,
        [Conflict {
            id: seen.id,
            version: seen.version + 1,
            status: Status::Open,
            owner: Some("lan".to_owned()),
            user: Some("lan".to_owned()),
        }]
    );
}

#[tokio::test]
async fn verdicts_are_remembered_and_move_the_risk() {
    let (_folder, store, sensor) = store().await;
    let sources = ["10.1.1.1", "10.1.1.2", "10.1.1.3"];
    for (seq, source) in sources.iter().enumerate() {
        apply(&store, &sensor, &[alert(seq as u64 + 1, 1, source, 2)]).await;
    }
    let find = async |source: &str| {
        let groups = store
            .groups(&filter(Vec::new()), GroupPage { limit: 9, ..PAGE })
            .await
            .expect("groups");
        groups
            .into_iter()
            .find(|group| group.source.to_string() == source)
            .expect("the group")
    };
    let before = find("10.1.1.3").await.risk;
    let wrong = change(Action::Close, Some(Verdict::FalsePositive));
    let first = find("10.1.1.1").await.id;
    act(&store, first, &wrong).await.expect("closed");
    act(&store, first, &wrong).await.expect("closed again");
    let second = find("10.1.1.2").await.id;
    let undone = act(&store, second, &wrong).await.expect("closed");
    let group = find("10.1.1.3").await;
    assert_eq!((group.signature_closed, group.signature_true), (2, 0));
    assert!(group.risk < before, "a rule that is wrong comes later");
    store
        .undo(&undone.undo_token, by("lan", &Scope::All))
        .await
        .expect("undone");
    let group = find("10.1.1.3").await;
    assert_eq!(group.signature_closed, 1, "undone, and closed once");
    let memory = store.memory(&group, &Scope::All).await.expect("memory");
    assert_eq!((memory.false_positive, memory.nearest.len()), (1, 1));
    assert_eq!(memory.reasons[0].reason, "kiểm thử");
    assert!(memory.nearest[0].same_destination && !memory.nearest[0].same_source);
}

#[tokio::test]
async fn a_muted_group_comes_back_when_its_time_is_over() {
    let (_folder, store, sensor) = store().await;
    apply(&store, &sensor, &[alert(1, 1, "10.1.1.1", 3)]).await;
    let id = only(&store).await.id;
    let mut close = change(Action::Close, Some(Verdict::Benign));
    close.mute_until = Some(NOW.plus(10));
    act(&store, id, &close).await.expect("closed");
    apply(&store, &sensor, &[alert(5, 1, "10.1.1.1", 3)]).await;
    assert_eq!(only(&store).await.status, Status::Closed);
    apply(&store, &sensor, &[alert(11, 1, "10.1.1.1", 3)]).await;
    assert_eq!(only(&store).await.status, Status::New);
}

#[tokio::test]
async fn rules_hide_and_give_back() {
    let (_folder, store, sensor) = store().await;
    apply(
        &store,
        &sensor,
        &[alert(1, 1, "10.1.1.1", 3), alert(2, 1, "10.9.1.1", 3)],
    )
    .await;
    let conditions = vec![
        HideCondition {
            field: HideField::Source,
            test: HideTest::Network,
            values: vec!["10.1.0.0-10.1.255.255".to_owned()],
        },
        HideCondition {
            field: HideField::Signature,
            test: HideTest::Prefix,
            values: vec!["quet".to_owned()],
        },
    ];
    let preview = store
        .preview_hiding(&conditions, &Scope::All, UnixMillis(0))
        .await
        .expect("counted");
    assert_eq!((preview.groups, preview.groups_of), (1, 2));
    let examples = store
        .hidden_examples(&conditions, &Scope::All, UnixMillis(0), 5)
        .await;
    assert_eq!(examples.expect("found").len(), 1);
    let new = |expires| NewHideRule {
        unit_id: UnitId::ROOT,
        conditions: conditions.clone(),
        reason: "máy quét".to_owned(),
        expires,
    };
    assert!(store.create_hide_rule(new(NOW), "lan", NOW).await.is_err());
    let (rule, hidden) = store
        .create_hide_rule(new(NOW.plus(1_000)), "lan", NOW)
        .await
        .expect("made");
    assert_eq!(hidden, 1);
    let counts = async || {
        let counts = store.group_counts(&Scope::All).await.expect("counts");
        (counts.new, counts.hidden)
    };
    assert_eq!(counts().await, (1, 1));
    apply(
        &store,
        &sensor,
        &[alert(3, 1, "10.1.1.1", 3), alert(4, 1, "10.1.7.7", 3)],
    )
    .await;
    assert_eq!(counts().await, (1, 2));
    let listed = store.hide_rules(&Scope::All).await.expect("rules");
    assert_eq!((listed[0].id, listed[0].hits), (rule.id, 2));
    let shown = store
        .end_hide_rule(rule.id, "minh", &Scope::All, NOW)
        .await
        .expect("ended");
    assert_eq!(shown, 2);
    assert_eq!(counts().await, (3, 0));
    apply(&store, &sensor, &[alert(5, 1, "10.1.8.8", 3)]).await;
    assert_eq!(counts().await, (4, 0));
}

#[tokio::test]
async fn important_machines_come_first() {
    let (_folder, store, sensor) = store().await;
    for (network, importance) in [("10.2.0.0-10.2.255.255", 1), ("10.2.2.2-10.2.2.2", 5)] {
        let (first, last) = network.split_once('-').expect("two ends");
        let new = NewAsset {
            unit_id: UnitId::ROOT,
            first: first.parse().expect("an address"),
            last: last.parse().expect("an address"),
            name: format!("mạng {network}"),
            importance,
        };
        store.put_asset(new).await.expect("kept");
    }
    let sources = ["10.2.2.2", "10.2.3.3", "10.3.3.3"];
    for (seq, source) in sources.iter().enumerate() {
        apply(&store, &sensor, &[alert(seq as u64 + 1, 1, source, 2)]).await;
    }
    let groups = store
        .groups(&filter(Vec::new()), GroupPage { limit: 9, ..PAGE })
        .await
        .expect("groups");
    let order: Vec<String> = groups
        .iter()
        .map(|group| group.source.to_string())
        .collect();
    assert_eq!(order, ["10.2.2.2", "10.3.3.3", "10.2.3.3"]);
}
