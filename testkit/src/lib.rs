//! What tests and measurements need and the product does not: a provider that is slow or large at will.

pub mod provider;
