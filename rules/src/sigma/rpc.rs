//! Names of remote procedure calls by interface and number, as Zeek has them and rules write them: those of the
//! interfaces that attackers use. The numbers are those of Microsoft's protocol documents (MS-SCMR, MS-TSCH,
//! MS-RPRN, MS-EFSR, MS-DRSR, MS-SAMR, MS-WMI and others).

struct Interface {
    uuid: &'static str,
    endpoint: &'static str,
    operations: &'static [(u32, &'static str)],
}

const EFS: &[(u32, &str)] = &[
    (0, "EfsRpcOpenFileRaw"),
    (1, "EfsRpcReadFileRaw"),
    (2, "EfsRpcWriteFileRaw"),
    (3, "EfsRpcCloseRaw"),
    (4, "EfsRpcEncryptFileSrv"),
    (5, "EfsRpcDecryptFileSrv"),
    (6, "EfsRpcQueryUsersOnFile"),
    (7, "EfsRpcQueryRecoveryAgents"),
    (8, "EfsRpcRemoveUsersFromFile"),
    (9, "EfsRpcAddUsersToFile"),
    (12, "EfsRpcFileKeyInfo"),
    (13, "EfsRpcDuplicateEncryptionInfoFile"),
    (15, "EfsRpcAddUsersToFileEx"),
];

const INTERFACES: &[Interface] = &[
    Interface {
        uuid: "367abb81-9844-35f1-ad32-98f038001003",
        endpoint: "svcctl",
        operations: &[
            (0, "CloseServiceHandle"),
            (1, "ControlService"),
            (2, "DeleteService"),
            (11, "ChangeServiceConfigW"),
            (12, "CreateServiceW"),
            (15, "OpenSCManagerW"),
            (16, "OpenServiceW"),
            (19, "StartServiceW"),
            (23, "ChangeServiceConfigA"),
            (24, "CreateServiceA"),
            (27, "OpenSCManagerA"),
            (28, "OpenServiceA"),
            (31, "StartServiceA"),
        ],
    },
    Interface {
        uuid: "1ff70682-0a51-30e8-076d-740be8cee98b",
        endpoint: "atsvc",
        operations: &[
            (0, "NetrJobAdd"),
            (1, "NetrJobDel"),
            (2, "NetrJobEnum"),
            (3, "NetrJobGetInfo"),
        ],
    },
    Interface {
        uuid: "86d35949-83c9-4044-b424-db363231fd0c",
        endpoint: "ITaskSchedulerService",
        operations: &[
            (0, "SchRpcHighestVersion"),
            (1, "SchRpcRegisterTask"),
            (2, "SchRpcRetrieveTask"),
            (12, "SchRpcRun"),
            (13, "SchRpcDelete"),
            (19, "SchRpcEnableTask"),
        ],
    },
    Interface {
        uuid: "12345678-1234-abcd-ef00-0123456789ab",
        endpoint: "spoolss",
        operations: &[
            (1, "RpcOpenPrinter"),
            (9, "RpcAddPrinterDriver"),
            (14, "RpcAddPrintProcessor"),
            (46, "RpcAddMonitor"),
            (62, "RpcRemoteFindFirstPrinterChangeNotification"),
            (65, "RpcRemoteFindFirstPrinterChangeNotificationEx"),
            (89, "RpcAddPrinterDriverEx"),
        ],
    },
    Interface {
        uuid: "76f03f96-cdfd-44fc-a22c-64950a001209",
        endpoint: "IRemoteWinspool",
        operations: &[
            (39, "RpcAsyncAddPrinterDriver"),
            (44, "RpcAsyncAddPrintProcessor"),
            (49, "RpcAsyncAddMonitor"),
        ],
    },
    Interface {
        uuid: "12b81e99-f207-4a4c-85d3-77b42f76fd14",
        endpoint: "ISecLogon",
        operations: &[
            (0, "SeclCreateProcessWithLogonW"),
            (1, "SeclCreateProcessWithLogonExW"),
        ],
    },
    Interface {
        uuid: "9556dc99-828c-11cf-a37e-00aa003240c7",
        endpoint: "IWbemServices",
        operations: &[
            (20, "ExecQuery"),
            (24, "ExecMethod"),
            (25, "ExecMethodAsync"),
        ],
    },
    Interface {
        uuid: "c681d488-d850-11d0-8c52-00c04fd90f7e",
        endpoint: "efsrpc",
        operations: EFS,
    },
    Interface {
        uuid: "df1941c5-fe89-4e79-bf10-463657acf44d",
        endpoint: "efsrpc",
        operations: EFS,
    },
    Interface {
        uuid: "e3514235-4b06-11d1-ab04-00c04fc2dcda",
        endpoint: "drsuapi",
        operations: &[
            (0, "DRSBind"),
            (2, "DRSReplicaSync"),
            (3, "DRSGetNCChanges"),
            (5, "DRSReplicaAdd"),
            (12, "DRSCrackNames"),
            (16, "DRSDomainControllerInfo"),
        ],
    },
    Interface {
        uuid: "12345778-1234-abcd-ef00-0123456789ac",
        endpoint: "samr",
        operations: &[
            (5, "SamrLookupDomainInSamServer"),
            (6, "SamrEnumerateDomainsInSamServer"),
            (7, "SamrOpenDomain"),
            (11, "SamrEnumerateGroupsInDomain"),
            (13, "SamrEnumerateUsersInDomain"),
            (15, "SamrEnumerateAliasesInDomain"),
            (16, "SamrGetAliasMembership"),
            (39, "SamrGetGroupsForUser"),
        ],
    },
    Interface {
        uuid: "4b324fc8-1670-01d3-1278-5a47bf6ee188",
        endpoint: "srvsvc",
        operations: &[
            (8, "NetrConnectionEnum"),
            (9, "NetrFileEnum"),
            (12, "NetrSessionEnum"),
            (15, "NetrShareEnum"),
            (16, "NetrShareGetInfo"),
            (21, "NetrServerGetInfo"),
        ],
    },
    Interface {
        uuid: "6bffd098-a112-3610-9833-46c3f87e345a",
        endpoint: "wkssvc",
        operations: &[(0, "NetrWkstaGetInfo"), (2, "NetrWkstaUserEnum")],
    },
    Interface {
        uuid: "338cd001-2244-31f1-aaaa-900038001003",
        endpoint: "winreg",
        operations: &[],
    },
    Interface {
        uuid: "12345678-1234-abcd-ef00-01234567cffb",
        endpoint: "netlogon",
        operations: &[
            (4, "NetrServerReqChallenge"),
            (26, "NetrServerAuthenticate3"),
            (30, "NetrServerPasswordSet2"),
        ],
    },
];

fn interface(uuid: &str) -> Option<&'static Interface> {
    INTERFACES
        .iter()
        .find(|own| own.uuid.eq_ignore_ascii_case(uuid))
}

pub(super) fn endpoint(uuid: &str) -> Option<&'static str> {
    Some(interface(uuid)?.endpoint)
}

pub(super) fn operation(uuid: &str, opnum: u32) -> Option<&'static str> {
    let operations = interface(uuid)?.operations;
    let (_, name) = operations.iter().find(|(number, _)| *number == opnum)?;
    Some(name)
}
