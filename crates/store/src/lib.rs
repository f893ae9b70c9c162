//! Ports for objects, commits and rows, and their adapters.
