//! `rules lsp` with an editor's side of the protocol.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::rules;

/// An editor's side of the protocol.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Editor {
    fn start() -> Self {
        let mut child = rules(&["lsp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server runs");
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        Editor { child, to, from }
    }

    fn raw(&mut self, text: &str) {
        self.to
            .write_all(text.as_bytes())
            .expect("the server listens");
        self.to.flush().expect("the server listens");
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            let read = self.from.read_line(&mut line).expect("the server answers");
            assert!(read > 0, "the server is gone");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().expect("a length"),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).expect("a whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn ask(&mut self, id: u32, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let answer = self.receive();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }
}

#[test]
fn an_editor_is_served() {
    let mut editor = Editor::start();
    let answer = editor.ask(
        1,
        "initialize",
        json!({"processId": null, "rootUri": null, "capabilities": {}}),
    );
    assert_eq!(answer["result"]["capabilities"]["hoverProvider"], true);
    editor.tell("initialized", json!({}));

    let uri = "file:///tmp/x.rules";
    let text = "alert tcp any any -> any any (msg:\"Cảnh báo\"; contnet:\"a\"; sid:1; rev:1;)\n\
                alert tcp any any -> any any (msg:\"b\"; content:\"evil/1\"; flowbits:set,seen; classtype:bad-unknown; sid:2; rev:1;)\n\
                alert tcp any any -> any any (msg:\"c\"; content:\"evil/2\"; flowbits:isset,seen; classtype:bad-unknown; sid:2; rev:1;)\n";
    editor.tell(
        "textDocument/didOpen",
        json!({"textDocument": {"uri": uri, "languageId": "suricata", "version": 1, "text": text}}),
    );
    let told = editor.receive();
    assert_eq!(told["method"], "textDocument/publishDiagnostics");
    let diagnostics = told["params"]["diagnostics"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(diagnostics.len(), 2, "{diagnostics:?}");
    // Columns count in UTF-16, not in bytes.
    assert_eq!(
        diagnostics[0]["range"]["start"],
        json!({"line": 0, "character": 46})
    );
    assert_eq!(
        diagnostics[0]["range"]["end"],
        json!({"line": 0, "character": 57})
    );
    assert_eq!(diagnostics[1]["code"], "sid-twice");

    let at = |line: usize, part: &str| {
        let column = text
            .lines()
            .nth(line)
            .and_then(|text| text.find(part))
            .expect("it is there");
        json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": column + 1}})
    };
    let told = editor.ask(2, "textDocument/hover", at(1, "flowbits"));
    assert!(
        told["result"]["contents"]["value"]
            .as_str()
            .is_some_and(|text| text.contains("**flowbits**"))
    );
    let told = editor.ask(3, "textDocument/definition", at(2, "flowbits"));
    assert_eq!(told["result"][0]["range"]["start"]["line"], 1, "{told}");
    let told = editor.ask(4, "textDocument/completion", at(1, "classtype"));
    let labels: Vec<&str> = told["result"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["label"].as_str())
        .collect();
    assert!(
        labels.contains(&"content") && labels.contains(&"http.uri"),
        "{labels:?}"
    );

    let sigma = "file:///tmp/x.yml";
    let sigma_text = "title: Tên\nlogsource: {category: dns}\ndetection:\n  s: {query|endwith: .x}\n  condition: s\n";
    editor.tell(
        "textDocument/didOpen",
        json!({"textDocument": {"uri": sigma, "languageId": "yaml", "version": 1, "text": sigma_text}}),
    );
    let told = editor.receive();
    let diagnostics = &told["params"]["diagnostics"];
    assert_eq!(
        diagnostics[0]["range"]["start"],
        json!({"line": 3, "character": 6}),
        "{told}"
    );
    // The rule at hand is faulty; what was meant is told all the same.
    let behind = |word: &str| {
        let line = sigma_text.lines().nth(3).expect("a line");
        let column = line.find(word).expect("it is there") + word.len();
        json!({"textDocument": {"uri": sigma}, "position": {"line": 3, "character": column}})
    };
    let told = editor.ask(9, "textDocument/hover", behind("query|end"));
    let hover = &told["result"];
    assert_eq!(
        hover["contents"]["value"], "there is no modifier \"endwith\"; did you mean \"endswith\"?",
        "{told}"
    );
    assert_eq!(hover["range"]["end"], json!({"line": 3, "character": 19}));
    for (word, label) in [("query|end", "endswith"), ("{que", "record_type")] {
        let told = editor.ask(10, "textDocument/completion", behind(word));
        let items = told["result"].as_array().expect("a list").iter();
        let is_there = items.map(|item| &item["label"]).any(|own| own == label);
        assert!(is_there, "{told}");
    }

    // What no editor should send.
    editor.raw("Content-Length: 5\r\n\r\n{oops");
    assert_eq!(editor.receive()["error"]["code"], -32700);
    editor.raw("no header at all\r\n");
    assert_eq!(editor.receive()["error"]["code"], -32700);
    let told = editor.ask(5, "textDocument/hover", json!({"position": "nowhere"}));
    assert_eq!(told["error"]["code"], -32602);
    let told = editor.ask(6, "workspace/nonsense", json!([]));
    assert_eq!(told["error"]["code"], -32601);
    let told = editor.ask(7, "textDocument/hover", json!({"textDocument": {"uri": "file:///none.rules"}, "position": {"line": 4_000_000_000_u32, "character": 4_000_000_000_u32}}));
    assert_eq!(told["result"], Value::Null);
    editor.tell("textDocument/didChange", json!({"textDocument": 7}));

    let sound = text.lines().nth(1).expect("a line");
    editor.tell(
        "textDocument/didChange",
        json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": sound}]}),
    );
    let told = editor.receive();
    assert_eq!(told["params"]["diagnostics"], json!([]));

    editor.ask(8, "shutdown", Value::Null);
    editor.tell("exit", Value::Null);
    assert!(editor.child.wait().expect("it ends").success());
}
