//! The Maven dialect (spec/projections/maven.md).
