//! Routes, limits, cache headers, compression, errors, metrics and composition.
