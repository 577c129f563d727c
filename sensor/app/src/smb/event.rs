//! Transaction → the `smb` object.

use std::borrow::Cow;

use sensor_event::{
    RpcInterface, RpcRequest, RpcResponse, Smb, SmbKerberos, SmbNative, SmbNtlm, SmbRename, SmbRpc,
    SmbService, SmbSetInfo, Text,
};

use super::auth::Client;
use super::number::function_name;
use super::transaction::{Command, Create, Detail, Handle, Negotiate, Rpc, SmbTransaction};
use super::wire2::Guid;
use crate::dcerpc::Interface;
use crate::dcerpc::wire::Kind;

pub fn record(smb: &SmbTransaction, number: u64) -> Smb<'_> {
    let mut record = Smb {
        id: number + 1,
        dialect: smb.dialect.name(),
        command: match smb.command {
            Command::One(command) => Some(command.name()),
            Command::Two(command) => Some(command.name()),
            Command::None => None,
        },
        status: smb.status.map(|status| status.name()),
        status_code: smb.status.map(|status| status.code()),
        session_id: smb.key.session,
        tree_id: smb.key.tree,
        ..Smb::default()
    };
    match &smb.detail {
        Detail::Generic => {}
        Detail::Negotiate(negotiate) => negotiation(negotiate, &mut record),
        Detail::SessionSetup(setup) => {
            match &setup.client {
                Some(Client::Ntlm(ntlm)) => {
                    record.ntlmssp = Some(SmbNtlm {
                        domain: Text(&ntlm.domain),
                        user: Text(&ntlm.user),
                        host: Text(&ntlm.host),
                        version: ntlm.version.map(|version| version.to_string()),
                    });
                }
                Some(Client::Kerberos(ticket)) => {
                    record.kerberos = Some(SmbKerberos {
                        realm: &ticket.realm,
                        snames: &ticket.service,
                    });
                }
                None => {}
            }
            let [request, response] = &setup.native;
            record.request = request.as_ref().map(native);
            record.response = response.as_ref().map(native);
        }
        Detail::TreeConnect(connect) => {
            let name = Some(Text(&connect.name));
            if connect.is_pipe {
                record.named_pipe = name;
            } else {
                record.share = name;
            }
            if smb.version() == Some(1) {
                let [request, response] = &connect.services;
                record.service = Some(SmbService {
                    request: request.as_deref().map(Text),
                    response: response.as_deref().map(Text),
                });
            } else {
                record.share_type = Some(match connect.share_type {
                    1 => "FILE",
                    2 => "PIPE",
                    3 => "PRINT",
                    _ => "UNKNOWN",
                });
            }
        }
        Detail::Create(create) => creation(create, &mut record),
        Detail::File(file) => {
            record.filename = Some(Text(&file.name));
            record.share = Some(Text(&file.share));
            record.fuid = Some(identifier(file.handle));
        }
        Detail::Rename { handle, from, to } => {
            record.set_info = (smb.version() == Some(2)).then_some(SmbSetInfo {
                class: "FILE_INFO",
                info_level: "SMB2_FILE_RENAME_INFO",
            });
            record.rename = Some(SmbRename {
                from: Text(from),
                to: Text(to),
            });
            record.fuid = Some(identifier(*handle));
        }
        Detail::SetInfo {
            handle,
            name,
            subcommand,
            level,
            delete,
        } => {
            record.filename = Some(named(name));
            record.access = Some(access(*delete));
            record.subcmd = match subcommand {
                8 => Some("SET_FILE_INFO"),
                6 => Some("SET_PATH_INFO"),
                _ => None,
            };
            record.level_of_interest = (*level == 1013).then_some("Set Disposition Information");
            record.fuid = Some(identifier(*handle));
        }
        Detail::Ioctl { function } => record.function = Some(function_name(*function)),
        Detail::Rpc(rpc) => record.dcerpc = Some(call(rpc)),
    }
    record
}

fn negotiation<'a>(negotiate: &'a Negotiate, record: &mut Smb<'a>) {
    let dialects = negotiate.dialects.iter();
    record.client_dialects = Some(dialects.map(|dialect| Text(dialect)).collect());
    record.client_guid = negotiate.client.as_ref().map(guid);
    record.server_guid = Some(negotiate.server.as_ref().map(guid).unwrap_or_default());
    record.max_read_size = Some(negotiate.max_read).filter(|size| *size > 0);
    record.max_write_size = Some(negotiate.max_write).filter(|size| *size > 0);
}

fn creation<'a>(create: &'a Create, record: &mut Smb<'a>) {
    if create.is_directory && !create.name.is_empty() {
        record.directory = Some(Text(&create.name));
    } else {
        record.filename = Some(named(&create.name));
    }
    record.disposition = Some(match create.disposition {
        0 => "FILE_SUPERSEDE",
        1 => "FILE_OPEN",
        2 => "FILE_CREATE",
        3 => "FILE_OPEN_IF",
        4 => "FILE_OVERWRITE",
        5 => "FILE_OVERWRITE_IF",
        _ => "UNKNOWN",
    });
    record.access = Some(access(create.delete_on_close));
    let [created, accessed, modified, changed] = create.times;
    record.created = Some(created);
    record.accessed = Some(accessed);
    record.modified = Some(modified);
    record.changed = Some(changed);
    record.size = Some(create.size);
    record.fuid = Some(identifier(create.handle));
}

fn named(name: &[u8]) -> Text<'_> {
    Text(if name.is_empty() {
        b"<share_root>"
    } else {
        name
    })
}

fn access(delete: bool) -> &'static str {
    if delete { "delete on close" } else { "normal" }
}

fn native(texts: &[Vec<u8>; 2]) -> SmbNative<'_> {
    let [system, manager] = texts;
    SmbNative {
        native_os: Text(system),
        native_lm: Text(manager),
    }
}

fn call(rpc: &Rpc) -> SmbRpc {
    let lost = Cow::Borrowed("REQUEST_LOST");
    let silent = Cow::Borrowed("UNREPLIED");
    let interfaces = match rpc.request {
        Some(Kind::REQUEST) => {
            let of_call = rpc.interfaces.iter();
            let of_call = of_call.filter(|interface| interface.context == rpc.context);
            Some(of_call.map(|one| interface(one, false)).collect::<Vec<_>>())
                .filter(|interfaces| !interfaces.is_empty())
        }
        Some(Kind::BIND) => Some(
            rpc.interfaces
                .iter()
                .map(|one| interface(one, true))
                .collect(),
        ),
        _ => None,
    };
    SmbRpc {
        request: rpc.request.map_or(lost, Kind::name),
        response: rpc.response.map_or(silent, Kind::name),
        opnum: (rpc.request == Some(Kind::REQUEST)).then_some(rpc.operation),
        req: (rpc.request == Some(Kind::REQUEST)).then(|| RpcRequest {
            opnum: None,
            frag_cnt: rpc.fragments[0],
            stub_data_size: rpc.stubs[0].len(),
        }),
        interfaces,
        res: (rpc.response == Some(Kind::RESPONSE)).then(|| RpcResponse {
            frag_cnt: rpc.fragments[1],
            stub_data_size: rpc.stubs[1].len(),
        }),
        call_id: rpc.call_id,
    }
}

fn interface(interface: &Interface, with_result: bool) -> RpcInterface {
    let result = interface.result.filter(|_| with_result);
    RpcInterface {
        uuid: interface.uuid.to_string(),
        version: format!("{}.{}", interface.version, interface.minor),
        ack_result: result,
        ack_reason: result.map(|_| 0),
    }
}

/// A handle as records have it: SMB 2's in four groups, each of them reversed.
fn identifier(handle: Handle) -> String {
    match handle {
        Handle::One { fid, .. } | Handle::Fid(fid) => {
            format!("{:04x}", u16::from_le_bytes(fid))
        }
        Handle::Two(handle) => guid(&handle),
        Handle::None => String::new(),
    }
}

fn guid(bytes: &Guid) -> String {
    let mut text = String::with_capacity(36);
    for (at, group) in [[3, 2, 1, 0], [5, 4, 7, 6], [9, 8, 11, 10], [15, 14, 13, 12]]
        .into_iter()
        .flatten()
        .enumerate()
    {
        use std::fmt::Write;
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let byte = bytes.get(group).copied().unwrap_or_default();
        let _ = write!(text, "{byte:02x}");
    }
    text
}
