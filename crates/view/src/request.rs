//! A request as a projection sees it: decoded once, at the door.

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

/// A request under one of the projection's mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The mount, as the projection names it.
    pub mount: &'static str,
    /// The path below the mount, percent-decoded, without a leading slash. Valid UTF-8; at most 2,048 bytes.
    pub path: String,
    /// Decoded pairs in order; at most 64.
    pub query: Vec<(String, String)>,
    /// The `Accept` header, or empty.
    pub accept: String,
    /// The body of a POST, decompressed and bounded by the shell; else empty.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET, as tests and other rooms write it.
    pub fn get(mount: &'static str, path: &str) -> Self {
        Request { method: Method::Get, mount, path: path.to_owned(), query: Vec::new(), accept: String::new(), body: Vec::new() }
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}
