//! Transaction → the `krb5` object.

use kerberos_parser::krb5::PrincipalName;
use sensor_event::Krb5;

use super::Krb5Transaction;
use super::state::is_weak;

pub fn record(krb5: &Krb5Transaction) -> Krb5<'_> {
    let name = |name: &Option<PrincipalName>| match name {
        Some(name) => name.to_string(),
        None => "<empty>".to_owned(),
    };
    Krb5 {
        msg_type: format!("{:?}", krb5.kind),
        failed_request: krb5.error.map(|_| match krb5.request {
            Some(request) => format!("{request:?}"),
            None => "UNKNOWN".to_owned(),
        }),
        error_code: krb5.error.map(|code| format!("{code:?}")),
        cname: name(&krb5.client),
        realm: krb5.realm.as_deref().unwrap_or("<empty>"),
        sname: name(&krb5.service),
        encryption: match krb5.encryption {
            Some(encryption) => format!("{encryption:?}"),
            None => "<none>".to_owned(),
        },
        weak_encryption: krb5.encryption.is_some_and(is_weak),
        ticket_encryption: krb5
            .ticket_encryption
            .map(|encryption| format!("{encryption:?}")),
        ticket_weak_encryption: krb5.ticket_encryption.map(is_weak),
    }
}
