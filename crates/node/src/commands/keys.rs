//! `lgsp keys`: the keys that sign callers' tokens.

use super::desk::Desk;
use super::failure::Failure;
use super::out;
use crate::cli::KeysCommand;
use crate::node::identity_config;
use lgsp_identity::{Identity, Rotation};

/// Rotates, now.
pub async fn run(desk: &Desk, command: KeysCommand) -> Result<(), Failure> {
    let KeysCommand::Rotate { compromised } = command;
    let config = identity_config(desk.config());
    let identity = Identity::open(desk.store().await?, desk.vault()?, desk.clock.clone(), config).await?;
    let why = if compromised { Rotation::Compromised } else { Rotation::Orderly };
    identity.rotate(why).await?;
    out::print(if compromised {
        "rotated: the new key signs at once; tokens of the old ones are refused within five seconds"
    } else {
        "rotated: the new key is published now and signs in ten minutes; tokens of the old one stay good until they expire"
    });
    Ok(())
}
