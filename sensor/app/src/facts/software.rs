//! What each side of a transaction says that it runs.

use sensor_flow::Direction;

use crate::{Body, Protocol};

/// The protocol that tells, and the text as it was sent: never checked, and anybody may say anything.
pub(super) fn of(body: &Body, side: Direction) -> Option<(Protocol, &[u8])> {
    let is_server = side == Direction::ToClient;
    // RFC 9110 §10.1.5, §10.2.4.
    let field: &[u8] = if is_server { b"server" } else { b"user-agent" };
    let (protocol, text) = match body {
        Body::Http1(http) => (Protocol::Http1, http.message(side).headers.value(field)?),
        Body::Http2(http2) => (Protocol::Http2, http2.side(side).first(field)?),
        Body::Ssh(ssh) => (Protocol::Ssh, ssh.sides[side.index()].software.as_slice()),
        Body::Mysql(mysql) if is_server => (Protocol::Mysql, mysql.session.version.as_deref()?),
        Body::Pgsql(pgsql) if is_server => {
            let parameters = &pgsql.response.as_ref()?.parameters;
            let version = parameters
                .iter()
                .find(|(name, _)| name == b"server_version");
            (Protocol::Pgsql, version?.1.as_slice())
        }
        Body::Pgsql(pgsql) => {
            let others = &pgsql.request.as_ref()?.startup.as_ref()?.others;
            let program = others.iter().find(|(name, _)| name == b"application_name");
            (Protocol::Pgsql, program?.1.as_slice())
        }
        Body::Smb(smb) => (Protocol::Smb, smb.lan_manager(side)?),
        _ => return None,
    };
    (!text.is_empty()).then_some((protocol, text))
}
