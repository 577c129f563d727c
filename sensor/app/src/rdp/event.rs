//! Transaction → the `rdp` object.

use sensor_event::{Rdp, RdpClient};

use super::RdpTransaction;
use super::state::Item;
use super::wire::{Client, Message, Negotiation};

/// Names of keyboard layouts, a number and a name a line (MS-LCID §2.2).
const LOCALES: &str = include_str!("locale.txt");

pub fn record(rdp: &RdpTransaction, number: u64) -> Rdp<'_> {
    let mut record = Rdp {
        tx_id: number + 1,
        ..Rdp::default()
    };
    match &rdp.item {
        Item::Certificates(serials) => {
            record.event_type = "tls_handshake";
            record.x509_serials = Some(serials);
        }
        Item::Message(Message::ConnectionRequest(request)) => {
            record.event_type = "initial_request";
            record.cookie = request.cookie.as_deref();
            record.flags = set(
                request.flags.into(),
                &[
                    (0x1, "restricted_admin_mode_required"),
                    (0x2, "redirected_authentication_mode_required"),
                    (0x8, "correlation_info_present"),
                ],
            );
        }
        Item::Message(Message::ConnectionConfirm(negotiation)) => {
            record.event_type = "initial_response";
            if let Some(negotiation) = negotiation {
                negotiated(*negotiation, &mut record);
            }
        }
        Item::Message(Message::ConnectRequest { client, channels }) => {
            record.event_type = "connect_request";
            record.client = client.as_deref().map(described);
            record.channels = channels;
        }
        Item::Message(Message::ConnectResponse | Message::Other) => {
            record.event_type = "connect_response";
        }
    }
    record
}

/// Names of the bits that are set.
fn set(bits: u16, names: &[(u16, &'static str)]) -> Vec<&'static str> {
    names
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| *name)
        .collect()
}

fn negotiated(negotiation: Negotiation, record: &mut Rdp<'_>) {
    match negotiation {
        Negotiation::Agreed { flags, protocol } => {
            record.server_supports = set(
                flags.into(),
                &[
                    (0x1, "extended_client_data"),
                    (0x2, "dynvc_gfx"),
                    (0x8, "restricted_admin"),
                    (0x10, "redirected_authentication"),
                ],
            );
            record.protocol = Some(match protocol {
                1 => "ssl",
                2 => "hybrid",
                4 => "rds_tls",
                8 => "hybrid_ex",
                _ => "rdp",
            });
        }
        Negotiation::Failed { code } => {
            record.error_code = Some(code);
            record.reason = Some(match code {
                1 => "ssl required by server",
                2 => "ssl not allowed by server",
                3 => "ssl cert not on server",
                4 => "inconsistent flags",
                5 => "hybrid required by server",
                _ => "ssl with user auth required by server",
            });
        }
    }
}

fn described(client: &Client) -> RdpClient<'_> {
    let number = |number: u32| Some(number).filter(|number| *number != 0);
    RdpClient {
        version: match client.version {
            0x8_0001 => "v4",
            0x8_0004 => "v5",
            0x8_0005 => "v10.0",
            0x8_0006 => "v10.1",
            0x8_0007 => "v10.2",
            0x8_0008 => "v10.3",
            0x8_0009 => "v10.4",
            0x8_000a => "v10.5",
            0x8_000b => "v10.6",
            0x8_000c => "v10.7",
            _ => "unknown",
        },
        desktop_width: client.width,
        desktop_height: client.height,
        color_depth: client.color_depth,
        keyboard_layout: locale(client.keyboard_layout),
        build: build(client.build),
        client_name: Some(client.name.as_str()).filter(|name| !name.is_empty()),
        keyboard_type: match client.keyboard_type {
            1 => Some("xt"),
            2 => Some("ico"),
            3 => Some("at"),
            4 => Some("enhanced"),
            5 => Some("1050"),
            6 => Some("9140"),
            7 => Some("jp"),
            _ => None,
        },
        keyboard_subtype: number(client.keyboard_subtype),
        function_keys: number(client.function_keys),
        ime: Some(client.ime.as_str()).filter(|name| !name.is_empty()),
        product_id: client.product_id,
        serial_number: client.serial_number.and_then(number),
        capabilities: set(
            client.capabilities.unwrap_or(0),
            &[
                (0x1, "support_errinfo_pdf"),
                (0x2, "want_32bpp_session"),
                (0x4, "support_statusinfo_pdu"),
                (0x8, "strong_asymmetric_keys"),
                (0x20, "valid_connection_type"),
                (0x40, "support_monitor_layout_pdu"),
                (0x80, "support_netchar_autodetect"),
                (0x100, "support_dynvc_gfx_protocol"),
                (0x200, "support_dynamic_time_zone"),
                (0x400, "support_heartbeat_pdu"),
            ],
        ),
        id: client.id.as_deref().filter(|id| !id.is_empty()),
        connection_hint: match client.connection_hint {
            Some(1) => Some("modem"),
            Some(2) => Some("low_broadband"),
            Some(3) => Some("satellite"),
            Some(4) => Some("high_broadband"),
            Some(5) => Some("wan"),
            Some(6) => Some("lan"),
            Some(7) => Some("autodetect"),
            _ => None,
        },
        physical_width: client.physical_width,
        physical_height: client.physical_height,
        desktop_orientation: client.orientation,
        scale_factor: client.scale_factor,
        device_scale_factor: client.device_scale_factor,
    }
}

fn locale(number: u32) -> &'static str {
    LOCALES
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(key, _)| u32::from_str_radix(key, 16) == Ok(number))
        .map_or("unknown", |(_, name)| name)
}

/// The system that has this build number.
fn build(number: u32) -> &'static str {
    match number {
        528 => "Windows NT 3.1",
        807 => "Windows NT 3.5",
        1_057 => "Windows NT 3.51",
        1_381 => "Windows NT 4.0",
        2_195 => "Windows 2000",
        2_600 => "Windows XP",
        3_790 => "Windows Server 2003",
        6_000 => "Windows Vista RTM",
        6_001 => "Windows Vista SP1",
        6_002 => "Windows Vista SP2",
        7_600 => "Windows 7 RTM",
        7_601 => "Windows 7 SP1",
        9_200 => "Windows 8",
        9_600 => "Windows 8.1",
        10_240 => "Windows 10 TH1",
        10_586 => "Windows 10 TH2",
        14_393 => "Windows 10 RS1",
        15_063 => "Windows 10 RS2",
        16_299 => "Windows 10 RS3",
        17_134 => "Windows 10 RS4",
        17_763 => "Windows 10 RS5",
        _ => "unknown",
    }
}
