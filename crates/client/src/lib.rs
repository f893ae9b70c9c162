//! Reads and checks a registry from outside.
