//! The RubyGems dialect (spec/projections/gem.md).
