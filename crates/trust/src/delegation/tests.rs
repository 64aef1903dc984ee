//! Delegations: round trip, canonical form, refusals.
