//! Mediation: what a version declares of contract, faces, mappings, text and attachments, compiled into one thing that the gateway runs.

