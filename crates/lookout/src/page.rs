//! The file at a web server: `https://DOMAIN/.well-known/deedbox.json`, asked for at addresses that were checked before. One request; no
//! redirect, no proxy, no compression, no kept connection, no byte more than the limit.

use crate::limits;
use crate::trouble::{BadSettings, Trouble, shown};
use deedbox_model::event::CLAIM_PATH;
use deedbox_model::{Domain, Sha256Digest};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, HeaderMap, LOCATION};
use reqwest::{Certificate, Client, ClientBuilder, Response, Url, redirect::Policy};
use rustls::CertificateError;
use serde::Deserialize;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};

/// How web servers are reached.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    roots: Vec<Certificate>,
    port: u16,
}

impl Web {
    /// With these authorities in PEM besides the system's.
    pub(crate) fn new(extra_roots: &[u8], port: u16) -> Result<Self, BadSettings> {
        let bad = |error: reqwest::Error| BadSettings::Roots(innermost(&error));
        let roots = Certificate::from_pem_bundle(extra_roots).map_err(bad)?;
        if roots.is_empty() && !extra_roots.is_empty() {
            return Err(BadSettings::Roots("there is no certificate in them; they are read as PEM".to_owned()));
        }
        let web = Web { roots, port };
        // So that a certificate that cannot be used is told of at the start, and not at the first look. Where none are given, the system may
        // have none either, as in an image that holds one program: then it still looks in DNS.
        if !web.roots.is_empty() {
            web.client().build().map_err(bad)?;
        }
        Ok(web)
    }

    /// The address of the file.
    fn url(&self, domain: &Domain) -> String {
        match self.port {
            443 => format!("https://{domain}{CLAIM_PATH}"),
            port => format!("https://{domain}:{port}{CLAIM_PATH}"),
        }
    }

    /// The claims in a domain's file, which is asked for at these addresses and nowhere else.
    pub(crate) async fn claims(&self, domain: &Domain, addresses: &[IpAddr]) -> Result<Vec<Sha256Digest>, Trouble> {
        let url = self.checked(domain)?;
        let addresses: Vec<SocketAddr> = addresses.iter().map(|address| SocketAddr::new(*address, self.port)).collect();
        let Some(first) = addresses.first().copied() else {
            return Err(Trouble::BadName { domain: domain.clone(), why: "no address of it is known".to_owned() });
        };
        // A client for one request: where the name leads is fixed in it, and no connection stays.
        let built = self.client().resolve_to_addrs(domain.as_str(), &addresses).build();
        let sent = async { built?.get(&url).header(ACCEPT, "application/json").send().await };
        let response = sent.await.map_err(|error| not_reached(&url, first, &error))?;
        accepted(&url, &response)?;
        let body = read(&url, response).await?;
        parse(&body).map_err(|why| Trouble::NotClaims { begins: shown(&String::from_utf8_lossy(&body)), url, why })
    }

    /// The same, if the library that reads addresses sees that domain in it. Another host would be one that nobody has checked.
    pub(crate) fn checked(&self, domain: &Domain) -> Result<String, Trouble> {
        let url = self.url(domain);
        match Url::parse(&url) {
            Ok(read) if read.domain() == Some(domain.as_str()) => Ok(url),
            Ok(_) => Err(Trouble::BadName {
                domain: domain.clone(),
                why: "in the address of a web server it reads as something else".to_owned(),
            }),
            Err(error) => Err(Trouble::BadName { domain: domain.clone(), why: shown(&error.to_string()) }),
        }
    }

    fn client(&self) -> ClientBuilder {
        Client::builder()
            .https_only(true)
            .http1_only()
            .no_proxy()
            .no_gzip()
            .redirect(Policy::none())
            .referer(false)
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .user_agent(concat!("deedbox/", env!("CARGO_PKG_VERSION")))
            .tls_certs_merge(self.roots.iter().cloned())
    }
}

fn not_reached(url: &str, address: SocketAddr, error: &reqwest::Error) -> Trouble {
    let url = url.to_owned();
    match tls(error) {
        Some(rustls::Error::InvalidCertificate(why)) => Trouble::Certificate { url, why: certificate(why) },
        Some(other) => Trouble::Unreachable { url, address, why: shown(&other.to_string()) },
        None => Trouble::Unreachable { url, address, why: shown(&innermost(error)) },
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "its issuer is not known".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "it is for another name".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        other => shown(&other.to_string()),
    }
}

/// What TLS says inside an error.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The innermost cause, which is the one that a person can act on: "Connection refused".
fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// An error, what caused it, and so on. An error of a socket keeps its cause where `source` does not show it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source());
        Some(error)
    })
}

/// Status and headers.
fn accepted(url: &str, response: &Response) -> Result<(), Trouble> {
    let (url, status, headers) = (url.to_owned(), response.status(), response.headers());
    let text = |name| headers.get(name).map(|value| shown(&String::from_utf8_lossy(value.as_bytes())));
    if status.is_redirection() {
        let to = text(LOCATION).unwrap_or_else(|| "no address".to_owned());
        return Err(Trouble::Redirect { url, status: status.as_u16(), to });
    }
    if status.as_u16() != 200 {
        return Err(Trouble::Status { url, status: status.as_u16() });
    }
    if response.content_length().is_some_and(|length| length > limits::PAGE_BYTES as u64) {
        return Err(Trouble::TooLarge { url });
    }
    match coding(headers) {
        None => Ok(()),
        Some(coding) => {
            let why = format!("it is compressed ({}), which was not asked for", shown(&coding));
            Err(Trouble::NotClaims { url, why, begins: String::new() })
        }
    }
}

fn coding(headers: &HeaderMap) -> Option<String> {
    let coding = headers.get(CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
    coding.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}

async fn read(url: &str, mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    loop {
        let broken = |error: reqwest::Error| Trouble::BrokenOff { url: url.to_owned(), why: shown(&innermost(&error)) };
        let Some(piece) = response.chunk().await.map_err(broken)? else { return Ok(body) };
        if body.len() + piece.len() > limits::PAGE_BYTES {
            return Err(Trouble::TooLarge { url: url.to_owned() });
        }
        body.extend_from_slice(&piece);
    }
}

/// The claims in a file; in words what is wrong with it.
fn parse(body: &[u8]) -> Result<Vec<Sha256Digest>, String> {
    #[derive(Deserialize)]
    struct File {
        claims: Vec<String>,
    }
    // A struct is read from an array too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is not a JSON object".to_owned());
    }
    let file: File = serde_json::from_slice(body).map_err(|e| shown(&e.to_string()))?;
    if file.claims.len() > limits::CLAIMS {
        return Err(format!("it has {} claims, and at most {} may be there", file.claims.len(), limits::CLAIMS));
    }
    let claim = |text: String| {
        let digest = text.strip_prefix("sha256:").and_then(Sha256Digest::from_hex);
        digest.ok_or_else(|| format!("{:?} is not sha256: and 64 digits or letters from a to f", shown(&text)))
    };
    file.claims.into_iter().map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_claims_is_read_and_its_other_members_are_passed_over() {
        let [a, b] = [Sha256Digest::of(b"a"), Sha256Digest::of(b"b")];
        let text = format!(r#" {{"about":{{"claims":7}},"claims":["{}","{}"]}} "#, a.to_address(), b.to_address());
        assert_eq!(parse(text.as_bytes()), Ok(vec![a, b]));
        assert_eq!(parse(br#"{"claims":[]}"#), Ok(vec![]));
        let deep = format!(r#"{{"claims":[],"deep":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(parse(deep.as_bytes()), Ok(vec![]), "what is passed over is not gone into");
    }

    #[test]
    fn anything_else_is_refused_in_words() {
        let hex = "a".repeat(64);
        let many = vec![format!("\"sha256:{hex}\""); limits::CLAIMS + 1].join(",");
        for (text, why) in [
            ("", "not a JSON object"),
            ("<html>", "not a JSON object"),
            (r#"[["sha256:00"]]"#, "not a JSON object"),
            ("{", "EOF"),
            ("{}", "missing field `claims`"),
            (r#"{"claims":"x"}"#, "expected a sequence"),
            (r#"{"claims":[7]}"#, "expected a string"),
            (r#"{"claims":[],"claims":[]}"#, "duplicate field"),
            (r#"{"claims":[]} more"#, "trailing"),
            (r#"{"claims":["sha256:00"]}"#, "\"sha256:00\" is not sha256:"),
            (&format!(r#"{{"claims":["{hex}"]}}"#), "is not sha256:"),
            (&format!(r#"{{"claims":["sha256:{}"]}}"#, hex.to_uppercase()), "is not sha256:"),
            (&format!(r#"{{"claims":["sha512:{hex}"]}}"#), "is not sha256:"),
            (&format!(r#"{{"claims":[{many}]}}"#), "65 claims"),
        ] {
            let said = parse(text.as_bytes()).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn the_port_is_told_only_where_it_is_not_the_usual_one() {
        let domain = Domain::parse("acme.test").unwrap();
        let url = |port| Web { roots: Vec::new(), port }.url(&domain);
        assert_eq!(url(443), "https://acme.test/.well-known/deedbox.json");
        assert_eq!(url(8443), "https://acme.test:8443/.well-known/deedbox.json");
    }

    #[test]
    fn a_domain_that_an_address_would_read_as_another_host_is_refused() {
        let web = Web { roots: Vec::new(), port: 443 };
        assert!(web.checked(&Domain::parse("xn--bcher-kva.test").unwrap()).is_ok());
        let refused = web.checked(&Domain::parse("xn--zzzzzzzz99999.test").unwrap()).unwrap_err();
        assert!(matches!(refused, Trouble::BadName { .. }), "{refused:?}");
        // None of these is a domain.
        for text in ["127.0x1", "0x7f.0x1", "1.2.3.0x4", "a.0x1"] {
            assert!(Domain::parse(text).is_err(), "{text}");
        }
    }
}
