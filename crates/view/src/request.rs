//! A request as a projection sees it: decoded once, at the door.

use crate::reader::Reader;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET, and HEAD: the shell leaves out the body.
    Get,
    /// POST of a query, such as npm's audit. Never changes anything.
    Post,
    /// Any method by which a native client would write. Answered with a refusal that names the command to use.
    Write,
}

/// What an answer depends on beside method, mount and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Takes {
    /// The query parameters, of each the first value, in this order. None: all pairs, as they come.
    pub query: Option<&'static [&'static str]>,
    /// Whether the body of a POST is read, within the shell's limits. Otherwise it is let go, however long and however coded.
    pub body: bool,
}

impl Takes {
    /// All pairs of the query, and the body.
    pub const EVERYTHING: Takes = Takes { query: None, body: true };
    /// Nothing: one path, one answer.
    pub const NOTHING: Takes = Takes::query(&[]);

    /// These parameters, and no body.
    pub const fn query(names: &'static [&'static str]) -> Self {
        Takes { query: Some(names), body: false }
    }

    /// The pairs of a query that count.
    pub fn pairs(&self, all: Vec<(String, String)>) -> Vec<(String, String)> {
        let Some(names) = self.query else { return all };
        let first = |name: &&str| all.iter().find(|(n, _)| n == name).cloned();
        names.iter().filter_map(first).collect()
    }
}

/// A request under one of a view's mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks. Whether they are answered is the shell's to say; an answer is the same for all who are, for it is kept for all of them.
    pub reader: Reader,
    /// What is asked.
    pub method: Method,
    /// The mount, as the view names it.
    pub mount: &'static str,
    /// The path below the mount, percent-decoded, without a leading slash. Valid UTF-8; at most 2,048 bytes.
    pub path: String,
    /// Decoded pairs in order, at most 64, of those that `View::takes` names.
    pub query: Vec<(String, String)>,
    /// The `Accept` header, or empty.
    pub accept: String,
    /// The body of a POST, decompressed and bounded by the shell; else empty.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET, as tests and other rooms write it.
    pub fn get(mount: &'static str, path: &str) -> Self {
        Request {
            reader: Reader::ANYBODY,
            method: Method::Get,
            mount,
            path: path.to_owned(),
            query: Vec::new(),
            accept: String::new(),
            body: Vec::new(),
        }
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_query_counts_what_is_named_once_and_in_that_order() {
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        let all = pairs(&[("i", "1"), ("last", "b"), ("n", "2"), ("n", "3"), ("N", "4")]);
        assert_eq!(Takes::query(&["n", "last", "x"]).pairs(all.clone()), pairs(&[("n", "2"), ("last", "b")]));
        assert_eq!(Takes::NOTHING.pairs(all.clone()), pairs(&[]));
        assert_eq!(Takes::EVERYTHING.pairs(all.clone()), all);
    }
}
