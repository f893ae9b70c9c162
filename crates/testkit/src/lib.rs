//! A world for tests: clock, store, crash points, builders.
