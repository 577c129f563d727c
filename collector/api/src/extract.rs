//! What a request says in its path and its query. What cannot be read is told as every other fault.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The variable parts of the path.
pub struct Path<T>(pub T);

/// What stands behind the question mark; a name may come several times.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Path(value))
            .map_err(|rejection| ApiError::Unreadable(rejection.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = axum_extra::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|axum_extra::extract::Query(value)| Query(value))
            .map_err(|rejection| ApiError::Unreadable(rejection.to_string()))
    }
}
