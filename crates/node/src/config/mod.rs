//! `lgsp.toml`: one file, every key with a default, environment overrides, and explanations of what is wrong.
//! `schema` says which keys there are, `load` reads them, `check` looks at what they mean together.

pub mod check;
pub mod federation;
pub(crate) mod federation_check;
pub mod key_place;
pub mod load;
pub mod schema;
pub mod show;
pub mod units;

pub use key_place::KeyPlace;
pub use load::{Loaded, Origin, Problem};
pub use schema::Config;
pub use units::{Lasting, Listen, Size};

/// The annotated file with every key and its default: what `lgsp init` writes and the package ships.
pub const EXAMPLE: &str = include_str!("../../../../packaging/lgsp.toml");
