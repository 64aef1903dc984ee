//! The documents of the other face: OpenAPI of what speaks SOAP, WSDL of what speaks REST. How messages are converted is in `crate::soap`.

pub mod openapi;
pub mod wsdl;
