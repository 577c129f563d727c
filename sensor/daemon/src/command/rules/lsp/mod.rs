//! `rules lsp`: a language server over standard input and output.
//!
//! Language Server Protocol 3.17: documents are sent whole; diagnostics are published as they change; hover,
//! completion, and the definition of a flow bit (the rule that sets it). What a document is written in follows from
//! its name ([`Kind`]); signatures answer in [`signatures`]. Sigma rules in [`sigma`].

mod framing;
mod sigma;
mod signatures;

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ::rules::sigma::Pipeline;
use ::rules::signature::Language;
use ::rules::signature::editor::{Item, ItemKind};
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionOptions, CompletionParams, Diagnostic,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    GotoDefinitionParams, Hover, HoverParams, HoverProviderCapability, InitializeResult, Location,
    OneOf, PublishDiagnosticsParams, ServerCapabilities, ServerInfo, TextDocumentPositionParams,
    TextDocumentSyncCapability, TextDocumentSyncKind, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Tongue;
use framing::Incoming;
use signatures::Signatures;

/// Documents that are open at once.
const DOCUMENT_LIMIT: usize = 256;

#[derive(clap::Args)]
pub struct LspArgs {
    /// A setting, e.g. vars.address-groups.HOME_NET=[10.0.0.0/8].
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Language of warnings and explanations; that of LC_ALL, LC_MESSAGES or LANG if not given.
    #[arg(long, value_enum)]
    lang: Option<Tongue>,
    /// Ignored: editors pass it.
    #[arg(long, hide = true)]
    stdio: bool,
}

/// What a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signatures,
    Sigma,
    /// Nothing that this server knows.
    Other,
}

impl Kind {
    fn of(uri: &Uri) -> Self {
        let ends_with = |ending: &str| uri.as_str().ends_with(ending);
        if ends_with(".rules") {
            Kind::Signatures
        } else if ends_with(".yml") || ends_with(".yaml") {
            Kind::Sigma
        } else {
            Kind::Other
        }
    }
}

struct Document {
    uri: Uri,
    kind: Kind,
    text: String,
}

struct Server<W: Write> {
    out: W,
    signatures: Signatures,
    pipeline: Pipeline,
    language: Language,
    documents: BTreeMap<String, Document>,
    /// Folder that the editor has open: flow bits are looked for there too.
    root: Option<PathBuf>,
    /// `shutdown` was asked for.
    ending: bool,
}

pub fn run(args: &LspArgs) -> anyhow::Result<ExitCode> {
    let settings = super::settings(&args.set)?;
    let language = Tongue::or_environment(args.lang);
    let mut server = Server {
        out: std::io::stdout().lock(),
        pipeline: crate::sigma::pipeline(&settings)?,
        signatures: Signatures::new(settings, language),
        language,
        documents: BTreeMap::new(),
        root: None,
        ending: false,
    };
    let mut input = BufReader::new(std::io::stdin().lock());
    loop {
        match framing::read(&mut input)? {
            Incoming::Message(Message::Request(request)) => server.request(request)?,
            Incoming::Message(Message::Notification(notification))
                if notification.method == "exit" =>
            {
                break;
            }
            Incoming::Message(Message::Notification(notification)) => {
                server.notification(notification)?
            }
            // This server asks nothing.
            Incoming::Message(Message::Response(_)) => {}
            Incoming::Broken(reason) => server.broken(&reason)?,
            Incoming::End => break,
        }
    }
    Ok(if server.ending {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl<W: Write> Server<W> {
    fn send(&mut self, message: Message) -> std::io::Result<()> {
        message.write(&mut self.out)
    }

    /// A message that is none: the next one may be sound.
    fn broken(&mut self, reason: &str) -> std::io::Result<()> {
        tracing::warn!("a message was passed over: {reason}");
        let error = lsp_server::ResponseError {
            code: ErrorCode::ParseError as i32,
            message: reason.to_owned(),
            data: None,
        };
        let response = Response {
            id: RequestId::from(0),
            result: None,
            error: Some(error),
        };
        self.send(Message::Response(response))
    }

    fn request(&mut self, request: Request) -> std::io::Result<()> {
        let Request { id, method, params } = request;
        let response = match method.as_str() {
            "initialize" => {
                self.root = root(&params);
                answer(id, Ok(initialized()))
            }
            "shutdown" => {
                self.ending = true;
                answer(id, Ok(()))
            }
            "textDocument/hover" => {
                let told = read(params)
                    .map(|params: HoverParams| self.hover(&params.text_document_position_params));
                answer(id, told)
            }
            "textDocument/completion" => {
                let told = read(params)
                    .map(|params: CompletionParams| self.complete(&params.text_document_position));
                answer(id, told)
            }
            "textDocument/definition" => {
                let told = read(params).map(|params: GotoDefinitionParams| {
                    self.definition(&params.text_document_position_params)
                });
                answer(id, told)
            }
            other => Response::new_err(
                id,
                ErrorCode::MethodNotFound as i32,
                format!("{other} is not known here"),
            ),
        };
        self.send(Message::Response(response))
    }

    fn notification(&mut self, notification: Notification) -> std::io::Result<()> {
        let Notification { method, params } = notification;
        let changed = match method.as_str() {
            "textDocument/didOpen" => read(params).map(|params: DidOpenTextDocumentParams| {
                let document = params.text_document;
                Some((document.uri, Some(document.text)))
            }),
            "textDocument/didChange" => read(params).map(|params: DidChangeTextDocumentParams| {
                // Documents are sent whole: the last one counts.
                let last = params.content_changes.into_iter().next_back()?;
                Some((params.text_document.uri, Some(last.text)))
            }),
            "textDocument/didClose" => read(params)
                .map(|params: DidCloseTextDocumentParams| Some((params.text_document.uri, None))),
            _ => Ok(None),
        };
        match changed {
            Ok(Some((uri, text))) => self.change(uri, text),
            Ok(None) => Ok(()),
            Err(reason) => {
                tracing::warn!("{method} was passed over: {reason}");
                Ok(())
            }
        }
    }

    fn change(&mut self, uri: Uri, text: Option<String>) -> std::io::Result<()> {
        let key = uri.as_str().to_owned();
        let kind = Kind::of(&uri);
        let diagnostics = match (&text, kind) {
            (Some(text), Kind::Signatures) => self.signatures.diagnose(text),
            (Some(text), Kind::Sigma) => sigma::diagnose(text, &self.pipeline),
            _ => Vec::new(),
        };
        match text {
            Some(text)
                if self.documents.len() < DOCUMENT_LIMIT || self.documents.contains_key(&key) =>
            {
                let uri = uri.clone();
                self.documents.insert(key, Document { uri, kind, text });
            }
            Some(_) => {}
            None => {
                self.documents.remove(&key);
            }
        }
        self.publish(uri, diagnostics)
    }

    fn publish(&mut self, uri: Uri, diagnostics: Vec<Diagnostic>) -> std::io::Result<()> {
        let params = PublishDiagnosticsParams {
            uri,
            diagnostics,
            version: None,
        };
        let method = "textDocument/publishDiagnostics".to_owned();
        self.send(Message::Notification(Notification::new(method, params)))
    }

    fn hover(&self, place: &TextDocumentPositionParams) -> Option<Hover> {
        let document = self.documents.get(place.text_document.uri.as_str())?;
        match document.kind {
            Kind::Signatures => self.signatures.hover(&document.text, place.position),
            Kind::Sigma => {
                let (pipeline, language) = (&self.pipeline, self.language);
                sigma::hover(&document.text, place.position, pipeline, language)
            }
            Kind::Other => None,
        }
    }

    fn complete(&self, place: &TextDocumentPositionParams) -> Vec<CompletionItem> {
        let document = self.documents.get(place.text_document.uri.as_str());
        let items = document.map(|document| match document.kind {
            Kind::Signatures => self.signatures.complete(&document.text, place.position),
            Kind::Sigma => {
                let (pipeline, language) = (&self.pipeline, self.language);
                sigma::complete(&document.text, place.position, pipeline, language)
            }
            Kind::Other => Vec::new(),
        });
        items.unwrap_or_default().into_iter().map(offered).collect()
    }

    fn definition(&self, place: &TextDocumentPositionParams) -> Vec<Location> {
        let document = self.documents.get(place.text_document.uri.as_str());
        let bits = document
            .filter(|document| document.kind == Kind::Signatures)
            .map(|document| self.signatures.flow_bits(&document.text, place.position))
            .unwrap_or_default();
        let open = self
            .documents
            .values()
            .filter(|document| document.kind == Kind::Signatures)
            .map(|document| (document.uri.clone(), document.text.as_str()));
        let mut found = signatures::setters(&bits, open);
        if found.is_empty() && !bits.is_empty() {
            found = signatures::setters_below(&bits, self.root.as_deref());
        }
        found
    }
}

fn initialized() -> InitializeResult {
    InitializeResult {
        capabilities: ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some(
                    ["(", ";", " ", ":", "$", ".", "|", "{"]
                        .map(str::to_owned)
                        .to_vec(),
                ),
                ..CompletionOptions::default()
            }),
            definition_provider: Some(OneOf::Left(true)),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "matluoi-sensor".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    }
}

/// What may be written, as editors take it.
fn offered(item: Item) -> CompletionItem {
    CompletionItem {
        label: item.label,
        kind: Some(match item.kind {
            ItemKind::Action | ItemKind::Keyword => CompletionItemKind::KEYWORD,
            ItemKind::Protocol => CompletionItemKind::MODULE,
            ItemKind::Variable => CompletionItemKind::VARIABLE,
            ItemKind::Buffer => CompletionItemKind::FIELD,
            ItemKind::Field => CompletionItemKind::PROPERTY,
            ItemKind::Class => CompletionItemKind::ENUM_MEMBER,
        }),
        detail: (!item.doc.is_empty()).then_some(item.doc),
        ..CompletionItem::default()
    }
}

/// The folder of an `initialize`, if it is one of this machine.
fn root(params: &serde_json::Value) -> Option<PathBuf> {
    let uri = params
        .get("rootUri")
        .or_else(|| params.get("workspaceFolders")?.get(0)?.get("uri"))?
        .as_str()?;
    let path = uri.strip_prefix("file://")?;
    let path = PathBuf::from(path);
    path.is_dir().then_some(path)
}

fn read<T: DeserializeOwned>(params: serde_json::Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| error.to_string())
}

fn answer<T: Serialize>(id: RequestId, told: Result<T, String>) -> Response {
    match told {
        Ok(told) => Response::new_ok(id, told),
        Err(reason) => Response::new_err(id, ErrorCode::InvalidParams as i32, reason),
    }
}

/// The language of words, for those who need it.
fn is_vietnamese(language: Language) -> bool {
    language == Language::Vietnamese
}
