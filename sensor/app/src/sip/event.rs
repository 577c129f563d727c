//! Transaction → the `sip` object.

use sensor_event::{Sdp, SdpMedia, SdpTime, Sip, Text};

use super::sdp::Description;
use super::state::SipTransaction;
use super::wire::Start;

pub fn record(transaction: &SipTransaction) -> Sip<'_> {
    let message = &transaction.message;
    let text = |span| Some(Text(message.bytes(span)));
    let line = text(&message.line);
    let sdp = message.description.as_deref().map(description);
    match &message.start {
        Start::Request {
            method,
            uri,
            version,
        } => Sip {
            method: text(method),
            uri: text(uri),
            version: text(version),
            code: None,
            reason: None,
            sdp,
            request_line: line,
            response_line: None,
        },
        Start::Response {
            version,
            code,
            reason,
        } => Sip {
            method: None,
            uri: None,
            version: text(version),
            code: text(code),
            reason: text(reason),
            sdp,
            request_line: None,
            response_line: line,
        },
    }
}

fn description(sdp: &Description) -> Sdp<'_> {
    Sdp {
        origin: &sdp.origin,
        session_name: &sdp.session_name,
        session_info: sdp.session_info.as_deref(),
        uri: sdp.uri.as_deref(),
        email: sdp.email.as_deref(),
        phone_number: sdp.phone_number.as_deref(),
        connection_data: sdp.connection_data.as_deref(),
        bandwidths: &sdp.bandwidths,
        time_descriptions: sdp
            .times
            .iter()
            .map(|time| SdpTime {
                time: &time.time,
                repeat_time: time.repeat_time.as_deref(),
            })
            .collect(),
        timezone: sdp.time_zone.as_deref(),
        encryption_key: sdp.encryption_key.as_deref(),
        attributes: &sdp.attributes,
        media_descriptions: sdp
            .media
            .iter()
            .map(|media| SdpMedia {
                media: &media.media,
                media_info: media.media_info.as_deref(),
                bandwidths: &media.bandwidths,
                connection_data: media.connection_data.as_deref(),
                encryption_key: media.encryption_key.as_deref(),
                attributes: &media.attributes,
            })
            .collect(),
    }
}
