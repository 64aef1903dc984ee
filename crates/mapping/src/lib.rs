//! Mappings: messages of another shape, in jq, in worker processes of bounded time and memory.

