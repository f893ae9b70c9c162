//! Zip, as jars are.
