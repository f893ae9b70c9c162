//! Images in another registry (OCI distribution specification, "Pull"): anonymous, or with the token that such a registry
//! gives to anybody (Docker registry v2 authentication). Every digest and size is checked; nothing is kept past the publish.
//! What a tag names has no digest to be checked by: nothing is read from the network but over https, wherever it is sent on to.

use super::{Image, PULLED, Piece};
use crate::failure::{refused, wrong};
use crate::terminal;
use anyhow::Context as _;
use deedbox_client::http::Body;
use deedbox_client::{ClientError, Patience};
use deedbox_model::{Hasher, ObjectRef};
use deedbox_oci::document::{DOCKER_LIST, DOCKER_MANIFEST, Descriptor, OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST};
use deedbox_oci::{Digest, Document, Kind};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode, Url};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Blobs that are downloaded at once.
const AT_ONCE: usize = 4;
/// Times that one request is sent on.
const REDIRECTS: usize = 5;
/// A token and what is said with it.
const TOKEN_BYTES: usize = 64 * 1024;
const CONNECT: Duration = Duration::from_secs(5);

/// `HOST[:PORT]/NAME[:TAG|@DIGEST]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    base: String,
    is_loopback: bool,
    name: String,
    /// A tag or a digest.
    what: String,
}

impl Reference {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let bad = |why: &str| wrong(format!("{PULLED}{text}: {why}; write it like {PULLED}registry.example/team/app:1.0"));
        let (host, rest) = text.split_once('/').ok_or_else(|| bad("there is no name after the host"))?;
        // Without this, team/app would be asked of some registry that nobody named.
        if !(host.contains('.') || host.contains(':') || host == "localhost") {
            return Err(bad("it does not begin with a host"));
        }
        let (name, what) = match rest.split_once('@') {
            Some((name, digest)) => {
                Digest::parse(digest).ok_or_else(|| bad("what follows the @ is not a digest"))?;
                // A tag before a digest says nothing more.
                (name.split_once(':').map_or(name, |(name, _)| name), digest)
            }
            None => rest.split_once(':').unwrap_or((rest, "latest")),
        };
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-' | b'/');
        if name.is_empty() || !name.bytes().all(is_name) || name.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(bad("its name is not a valid name of a repository"));
        }
        if Digest::parse(what).is_none() && !deedbox_oci::is_tag(what) {
            return Err(bad("what follows the colon is not a tag"));
        }
        let parsed = Url::parse(&format!("https://{host}/")).map_err(|_| bad("its host is not valid"))?;
        let is_plain = parsed.path() == "/" && parsed.username().is_empty() && parsed.query().is_none() && parsed.fragment().is_none();
        if !is_plain {
            return Err(bad("its host is not valid"));
        }
        let is_loopback = is_loopback(&parsed);
        let scheme = if is_loopback { "http" } else { "https" };
        Ok(Reference { base: format!("{scheme}://{host}/v2/{name}"), is_loopback, name: name.to_owned(), what: what.to_owned() })
    }
}

/// Whether what came from these addresses may go on at this one: by https, or by http where nothing has left this machine.
fn is_safe(from: &[Url], to: &Url) -> bool {
    let is_here = |url: &Url| url.scheme() == "http" && is_loopback(url);
    to.scheme() == "https" || (is_here(to) && from.iter().all(is_here))
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// Downloads an image into `scratch`.
pub(super) async fn image(reference: &str, scratch: &Path) -> anyhow::Result<Image> {
    let reference = Reference::parse(reference)?;
    let source = Arc::new(Source::new(reference.clone())?);
    let mut pieces = Vec::new();
    let mut blobs: BTreeMap<Digest, u64> = BTreeMap::new();

    let (root, bytes, said) = source.manifest(&reference.what, None).await?;
    let document = read(&root.to_string(), &bytes)?;
    if said.as_deref().is_some_and(|said| said != document.media_type) {
        return Err(refused(format!("it is a {}, but is sent as {:?}", document.media_type, said.unwrap_or_default())));
    }
    let mut seen = BTreeSet::from([root]);
    let mut waiting = VecDeque::new();
    pieces.push(write(scratch, root, &bytes)?);
    let mut at = Some(document);
    while let Some(document) = at {
        for member in document.members {
            match member.role.kind() {
                Kind::Blob => {
                    blobs.insert(member.descriptor.digest, member.descriptor.size);
                }
                Kind::Manifest if seen.insert(member.descriptor.digest) => waiting.push_back(member.descriptor),
                Kind::Manifest => {}
            }
        }
        if blobs.len() > deedbox_model::limits::ARTIFACTS || seen.len() > deedbox_oci::limits::MANIFESTS {
            return Err(refused("the image consists of more manifests and blobs than a release may have"));
        }
        at = match waiting.pop_front() {
            None => None,
            Some(descriptor) => {
                let (digest, bytes, _) = source.manifest(&descriptor.digest.to_string(), Some(&descriptor)).await?;
                pieces.push(write(scratch, digest, &bytes)?);
                let document = read(&digest.to_string(), &bytes)?;
                if document.media_type != descriptor.media_type {
                    return Err(refused(format!("{digest} is a {}, but is named as {:?}", document.media_type, descriptor.media_type)));
                }
                Some(document)
            }
        };
    }

    let bar = terminal::bytes_bar(blobs.values().sum(), &reference.name);
    let mut waiting = blobs.into_iter();
    let mut downloads = tokio::task::JoinSet::new();
    let mut next = |downloads: &mut tokio::task::JoinSet<anyhow::Result<Piece>>| {
        if let Some((digest, size)) = waiting.next() {
            let (source, bar, path) = (Arc::clone(&source), bar.clone(), place(scratch, &digest));
            downloads.spawn(async move {
                source.blob(&digest, size, &path, |bytes| bar.inc(bytes)).await?;
                Ok(Piece { kind: Kind::Blob, digest, path })
            });
        }
    };
    for _ in 0..AT_ONCE {
        next(&mut downloads);
    }
    while let Some(done) = downloads.join_next().await {
        pieces.push(done??);
        next(&mut downloads);
    }
    bar.finish_and_clear();
    let tag = Digest::parse(&reference.what).is_none().then(|| reference.what.clone());
    // As an archive would name it: the host is not part of it.
    let names = vec![format!("{}:{}", reference.name, tag.as_deref().unwrap_or_default())];
    Ok(Image { pieces, tag, names, notes: Vec::new() })
}

fn read(name: &str, bytes: &[u8]) -> anyhow::Result<Document> {
    Document::read(bytes).map_err(|e| refused(format!("{name}: {} [{}]", e.message, e.code)))
}

fn place(scratch: &Path, digest: &Digest) -> PathBuf {
    scratch.join(digest.to_string().replace(':', "-"))
}

fn write(scratch: &Path, digest: Digest, bytes: &[u8]) -> anyhow::Result<Piece> {
    // A manifest may also be somebody's layer: then both are the same bytes in two files.
    let path = place(scratch, &digest).with_extension("json");
    std::fs::write(&path, bytes)?;
    Ok(Piece { kind: Kind::Manifest, digest, path })
}

/// A repository of another registry.
struct Source {
    reference: Reference,
    http: Client,
    token: Mutex<Option<String>>,
}

impl Source {
    fn new(reference: Reference) -> anyhow::Result<Self> {
        // Blobs are often sent on to another host; each is checked by its digest.
        let http = Client::builder()
            .user_agent(concat!("deedbox/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::custom(|attempt| {
                if attempt.previous().len() > REDIRECTS {
                    return attempt.error(format!("it is redirected more than {REDIRECTS} times"));
                }
                if !is_safe(attempt.previous(), attempt.url()) {
                    let to = crate::terminal::excerpt(attempt.url().as_str());
                    return attempt.error(format!("it is redirected to {to}, and that is not https"));
                }
                attempt.follow()
            }))
            .no_gzip()
            .build()
            .context("no HTTP client can be made on this machine")?;
        Ok(Source { reference, http, token: Mutex::default() })
    }

    /// A manifest with its digest and the media type that it is sent as.
    async fn manifest(&self, what: &str, descriptor: Option<&Descriptor>) -> anyhow::Result<(Digest, Vec<u8>, Option<String>)> {
        let response = self.get(&format!("manifests/{what}")).await?;
        let said = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let said = said.map(|said| said.split(';').next().unwrap_or_default().trim().to_owned());
        let most = usize::try_from(deedbox_oci::limits::MANIFEST_BYTES).unwrap_or(usize::MAX);
        let bytes = bounded(response, most).await.with_context(|| format!("the manifest {what}"))?;
        let computed = Hasher::of(&bytes).1;
        let digest = match Digest::parse(what) {
            Some(digest) if digest.is_of(&computed) => digest,
            Some(digest) => return Err(other_bytes(&digest)),
            None => Digest::Sha256(ObjectRef::of(&bytes).sha256),
        };
        if descriptor.is_some_and(|descriptor| descriptor.size != bytes.len() as u64) {
            return Err(other_bytes(&digest));
        }
        Ok((digest, bytes, said))
    }

    /// Streams a blob into a file; refused unless it is the one of this digest and size.
    async fn blob(&self, digest: &Digest, size: u64, path: &Path, progress: impl Fn(u64)) -> anyhow::Result<()> {
        let mut body = moving(self.get(&format!("blobs/{digest}")).await?);
        let mut file = std::fs::File::create(path)?;
        let (mut hasher, mut read) = (Hasher::new(), 0_u64);
        while let Some(piece) = body.next().await.with_context(|| format!("{digest} was cut off"))? {
            read += piece.len() as u64;
            if read > size {
                return Err(other_bytes(digest));
            }
            hasher.update(&piece);
            file.write_all(&piece)?;
            progress(piece.len() as u64);
        }
        if read == size && digest.is_of(&hasher.finish().1) { Ok(()) } else { Err(other_bytes(digest)) }
    }

    async fn get(&self, path: &str) -> anyhow::Result<Response> {
        let url = format!("{}/{path}", self.reference.base);
        for is_second in [false, true] {
            let mut request = self.http.get(&url);
            for media_type in [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, "*/*"] {
                request = request.header(ACCEPT, media_type);
            }
            let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(token) = token {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = in_time(&url, request.send()).await?;
            match response.status() {
                StatusCode::OK => return Ok(response),
                StatusCode::UNAUTHORIZED if !is_second => {
                    let token = self.ask_for_token(&response).await?;
                    *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    return Err(refused(format!(
                        "{url} cannot be read without a login: copy the image into an OCI layout and publish that"
                    )));
                }
                status => return Err(refused(format!("{url} answers {status}"))),
            }
        }
        Err(refused(format!("{url} wants a token, and refuses the one that it gives without a login")))
    }

    /// The token that anybody is given.
    async fn ask_for_token(&self, response: &Response) -> anyhow::Result<String> {
        let no = || refused("the registry wants a login: copy the image into an OCI layout and publish that");
        let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|v| v.to_str().ok()).ok_or_else(no)?;
        let pairs = challenge_pairs(challenge).ok_or_else(no)?;
        let mut url = pairs.get("realm").and_then(|realm| Url::parse(realm).ok()).ok_or_else(no)?;
        if !is_safe(std::slice::from_ref(response.url()), &url) {
            return Err(refused("the registry names an address for tokens that is not https"));
        }
        if let Some(service) = pairs.get("service") {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &format!("repository:{}:pull", self.reference.name));
        let response = in_time("the address for tokens", self.http.get(url).send()).await?;
        if !response.status().is_success() {
            return Err(no());
        }
        let json: serde_json::Value = serde_json::from_slice(&bounded(response, TOKEN_BYTES).await?).map_err(|_| no())?;
        let token = ["token", "access_token"].iter().find_map(|key| json.get(key)?.as_str());
        let token = token.filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())).ok_or_else(no)?;
        Ok(token.to_owned())
    }
}

/// Why there is no answer: refused by this program if it was sent on to where it must not, else by the network.
fn no_answer(what: &str, error: reqwest::Error) -> anyhow::Error {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let cause = cause.to_string();
    if error.is_redirect() {
        refused(format!("{what}: {cause}"))
    } else {
        anyhow::Error::new(error).context(format!("{what} cannot be reached"))
    }
}

fn other_bytes(digest: &Digest) -> anyhow::Error {
    refused(format!("the registry sends other bytes than those of {digest}"))
}

/// The head of an answer, within the time that any has.
async fn in_time(what: &str, sending: impl Future<Output = reqwest::Result<Response>>) -> anyhow::Result<Response> {
    let answer = Patience::default().answer;
    match tokio::time::timeout(answer, sending).await {
        Ok(answered) => answered.map_err(|e| no_answer(what, e)),
        Err(_) => Err(ClientError::TooSlow { url: what.to_owned(), why: format!("it gave no answer within {answer:?}") }.into()),
    }
}

/// The body of an answer, as long as it moves.
fn moving(response: Response) -> Body {
    Body::new(response.url().to_string(), response, Patience::default())
}

async fn bounded(response: Response, most: usize) -> anyhow::Result<Vec<u8>> {
    let (mut bytes, mut body) = (Vec::new(), moving(response));
    while let Some(piece) = body.next().await? {
        if bytes.len() + piece.len() > most {
            return Err(refused(format!("it has more than {most} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// `Bearer a="b",c="d"`, by name (RFC 9110 §11.6.1); none for another scheme.
fn challenge_pairs(challenge: &str) -> Option<BTreeMap<String, String>> {
    let (scheme, mut rest) = challenge.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut pairs = BTreeMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        pairs.insert(name, value.to_owned());
        rest = after;
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_host_and_only_loopback_is_http() {
        let reference = Reference::parse("registry.example/team/app:1.0").unwrap();
        assert_eq!((reference.base.as_str(), reference.what.as_str()), ("https://registry.example/v2/team/app", "1.0"));
        assert_eq!(Reference::parse("registry.example:5000/app").unwrap().what, "latest");
        for (text, base) in [
            ("127.0.0.1:5000/app:1", "http://127.0.0.1:5000/v2/app"),
            ("localhost/app", "http://localhost/v2/app"),
            ("[::1]:5000/app", "http://[::1]:5000/v2/app"),
            ("127.0.0.1.registry.example/app", "https://127.0.0.1.registry.example/v2/app"),
        ] {
            assert_eq!(Reference::parse(text).unwrap().base, base);
        }
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(Reference::parse(&format!("registry.example/app:1@{digest}")).unwrap().what, digest);
        for bad in [
            "",
            "app",
            "team/app:1",
            "registry.example/",
            "registry.example/../app",
            "registry.example/App",
            "registry.example/app:",
            "registry.example/app@sha256:1",
            "a@registry.example/app",
            "registry.example?x/app",
            "registry.example/app:a b",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_challenge_is_read_with_and_without_quotes() {
        let pairs =
            challenge_pairs(r#"Bearer realm="https://auth.example/token?a=b",service=registry.example,scope="x:y:pull,push""#).unwrap();
        assert_eq!(pairs["realm"], "https://auth.example/token?a=b");
        assert_eq!(pairs["service"], "registry.example");
        assert_eq!(pairs["scope"], "x:y:pull,push");
        assert_eq!(challenge_pairs("Basic realm=\"x\""), None);
        assert_eq!(challenge_pairs("Bearer realm=\"x"), None);
    }

    #[test]
    fn only_https_follows_upon_https() {
        let url = |text: &str| Url::parse(text).unwrap();
        let (far, plain, here) =
            (url("https://registry.example/v2/"), url("http://registry.example/v2/"), url("http://127.0.0.1:5000/v2/"));
        for (from, to, expected) in [
            (vec![&far], &far, true),
            (vec![&far], &plain, false),
            (vec![&far], &here, false),
            (vec![&far, &far], &plain, false),
            (vec![&here], &here, true),
            (vec![&here], &far, true),
            (vec![&here], &plain, false),
            (vec![&here, &far], &here, false),
            (vec![&here], &url("ftp://127.0.0.1/"), false),
        ] {
            let from: Vec<Url> = from.into_iter().cloned().collect();
            assert_eq!(is_safe(&from, to), expected, "{from:?} {to}");
        }
    }

    /// What a registry on loopback that wants a token says of one image; `change` may change an answer's body by its path, and
    /// a body that is an address sends on to it.
    fn serve(change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static) -> String {
        let config = b"{}".to_vec();
        let digest = Digest::Sha256(ObjectRef::of(&config).sha256).to_string();
        let descriptor = format!(r#"{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2}}"#);
        let manifest = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{descriptor},"layers":[]}}"#);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let host = at.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && std::io::Read::read(&mut stream, &mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap().to_lowercase();
                let Some(path) = head.split(' ').nth(1) else { continue };
                let has_token = head.contains("authorization: bearer t0ken");
                let (status, more, body) = if path.starts_with("/token?service=s&scope=repository%3ateam%2fapp%3apull") {
                    ("200 OK", String::new(), change(path, br#"{"token":"T0ken"}"#.to_vec()))
                } else if !has_token {
                    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"s\"\r\n");
                    ("401 Unauthorized", challenge, Vec::new())
                } else if path == "/v2/team/app/manifests/1.0" {
                    ("200 OK", format!("Content-Type: {OCI_MANIFEST}\r\n"), change(path, manifest.clone().into_bytes()))
                } else if path == format!("/v2/team/app/blobs/{digest}") {
                    ("200 OK", String::new(), change(path, config.clone()))
                } else {
                    ("404 Not Found", String::new(), Vec::new())
                };
                let (status, more) = match std::str::from_utf8(&body).ok().filter(|body| body.starts_with("http")) {
                    Some(to) => ("307 Temporary Redirect", format!("Location: {to}\r\n")),
                    None => (status, more),
                };
                let head = format!("HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                // A reader that has read enough goes away.
                let _ = stream.write_all(&[head.into_bytes(), body].concat());
            }
        });
        at
    }

    async fn pulled(change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static, what: &str) -> anyhow::Result<Image> {
        let scratch = tempfile::tempdir().unwrap();
        image(&format!("{}/team/app:{what}", serve(change)), scratch.path()).await
    }

    #[tokio::test]
    async fn a_token_that_anybody_is_given_is_asked_for_and_used() {
        let image = pulled(|_, body| body, "1.0").await.unwrap();
        assert_eq!((image.pieces.len(), image.tag.as_deref()), (2, Some("1.0")));
        assert!(pulled(|_, body| body, "2.0").await.is_err_and(|e| e.to_string().contains("404")));
    }

    #[tokio::test]
    async fn neither_a_manifest_nor_a_token_is_taken_from_where_it_must_not_be_sent_on_to() {
        for part in ["/manifests/", "/token", "/blobs/"] {
            // Nobody is there: what is not refused at once fails otherwise.
            let away = move |path: &str, body| if path.contains(part) { b"http://registry.invalid/x".to_vec() } else { body };
            let words = pulled(away, "1.0").await.err().map(|e| e.to_string()).unwrap_or_default();
            assert!(words.contains("it is redirected to http://registry.invalid/x, and that is not https"), "{part}: {words}");
        }
        let on_this_machine = |path: &str, body| if path.contains("/manifests/") { b"http://127.0.0.1:1/x".to_vec() } else { body };
        assert!(pulled(on_this_machine, "1.0").await.is_err_and(|e| e.to_string().contains("cannot be reached")), "loopback may be tried");
    }

    #[tokio::test]
    async fn other_bytes_than_those_of_a_digest_are_refused_longer_ones_before_they_end() {
        let (blob, manifest) = (|path: &str| path.contains("/blobs/"), |path: &str| path.contains("/manifests/"));
        for change in [b"[]".as_slice(), b"{", b"{} and much more"] {
            let pulled = pulled(move |path, body| if blob(path) { change.to_vec() } else { body }, "1.0").await;
            assert!(pulled.is_err_and(|e| e.to_string().contains("other bytes")), "{change:?}");
        }
        let long = pulled(move |path, body| if manifest(path) { vec![b' '; 5 * 1024 * 1024] } else { body }, "1.0").await;
        assert!(long.is_err_and(|e| format!("{e:#}").contains("more than 4194304 bytes")));
        let ambiguous = pulled(
            move |path, body| if manifest(path) { br#"{"schemaVersion":2,"manifests":[],"layers":[]}"#.to_vec() } else { body },
            "1.0",
        );
        assert!(ambiguous.await.is_err_and(|e| e.to_string().contains("manifest_ambiguous")));
    }
}
