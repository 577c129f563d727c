//! Transaction → the `rfb` object.

use std::borrow::Cow;

use sensor_event::{
    Hex, Rfb, RfbAuthentication, RfbFramebuffer, RfbPixelFormat, RfbVersion, RfbVnc, Text,
};

use super::buffers::RESULTS;
use super::state::RfbTransaction;
use super::wire::{SecurityResult, SecurityType, ServerInit, Version};

pub fn record(rfb: &RfbTransaction) -> Rfb<'_> {
    Rfb {
        server_protocol_version: rfb.server_version.as_ref().map(version),
        client_protocol_version: rfb.client_version.as_ref().map(version),
        authentication: RfbAuthentication {
            security_type: rfb.security_type.map(|kind| kind.0),
            vnc: (rfb.security_type == Some(SecurityType::VNC)).then(|| RfbVnc {
                challenge: rfb.challenge.as_ref().map(|secret| Hex(secret)),
                response: rfb.response.as_ref().map(|secret| Hex(secret)),
            }),
            security_result: rfb.result.map(result),
        },
        server_security_failure_reason: rfb.failure.as_deref().map(Text),
        screen_shared: rfb.shared,
        framebuffer: rfb.screen.as_ref().map(framebuffer),
    }
}

fn version(version: &Version) -> RfbVersion<'_> {
    RfbVersion {
        major: Text(&version.major),
        minor: Text(&version.minor),
    }
}

fn result(result: SecurityResult) -> Cow<'static, str> {
    let known = RESULTS
        .iter()
        .find(|(_, number)| *number == u64::from(result.0));
    Cow::Owned(match known {
        Some((name, _)) => name.to_ascii_uppercase(),
        None => format!("UNKNOWN ({})", result.0),
    })
}

fn framebuffer(screen: &ServerInit) -> RfbFramebuffer<'_> {
    let format = &screen.pixel_format;
    let [red_max, green_max, blue_max] = format.max;
    let [red_shift, green_shift, blue_shift] = format.shift;
    RfbFramebuffer {
        width: screen.width,
        height: screen.height,
        name: Text(&screen.name),
        pixel_format: RfbPixelFormat {
            bits_per_pixel: format.bits_per_pixel,
            depth: format.depth,
            big_endian: format.big_endian,
            true_color: format.true_color,
            red_max,
            green_max,
            blue_max,
            red_shift,
            green_shift,
            blue_shift,
        },
    }
}
