//! Numbers of procedures and of what comes of them, by name.

/// RFC 1094 §2.2.
pub mod v2 {
    pub const READ: u32 = 6;
    /// Never used; not recorded.
    pub const WRITE_CACHE: u32 = 7;
    pub const WRITE: u32 = 8;
    pub const RENAME: u32 = 11;

    pub const NAMES: &[&str] = &[
        "NULL",
        "GETATTR",
        "SETATTR",
        "ROOT",
        "LOOKUP",
        "READLINK",
        "READ",
        "WRITECACHE",
        "WRITE",
        "CREATE",
        "REMOVE",
        "RENAME",
        "LINK",
        "SYMLINK",
        "MKDIR",
        "RMDIR",
        "READDIR",
        "STATFS",
    ];
}

/// RFC 1813 §3.
pub mod v3 {
    pub const GETATTR: u32 = 1;
    pub const LOOKUP: u32 = 3;
    pub const ACCESS: u32 = 4;
    pub const READ: u32 = 6;
    pub const WRITE: u32 = 7;
    pub const CREATE: u32 = 8;
    pub const MKDIR: u32 = 9;
    pub const REMOVE: u32 = 12;
    pub const RMDIR: u32 = 13;
    pub const RENAME: u32 = 14;
    pub const READDIRPLUS: u32 = 17;
    pub const COMMIT: u32 = 21;

    pub const NAMES: &[&str] = &[
        "NULL",
        "GETATTR",
        "SETATTR",
        "LOOKUP",
        "ACCESS",
        "READLINK",
        "READ",
        "WRITE",
        "CREATE",
        "MKDIR",
        "SYMLINK",
        "MKNOD",
        "REMOVE",
        "RMDIR",
        "RENAME",
        "LINK",
        "READDIR",
        "READDIRPLUS",
        "FSSTAT",
        "FSINFO",
        "PATHCONF",
        "COMMIT",
    ];
}

/// The one procedure of RFC 7530 §15.2, and operations (§16, RFC 8881 §18).
pub mod v4 {
    pub const COMPOUND: u32 = 1;
    pub const ACCESS: u32 = 3;
    pub const CLOSE: u32 = 4;
    pub const COMMIT: u32 = 5;
    pub const CREATE: u32 = 6;
    pub const DELEGRETURN: u32 = 8;
    pub const GETATTR: u32 = 9;
    pub const GETFH: u32 = 10;
    pub const LOOKUP: u32 = 15;
    pub const OPEN: u32 = 18;
    pub const OPEN_CONFIRM: u32 = 20;
    pub const PUTFH: u32 = 22;
    pub const PUTROOTFH: u32 = 24;
    pub const READ: u32 = 25;
    pub const READDIR: u32 = 26;
    pub const REMOVE: u32 = 28;
    pub const RENAME: u32 = 29;
    pub const RENEW: u32 = 30;
    pub const SAVEFH: u32 = 32;
    pub const SETATTR: u32 = 34;
    pub const SETCLIENTID: u32 = 35;
    pub const SETCLIENTID_CONFIRM: u32 = 36;
    pub const WRITE: u32 = 38;
    pub const EXCHANGE_ID: u32 = 42;
    pub const CREATE_SESSION: u32 = 43;
    pub const DESTROY_SESSION: u32 = 44;
    pub const GETDEVICEINFO: u32 = 47;
    pub const LAYOUTGET: u32 = 50;
    pub const LAYOUTRETURN: u32 = 51;
    pub const SECINFO_NO_NAME: u32 = 52;
    pub const SEQUENCE: u32 = 53;
    pub const DESTROY_CLIENTID: u32 = 57;
    pub const RECLAIM_COMPLETE: u32 = 58;

    /// Of what transactions are made of.
    pub const NAMES: &[(u32, &str)] = &[
        (0, "NULL"),
        (COMPOUND, "COMPOUND"),
        (CREATE, "CREATE"),
        (READ, "READ"),
        (REMOVE, "REMOVE"),
        (WRITE, "WRITE"),
    ];
}

/// Name of a procedure in a flow of this version; what has told no version yet is named as in version 2.
pub fn procedure_name(version: u8, procedure: u32) -> String {
    let nth = |names: &[&'static str]| names.get(usize::try_from(procedure).ok()?).copied();
    let name = match version {
        0..=2 => nth(v2::NAMES),
        3 => nth(v3::NAMES),
        _ => v4::NAMES
            .iter()
            .find(|(number, _)| *number == procedure)
            .map(|(_, name)| *name),
    };
    name.map_or_else(|| procedure.to_string(), str::to_owned)
}

/// RFC 1813 §2.6. Version 2 has a part of them, version 4 others beside them, which go by number.
const STATUSES: &[(u32, &str)] = &[
    (0, "OK"),
    (1, "ERR_PERM"),
    (2, "ERR_NOENT"),
    (5, "ERR_IO"),
    (6, "ERR_NXIO"),
    (13, "ERR_ACCES"),
    (17, "ERR_EXIST"),
    (18, "ERR_XDEV"),
    (19, "ERR_NODEV"),
    (20, "ERR_NOTDIR"),
    (21, "ERR_ISDIR"),
    (22, "ERR_INVAL"),
    (27, "ERR_FBIG"),
    (28, "ERR_NOSPC"),
    (30, "ERR_ROFS"),
    (31, "ERR_MLINK"),
    (63, "ERR_NAMETOOLONG"),
    (66, "ERR_NOTEMPTY"),
    (69, "ERR_DQUOT"),
    (70, "ERR_STALE"),
    (71, "ERR_REMOTE"),
    (10_001, "ERR_BADHANDLE"),
    (10_002, "ERR_NOT_SYNC"),
    (10_003, "ERR_BAD_COOKIE"),
    (10_004, "ERR_NOTSUPP"),
    (10_005, "ERR_TOOSMALL"),
    (10_006, "ERR_SERVERFAULT"),
    (10_007, "ERR_BADTYPE"),
    (10_008, "ERR_JUKEBOX"),
];

pub fn status_name(status: u32) -> String {
    STATUSES
        .iter()
        .find(|(number, _)| *number == status)
        .map_or_else(|| status.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_depend_on_the_version() {
        for (version, procedure, name) in [
            (2, 11, "RENAME"),
            (0, 14, "MKDIR"),
            (3, 14, "RENAME"),
            (3, 17, "READDIRPLUS"),
            (4, 25, "READ"),
            (4, 2, "2"),
            (3, 22, "22"),
        ] {
            assert_eq!(procedure_name(version, procedure), name);
        }
        assert_eq!(status_name(10_008), "ERR_JUKEBOX");
        assert_eq!(status_name(10_013), "10013");
    }
}
