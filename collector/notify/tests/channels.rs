//! Messages over every kind of channel, to servers on loopback; and the queue over a restart.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use collector_notify::{
    ChannelConfig, Escalation, Item, Language, MailSecurity, Notifier, RuleConfig, SyslogFormat,
    SyslogTransport, Told,
};
use collector_state::{
    AlarmKind, AlertBatch, AlertSeen, ChannelChange, Condition, OutboxRow, OutboxState, Page,
    PasswordCost, RuleChange, Scope, Store, StoreOptions, UnitId, UnixMillis,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// The clock of this test; tests of this file run one after the other within one.
static CLOCK: AtomicI64 = AtomicI64::new(1_764_000_000_000);

fn now() -> UnixMillis {
    UnixMillis(CLOCK.load(Ordering::SeqCst))
}

fn pass(minutes: i64) {
    CLOCK.fetch_add(minutes * 60_000, Ordering::SeqCst);
}

async fn open(folder: &Path) -> Store {
    let options = StoreOptions {
        password_cost: PasswordCost::TEST,
    };
    Store::open(&folder.join("state.sqlite"), options)
        .await
        .expect("it opens")
}

async fn channel(store: &Store, name: &str, config: &ChannelConfig) -> i64 {
    config.check().expect("it is valid");
    let change = ChannelChange {
        name: name.to_owned(),
        unit_id: UnitId::ROOT,
        kind: config.kind().to_owned(),
        enabled: true,
        config: serde_json::to_string(config).expect("it serialises"),
    };
    store
        .put_channel(None, &Scope::All, &change, "admin", now())
        .await
        .expect("it is made")
}

async fn rule(store: &Store, config: &RuleConfig) -> i64 {
    config.check().expect("it is valid");
    let change = RuleChange {
        name: "rule".to_owned(),
        unit_id: UnitId::ROOT,
        enabled: true,
        config: serde_json::to_string(config).expect("it serialises"),
    };
    store
        .put_notification_rule(None, &Scope::All, &change, "admin", now())
        .await
        .expect("it is made")
}

fn told(about: Told, severity: u8, channels: Vec<i64>) -> RuleConfig {
    RuleConfig {
        about: vec![about],
        severity,
        sids: Vec::new(),
        text: String::new(),
        alarms: Vec::new(),
        channels,
        digest_minutes: 0,
        quiet: None,
        escalation: None,
    }
}

async fn outbox(store: &Store, state: OutboxState) -> Vec<OutboxRow> {
    let page = Page {
        limit: 100,
        before: None,
    };
    let rows = store.outbox(&Scope::All, Some(state), page).await;
    rows.expect("it reads").items
}

async fn sensor(store: &Store) -> String {
    let pending = store
        .create_enrolment("cổng", UnitId::ROOT, "admin", now())
        .await
        .expect("an enrolment");
    let enrolled = store.enrol(&pending.token, "gateway", now()).await;
    enrolled.expect("enrolled").sensor_id
}

/// Alert number `seq`, of a group of its own.
async fn alert(store: &Store, sensor: &str, seq: u64, severity: u8) {
    let seen = AlertSeen {
        seq,
        id: "event",
        at: now(),
        gid: 1,
        sid: 2_000_000 + seq as u32,
        signature: "Quét cổng TCP",
        category: "scan",
        severity,
        source: "10.0.0.1".parse().expect("an address"),
        destination: "10.0.0.2".parse().expect("an address"),
        attacker: None,
        app_proto: None,
        technique: None,
    };
    let batch = AlertBatch {
        sensor_id: sensor,
        epoch: 1,
        class: "alert",
        through_seq: seq,
        alerts: &[seen],
    };
    store.apply_alerts(batch, now()).await.expect("applied");
}

/// Answers one HTTP request with a status, and returns it.
async fn http(listener: &TcpListener, status: &str) -> String {
    let (stream, _) = listener.accept().await.expect("a client");
    let mut reader = BufReader::new(stream);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.expect("a line");
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a number");
        }
        text.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.expect("a body");
    text.push_str(&String::from_utf8(body).expect("text"));
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
    let stream = reader.get_mut();
    stream.write_all(answer.as_bytes()).await.expect("written");
    text
}

/// An SMTP server that takes one message, and returns it.
async fn smtp(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().await.expect("a client");
    let mut stream = BufReader::new(stream);
    let say = async |stream: &mut BufReader<TcpStream>, text: &str| {
        let line = format!("{text}\r\n");
        stream
            .get_mut()
            .write_all(line.as_bytes())
            .await
            .expect("written");
    };
    say(&mut stream, "220 test").await;
    let (mut text, mut in_data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.expect("a line") == 0 {
            return text;
        }
        text.push_str(&line);
        if in_data {
            if line == ".\r\n" {
                in_data = false;
                say(&mut stream, "250 taken").await;
            }
            continue;
        }
        match line
            .get(..4)
            .unwrap_or_default()
            .to_ascii_uppercase()
            .as_str()
        {
            "EHLO" => say(&mut stream, "250 test").await,
            "DATA" => {
                in_data = true;
                say(&mut stream, "354 go on").await;
            }
            "QUIT" => {
                say(&mut stream, "221 bye").await;
                return text;
            }
            _ => say(&mut stream, "250 ok").await,
        }
    }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told() {
    every_channel_works().await;
    the_queue_survives_and_shows_failures().await;
    digests_gather_and_untaken_groups_escalate().await;
}

async fn every_channel_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let notifier = Notifier::new(store.clone(), "may-chu", now);
    let (mail, mail_port) = listener().await;
    let (web, web_port) = listener().await;
    let (bot, bot_port) = listener().await;
    let (tcp, tcp_port) = listener().await;
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let syslog = |transport, format, port| ChannelConfig::Syslog {
        server: "127.0.0.1".to_owned(),
        port,
        transport,
        format,
    };
    let configs = [
        ChannelConfig::Email {
            server: "127.0.0.1".to_owned(),
            port: mail_port,
            security: MailSecurity::None,
            username: String::new(),
            password: String::new(),
            from: "matluoi@example.vn".to_owned(),
            to: vec!["truc@example.vn".to_owned()],
            language: Language::Vi,
        },
        ChannelConfig::Webhook {
            url: format!("http://127.0.0.1:{web_port}/hook"),
            secret: "bí mật".to_owned(),
        },
        ChannelConfig::Telegram {
            base_url: format!("http://127.0.0.1:{bot_port}"),
            token: "1:abc".to_owned(),
            chat_id: "-5".to_owned(),
            language: Language::En,
        },
        syslog(SyslogTransport::Tcp, SyslogFormat::Cef, tcp_port),
        syslog(
            SyslogTransport::Udp,
            SyslogFormat::Rfc5424,
            udp.local_addr().expect("bound").port(),
        ),
    ];
    let mut channels = Vec::new();
    for config in &configs {
        channels.push(channel(&store, config.kind(), config).await);
    }
    rule(&store, &told(Told::Alerts, 2, channels)).await;
    let sensor = sensor(&store).await;
    alert(&store, &sensor, 1, 1).await;
    notifier.round().await.expect("the first look is no news");
    alert(&store, &sensor, 2, 2).await;
    alert(&store, &sensor, 3, 3).await;
    let servers = async {
        let mut datagram = vec![0; 4_096];
        let received = async {
            let bytes = udp.recv(&mut datagram).await.expect("a datagram");
            String::from_utf8_lossy(&datagram[..bytes]).into_owned()
        };
        let stream = async {
            let (mut stream, _) = tcp.accept().await.expect("a client");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("text");
            text
        };
        tokio::join!(
            smtp(&mail),
            http(&web, "200 OK"),
            http(&bot, "200 OK"),
            stream,
            received
        )
    };
    let (round, (mail, web, bot, tcp, udp)) = tokio::join!(notifier.round(), servers);
    round.expect("it is told");
    assert!(mail.contains("RCPT TO:<truc@example.vn>"), "{mail}");
    assert!(
        web.starts_with("POST /hook ") && web.contains("x-matluoi-signature: sha256="),
        "{web}"
    );
    assert!(
        web.contains(r#""sid":2000002"#) && !web.contains("2000003"),
        "{web}"
    );
    assert!(bot.starts_with("POST /bot1:abc/sendMessage "), "{bot}");
    assert!(bot.contains("Alert: Quét cổng TCP"), "{bot}");
    let (length, message) = tcp.split_once(' ').expect("a length");
    assert_eq!(length.parse(), Ok(message.len()));
    assert!(message.contains("CEF:0|Mat Luoi|matluoi|"), "{tcp}");
    assert!(udp.contains("[matluoi@32473 group="), "{udp}");
    assert_eq!(outbox(&store, OutboxState::Sent).await.len(), 5);
    assert_eq!(outbox(&store, OutboxState::Waiting).await, []);
}

async fn the_queue_survives_and_shows_failures() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let notifier = Notifier::new(store.clone(), "", now);
    let (web, port) = listener().await;
    let hook = ChannelConfig::Webhook {
        url: format!("http://127.0.0.1:{port}/"),
        secret: String::new(),
    };
    let id = channel(&store, "hook", &hook).await;
    rule(&store, &told(Told::Alarms, 2, vec![id])).await;
    notifier.round().await.expect("nothing to tell");
    let sensor = sensor(&store).await;
    let condition = Condition {
        kind: AlarmKind::Disconnected,
        sensor_id: Some(sensor),
        detail: r#"{"seconds":200}"#.to_owned(),
    };
    pass(1);
    let conditions = [condition];
    store.set_conditions(&conditions, now()).await.expect("set");
    store
        .set_conditions(&conditions, now())
        .await
        .expect("again");
    let (round, asked) = tokio::join!(notifier.round(), http(&web, "500 Broken"));
    round.expect("a failure holds nothing up");
    assert!(asked.contains(r#""kind":"sensor_disconnected""#), "{asked}");
    let waiting = outbox(&store, OutboxState::Waiting).await;
    assert_eq!((waiting.len(), waiting[0].attempts), (1, 1));
    let error = waiting[0].last_error.clone().unwrap_or_default();
    assert!(error.contains("500"), "{error}");
    drop(notifier);
    store.close().await;

    let store = open(folder.path()).await;
    let notifier = Notifier::new(store.clone(), "", now);
    notifier.round().await.expect("not due yet");
    assert_eq!(outbox(&store, OutboxState::Waiting).await.len(), 1);
    pass(5);
    let (round, _) = tokio::join!(notifier.round(), http(&web, "200 OK"));
    round.expect("it is told");
    assert_eq!(outbox(&store, OutboxState::Sent).await.len(), 1);
    // It is over, and nobody listens any more.
    drop(web);
    pass(1);
    store.set_conditions(&[], now()).await.expect("set");
    for _ in 0..40 {
        notifier.round().await.expect("a failure holds nothing up");
        pass(61);
    }
    let failed = outbox(&store, OutboxState::Failed).await;
    assert_eq!((failed.len(), failed[0].attempts), (1, 30));
    let items: Vec<Item> = serde_json::from_str(&failed[0].items).expect("items");
    assert!(matches!(&items[..], [Item::Alarm { over: true, .. }]));
    let retried = store.retry_message(failed[0].id, &Scope::All, now()).await;
    retried.expect("it may be tried again");
    assert_eq!(outbox(&store, OutboxState::Waiting).await.len(), 1);
}

async fn digests_gather_and_untaken_groups_escalate() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let notifier = Notifier::new(store.clone(), "", now);
    let (web, port) = listener().await;
    let hook = ChannelConfig::Webhook {
        url: format!("http://127.0.0.1:{port}/"),
        secret: String::new(),
    };
    let first = channel(&store, "first", &hook).await;
    let second = channel(&store, "second", &hook).await;
    let config = RuleConfig {
        digest_minutes: 10,
        escalation: Some(Escalation {
            after_minutes: 30,
            channels: vec![second],
        }),
        ..told(Told::Alerts, 4, vec![first])
    };
    rule(&store, &config).await;
    notifier.round().await.expect("nothing to tell");
    let sensor = sensor(&store).await;
    for seq in 1..=3 {
        alert(&store, &sensor, seq, 2).await;
        notifier.round().await.expect("it is gathered");
        pass(1);
    }
    assert_eq!(outbox(&store, OutboxState::Waiting).await.len(), 1);
    pass(10);
    let (round, asked) = tokio::join!(notifier.round(), http(&web, "200 OK"));
    round.expect("it is told");
    assert_eq!(asked.matches(r#""escalated":false"#).count(), 3, "{asked}");
    pass(30);
    let answers = async {
        let mut asked = String::new();
        for _ in 0..3 {
            asked.push_str(&http(&web, "200 OK").await);
        }
        asked
    };
    let (round, asked) = tokio::join!(notifier.round(), answers);
    round.expect("it is told");
    assert_eq!(asked.matches(r#""escalated":true"#).count(), 3, "{asked}");
    pass(60);
    notifier.round().await.expect("once is enough");
    assert_eq!(outbox(&store, OutboxState::Sent).await.len(), 4);
}
