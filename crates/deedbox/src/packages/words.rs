//! What can be published, as each ecosystem says it, and lists in words.

/// What `publish` takes of one ecosystem.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Publishable {
    /// Native manifests that a directory is known by, each with its article: `a package.json`.
    pub(crate) manifests: &'static [&'static str],
    /// How packed files end: `.tgz`.
    pub(crate) packed: &'static [&'static str],
    /// What else, each as one and as many: `an OCI layout`, `OCI layouts`.
    pub(crate) others: &'static [(&'static str, &'static str)],
}

/// `a, b or c`; none of nothing.
pub(crate) fn one_of(words: &[&str]) -> Option<String> {
    joined(words, "or")
}

/// `a, b and c`; none of nothing.
pub(crate) fn all_of(words: &[&str]) -> Option<String> {
    joined(words, "and")
}

fn joined(words: &[&str], between: &str) -> Option<String> {
    match words {
        [] => None,
        [only] => Some((*only).to_owned()),
        [rest @ .., last] => Some(format!("{} {between} {last}", rest.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_said_as_people_say_them() {
        assert_eq!((one_of(&["a"]).as_deref(), all_of(&["a", "b", "c"]).as_deref(), one_of(&[])), (Some("a"), Some("a, b and c"), None));
    }
}
