//! Traces as a receiver of OpenTelemetry gets them, from the program as it runs.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use prost::Message;

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A receiver of OTLP over HTTP: what is sent to it, decoded.
fn receiver() -> (String, mpsc::Receiver<(String, ExportTraceServiceRequest)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("it is bound");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || receive(stream, &sender));
        }
    });
    (address, receiver)
}

fn receive(mut stream: TcpStream, sender: &mpsc::Sender<(String, ExportTraceServiceRequest)>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(length) = stream.read(&mut buffer)
        && length > 0
    {
        bytes.extend_from_slice(&buffer[..length]);
        while let Some((head, body, rest)) = request(&bytes) {
            let line = head.lines().next().unwrap_or_default().to_owned();
            let body = ExportTraceServiceRequest::decode(body).expect("it is OTLP");
            bytes = rest.to_vec();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            if sender.send((line, body)).is_err() || stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The first whole request of what has come, and what follows it.
fn request(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse::<usize>().expect("a length is a number"))
    })?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some((head, body, &bytes[end + 4 + length..]))
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        other => format!("{other:?}"),
    };
    attributes
        .iter()
        .filter_map(|one| {
            let value = one.value.as_ref()?.value.as_ref()?;
            Some((one.key.clone(), text(value)))
        })
        .collect()
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn requests_reach_a_receiver_of_traces() {
    let folder = tempfile::tempdir().expect("a folder");
    let (endpoint, received) = receiver();
    let port = TcpListener::bind("127.0.0.1:0").expect("it is bound");
    let api = port.local_addr().expect("an address");
    drop(port);
    let config = folder.path().join("collector.toml");
    let text = format!(
        "data_dir = {:?}\n[api]\nlisten = \"{api}\"\n[delivery]\nlisten = \"127.0.0.1:0\"\n\
         [enrolment]\nlisten = \"127.0.0.1:0\"\n[sigma]\nshipped = false\n[traces]\nendpoint = \"{endpoint}/\"\n",
        folder.path().join("data")
    );
    std::fs::write(&config, text).expect("it is written");
    let child = Command::new(env!("CARGO_BIN_EXE_matluoi-collector"))
        .args(["serve", "--config"])
        .arg(&config)
        .env("MATLUOI_LOG", "error")
        .spawn()
        .expect("it starts");
    let mut running = Running(child);

    let mut asked = loop {
        assert!(running.0.try_wait().expect("a state").is_none(), "it runs");
        match TcpStream::connect(api) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let request = "GET /api/v1/domains/secret-name?from=secret HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    asked.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    asked.read_to_string(&mut answer).expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");

    let stopped = Command::new("kill")
        .arg(running.0.id().to_string())
        .status();
    assert!(stopped.expect("it runs").success());
    let (line, sent) = received.recv_timeout(PATIENCE).expect("traces are sent");
    assert_eq!(line, "POST /v1/traces HTTP/1.1");
    assert!(!format!("{sent:?}").contains("secret"), "{sent:?}");
    let resource = &sent.resource_spans[0];
    let about = texts(&resource.resource.as_ref().expect("a resource").attributes);
    assert_eq!(about["service.name"], "matluoi-collector");
    let spans = resource.scope_spans.iter();
    let spans = spans.flat_map(|scope| &scope.spans);
    let mut spans = spans.filter(|span| span.name.starts_with("GET "));
    let span = spans.next().expect("a span of the request");
    assert_eq!(span.name, "GET /api/v1/domains/{name}");
    let about = texts(&span.attributes);
    assert_eq!(about["http.route"], "/api/v1/domains/{name}");
    assert!(
        about["http.response.status_code"].contains("401"),
        "{about:?}"
    );
    assert!(running.0.wait().expect("it ends").success());
}
