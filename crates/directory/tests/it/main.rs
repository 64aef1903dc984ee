//! The directory from outside: attacks on readers, the publisher's life, and what mutated files do.

mod attacks;
mod mutated;
mod publisher;
mod stolen;
mod support;
mod view;
