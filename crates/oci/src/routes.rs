//! Routes: from a request to what it asks for (spec/projections/oci.md §6). A repository may have segments `manifests`, `blobs`
//! or `tags`, so paths are read from the right.

use crate::digest::Digest;
use crate::name::{BadRepository, Repository};
use crate::refusal::Code;
use deedbox_view::{Method, Request};

/// Where every client of this protocol asks.
pub(crate) const MOUNT: &str = "/v2/";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Whether this protocol is spoken here.
    Version,
    /// A token that nobody needs.
    Token,
    Catalog,
    Tags(Repository),
    Tagged(Repository, String),
    Manifest(Repository, Digest),
    Blob(Repository, Digest),
    Referrers(Repository, Digest),
    /// Nothing: the words say why.
    Refused(Code, String),
    /// A write: the words name the command that does it.
    Write(&'static str),
}

/// Finds what a request asks for.
pub(crate) fn route(request: &Request) -> Route {
    let path = request.path.as_str();
    match request.method {
        Method::Post if path == "token" => Route::Token,
        Method::Write | Method::Post => Route::Write(command_for(path)),
        Method::Get => get(path),
    }
}

fn get(path: &str) -> Route {
    match path {
        "" => return Route::Version,
        "token" => return Route::Token,
        "_catalog" => return Route::Catalog,
        _ => {}
    }
    let segments: Vec<&str> = path.split('/').collect();
    let [name @ .., kind, last] = segments.as_slice() else { return nothing(path) };
    if !matches!((*kind, *last), ("manifests" | "blobs" | "referrers", _) | ("tags", "list")) {
        return nothing(path);
    }
    let repository = match Repository::parse(&name.join("/")) {
        Ok(repository) => repository,
        Err(e @ BadRepository::Malformed(_)) => return Route::Refused(Code::NameInvalid, e.to_string()),
        Err(e @ BadRepository::NoDomain(_)) => return Route::Refused(Code::NameUnknown, e.to_string()),
    };
    let by_digest = |route: fn(Repository, Digest) -> Route, repository| match Digest::parse(last) {
        Some(digest) => route(repository, digest),
        None => Route::Refused(
            Code::DigestInvalid,
            format!("{:?} is not a digest: write sha256: or sha512: and lower-case hexadecimal digits", shown(last)),
        ),
    };
    match *kind {
        "tags" => Route::Tags(repository),
        "blobs" => by_digest(Route::Blob, repository),
        "referrers" => by_digest(Route::Referrers, repository),
        _ if last.contains(':') => by_digest(Route::Manifest, repository),
        _ => Route::Tagged(repository, (*last).to_owned()),
    }
}

fn nothing(path: &str) -> Route {
    Route::Refused(Code::Unsupported(404), format!("nothing is at {:?} here", shown(path)))
}

/// A text of a stranger's, shortened.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Which command does what a native client tried to do here.
fn command_for(path: &str) -> &'static str {
    if path.contains("/manifests/") && !path.contains(':') {
        "This registry takes images and tags only as signed statements, not by push. Nothing was changed. Run: deedbox publish IMAGE --id oci:DOMAIN/NAME --version TAG (or deedbox channel set, deedbox yank)"
    } else {
        "This registry takes images only as signed statements, not by push; nothing is ever deleted. Nothing was changed. Run: deedbox publish IMAGE --id oci:DOMAIN/NAME --version TAG"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Route {
        route(&Request::get(MOUNT, path))
    }

    #[test]
    fn each_path_leads_to_its_route_and_is_read_from_the_right() {
        let app = Repository::parse("acme.example/app").unwrap();
        let odd = Repository::parse("acme.example/manifests/blobs/tags").unwrap();
        let short = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap();
        let long = Digest::parse(&format!("sha512:{}", "ab".repeat(64))).unwrap();
        for (path, expected) in [
            (String::new(), Route::Version),
            ("token".into(), Route::Token),
            ("_catalog".into(), Route::Catalog),
            ("acme.example/app/tags/list".into(), Route::Tags(app.clone())),
            ("acme.example/app/manifests/1.0".into(), Route::Tagged(app.clone(), "1.0".into())),
            ("acme.example/app/manifests/.INVALID".into(), Route::Tagged(app.clone(), ".INVALID".into())),
            (format!("acme.example/app/manifests/{short}"), Route::Manifest(app.clone(), short)),
            (format!("acme.example/app/manifests/{long}"), Route::Manifest(app.clone(), long)),
            (format!("acme.example/app/blobs/{short}"), Route::Blob(app.clone(), short)),
            (format!("acme.example/app/referrers/{long}"), Route::Referrers(app.clone(), long)),
            ("acme.example/manifests/blobs/tags/tags/list".into(), Route::Tags(odd.clone())),
            ("acme.example/manifests/blobs/tags/manifests/manifests".into(), Route::Tagged(odd.clone(), "manifests".into())),
            (format!("acme.example/manifests/blobs/tags/blobs/{short}"), Route::Blob(odd, short)),
        ] {
            assert_eq!(of(&path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_route_is_refused_with_the_codes_of_the_specification() {
        for (path, code) in [
            ("x", Code::Unsupported(404)),
            ("acme.example/app", Code::Unsupported(404)),
            ("acme.example/app/tags", Code::Unsupported(404)),
            ("acme.example/app/blobs/uploads/1", Code::Unsupported(404)),
            ("acme.example/app/tags/list/", Code::Unsupported(404)),
            ("library/app/tags/list", Code::NameUnknown),
            ("app/manifests/latest", Code::NameUnknown),
            ("manifests/latest", Code::NameInvalid),
            ("acme.example/App/manifests/latest", Code::NameInvalid),
            ("acme.example//app/manifests/latest", Code::NameInvalid),
            ("acme.example/app/blobs/latest", Code::DigestInvalid),
            ("acme.example/app/manifests/sha256:ab", Code::DigestInvalid),
            ("acme.example/app/referrers/", Code::DigestInvalid),
        ] {
            match of(path) {
                Route::Refused(found, words) => {
                    assert_eq!(found, code, "{path}");
                    assert!(words.contains(' '), "{words}");
                }
                other => panic!("{path} is {other:?}"),
            }
        }
    }

    #[test]
    fn every_write_names_the_command_that_does_it() {
        for path in ["acme.example/app/blobs/uploads/", "acme.example/app/manifests/1.0", "acme.example/app/manifests/sha256:ab", ""] {
            for method in [Method::Write, Method::Post] {
                let Route::Write(words) = route(&Request { method, ..Request::get(MOUNT, path) }) else { panic!("{path}") };
                assert!(words.contains("deedbox publish"), "{words}");
            }
        }
        assert_eq!(route(&Request { method: Method::Post, ..Request::get(MOUNT, "token") }), Route::Token);
    }
}
