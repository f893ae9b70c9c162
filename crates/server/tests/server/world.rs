//! A running server, and those who talk to it.

use crate::file_dialect::{Files, manifest_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deedbox_catalog::Catalog;
use deedbox_model::event::{Acceptance, AcceptanceTerms, DomainKey, Event, Role};
use deedbox_model::permit::{Permit, PermitTerms};
use deedbox_model::{Domain, EventId, ObjectRef, Origin, SecretKey, Sha256Digest, Statement, TimeMs, Verified};
use deedbox_server::{Config, OpenError, Parts, PublicUrl, Server};
use deedbox_testkit::{Owner, Registry, publish_event, secret};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub fn now() -> TimeMs {
    TimeMs::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64).unwrap()
}

pub fn parts() -> Parts {
    Parts {
        dialects: vec![Arc::new(Files)],
        projections: vec![Arc::new(Catalog), Arc::new(Files)],
        views: vec![Arc::new(Catalog), Arc::new(Files)],
        signers: vec![],
        policy: Arc::new(deedbox_server::Open),
        deciders: deedbox_authority::DECIDERS,
        look: None,
        probe: Arc::new(deedbox_ledger::NoProbe),
        progress: Arc::new(|_, _| {}),
    }
}

/// A server that runs.
pub struct World {
    pub dir: Arc<TempDir>,
    pub url: String,
    pub address: std::net::SocketAddr,
    pub origin: Origin,
    pub vkey: String,
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }
    pub async fn with(set: impl FnOnce(&mut Config)) -> Self {
        Self::open(Arc::new(TempDir::new().unwrap()), set).await.unwrap()
    }
    pub async fn open(dir: Arc<TempDir>, set: impl FnOnce(&mut Config)) -> Result<Self, OpenError> {
        Self::open_with(dir, set, parts()).await
    }
    pub async fn open_with(dir: Arc<TempDir>, set: impl FnOnce(&mut Config), parts: Parts) -> Result<Self, OpenError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let mut config = Config::new(dir.path(), PublicUrl::parse(&url).unwrap());
        config.allow_local_claims = true;
        set(&mut config);
        let server = Server::open(config, parts).await?;
        let (origin, vkey) = (server.origin().clone(), server.vkey().to_owned());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            server.run(listener, async { drop(stopped.await) }).await.unwrap();
        });
        let client = reqwest::Client::builder().no_gzip().build().unwrap();
        Ok(World { dir, url, address, origin, vkey, client, stop: Some(stop), running })
    }

    /// Stops, and waits until everything has ended.
    pub async fn stop(mut self) -> Arc<TempDir> {
        drop(self.stop.take());
        self.running.await.unwrap();
        self.dir
    }
    /// Begins to stop.
    pub fn begin_to_stop(&mut self) {
        drop(self.stop.take());
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }
    pub async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }
    pub async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).unwrap()
    }
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.bytes().await.unwrap().to_vec()
    }
    pub async fn post(&self, path: &str, media_type: &str, body: impl Into<reqwest::Body>) -> Response {
        self.request(Method::POST, path).header("content-type", media_type).body(body).send().await.unwrap()
    }

    /// All that the registry keeps for good, and what is on its way there: each file with the digest of its bytes.
    pub fn kept(&self) -> BTreeMap<String, Sha256Digest> {
        let mut kept = BTreeMap::new();
        for folder in ["objects", "incoming", "log", "commits"] {
            add_files(self.dir.path(), &self.dir.path().join(folder), &mut kept);
        }
        kept
    }

    /// The registry's own keys, as its operator has them.
    pub fn registry(&self) -> Registry {
        let key = |name: &str| read_key(&self.dir.path().join("keys").join(name));
        Registry { origin: self.origin.clone(), operator: key("operator.pem"), log: key("log.pem"), receipt: key("receipt.pem") }
    }

    pub async fn append(&self, statement: &Verified<Statement>) -> Response {
        self.post("/api/v1/events", "application/cose", statement.bytes().to_vec()).await
    }
    /// Appends what must be taken.
    pub async fn must_append(&self, statement: &Verified<Statement>) -> u64 {
        let response = self.append(statement).await;
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::CREATED, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["index"].as_u64().unwrap()
    }

    /// Claims a domain below `localhost` with the key of this number.
    pub async fn claim(&self, domain: &str, key: u8) -> Owner {
        let response = self.post("/api/v1/claims", "application/cose", acceptance(domain, &secret(key), &self.origin)).await;
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let tenure = EventId::from_hex(body["id"].as_str().unwrap()).unwrap();
        Owner { origin: self.origin.clone(), domain: Domain::parse(domain).unwrap(), key: secret(key), tenure, grant: None }
    }

    pub async fn upload(&self, owner: &Owner, bytes: impl Into<Vec<u8>>) -> StatusCode {
        let bytes = bytes.into();
        let object = ObjectRef::of(&bytes);
        self.put(object, Some(&permit(owner)), bytes).await.status()
    }
    pub async fn put(&self, object: ObjectRef, permit: Option<&str>, bytes: Vec<u8>) -> Response {
        let mut request = self.request(Method::PUT, &object_path(&object)).body(bytes);
        if let Some(permit) = permit {
            request = request.header("authorization", permit);
        }
        request.send().await.unwrap()
    }

    /// A release of these bytes, after its first line; everything uploaded, not sent yet.
    pub async fn prepare(&self, owner: &Owner, id: &str, version: &str, prev: Option<EventId>, rest: &[u8]) -> Verified<Statement> {
        let bytes = artifact(id, version, rest);
        let manifest = manifest_of(id, version, &bytes);
        assert!(self.upload(owner, bytes).await.is_success());
        assert!(self.upload(owner, manifest.encode().unwrap()).await.is_success());
        owner.say(id, prev, now(), &Event::from(publish_event(&manifest, &[])))
    }
    pub async fn publish(&self, owner: &Owner, id: &str, version: &str, prev: Option<EventId>) -> Verified<Statement> {
        let statement = self.prepare(owner, id, version, prev, b"").await;
        self.must_append(&statement).await;
        statement
    }
}

fn add_files(root: &Path, folder: &Path, to: &mut BTreeMap<String, Sha256Digest>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            add_files(root, &path, to);
        } else if let Ok(bytes) = std::fs::read(&path) {
            to.insert(path.strip_prefix(root).unwrap().display().to_string(), Sha256Digest::of(&bytes));
        }
    }
}

/// The bytes of a release's one artifact.
pub fn artifact(id: &str, version: &str, rest: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{id}@{version}").into_bytes();
    if !rest.is_empty() {
        bytes.push(b'\n');
        bytes.extend_from_slice(rest);
    }
    bytes
}

pub fn acceptance(domain: &str, key: &SecretKey, origin: &Origin) -> Vec<u8> {
    accepted_then(domain, key, origin, now())
}

/// An acceptance that was made at another time.
pub fn accepted_then(domain: &str, key: &SecretKey, origin: &Origin, then: TimeMs) -> Vec<u8> {
    let keys = vec![DomainKey { key: key.public(), from: None, role: Role::Admin, until: None }];
    let terms = AcceptanceTerms::first(keys, then);
    Acceptance::sign(key, &Domain::parse(domain).unwrap(), origin, &terms).unwrap().bytes().to_vec()
}

/// An `Authorization` header.
pub fn permit(owner: &Owner) -> String {
    permit_of(owner, now(), 60_000)
}
pub fn permit_of(owner: &Owner, time: TimeMs, for_ms: u64) -> String {
    let terms = PermitTerms { by: None, time, under: owner.tenure, until: time.plus_ms(for_ms) };
    format!("Deedbox {}", URL_SAFE_NO_PAD.encode(Permit::sign(&owner.key, &owner.domain, &owner.origin, &terms).unwrap()))
}

pub fn object_path(object: &ObjectRef) -> String {
    format!("/objects/sha256/{}", object.sha256)
}

pub fn read_key(path: &Path) -> SecretKey {
    SecretKey::from_pem(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The code of a refusal, whose shape is checked on the way.
pub async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-request-id"));
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text:?}"));
    let error = &body["error"];
    for words in ["message", "help"] {
        assert!(error[words].as_str().is_some_and(|words| !words.is_empty()), "{body}");
    }
    (status, error["code"].as_str().unwrap().to_owned())
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
