//! Transaction → the `rpc` and `nfs` objects.

use flate2::Crc;
use sensor_event::{Nfs, NfsRecord, NfsRename, NfsTransfer, Rpc, RpcCredentials, Text};

use super::number::{procedure_name, status_name, v2, v3, v4};
use super::transaction::NfsTransaction;

pub fn record(nfs: &NfsTransaction, number: u64) -> NfsRecord<'_> {
    let transfer = || NfsTransfer {
        first: nfs.file.is_some(),
        last: nfs.file.as_ref().is_some_and(|file| file.is_last),
        last_xid: nfs.file.as_ref().map(|file| file.last_xid),
        chunks: nfs.file.as_ref().map(|file| file.chunks),
    };
    let is = |procedures: [Option<u32>; 3]| {
        let of_version = nfs.flow_version.checked_sub(2);
        of_version
            .and_then(|at| procedures.get(usize::from(at)).copied().flatten())
            .is_some_and(|procedure| procedure == nfs.procedure)
    };
    NfsRecord {
        rpc: Rpc {
            xid: nfs.xid,
            status: if nfs.is_denied { "DENIED" } else { "ACCEPTED" },
            auth_type: nfs.auth.flavor.name(),
            creds: nfs.auth.unix.as_ref().map(|unix| RpcCredentials {
                machine_name: Text(&unix.machine),
                uid: unix.uid,
                gid: unix.gid,
            }),
        },
        nfs: Nfs {
            version: nfs.flow_version,
            procedure: procedure_name(nfs.flow_version, nfs.procedure),
            filename: Text(&nfs.name),
            hhash: (!nfs.handle.is_empty()).then(|| {
                let mut crc = Crc::new();
                crc.update(&nfs.handle);
                format!("{:x}", crc.sum())
            }),
            id: number + 1,
            file_tx: nfs.file.is_some(),
            kind: "response",
            status: status_name(nfs.status),
            read: is([Some(v2::READ), Some(v3::READ), Some(v4::READ)]).then(transfer),
            write: is([Some(v2::WRITE), Some(v3::WRITE), Some(v4::WRITE)]).then(transfer),
            rename: is([Some(v2::RENAME), Some(v3::RENAME), None]).then(|| NfsRename {
                from: Text(&nfs.name),
                to: Text(&nfs.new_name),
            }),
        },
    }
}
