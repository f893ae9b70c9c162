//! What a request asks for, and the question that the catalog is asked for it. Reads nothing and refuses nothing: what
//! cannot be a question is refused by the catalog, in its words.

use crate::limits::PACKAGES_SHOWN;
use crate::{PACKAGES, ROOT};
use deedbox_view::{Method, Request};

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Ask {
    /// The front page.
    Front(Front),
    /// The same in a few lines of text, for programs that did not ask for HTML.
    Words,
    /// A package's page: the catalog's question for it.
    Package(Request),
    /// No page is there.
    NoPage,
    /// A write: the catalog says that nothing is changed here.
    Refused(Request),
    /// What is the catalog's own.
    Catalog,
}

/// The front page.
#[derive(Debug)]
pub(crate) struct Front {
    /// What is searched for; empty where everything is listed.
    pub(crate) q: String,
    /// The only ecosystem that is shown; empty where all are.
    pub(crate) ecosystem: String,
    /// Whether this is a list's first page.
    pub(crate) is_first: bool,
    /// The catalog's question.
    pub(crate) asked: Request,
}

impl Ask {
    pub(crate) fn of(request: &Request) -> Self {
        match request.mount {
            ROOT | PACKAGES if request.method != Method::Get => {
                Ask::Refused(Request { method: request.method, ..Request::get(deedbox_catalog::PACKAGES, "") })
            }
            ROOT if !wants_html(&request.accept) => Ask::Words,
            ROOT => Ask::Front(Front::of(request)),
            // A release has no page of its own: its package's has it.
            PACKAGES if request.path.is_empty() || request.path.contains('@') => Ask::NoPage,
            PACKAGES => Ask::Package(Request::get(deedbox_catalog::PACKAGES, &request.path)),
            _ => Ask::Catalog,
        }
    }
}

impl Front {
    fn of(request: &Request) -> Self {
        let given = |name| request.query(name).map(str::trim).unwrap_or_default().to_owned();
        let (q, ecosystem, after) = (given("q"), given("ecosystem"), given("after"));
        let mut query = vec![("limit", PACKAGES_SHOWN.to_string())];
        if !after.is_empty() {
            query.push(("after", after.clone()));
        }
        let mount = match (q.is_empty(), ecosystem.is_empty()) {
            (true, true) => deedbox_catalog::PACKAGES,
            (true, false) => {
                query.push(("prefix", format!("{ecosystem}:")));
                deedbox_catalog::PACKAGES
            }
            (false, is_all) => {
                query.push(("q", q.clone()));
                if !is_all {
                    query.push(("ecosystem", ecosystem.clone()));
                }
                deedbox_catalog::SEARCH
            }
        };
        let query = query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Front { q, ecosystem, is_first: after.is_empty(), asked: Request { query, ..Request::get(mount, "") } }
    }

    pub(crate) fn is_search(&self) -> bool {
        !self.q.is_empty()
    }
}

/// Whether HTML is named among what is taken: browsers name it, programs do not.
fn wants_html(accept: &str) -> bool {
    accept.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html") || name.eq_ignore_ascii_case("application/xhtml+xml"))
            && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_for_those_who_name_it() {
        for (accept, wants) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("Text/HTML;q=0.1", true),
            ("*/*", false),
            ("", false),
            ("application/json", false),
            ("text/html;q=0, */*", false),
            ("text/*", false),
        ] {
            assert_eq!(wants_html(accept), wants, "{accept:?}");
        }
    }
}
