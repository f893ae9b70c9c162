//! The npm dialect: native protocol to model and back.
