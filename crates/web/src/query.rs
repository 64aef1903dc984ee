//! How addresses are read: flags, pages and times in queries. One page is bounded everywhere.

use crate::problem::ApiProblem;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use lgsp_kernel::Millis;
use serde::Deserialize as _;
use serde::de::{DeserializeOwned, Deserializer, Error as _};

/// Items of a page where nothing is said.
pub const PAGE: usize = 100;
/// Items of a page at most.
pub const PAGE_MAX: usize = 1_000;

/// The query of a request; what cannot be read is a problem in the one shape.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(ApiProblem::bad_request(rejection.body_text())),
        }
    }
}

/// How many items a page has.
pub fn page(limit: Option<usize>) -> Result<usize, ApiProblem> {
    match limit {
        None => Ok(PAGE),
        Some(n) if (1..=PAGE_MAX).contains(&n) => Ok(n),
        Some(n) => Err(ApiProblem::bad_request(format!("limit is {n}; it must be 1 to {PAGE_MAX}"))),
    }
}

/// `?dry_run` means what `?dry_run=true` means.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let text = String::deserialize(from)?;
    match text.as_str() {
        "" | "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(D::Error::custom(format!("{other:?} is not true or false"))),
    }
}

/// A time as RFC 3339 or a date.
pub fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Millis>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)?.filter(|t| !t.is_empty()) else { return Ok(None) };
    Millis::parse(&text).map(Some).ok_or_else(|| {
        D::Error::custom(format!("{text:?} is not a time: write 2026-01-31 or 2026-01-31T08:00:00+07:00"))
    })
}
