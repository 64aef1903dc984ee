//! The documents of the other face: OpenAPI of what speaks SOAP, WSDL of what speaks REST.

pub mod wsdl;
