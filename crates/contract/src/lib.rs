//! Contracts: WSDL 1.1 and OpenAPI 3.0 and 3.1 read and checked, messages validated, versions compared, and the documents of the other face
//! written: OpenAPI for what speaks SOAP, WSDL for what speaks REST. Pure: nothing is fetched.

pub mod compare;
pub mod faces;
pub mod openapi;
pub mod soap;
pub mod wsdl;
