//! From a request to a question (spec/projections/catalog.md §3): parsed once, every part bounded; what cannot be a
//! question is refused in words. Reads nothing.

use crate::answer::Refused;
use crate::limits::*;
use crate::rows::WORD;
use crate::{DOMAINS, PACKAGES, SEARCH, words};
use deedbox_model::limits::ID_BYTES;
use deedbox_model::{Channel, Domain, Ecosystem, EventId, PackageId, Version, said};
use deedbox_view::{Method, Request};
use std::str::FromStr;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Packages whose ids begin with a text, after one of them.
    Packages { prefix: String, after: Option<String>, limit: u32 },
    /// One package.
    Package(PackageId),
    /// All its releases, ascending by the bytes of their versions.
    Versions { id: PackageId, after: Option<Version>, limit: u32 },
    /// All its channels, ascending.
    Channels { id: PackageId, after: Option<Channel>, limit: u32 },
    /// All its events, in order.
    History { id: PackageId, after: Option<u64>, limit: u32 },
    /// One release.
    Release(PackageId, Version),
    /// Claimed domains, ascending.
    Domains { after: Option<Domain>, limit: u32 },
    /// The nearest claimed domain at or above one.
    Domain(Domain),
    /// All events of a claimed domain, in order.
    DomainHistory { domain: Domain, after: Option<u64>, limit: u32 },
    /// What a domain granted.
    Grants { domain: Domain, after: Option<EventId>, limit: u32 },
    /// Packages that have all these words.
    Search(Search),
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// How the keys of the words begin, each once, 1 to 6: `word/<word>`.
    pub(crate) prefixes: Vec<String>,
    /// Only in this ecosystem.
    pub(crate) ecosystem: Option<Ecosystem>,
    /// The rank and id of the last result already seen.
    pub(crate) after: Option<(u32, String)>,
    /// Results in one answer.
    pub(crate) limit: u32,
}

/// Reads a request.
pub(crate) fn route(request: &Request) -> Result<Route, Refused> {
    if request.method != Method::Get {
        return Err(Refused::new(
            405,
            "method_not_allowed",
            "this address only answers questions; nothing is changed here",
            "a change is a signed statement, sent to /api/v1/events: use deedbox publish, yank, deprecate or channel",
        ));
    }
    match request.mount {
        PACKAGES if request.path.is_empty() => Ok(Route::Packages {
            prefix: key_part(request, "prefix")?.unwrap_or_default(),
            after: key_part(request, "after")?,
            limit: limit(request, LIST_DEFAULT, LIST_MAX)?,
        }),
        PACKAGES => match request.path.split_once('@') {
            Some((id, version)) => Ok(Route::Release(path(id)?, path(version)?)),
            None => package(request, path(&request.path)?),
        },
        DOMAINS if request.path.is_empty() => {
            Ok(Route::Domains { after: parsed(request, "after")?, limit: limit(request, LIST_DEFAULT, LIST_MAX)? })
        }
        DOMAINS => domain(request, path(&request.path)?),
        SEARCH if request.path.is_empty() => search(request).map(Route::Search),
        _ => Err(Refused::new(
            404,
            "not_found",
            "there is nothing at this address",
            "packages are below /api/v1/packages/, domains below /api/v1/domains/, and /api/v1/search/ takes ?q=",
        )),
    }
}

fn package(request: &Request, id: PackageId) -> Result<Route, Refused> {
    match request.query("view") {
        None => Ok(Route::Package(id)),
        Some("versions") => {
            Ok(Route::Versions { id, after: parsed(request, "after")?, limit: limit(request, VERSIONS_MAX / 2, VERSIONS_MAX)? })
        }
        Some("channels") => Ok(Route::Channels { id, after: parsed(request, "after")?, limit: limit(request, LIST_DEFAULT, LIST_MAX)? }),
        Some("history") => Ok(Route::History { id, after: after_event(request)?, limit: limit(request, LIST_DEFAULT, LIST_MAX)? }),
        Some(_) => Err(bad("view", "it is versions, channels or history; leave it out for the package itself")),
    }
}

fn domain(request: &Request, domain: Domain) -> Result<Route, Refused> {
    match request.query("view") {
        None => Ok(Route::Domain(domain)),
        Some("history") => {
            Ok(Route::DomainHistory { domain, after: after_event(request)?, limit: limit(request, LIST_DEFAULT, LIST_MAX)? })
        }
        Some("grants") => {
            let event =
                |text| EventId::from_hex(text).ok_or_else(|| bad("after", "it is the id of a grant, in lower-case hexadecimal digits"));
            let after = request.query("after").map(event).transpose()?;
            Ok(Route::Grants { domain, after, limit: limit(request, LIST_DEFAULT, LIST_MAX)? })
        }
        Some(_) => Err(bad("view", "it is history or grants; leave it out for the domain itself")),
    }
}

fn after_event(request: &Request) -> Result<Option<u64>, Refused> {
    let index = |text| whole(text).ok_or_else(|| bad("after", "it is the index of an event, a whole number"));
    request.query("after").map(index).transpose()
}

fn search(request: &Request) -> Result<Search, Refused> {
    let text = request.query("q").unwrap_or_default();
    if text.len() > QUERY_BYTES {
        return Err(bad("q", said!("it has at most {} bytes", QUERY_BYTES)));
    }
    let mut prefixes: Vec<String> = Vec::new();
    for prefix in words::split(text).map(|word| format!("{WORD}{word}")) {
        if !prefixes.contains(&prefix) {
            prefixes.push(prefix);
        }
    }
    if prefixes.is_empty() {
        return Err(bad("q", "it holds at least one word to look for"));
    }
    if prefixes.len() > QUERY_WORDS {
        return Err(bad("q", said!("it holds at most {} words", QUERY_WORDS)));
    }
    let after = match request.query("after") {
        Some(text) => Some(cursor(text).ok_or_else(|| bad("after", "it is the \"next\" of the answer before"))?),
        None => None,
    };
    let limit = limit(request, SEARCH_DEFAULT, SEARCH_MAX)?;
    Ok(Search { prefixes, ecosystem: parsed(request, "ecosystem")?, after, limit })
}

/// `<rank>:<id>`, as a search gives it for "next".
fn cursor(text: &str) -> Option<(u32, String)> {
    let (rank, id) = text.split_once(':')?;
    let id = PackageId::parse(id).ok()?;
    Some((whole(rank)?.try_into().ok()?, id.as_str().to_owned()))
}

/// A whole number in its one spelling.
fn whole(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn limit(request: &Request, default: u32, max: u32) -> Result<u32, Refused> {
    let Some(text) = request.query("limit") else { return Ok(default) };
    match whole(text).and_then(|number| u32::try_from(number).ok()) {
        Some(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(bad("limit", format!("it is a whole number from 1 to {max}"))),
    }
}

fn key_part(request: &Request, name: &'static str) -> Result<Option<String>, Refused> {
    match request.query(name) {
        Some(text) if text.len() > ID_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) => {
            Err(bad(name, said!("it is a package id or its beginning: at most {} printable ASCII characters", ID_BYTES)))
        }
        text => Ok(text.filter(|text| !text.is_empty()).map(str::to_owned)),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(request: &Request, name: &'static str) -> Result<Option<T>, Refused> {
    request.query(name).map(|text| text.parse().map_err(|e: T::Err| bad(name, e))).transpose()
}

fn path<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(|e: T::Err| {
        let help = "a package is /api/v1/packages/ecosystem:domain/name, a release the same with @version";
        Refused::new(400, "bad_request", e.to_string(), help)
    })
}

fn bad(parameter: &'static str, why: impl std::fmt::Display) -> Refused {
    Refused::new(400, "bad_request", format!("the parameter {parameter} cannot be read: {why}"), "correct it and ask again")
}
