//! Several nodes as real processes: a country of a hub and two provinces, and everything that can go wrong between them.

mod certificates;
mod clocks;
mod country;
mod deaths;
mod directories;
mod doctor;
mod forks;
mod hosts;
mod joining;
mod member;
mod messages;
mod middle;
mod rotation;
mod stolen;
mod wire;
