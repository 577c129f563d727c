//! The fleet in a real database.

use crate::*;

const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
const WHO: (&str, UnixMillis) = ("lan", NOW);
const HOME: &str = "vars.address-groups.HOME_NET";

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("state.sqlite"), StoreOptions::default())
        .await
        .expect("a store");
    (folder, store)
}

async fn unit(store: &Store, parent_id: UnitId, name: &str) -> UnitId {
    let new = NewUnit {
        parent_id,
        name: name.to_owned(),
        kind: "xã".to_owned(),
    };
    store.create_unit(new).await.expect("made").id
}

async fn sensor(store: &Store, name: &str, unit: UnitId) -> String {
    let enrolment = store.create_enrolment(name, unit, "lan", NOW).await;
    let token = enrolment.expect("an enrolment").token;
    store
        .enrol(&token, name, NOW)
        .await
        .expect("enrolled")
        .sensor_id
}

fn change(name: &str, value: &str) -> (String, Option<String>) {
    (name.to_owned(), Some(value.to_owned()))
}

async fn set(store: &Store, target: &FleetTarget, changes: &[(String, Option<String>)]) -> Preview {
    let revision = store.fleet_revision().await.expect("it");
    store
        .change_settings(target, changes, (revision, "vì sao"), &Scope::All, WHO)
        .await
        .expect("it is changed")
}

async fn values(store: &Store, sensor: &str) -> Vec<(String, String, Option<String>)> {
    let wanted = store.wanted_settings(sensor).await.expect("it");
    let row = |one: Effective| (one.name, one.value, one.unit.map(|(_, name)| name));
    wanted.into_iter().map(row).collect()
}

#[tokio::test]
async fn the_lower_value_holds_and_a_preview_tells_whom_a_change_changes() {
    let (_folder, store) = store().await;
    let district = unit(&store, UnitId::ROOT, "Huyện").await;
    let commune = unit(&store, district, "Xã").await;
    let other = unit(&store, UnitId::ROOT, "Khác").await;
    let (top, low, own, apart) = (
        sensor(&store, "a", district).await,
        sensor(&store, "b", commune).await,
        sensor(&store, "c", commune).await,
        sensor(&store, "d", other).await,
    );
    let root = FleetTarget::Unit(UnitId::ROOT);
    let preview = set(&store, &root, &[change(HOME, "[10.0.0.0/8]")]).await;
    assert_eq!((preview.sensors.len(), preview.unchanged), (4, 0));
    set(
        &store,
        &FleetTarget::Unit(commune),
        &[change(HOME, "[10.1.0.0/16]")],
    )
    .await;
    let preview = set(
        &store,
        &FleetTarget::Sensor(own.clone()),
        &[change("evidence.mode", "full")],
    )
    .await;
    assert_eq!(preview.sensors[0].changes[0].after.as_deref(), Some("full"));
    let row = |name: &str, value: &str, unit: Option<&str>| {
        (name.to_owned(), value.to_owned(), unit.map(str::to_owned))
    };
    let inherited = row(HOME, "[10.0.0.0/8]", Some("Trung tâm"));
    let lower = row(HOME, "[10.1.0.0/16]", Some("Xã"));
    assert_eq!(values(&store, &top).await, std::slice::from_ref(&inherited));
    assert_eq!(values(&store, &low).await, std::slice::from_ref(&lower));
    assert_eq!(
        values(&store, &own).await,
        [row("evidence.mode", "full", None), lower]
    );
    assert_eq!(values(&store, &apart).await, [inherited]);
    // What has a value of its own stays as it is.
    let all = Scope::All;
    let wider = [change(HOME, "[172.16.0.0/12]")];
    let preview = store
        .preview_settings(&root, &wider, &all)
        .await
        .expect("it");
    let names: Vec<&str> = preview
        .sensors
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!((names, preview.unchanged), (vec!["a", "d"], 2));
    // Taking the unit's value back gives the higher one again.
    let back = [(HOME.to_owned(), None)];
    let preview = set(&store, &FleetTarget::Unit(commune), &back).await;
    assert_eq!(
        preview.sensors[0].changes,
        [ValueChange {
            name: HOME.to_owned(),
            before: Some("[10.1.0.0/16]".to_owned()),
            after: Some("[10.0.0.0/8]".to_owned()),
        }]
    );
    // Somebody else was faster.
    let late = store
        .change_settings(&root, &wider, (preview.revision, "x"), &all, WHO)
        .await;
    assert!(matches!(
        late,
        Err(StateError::Invalid {
            reason: "settings_changed_meanwhile",
            ..
        })
    ));
    // Who sees the district alone does not change the root, nor anything beside it.
    let scope = store.scope_of(district).await.expect("a scope");
    for target in [root, FleetTarget::Unit(other), FleetTarget::Sensor(apart)] {
        let refused = store.preview_settings(&target, &wider, &scope).await;
        assert!(
            matches!(refused, Err(StateError::NotFound { .. })),
            "{target:?}"
        );
    }
    let history = store
        .fleet_changes(&FleetTarget::Unit(commune), &scope)
        .await;
    let history = history.expect("it");
    assert_eq!(
        history.iter().map(|one| one.sensors).collect::<Vec<_>>(),
        [2, 2]
    );
}

#[tokio::test]
async fn drift_shows() {
    let (_folder, store) = store().await;
    let id = sensor(&store, "a", UnitId::ROOT).await;
    let state = async || {
        let all = store.sensor_configurations(&Scope::All).await.expect("it");
        all[&id].state
    };
    assert_eq!(state().await, ConfigurationState::Unable);
    store
        .record_configuration(&id, &ConfigurationReport::default())
        .await
        .expect("noted");
    assert_eq!(
        state().await,
        ConfigurationState::Current,
        "nothing is wanted, nothing runs"
    );
    let target = FleetTarget::Sensor(id.clone());
    set(&store, &target, &[change("log.level", "debug")]).await;
    assert_eq!(state().await, ConfigurationState::Waiting);
    let wanted = configuration_hash(r#"{"log.level":"debug"}"#);
    for (report, expected) in [
        (
            ConfigurationReport {
                refused: Some((wanted.clone(), "vì sao".to_owned())),
                ..ConfigurationReport::default()
            },
            ConfigurationState::Refused,
        ),
        (
            ConfigurationReport {
                waiting: Some(wanted.clone()),
                ..ConfigurationReport::default()
            },
            ConfigurationState::Restart,
        ),
        (
            ConfigurationReport {
                hash: wanted.clone(),
                ..ConfigurationReport::default()
            },
            ConfigurationState::Current,
        ),
        (
            ConfigurationReport {
                hash: "other".to_owned(),
                ..ConfigurationReport::default()
            },
            ConfigurationState::Waiting,
        ),
    ] {
        store
            .record_configuration(&id, &report)
            .await
            .expect("noted");
        assert_eq!(state().await, expected);
    }
}

#[tokio::test]
async fn a_number_that_comes_back_twice_is_a_twin() {
    let (_folder, store) = store().await;
    let id = sensor(&store, "a", UnitId::ROOT).await;
    let greet = async |instance: u64, hostname: &str| {
        let greeting = Greeting {
            sensor_id: &id,
            instance,
            hostname,
            remote_addr: "10.0.0.1:1",
        };
        store.greeted(&greeting, NOW).await.expect("noted");
        store.twins(NOW.plus(-1)).await.expect("they").len()
    };
    // Restarts, cuts of the link, a version that makes no number.
    for instance in [1, 1, 2, 2, 2, 3, 0, 3] {
        assert_eq!(greet(instance, "one").await, 0, "{instance}");
    }
    for (instance, expected) in [(u64::MAX, 0), (3, 0), (u64::MAX, 1), (3, 1)] {
        assert_eq!(greet(instance, "other").await, expected, "{instance}");
    }
    assert_eq!(store.twins(NOW.plus(1)).await.expect("they"), []);
    store.revoke_sensor(&id, NOW).await.expect("revoked");
    assert_eq!(store.twins(NOW).await.expect("they"), []);
}

#[tokio::test]
async fn orders_come_once_and_end() {
    let (_folder, store) = store().await;
    let id = sensor(&store, "a", UnitId::ROOT).await;
    let all = Scope::All;
    let order = async |kind| {
        store
            .order(&id, kind, "vì sao", &all, WHO)
            .await
            .expect("ordered")
    };
    let restart = order(OrderKind::Restart).await;
    assert_eq!(order(OrderKind::Restart).await.id, restart.id, "not twice");
    let bundle = order(OrderKind::Bundle).await;
    assert_eq!(store.open_orders(&id).await.expect("they").len(), 2);
    let greeting = |instance| Greeting {
        sensor_id: &id,
        instance,
        hostname: "",
        remote_addr: "",
    };
    store.greeted(&greeting(7), NOW).await.expect("noted");
    store
        .step_order(restart.id, &OrderStep::Sent(7), NOW)
        .await
        .expect("noted");
    // The link was cut, and it is still the same program.
    store.greeted(&greeting(7), NOW).await.expect("noted");
    assert_eq!(
        store.one_order(restart.id, &all).await.expect("it").state,
        OrderState::Sent
    );
    store.greeted(&greeting(8), NOW).await.expect("noted");
    assert_eq!(
        store.one_order(restart.id, &all).await.expect("it").state,
        OrderState::Done
    );
    let came = OrderStep::Came(b"bundle".to_vec());
    assert!(
        store
            .step_order(bundle.id, &came, NOW)
            .await
            .expect("noted")
    );
    assert!(
        !store
            .step_order(bundle.id, &came, NOW)
            .await
            .expect("noted"),
        "it is over"
    );
    let (order_of, content) = store.bundle(bundle.id, &all).await.expect("it");
    assert_eq!(
        (order_of.state, content.as_slice()),
        (OrderState::Done, &b"bundle"[..])
    );
    let nobody = Scope::Units(Vec::new());
    store
        .bundle(bundle.id, &nobody)
        .await
        .expect_err("not theirs");
    let large = order(OrderKind::Bundle).await;
    let came = OrderStep::Came(vec![0; limits::MAX_BUNDLE_BYTES + 1]);
    store.step_order(large.id, &came, NOW).await.expect("noted");
    let large = store.one_order(large.id, &all).await.expect("it");
    assert_eq!(
        (large.state, large.fault.as_deref()),
        (OrderState::Failed, Some("too_large"))
    );
    let waiting = order(OrderKind::Restart).await;
    store
        .expire_orders(NOW.plus(2 * UnixMillis::DAY))
        .await
        .expect("expired");
    let waiting = store.one_order(waiting.id, &all).await.expect("it");
    assert_eq!(waiting.fault.as_deref(), Some("expired"));
}

#[tokio::test]
async fn alarms_are_silent_for_a_time() {
    let (_folder, store) = store().await;
    let district = unit(&store, UnitId::ROOT, "Huyện").await;
    let (one, other) = (
        sensor(&store, "a", district).await,
        sensor(&store, "b", UnitId::ROOT).await,
    );
    let all = Scope::All;
    let hour = UnixMillis::HOUR;
    let new = |target, begins: i64, ends: i64| NewSilence {
        target,
        begins: NOW.plus(begins),
        ends: NOW.plus(ends),
        reason: "bảo trì".to_owned(),
    };
    let target = FleetTarget::Unit(district);
    for (begins, ends) in [(0, 0), (-2 * hour, -hour), (0, 100 * UnixMillis::DAY)] {
        let refused = store
            .create_silence(new(target.clone(), begins, ends), &all, WHO)
            .await;
        assert!(matches!(
            refused,
            Err(StateError::Invalid { field: "ends", .. })
        ));
    }
    let silence = store
        .create_silence(new(target, 0, hour), &all, WHO)
        .await
        .expect("made");
    let conditions: Vec<Condition> = [&one, &other]
        .iter()
        .map(|id| Condition {
            kind: AlarmKind::Disconnected,
            sensor_id: Some(String::clone(id)),
            detail: "{}".to_owned(),
        })
        .collect();
    let look = async |now: UnixMillis| {
        store.set_conditions(&conditions, now).await.expect("set");
        let page = Page {
            limit: 10,
            before: None,
        };
        let alarms = store
            .alarms(&all, AlarmFilter::Open, page)
            .await
            .expect("they")
            .items;
        let told = store.alarms_changed(now.plus(-1)).await.expect("they");
        let silent = |id: &String| {
            let alarm = alarms
                .iter()
                .find(|alarm| alarm.sensor_id.as_ref() == Some(id));
            alarm.expect("an alarm").silence.is_some()
        };
        (silent(&one), silent(&other), told.len())
    };
    assert_eq!(
        look(NOW.plus(10)).await,
        (true, false, 1),
        "the other is told"
    );
    // It ends by itself: what is still wrong is told then.
    assert_eq!(look(NOW.plus(hour)).await, (false, false, 1));
    assert!(!silence.holds(NOW.plus(hour)));
    // One of the sensor alone, ended early.
    let own = new(FleetTarget::Sensor(other.clone()), hour, 3 * hour);
    let own = store.create_silence(own, &all, WHO).await.expect("made");
    assert_eq!(look(NOW.plus(2 * hour)).await, (false, true, 0));
    let ended = store
        .end_silence(own.id, &all, ("hoa", NOW.plus(2 * hour)))
        .await
        .expect("ended");
    assert_eq!(ended.ended_by.as_deref(), Some("hoa"));
    assert_eq!(
        look(NOW.plus(2 * hour + 1)).await,
        (false, false, 0),
        "it was told before"
    );
    let scope = store.scope_of(district).await.expect("a scope");
    assert_eq!(store.silences(&scope, NOW).await.expect("they").len(), 1);
    assert_eq!(store.silences(&all, NOW).await.expect("they").len(), 2);
}
