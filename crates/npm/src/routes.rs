//! Routes: from a request to what it asks for (spec/projections/npm.md §6). Paths arrive percent-decoded, so that
//! `/@d/n`, `/@d%2fn` and `/@d%2Fn` are one.

use crate::name::PackageName;
use crate::search::Query;
use deedbox_view::{Method, Request, Takes};

/// Where npm clients are pointed.
pub(crate) const MOUNT: &str = "/npm/";
/// npm joins the path of attestations to the registry's origin, whatever its mount.
pub(crate) const ORIGIN_MOUNT: &str = "/-/npm/v1/";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The mount itself.
    Root,
    /// A packument.
    Packument(PackageName),
    /// One version or tag.
    Version(PackageName, String),
    /// A tarball by its file name.
    Tarball(PackageName, String),
    /// The channels.
    Tags(PackageName),
    Search(Query),
    Ping,
    Whoami,
    Keys,
    Attestations,
    /// A query for advisories.
    Audit,
    /// Nothing: the words say why.
    Nothing(String),
    /// A write: the words name the command that does it.
    Write(&'static str),
}

/// Finds what a request asks for.
pub(crate) fn route(request: &Request) -> Route {
    let path = request.path.as_str();
    let inner = if request.mount == ORIGIN_MOUNT { Some(path) } else { path.strip_prefix("-/npm/v1/") };
    match request.method {
        Method::Write => Route::Write(command_for(path)),
        Method::Post => match inner {
            Some("security/advisories/bulk" | "security/audits" | "security/audits/quick") => Route::Audit,
            _ => Route::Write(command_for(path)),
        },
        Method::Get => match inner {
            Some("keys") => Route::Keys,
            Some(inner) if inner.starts_with("attestations/") => Route::Attestations,
            Some(_) => nothing(path),
            None => get(request),
        },
    }
}

/// What an answer depends on beside its path: a search on its query, an audit on its body. Every other POST is a write.
pub(crate) fn takes(request: &Request) -> Takes {
    match route(request) {
        Route::Search(_) => Takes::query(&["text", "size", "from"]),
        Route::Audit => Takes { body: true, ..Takes::NOTHING },
        _ => Takes::NOTHING,
    }
}

fn get(request: &Request) -> Route {
    let path = request.path.as_str();
    match path {
        "" => return Route::Root,
        "-/ping" => return Route::Ping,
        "-/whoami" => return Route::Whoami,
        "-/v1/search" => return Route::Search(Query::of(request)),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("-/") {
        return match rest.strip_prefix("package/").and_then(|r| r.strip_suffix("/dist-tags")) {
            Some(native) => named(native, Route::Tags),
            None => nothing(path),
        };
    }
    if !path.starts_with('@') {
        let first = path.split('/').next().unwrap_or_default();
        return named(first, Route::Packument);
    }
    let mut segments = path.splitn(3, '/');
    let (Some(scope), Some(segment)) = (segments.next(), segments.next()) else { return named(path, Route::Packument) };
    let native = format!("{scope}/{segment}");
    match segments.next() {
        None => named(&native, Route::Packument),
        Some(rest) => match rest.strip_prefix("-/") {
            // Some registries put the scope into the path twice, and lock files keep what they wrote.
            Some(file) => {
                let file = file.strip_prefix(scope).and_then(|file| file.strip_prefix('/')).unwrap_or(file);
                named(&native, |name| Route::Tarball(name, file.to_owned()))
            }
            None if rest.contains('/') => nothing(path),
            None => named(&native, |name| Route::Version(name, rest.to_owned())),
        },
    }
}

fn named(native: &str, route: impl FnOnce(PackageName) -> Route) -> Route {
    match PackageName::from_native(native) {
        Ok(name) => route(name),
        Err(e) => Route::Nothing(format!("Not found: {e}")),
    }
}

fn nothing(path: &str) -> Route {
    let shown: String = path.chars().take(80).collect();
    Route::Nothing(format!("Not found: nothing is at {shown:?} here"))
}

/// Which command does what a native client tried to do here.
fn command_for(path: &str) -> &'static str {
    if path.contains("/dist-tags") {
        "This registry takes no tags from npm. Nothing was changed. Run: deedbox channel"
    } else if path.starts_with("-/user") || path.starts_with("-/v1/login") || path.starts_with("-/npm/v1/") {
        "This registry has no accounts or tokens: people publish with the key of their domain. Nothing was changed. Run: deedbox keygen, then deedbox publish"
    } else if path.contains("/-rev/") {
        "Nothing is ever deleted or edited in this registry. Nothing was changed. Run: deedbox yank, or deedbox deprecate"
    } else {
        "This registry takes releases only as signed statements, not from npm. Nothing was changed. Run: deedbox publish (or deedbox deprecate, deedbox yank)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Route {
        route(&Request::get(MOUNT, path))
    }

    #[test]
    fn each_path_leads_to_its_route() {
        let name = PackageName::from_native("@acme.example/widget").unwrap();
        for (path, expected) in [
            ("", Route::Root),
            ("@acme.example/widget", Route::Packument(name.clone())),
            ("@acme.example/widget/1.0.0", Route::Version(name.clone(), "1.0.0".into())),
            ("@acme.example/widget/latest", Route::Version(name.clone(), "latest".into())),
            ("@acme.example/widget/-/widget-1.0.0.tgz", Route::Tarball(name.clone(), "widget-1.0.0.tgz".into())),
            ("@acme.example/widget/-/@acme.example/widget-1.0.0.tgz", Route::Tarball(name.clone(), "widget-1.0.0.tgz".into())),
            ("@acme.example/widget/-/@b.example/widget-1.0.0.tgz", Route::Tarball(name.clone(), "@b.example/widget-1.0.0.tgz".into())),
            ("-/package/@acme.example/widget/dist-tags", Route::Tags(name.clone())),
            ("-/v1/search", Route::Search(Query::of(&Request::get(MOUNT, "-/v1/search")))),
            ("-/ping", Route::Ping),
            ("-/whoami", Route::Whoami),
            ("-/npm/v1/keys", Route::Keys),
            ("-/npm/v1/attestations/@acme.example/widget@1.0.0", Route::Attestations),
        ] {
            assert_eq!(of(path), expected, "{path}");
        }
        assert_eq!(route(&Request::get(ORIGIN_MOUNT, "keys")), Route::Keys);
        assert_eq!(route(&Request::get(ORIGIN_MOUNT, "attestations/@acme.example/widget@1.0.0")), Route::Attestations);
        for path in ["-/npm/v1/security/advisories/bulk", "-/npm/v1/security/audits/quick", "-/npm/v1/security/audits"] {
            let request = Request { method: Method::Post, ..Request::get(MOUNT, path) };
            assert_eq!(route(&request), Route::Audit);
        }
    }

    #[test]
    fn what_is_no_route_is_refused_in_words() {
        for path in [
            "widget",
            "widget/1.0.0",
            "@acme.example",
            "@acme.example/",
            "@acme.example/widget/",
            "@acme.example/widget/1.0.0/x",
            "@acme/widget",
            "@acme.example/Widget",
            "@acme.example/-/x.tgz",
            "-/",
            "-/all",
            "-/package/@acme.example/widget",
            "-/package//dist-tags",
            "-/npm/v1/security/advisories/bulk",
            "/",
            "//",
            "@",
            "@/",
        ] {
            match of(path) {
                Route::Nothing(words) => assert!(words.starts_with("Not found: "), "{words}"),
                Route::Version(_, version) => assert_eq!(version, "", "{path}"),
                other => panic!("{path} is {other:?}"),
            }
        }
    }

    #[test]
    fn every_write_names_a_command() {
        for path in ["@acme.example/widget", "-/package/@acme.example/widget/dist-tags/next", "-/user/org.couchdb.user:x", "x/-rev/1", ""] {
            for method in [Method::Write, Method::Post] {
                let Route::Write(words) = route(&Request { method, ..Request::get(MOUNT, path) }) else { panic!("{path}") };
                assert!(words.contains("deedbox "), "{words}");
            }
        }
    }
}
