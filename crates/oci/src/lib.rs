//! The OCI dialect (spec/projections/oci.md).
