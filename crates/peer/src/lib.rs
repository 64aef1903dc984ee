//! The peer protocol between nodes (docs/protocol/peer.md): statements, both signature modes, replay, idempotency, and its transport.
