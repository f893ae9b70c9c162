//! What people do to have a package with the clients of its ecosystem, as a page says it. Words only; nothing is done.

use deedbox_model::PackageId;

/// Which package, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The package, of the dialect's own ecosystem.
    pub id: &'a PackageId,
    /// The version as its ecosystem writes it.
    pub version: &'a str,
    /// Scheme, host, port and path under which clients reach the registry, without a slash at the end.
    pub base_url: &'a str,
}

impl Wanted<'_> {
    /// The host and port of the registry, if it is at the root of them; none where a path follows.
    pub fn host_alone(&self) -> Option<&str> {
        let rest = self.base_url.split_once("://").map_or(self.base_url, |(_, rest)| rest);
        (!rest.contains('/')).then_some(rest)
    }
}

/// How a package is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HowTo {
    /// The clients that this is for, in people's words.
    pub clients: &'static str,
    /// The word for `deedbox setup`, which writes the settings; none where there are none.
    pub setup: Option<&'static str>,
    /// The same settings by hand: the file, and its lines.
    pub settings: Option<(&'static str, String)>,
    /// The commands that bring the package, or the lines that name it in a project's own file.
    pub install: String,
    /// What else there is to know, in one sentence.
    pub note: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_alone_where_no_path_follows() {
        let id = PackageId::parse("oci:acme.example/app").unwrap();
        for (base_url, host) in [
            ("https://registry.example", Some("registry.example")),
            ("http://127.0.0.1:8417", Some("127.0.0.1:8417")),
            ("https://registry.example/team", None),
        ] {
            assert_eq!(Wanted { id: &id, version: "1.0", base_url }.host_alone(), host);
        }
    }
}
