//! E-mail over SMTP.

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::SendError;
use crate::config::{ChannelConfig, MailSecurity};
use crate::item::{Item, message};

pub async fn send(channel: &ChannelConfig, items: &[Item]) -> Result<(), SendError> {
    let ChannelConfig::Email {
        server,
        port,
        security,
        username,
        password,
        from,
        to,
        language,
    } = channel
    else {
        return Err(SendError::Config("not a mail channel".to_owned()));
    };
    let (subject, text) = message(items, *language);
    let mailbox = |address: &str| {
        let address = address
            .parse()
            .map_err(|_| SendError::Config(format!("{address} is no address")))?;
        Ok::<_, SendError>(Mailbox::new(None, address))
    };
    let mut mail = Message::builder()
        .from(mailbox(from)?)
        .subject(subject)
        .header(ContentType::TEXT_PLAIN);
    for to in to {
        mail = mail.to(mailbox(to)?);
    }
    let mail = mail.body(text).map_err(mail_error)?;
    type Transport = AsyncSmtpTransport<Tokio1Executor>;
    let builder = match security {
        MailSecurity::None => Transport::builder_dangerous(server),
        MailSecurity::StartTls => Transport::starttls_relay(server).map_err(mail_error)?,
        MailSecurity::Tls => Transport::relay(server).map_err(mail_error)?,
    };
    let mut builder = builder.port(*port);
    if !username.is_empty() {
        builder = builder.credentials(Credentials::new(username.clone(), password.clone()));
    }
    builder.build().send(mail).await.map_err(mail_error)?;
    Ok(())
}

fn mail_error(error: impl std::error::Error) -> SendError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    SendError::Mail(text)
}
