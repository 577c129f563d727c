//! Reports for people who are not at the console: of a period, of a shift, of an incident; as PDF, as a Word
//! document, or as blocks for the page to show. All of it is made here, without anything from outside.

mod case_sheet;
mod document;
mod docx;
mod layout;
mod pdf;
mod period;
mod words;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use collector_state::CaseContent;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::cases::saved_as;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;
use document::Document;
use words::Language;

/// The longest period of one report.
const MAX_DAYS: i64 = 400;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SheetQuery {
    /// json (the default: blocks), pdf, docx
    form: Option<String>,
    /// vi (the default), en
    language: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeriodQuery {
    /// daily, weekly, monthly, handover
    kind: String,
    from: String,
    to: String,
    /// json (the default: blocks), pdf, docx
    form: Option<String>,
    /// vi (the default), en
    language: Option<String>,
}

fn language(name: Option<&str>) -> Result<Language> {
    match name {
        None | Some("vi") => Ok(Language::Vietnamese),
        Some("en") => Ok(Language::English),
        Some(_) => invalid("language", "unknown"),
    }
}

/// A document in the form that was asked for.
async fn answer(document: Document, form: Option<&str>, name: &str) -> Result<Response> {
    let (ending, kind, write): (_, _, fn(&Document) -> Option<Vec<u8>>) = match form {
        None | Some("json") => return Ok(Json(document).into_response()),
        Some("pdf") => ("pdf", "application/pdf", pdf::write),
        Some("docx") => (
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            docx::write,
        ),
        Some(_) => return invalid("form", "unknown"),
    };
    // Setting hundreds of pages takes a while, which others need not wait for.
    let written = tokio::task::spawn_blocking(move || write(&document)).await;
    let Some(bytes) = written.ok().flatten() else {
        return Err(ApiError::NotFound);
    };
    Ok((saved_as(&format!("{name}.{ending}"), kind)?, bytes).into_response())
}

async fn sheet(
    state: &ApiState,
    caller: &Caller,
    content: &CaseContent,
    language: Language,
) -> Result<Document> {
    let units = state.store.units(&caller.scope).await?;
    let unit = units.iter().find(|unit| unit.id == content.case.unit_id);
    let unit = unit.map_or("", |unit| unit.name.as_str());
    Ok(case_sheet::make(state, content, unit, language))
}

/// The incident fact sheet in all its forms: the endings of their names, and the files.
pub async fn fact_sheets(
    state: &ApiState,
    caller: &Caller,
    content: &CaseContent,
    language: Option<&str>,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let document = sheet(state, caller, content, self::language(language)?).await?;
    let written = tokio::task::spawn_blocking(move || {
        Some(vec![
            ("pdf", pdf::write(&document)?),
            ("docx", docx::write(&document)?),
        ])
    });
    let written = written.await.ok().flatten();
    written.ok_or_else(|| ApiError::Broken("the fact sheet cannot be set".to_owned()))
}

/// The incident fact sheet of a case.
#[utoipa::path(get, path = "/reports/case/{id}", operation_id = "case_sheet", tag = "reports",
    params(("id" = i64, Path), SheetQuery),
    responses((status = 200, body = Document), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn case(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<SheetQuery>,
) -> Result<Response> {
    let language = language(query.language.as_deref())?;
    let content = state.store.case_content(id, &caller.scope).await?;
    let document = sheet(&state, &caller, &content, language).await?;
    caller
        .note(
            &state,
            "report.case",
            &id.to_string(),
            json!({ "form": query.form }),
        )
        .await?;
    answer(document, query.form.as_deref(), &format!("su-co-{id}")).await
}

/// What a day, a week, a month or a shift came to.
#[utoipa::path(get, path = "/reports/period", operation_id = "period_report", tag = "reports", params(PeriodQuery),
    responses((status = 200, body = Document), (status = 400, body = Problem)))]
async fn period(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<PeriodQuery>,
) -> Result<Response> {
    let language = language(query.language.as_deref())?;
    let now = state.now();
    let from = times::read("from", &query.from, now)?;
    let to = times::read("to", &query.to, now)?;
    if from >= to || to.0 - from.0 > MAX_DAYS * collector_state::UnixMillis::DAY {
        return invalid("from", "out_of_range");
    }
    let Some(kind) = period::Kind::from_name(&query.kind) else {
        return invalid("kind", "unknown");
    };
    let document = period::make(&state, &caller, kind, (from, to), language).await?;
    if query.form.as_deref().is_some_and(|form| form != "json") {
        let detail = json!({ "form": query.form, "from": query.from, "to": query.to });
        caller
            .note(&state, "report.period", &query.kind, detail)
            .await?;
    }
    answer(
        document,
        query.form.as_deref(),
        &format!("bao-cao-{}", query.kind),
    )
    .await
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(case))
        .routes(routes!(period))
}

#[cfg(test)]
mod tests {
    use super::document::Block;
    use super::*;

    #[test]
    fn documents_become_files() {
        let mut document = Document {
            unit: "Công an tỉnh".to_owned(),
            date: "ngày 25/11/2026".to_owned(),
            title: "Phiếu thông tin sự cố".to_owned(),
            subtitle: "Số 1".to_owned(),
            blocks: Vec::new(),
            language: "vi".to_owned(),
        };
        document.heading("I. Nghiêm trọng");
        document.paragraph("Quét cổng, dò mật khẩu; đường hầm DNS.\u{0}\u{7}");
        document.pairs([("Phát hiện", "25/11/2026 17:30".to_owned())]);
        document.table(
            ["Số", "Luật"],
            [1, 4],
            vec![["1".to_owned(), "ưở ệ".to_owned()]],
        );
        document.blocks.push(Block::Signatures {
            left: "Người lập".to_owned(),
            right: "Thủ trưởng".to_owned(),
        });
        let pdf = pdf::write(&document).expect("a PDF");
        assert!(
            pdf.starts_with(b"%PDF-") && pdf.len() > 10_000,
            "with its fonts"
        );
        let docx = docx::write(&document).expect("a document");
        assert!(docx.starts_with(b"PK"));
    }
}
