//! Mediation as its callers meet it: clients that we did not write (curl, Python's zeep and requests, a Java client made from our WSDL,
//! schemathesis) against a real node, with providers behind it that hold every request against its schema with libxml2.

mod java;
mod outsiders;
mod rest_face;
mod schemathesis;
mod soap_library;
mod three_commands;
mod world;
