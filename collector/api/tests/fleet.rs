//! Settings, orders and silences over HTTP: who may, what is refused, what stands in the audit log.

mod support;

use axum::http::StatusCode;
use collector_state::{AuditRow, ConfigurationReport, OrderStep};
use serde_json::{Value, json};
use support::{NOW, Server};

const HOME: &str = "vars.address-groups.HOME_NET";

#[tokio::test]
async fn settings_are_checked_previewed_and_made() {
    let mut server = Server::start().await;
    let (status, known) = server.ask("GET", "/fleet/settings", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        known
            .as_array()
            .expect("a list")
            .iter()
            .any(|one| one["name"] == "evidence.mode")
    );
    let asked = |name: &str, value: Value| json!({ "unit_id": 1, "changes": [{ "name": name, "value": value }] });
    for (name, value, code) in [
        (HOME, json!("[10.0.0.0/99]"), "setting_malformed"),
        (HOME, json!("[10.0.0.0/8"), "setting_malformed"),
        (
            "vars.port-groups.HTTP_PORTS",
            json!("[99999]"),
            "setting_malformed",
        ),
        ("evidence.mode", json!("some"), "setting_not_a_choice"),
        (
            "evidence.disk_megabytes",
            json!("1"),
            "setting_out_of_range",
        ),
        ("log.colour", json!("red"), "setting_unknown"),
        ("input.interface", json!("eth1"), "setting_not_from_afar"),
        ("state_dir", Value::Null, "setting_not_from_afar"),
    ] {
        let (status, told) = server
            .ask("POST", "/fleet/preview", asked(name, value))
            .await;
        assert_eq!(
            (status, &told["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{name}"
        );
        assert_eq!(told["field"], name);
    }
    for body in [
        json!({ "changes": [{ "name": HOME, "value": "any" }] }),
        json!({ "unit_id": 1, "sensor_id": "x", "changes": [{ "name": HOME, "value": "any" }] }),
        json!({ "unit_id": 1, "changes": [] }),
        json!({ "unit_id": 1, "changes": [{ "name": HOME, "value": "any" }, { "name": HOME }] }),
    ] {
        let (status, told) = server.ask("POST", "/fleet/preview", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
    }
    let mut change = asked(HOME, json!(" [10.0.0.0/8] "));
    let (_, preview) = server.ask("POST", "/fleet/preview", change.clone()).await;
    assert_eq!(
        (&preview["changed"], &preview["restarted"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(preview["sensors"][0]["changes"][0]["after"], "[10.0.0.0/8]");
    change["revision"] = preview["revision"].clone();
    change["why"] = json!("");
    let (status, _) = server.ask("POST", "/fleet/changes", change.clone()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a reason is wanted");
    change["why"] = json!("mạng mới");
    let (status, told) = server.ask("POST", "/fleet/changes", change.clone()).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (status, told) = server.ask("POST", "/fleet/changes", change).await;
    let late = (
        StatusCode::BAD_REQUEST,
        &json!("settings_changed_meanwhile"),
    );
    assert_eq!((status, &told["code"]), late);
    let (_, history) = server
        .ask("GET", "/fleet/changes?unit_id=1", Value::Null)
        .await;
    assert_eq!(history[0]["why"], "mạng mới");
    let changed = |row: &AuditRow| row.action == "fleet.change";
    assert!(server.audited().await.iter().any(changed));

    // What the sensor says stands beside what is wanted.
    let told = ConfigurationReport {
        running: Some(json!({ HOME: "10.0.0.0/8", "evidence.mode": "full" }).to_string()),
        ..ConfigurationReport::default()
    };
    let sensor = server.sensor.clone();
    server
        .store
        .record_configuration(&sensor, &told)
        .await
        .expect("noted");
    let path = format!("/sensors/{sensor}/configuration");
    let (_, told) = server.ask("GET", &path, Value::Null).await;
    assert_eq!(told["state"], "waiting");
    let settings = told["settings"].as_array().expect("a list");
    let of = |name: &str| settings.iter().find(|one| one["name"] == name).expect("it");
    assert_eq!(of(HOME)["wanted"]["unit_id"], 1);
    assert_eq!(of(HOME)["runs"], "10.0.0.0/8");
    assert_eq!(
        (&of("evidence.mode")["wanted"], &of("evidence.mode")["runs"]),
        (&Value::Null, &json!("full"))
    );
    let (_, effective) = server
        .ask("GET", "/fleet/effective?unit_id=1", Value::Null)
        .await;
    assert_eq!(effective["items"][0]["own"], true);
}

#[tokio::test]
async fn orders_bundles_silences_and_the_end_of_a_sensor() {
    let mut server = Server::start().await;
    let sensor = server.sensor.clone();
    let path = format!("/sensors/{sensor}/orders");
    for body in [
        json!({ "kind": "explode", "reason": "x" }),
        json!({ "kind": "bundle", "reason": " " }),
    ] {
        let (status, _) = server.ask("POST", &path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let (status, order) = server
        .ask("POST", &path, json!({ "kind": "bundle", "reason": "lỗi" }))
        .await;
    assert_eq!(
        (status, &order["state"]),
        (StatusCode::OK, &json!("queued"))
    );
    let id = order["id"].as_i64().expect("a number");
    let (status, _) = server.fetch(&format!("/orders/{id}/bundle")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let came = OrderStep::Came("gói".as_bytes().to_vec());
    server
        .store
        .step_order(id, &came, NOW)
        .await
        .expect("noted");
    let (status, content) = server.fetch(&format!("/orders/{id}/bundle")).await;
    assert_eq!(
        (status, content.as_slice()),
        (StatusCode::OK, "gói".as_bytes())
    );
    let (_, restart) = server
        .ask("POST", &path, json!({ "kind": "restart", "reason": "thử" }))
        .await;
    let cancel = format!("/orders/{}/cancel", restart["id"]);
    let (_, cancelled) = server.ask("POST", &cancel, Value::Null).await;
    assert_eq!(cancelled["state"], "cancelled");

    let silence = json!({ "sensor_id": sensor, "ends": "now+2h", "reason": "thay máy" });
    let (status, made) = server.ask("POST", "/silences", silence).await;
    assert_eq!(
        (status, &made["state"]),
        (StatusCode::OK, &json!("now")),
        "{made}"
    );
    let (_, sensors) = server.ask("GET", "/sensors", Value::Null).await;
    assert_eq!(sensors[0]["silence"]["reason"], "thay máy");
    let end = format!("/silences/{}/end", made["id"]);
    let (_, ended) = server.ask("POST", &end, Value::Null).await;
    assert_eq!(
        (&ended["state"], &ended["ended_by"]),
        (&json!("over"), &json!("admin"))
    );

    let one = format!("/sensors/{sensor}");
    let (status, changed) = server
        .ask("PATCH", &one, json!({ "name": "cổng mới" }))
        .await;
    assert_eq!(
        (status, &changed["name"]),
        (StatusCode::OK, &json!("cổng mới"))
    );
    let revoke = format!("{one}/revoke");
    let (status, _) = server.ask("POST", &revoke, json!({ "reason": "" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = server
        .ask("POST", &revoke, json!({ "reason": "mất máy" }))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(!server.store.sensor_may_deliver(&sensor).await.expect("it"));
    let (_, sensors) = server.ask("GET", "/sensors", Value::Null).await;
    assert_eq!(sensors, json!([]));
    let audited = server.audited().await;
    for action in [
        "sensor.bundle",
        "sensor.download_bundle",
        "sensor.restart",
        "sensor.cancel_order",
        "silence.create",
        "silence.end",
        "sensor.update",
        "sensor.revoke",
    ] {
        assert!(
            audited.iter().any(|row| row.action == action),
            "{action}: {audited:?}"
        );
    }
}
