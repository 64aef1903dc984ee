//! The whole program from the outside: real processes, real sockets, one file a scenario. What one crate can show by itself is
//! tested beside that crate.

mod crash;
mod federation;
mod mappings;
mod mediation;
mod node;
mod provider;
mod smuggling;
