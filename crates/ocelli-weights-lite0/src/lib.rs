//! Ocelli.
