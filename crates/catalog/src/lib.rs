//! The neutral projection: packages, domains, releases, objects, history and search.
