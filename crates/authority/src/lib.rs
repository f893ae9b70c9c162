//! Who may do what: one pure decider, run by the writer, the replayer and every verifier.
