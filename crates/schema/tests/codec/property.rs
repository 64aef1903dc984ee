//! Random models and values there and back.
