//! Routes: from a request to what it asks for (spec/projections/gem.md §6). Below the mount stands the domain; each
//! domain is a source of its own.

use crate::api::Wanted;
use crate::name::GemName;
use deedbox_model::Domain;
use deedbox_view::{Method, Request, Takes};

/// Where the sources are.
pub(crate) const MOUNT: &str = "/gem/";

/// Which of the three old indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every release.
    Releases,
    /// The highest release of each gem and platform.
    Latest,
    /// Every prerelease.
    Prereleases,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The mount, or a source's root.
    Root,
    /// The compact index.
    Versions(Domain),
    Names(Domain),
    Info(GemName),
    /// The specification of one gem, by its file name without its ending.
    Quick(Domain, String),
    Specs(Domain, Kind),
    /// A `.gem`, by its file name without its ending.
    File(Domain, String),
    /// All versions of a gem, as JSON.
    ApiVersions(GemName),
    /// A gem, as JSON.
    ApiGem(GemName),
    Search(Domain, Wanted),
    /// Nothing: the words say why.
    Nothing(String),
    /// A write: the words name the command that does it.
    Write(&'static str),
}

/// Finds what a request asks for.
pub(crate) fn route(request: &Request) -> Route {
    let path = request.path.as_str();
    if request.method != Method::Get {
        return Route::Write(command_for(path));
    }
    if path.is_empty() {
        return Route::Root;
    }
    let (domain, rest) = path.split_once('/').unwrap_or((path, ""));
    let Ok(domain) = Domain::parse(domain) else {
        return Route::Nothing(format!(
            "Not found: {:?} is not a domain. The source of a domain is {MOUNT}acme.example/",
            domain.chars().take(80).collect::<String>()
        ));
    };
    let named = |name: &str, route: fn(GemName) -> Route| match GemName::new(&domain, name) {
        Ok(name) => route(name),
        Err(e) => Route::Nothing(format!("Not found: {e}")),
    };
    match rest {
        "" => return Route::Root,
        "versions" => return Route::Versions(domain),
        "names" => return Route::Names(domain),
        "specs.4.8.gz" => return Route::Specs(domain, Kind::Releases),
        "latest_specs.4.8.gz" => return Route::Specs(domain, Kind::Latest),
        "prerelease_specs.4.8.gz" => return Route::Specs(domain, Kind::Prereleases),
        "api/v1/search.json" => return Route::Search(domain, Wanted::of(request)),
        "api/v1/dependencies" | "api/v1/dependencies.json" => {
            return Route::Nothing("Not found: this source has the compact index instead: /versions and /info".to_owned());
        }
        _ => {}
    }
    if let Some(name) = rest.strip_prefix("info/") {
        return named(name, Route::Info);
    }
    if let Some(file) = rest.strip_prefix("quick/Marshal.4.8/").and_then(|file| file.strip_suffix(".gemspec.rz")) {
        return Route::Quick(domain, file.to_owned());
    }
    if let Some(file) = rest.strip_prefix("gems/").and_then(|file| file.strip_suffix(".gem")) {
        return Route::File(domain, file.to_owned());
    }
    if let Some(name) = rest.strip_prefix("api/v1/versions/").and_then(|name| name.strip_suffix(".json")) {
        return named(name, Route::ApiVersions);
    }
    if let Some(name) = rest.strip_prefix("api/v1/gems/").and_then(|name| name.strip_suffix(".json")) {
        return named(name, Route::ApiGem);
    }
    Route::Nothing(format!("Not found: nothing is at {:?} here", path.chars().take(80).collect::<String>()))
}

/// What an answer depends on beside its path: nothing, but for a search. Nothing is asked with a body: every POST is a write.
pub(crate) fn takes(request: &Request) -> Takes {
    match route(request) {
        Route::Search(..) => Takes::query(&["query", "page"]),
        _ => Takes::NOTHING,
    }
}

/// Which command does what a native client tried to do here.
fn command_for(path: &str) -> &'static str {
    if path.contains("/yank") {
        "This source takes no yanks from gem. Nothing was changed. Run: deedbox yank gem:DOMAIN/NAME@VERSION"
    } else if path.contains("/owners") {
        "This registry has no accounts: people publish with the key of their domain. Nothing was changed. Run: deedbox claim, then deedbox publish"
    } else {
        "This registry takes releases only as signed statements, not from gem. Nothing was changed. Run: deedbox publish NAME-VERSION.gem --id gem:DOMAIN/NAME"
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
        let domain = Domain::parse("acme.example").unwrap();
        let name = GemName::new(&domain, "widget").unwrap();
        for (path, expected) in [
            ("", Route::Root),
            ("acme.example", Route::Root),
            ("acme.example/", Route::Root),
            ("acme.example/versions", Route::Versions(domain.clone())),
            ("acme.example/names", Route::Names(domain.clone())),
            ("acme.example/info/widget", Route::Info(name.clone())),
            ("acme.example/specs.4.8.gz", Route::Specs(domain.clone(), Kind::Releases)),
            ("acme.example/latest_specs.4.8.gz", Route::Specs(domain.clone(), Kind::Latest)),
            ("acme.example/prerelease_specs.4.8.gz", Route::Specs(domain.clone(), Kind::Prereleases)),
            ("acme.example/quick/Marshal.4.8/widget-1.0.0.gemspec.rz", Route::Quick(domain.clone(), "widget-1.0.0".into())),
            ("acme.example/gems/widget-1.0.0.gem", Route::File(domain.clone(), "widget-1.0.0".into())),
            ("acme.example/api/v1/versions/widget.json", Route::ApiVersions(name.clone())),
            ("acme.example/api/v1/gems/widget.json", Route::ApiGem(name.clone())),
            ("acme.example/api/v1/search.json", Route::Search(domain.clone(), Wanted::of(&Request::get(MOUNT, "")))),
        ] {
            assert_eq!(of(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_route_is_refused_in_words() {
        for path in [
            "widget",
            "Acme.example/versions",
            "acme.example/info/",
            "acme.example/info/a/b",
            "acme.example/info/_x",
            "acme.example/gems/x",
            "acme.example/api/v1/dependencies",
            "acme.example/Marshal.4.8.Z",
            "acme.example//versions",
            "/",
        ] {
            let Route::Nothing(words) = of(path) else { panic!("{path} is {:?}", of(path)) };
            assert!(words.starts_with("Not found: "), "{words}");
        }
    }

    #[test]
    fn only_a_search_depends_on_its_query_and_nothing_on_a_body() {
        for (path, query) in [
            ("acme.example/api/v1/search.json", &["query", "page"][..]),
            ("acme.example/versions", &[]),
            ("acme.example/api/v1/gems", &[]),
            ("", &[]),
        ] {
            assert_eq!(takes(&Request::get(MOUNT, path)), Takes { query: Some(query), body: false }, "{path}");
        }
        assert_eq!(takes(&Request { method: Method::Post, ..Request::get(MOUNT, "acme.example/api/v1/gems") }), Takes::NOTHING);
    }

    #[test]
    fn every_write_names_a_command() {
        for path in ["acme.example/api/v1/gems", "acme.example/api/v1/gems/yank", "acme.example/api/v1/gems/widget/owners", ""] {
            for method in [Method::Write, Method::Post] {
                let Route::Write(words) = route(&Request { method, ..Request::get(MOUNT, path) }) else { panic!("{path}") };
                assert!(words.contains("deedbox "), "{words}");
            }
        }
    }
}
