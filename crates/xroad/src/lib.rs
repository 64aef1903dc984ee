//! The X-Road edge: message protocols for REST (r1) and SOAP 4.0, service metadata, and the adapter form that one-stop software calls.
