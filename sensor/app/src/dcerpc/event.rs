//! Transaction → the `dcerpc` object.

use std::borrow::Cow;

use sensor_event::{Dcerpc, RpcInterface, RpcRequest, RpcResponse};

use super::wire::Kind;
use super::{DcerpcTransaction, Interface};
use crate::Transaction;

pub fn record(call: &DcerpcTransaction, progress: [u8; 2]) -> Dcerpc {
    let seen = |side: usize| progress[side] == Transaction::COMPLETE && !call.lost[side];
    let mut interfaces = Vec::new();
    if seen(0) && call.datagram.is_none() {
        interfaces = call
            .interfaces
            .iter()
            .filter(|interface| match call.request {
                Kind::REQUEST => interface.context == call.context,
                Kind::BIND => interface.call_id == call.call_id,
                _ => false,
            })
            .map(interface)
            .collect();
    }
    Dcerpc {
        request: if seen(0) {
            call.request.name()
        } else {
            Cow::Borrowed("REQUEST_LOST")
        },
        req: (seen(0) && call.request == Kind::REQUEST).then(|| RpcRequest {
            // Suricata's records have no operation for calls over UDP.
            opnum: Some(match call.datagram {
                Some(_) => 0,
                None => call.operation,
            }),
            frag_cnt: call.fragments[0],
            stub_data_size: call.stubs[0].len(),
        }),
        interfaces,
        response: if seen(1) {
            call.response.name()
        } else {
            Cow::Borrowed("UNREPLIED")
        },
        res: (seen(1) && call.response == Kind::RESPONSE).then(|| RpcResponse {
            frag_cnt: call.fragments[1],
            stub_data_size: call.stubs[1].len(),
        }),
        activityuuid: call.datagram.map(|datagram| datagram.activity.to_string()),
        seqnum: call.datagram.map(|datagram| datagram.sequence),
        call_id: call.datagram.is_none().then_some(call.call_id),
        rpc_version: match call.datagram {
            Some(_) => "4.0".to_owned(),
            None => format!("5.{}", call.minor),
        },
    }
}

fn interface(interface: &Interface) -> RpcInterface {
    RpcInterface {
        uuid: interface.uuid.to_string(),
        version: format!("{}.{}", interface.version, interface.minor),
        ack_result: interface.result,
        ack_reason: None,
    }
}
