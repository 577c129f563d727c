//! The description of the API (OpenAPI): what stands above the single endpoints, and the faults that all of them tell.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, PartialSchema, ToSchema};

use crate::error::Problem;

const PROBLEM: &str = "application/problem+json";

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Mắt Lưới",
    description = "The API of the collector. Writes need the X-CSRF-Token header that signing in gave. Sources authenticate with their token as bearer.",
    license(name = "Apache-2.0")
), modifiers(&SourceTokens))]
pub struct Description;

struct SourceTokens;

impl Modify for SourceTokens {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        api.components
            .get_or_insert_default()
            .add_security_scheme("source", SecurityScheme::Http(scheme));
    }
}

/// Every fault is a [`Problem`], whatever its status: those that endpoints name, and all others.
pub fn tell_problems(api: &mut OpenApi) {
    let content = || Content::new(Some(RefOr::Ref(Ref::from_schema_name(Problem::name()))));
    let other = ResponseBuilder::new()
        .description("Any other fault: a request that cannot be read, a session that has ended, too many requests")
        .content(PROBLEM, content())
        .build();
    let components = api.components.get_or_insert_default();
    components
        .schemas
        .entry(Problem::name().into_owned())
        .or_insert_with(Problem::schema);
    for (path, item) in &mut api.paths.paths {
        // What is for machines has no body to speak of.
        if !path.starts_with("/api/") {
            continue;
        }
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            for (status, response) in responses.iter_mut() {
                let is_fault = status.starts_with(['4', '5']);
                if let RefOr::T(Response { content: told, .. }) = response
                    && is_fault
                {
                    told.clear();
                    told.insert(PROBLEM.to_owned(), RefOr::T(content()));
                }
            }
            responses
                .entry("default".to_owned())
                .or_insert_with(|| RefOr::T(other.clone()));
        }
    }
}
