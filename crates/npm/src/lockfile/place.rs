//! Where an entry of a lock file stands: its path in normal form, the name of its folder, and what is above it.

/// Characters that a name holds besides letters and digits: those that npm's URLs leave as they are.
const IN_NAMES: &str = "-_.!~*'()";

/// Why a path is not in the one form in which npm writes it; none if it is.
pub(super) fn defect(path: &str) -> Option<&'static str> {
    if path.chars().any(|c| c == '\\' || c.is_control()) {
        return Some("a backslash or a control character in a path");
    }
    let mut inside = false;
    for segment in path.split('/') {
        match segment {
            "" => return Some("an empty segment in a path"),
            "." => return Some("a path that is not in normal form"),
            ".." if inside => return Some("a path that goes up again"),
            ".." => {}
            "node_modules" => inside = true,
            _ if segment.eq_ignore_ascii_case("node_modules") => return Some("node_modules in capital letters"),
            _ => inside = true,
        }
    }
    None
}

/// The folder above the last `node_modules` (none above it is the project itself, `""`), and the name below it; nothing for a path
/// that does not end in a package's folder.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    let (above, name) = match path.rfind("/node_modules/") {
        Some(at) => (path.get(..at)?, path.get(at + "/node_modules/".len()..)?),
        None => ("", path.strip_prefix("node_modules/")?),
    };
    let is_one = match name.strip_prefix('@') {
        // A scope alone is a folder that npm takes for a package; that it is not a name is said later.
        Some(rest) => rest.matches('/').count() <= 1,
        None => !name.contains('/'),
    };
    is_one.then_some((above, name))
}

/// What is above a package's folder, nearest first: packages, then the project or one of its folders, which is the last.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    let mut next = split(path).map(|(above, _)| above);
    std::iter::from_fn(move || {
        let now = next?;
        next = split(now).map(|(above, _)| above);
        Some(now)
    })
}

/// A name as npm takes it: every character stays itself in a URL, no leading dot, and a scope has a name after it.
pub(super) fn is_name(name: &str) -> bool {
    let segment = |s: &str| !s.is_empty() && !s.starts_with('.') && s.chars().all(|c| c.is_ascii_alphanumeric() || IN_NAMES.contains(c));
    match name.strip_prefix('@') {
        Some(rest) => rest.split_once('/').is_some_and(|(scope, name)| segment(scope) && segment(name)),
        None => segment(name) && !name.eq_ignore_ascii_case("node_modules"),
    }
}

/// Whether a name has a scope that looks like a domain, well written or not.
pub(super) fn is_domains(name: &str) -> bool {
    let scope = name.strip_prefix('@').and_then(|rest| rest.split_once('/')).map(|(scope, _)| scope);
    scope.is_some_and(|scope| scope.contains('.')) || crate::PackageName::from_native(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_form() {
        for good in ["", "node_modules/a", "node_modules/@s/a/node_modules/b", "packages/own", "../own/node_modules/x", "../../own"] {
            assert_eq!(defect(good).filter(|_| !good.is_empty()), None, "{good}");
        }
        for bad in [
            "node_modules//x",
            "/node_modules/x",
            "node_modules/x/",
            "./node_modules/x",
            "node_modules/./x",
            "node_modules/a/../x",
            "a/../node_modules/x",
            "node_modules\\x",
            "Node_Modules/x",
            "node_modules/x\u{0}",
        ] {
            assert!(defect(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn what_is_above_is_the_packages_and_then_one_folder() {
        let all = |path| above(path).collect::<Vec<_>>();
        assert_eq!(all("node_modules/@s/a/node_modules/b"), ["node_modules/@s/a", ""]);
        assert_eq!(all("packages/own/node_modules/b"), ["packages/own"]);
        assert_eq!(all("packages/own"), [""; 0]);
        assert_eq!(split("node_modules/@s%2fa"), Some(("", "@s%2fa")));
        assert_eq!(split("node_modules/a/lib"), None);
        assert_eq!(split("my_node_modules/a"), None);
    }

    #[test]
    fn names_are_those_that_stay_themselves_in_a_url() {
        for good in ["left-pad", "JSONStream", "@s/a", "@acme.example/widget", "a.b_c~d!e'f(g)h*"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".a", "@s", "@s/", "@/a", "@s/a/b", "a b", "a%20b", "a\u{e4}", "@s/.a", " a", "a ", "Node_Modules"] {
            assert!(!is_name(bad), "{bad}");
        }
        for (name, domains) in
            [("@acme.example/w", true), ("@Acme.Example/w", true), ("@a..b/w", true), ("@types/node", false), ("a.b", false)]
        {
            assert_eq!(is_domains(name), domains, "{name}");
        }
    }
}
