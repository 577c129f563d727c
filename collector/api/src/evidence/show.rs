//! What is in evidence: packets one by one, and what the two ends said.

use axum::extract::State;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use collector_evidence::{Frame, Packet, Side, conversation, packets};
use collector_state::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::marks::{contents, marks};
use super::ready;
use super::rule::rule_of;
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

const DEFAULT_PACKETS: usize = 500;
const MAX_PACKETS: usize = 5_000;
/// Bytes of a conversation that are shown.
const MAX_CONVERSATION_BYTES: usize = 256 * 1_024;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PacketsQuery {
    /// Number of the first packet.
    first: Option<usize>,
    limit: Option<usize>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConversationQuery {
    /// A packet of it; none: the first conversation.
    packet: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct PacketBody {
    /// From 0, oldest first.
    number: usize,
    time: String,
    /// Microseconds after the first packet.
    after_us: i64,
    /// Address and port.
    source: Option<String>,
    destination: Option<String>,
    protocol: String,
    /// Of TCP, a letter each: SYN, FIN, RST, PSH, ACK, URG.
    flags: String,
    /// Bytes on the wire, those captured, and those behind the headers.
    length: u32,
    captured: usize,
    payload: usize,
}

#[derive(Serialize, ToSchema)]
pub struct PacketsBody {
    items: Vec<PacketBody>,
    total: usize,
}

#[derive(Serialize, ToSchema)]
pub struct PacketBytes {
    packet: PacketBody,
    /// The whole frame, in base64.
    bytes: String,
    /// Where the payload begins and ends.
    payload_from: usize,
    payload_to: usize,
}

#[derive(Serialize, ToSchema)]
pub struct MarkBody {
    pub from: usize,
    pub to: usize,
}

#[derive(Serialize, ToSchema)]
pub struct PieceBody {
    /// client, server
    side: String,
    packet: usize,
    /// Of the first byte among all that this side sent.
    offset: u64,
    /// Bytes before it that were not captured.
    missing: u64,
    /// In base64.
    bytes: String,
    /// Contents of the signature, as places in these bytes.
    marks: Vec<MarkBody>,
}

#[derive(Serialize, ToSchema)]
pub struct ConversationBody {
    client: String,
    server: String,
    protocol: String,
    pieces: Vec<PieceBody>,
    /// Bytes that are not shown, as there are too many; the file has them.
    left_out: u64,
}

fn body(packet: &Packet, first_ns: i64) -> PacketBody {
    PacketBody {
        number: packet.number,
        time: times::write(UnixMillis(packet.timestamp_ns.div_euclid(1_000_000))),
        after_us: packet.timestamp_ns.saturating_sub(first_ns) / 1_000,
        source: packet.ends.map(|(source, _)| source.to_string()),
        destination: packet.ends.map(|(_, destination)| destination.to_string()),
        protocol: packet.protocol.clone(),
        flags: packet.flags.clone(),
        length: packet.wire_length,
        captured: packet.captured,
        payload: packet.payload.len(),
    }
}

/// Works on the frames of evidence, away from the other requests.
async fn with_frames<T: Send + 'static>(
    state: &ApiState,
    id: i64,
    work: impl FnOnce(Vec<Frame>) -> Option<T> + Send + 'static,
) -> Result<T> {
    let shelf = state.evidence.clone();
    let done = tokio::task::spawn_blocking(move || shelf.frames(id).map(work)).await;
    done.map_err(|error| ApiError::Broken(error.to_string()))?
        .map_err(|error| ApiError::Broken(error.to_string()))?
        .ok_or(ApiError::NotFound)
}

#[utoipa::path(get, path = "/evidence/{id}/packets", operation_id = "evidence_packets", tag = "evidence",
    params(("id" = i64, Path), PacketsQuery),
    responses((status = 200, body = PacketsBody), (status = 404, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<PacketsQuery>,
) -> Result<Json<PacketsBody>> {
    ready(&state, &caller, id).await?;
    let first = query.first.unwrap_or(0);
    let limit = query.limit.unwrap_or(DEFAULT_PACKETS).min(MAX_PACKETS);
    let found = with_frames(&state, id, move |frames| {
        let all = packets(&frames);
        let first_ns = all.first().map_or(0, |packet| packet.timestamp_ns);
        let shown = all.iter().skip(first).take(limit);
        Some(PacketsBody {
            items: shown.map(|packet| body(packet, first_ns)).collect(),
            total: all.len(),
        })
    });
    Ok(Json(found.await?))
}

#[utoipa::path(get, path = "/evidence/{id}/packets/{number}", operation_id = "evidence_packet", tag = "evidence",
    params(("id" = i64, Path), ("number" = usize, Path)),
    responses((status = 200, body = PacketBytes), (status = 404, body = Problem)))]
async fn packet(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, number)): Path<(i64, usize)>,
) -> Result<Json<PacketBytes>> {
    ready(&state, &caller, id).await?;
    let found = with_frames(&state, id, move |frames| {
        let first_ns = frames.first()?.timestamp_ns;
        let frame = frames.get(number)?;
        let packet = packets(&frames[..=number]).pop()?;
        Some(PacketBytes {
            packet: body(&packet, first_ns),
            bytes: BASE64_STANDARD.encode(&frame.data),
            payload_from: packet.payload.start,
            payload_to: packet.payload.end,
        })
    });
    Ok(Json(found.await?))
}

/// Both directions in order, with the contents of the signature marked.
#[utoipa::path(get, path = "/evidence/{id}/conversation", operation_id = "evidence_conversation", tag = "evidence",
    params(("id" = i64, Path), ConversationQuery),
    responses((status = 200, body = ConversationBody), (status = 404, body = Problem)))]
async fn both(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<ConversationQuery>,
) -> Result<Json<ConversationBody>> {
    let evidence = ready(&state, &caller, id).await?;
    let rule = match evidence.asked.event_id {
        Some(event) => rule_of(&state, &caller, event).await?.map(|of| of.text),
        None => None,
    };
    let sought = rule.as_deref().map(contents).unwrap_or_default();
    let found = with_frames(&state, id, move |frames| {
        let told = conversation(&frames, query.packet, MAX_CONVERSATION_BYTES)?;
        let marks = marks(&told.pieces, &sought);
        let pieces = told
            .pieces
            .iter()
            .zip(marks)
            .map(|(piece, marks)| PieceBody {
                side: match piece.side {
                    Side::Client => "client",
                    Side::Server => "server",
                }
                .to_owned(),
                packet: piece.packet,
                offset: piece.offset,
                missing: piece.missing,
                bytes: BASE64_STANDARD.encode(&piece.bytes),
                marks: marks
                    .into_iter()
                    .map(|(from, to)| MarkBody { from, to })
                    .collect(),
            });
        Some(ConversationBody {
            pieces: pieces.collect(),
            client: told.client.to_string(),
            server: told.server.to_string(),
            protocol: told.protocol,
            left_out: told.left_out,
        })
    });
    Ok(Json(found.await?))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(packet))
        .routes(routes!(both))
}
