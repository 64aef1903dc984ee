//! XSD written from a model, for an oracle.
