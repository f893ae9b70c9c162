//! An ecosystem that nobody has, for tests: its releases are single files (`release.file`) that say themselves what they are. It comes in by
//! the trait alone, as the next one will; no other source of this program knows of it.

use super::{Ecosystem, Ecosystems, npm};
use crate::args::Setup;
use crate::commands::publish::Release;
use crate::commands::{claim, serve, setup, verify};
use crate::context::Context;
use crate::locked::{LockFiles, Locked, LockedTo, Registries};
use crate::managers::{self, Mode, PackageManager, Task};
use crate::packages::file::FileArtifact;
use crate::packages::{self, Found, Packages, Publishable, Wish};
use crate::{failure, keyfile};
use async_trait::async_trait;
use deedbox_client::{Home, RegistryUrl, Verdict, Wanted, judge_lock};
use deedbox_model::{Algorithm, Domain, PackageId, Sha256Digest, Version};
use deedbox_server::{Config, MakeSigner, PublicUrl};
use deedbox_view::{Dialect, Projection, SiteSigner, View};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The dialect with which the server's own tests try every way of serving one.
#[allow(dead_code, missing_docs, unreachable_pub, clippy::indexing_slicing, reason = "it is written for those tests")]
#[path = "../../../server/tests/server/file_dialect.rs"]
mod file_dialect;

const MANIFEST: &str = "release.file";
const LOCK: &str = "filer.lock";
const SETTINGS: &str = "filer.conf";
const ID: &str = "file:demo.localhost/letter";
const TEXT: &str = "file:demo.localhost/letter@1.0.0\nDear reader\n";

/// One that is there already, and the new one.
fn with_it() -> Ecosystems {
    Ecosystems(&[&npm::OfNpm, &OfFile])
}

struct OfFile;

static PACKAGE_MANAGERS: [PackageManager; 1] = [PackageManager::new("filer", set_up).aliases(&["fl"])];

#[async_trait(?Send)]
impl Ecosystem for OfFile {
    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(file_dialect::Files)
    }
    fn projections(&self) -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(file_dialect::Files)]
    }
    fn views(&self) -> Vec<Arc<dyn View>> {
        vec![Arc::new(file_dialect::Files)]
    }
    fn signer(&self) -> Option<MakeSigner> {
        Some(Arc::new(|secret| Some(Arc::new(Stamp(secret.to_vec())) as Arc<dyn SiteSigner>)))
    }
    fn publishable(&self) -> Publishable {
        Publishable { manifests: &["a release.file"], packed: &[".file"], others: &[("a drawer", "drawers")] }
    }
    fn manifest(&self, folder: &Path) -> anyhow::Result<Option<String>> {
        Ok(packages::file_of(folder, &[MANIFEST]))
    }
    async fn find(&self, path: &Path, _: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        let path = if path.is_dir() { path.join(MANIFEST) } else { path.to_owned() };
        if !path.is_file() || path.extension().is_none_or(|extension| extension != "file") {
            return Ok(None);
        }
        let artifacts = vec![FileArtifact::open(&path)?.into()];
        let found = Found { dialect: self.dialect(), artifacts, id: None, version: None, rank: None, rebuilt: "a copy", folder: None };
        Ok(Some(vec![found].into()))
    }
    async fn find_elsewhere(&self, word: &str, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        match word.strip_prefix("drawer://") {
            Some(path) => self.find(Path::new(path), wish).await,
            None => Ok(None),
        }
    }
    fn instead_of(&self, text: &str) -> Option<String> {
        text.strip_prefix("drawer/").map(|rest| format!("{text:?} is a drawer's spelling: write file:{rest}"))
    }
    fn package_managers(&self) -> &'static [PackageManager] {
        &PACKAGE_MANAGERS
    }
    fn lock_files(&self) -> Option<LockFiles> {
        Some(LockFiles { names: &[LOCK], read: |path| std::fs::read_to_string(path)?.lines().map(locked).collect() })
    }
    fn registries(&self, folder: &Path, domains: &BTreeSet<Domain>, found: &mut Registries) {
        let path = folder.join(SETTINGS);
        for line in std::fs::read_to_string(&path).unwrap_or_default().lines() {
            if let Some((domain, url)) = line.split_once('=').filter(|(domain, _)| domains.iter().any(|known| known.as_str() == *domain)) {
                found.insert(url.to_owned(), format!("{} for {domain}", path.display()));
            }
        }
    }
}

/// `id@version sha256:…`.
fn locked(line: &str) -> anyhow::Result<Locked> {
    let to = match line.split_once(" sha256:").and_then(|(name, hex)| Some((name.rsplit_once('@')?, Sha256Digest::from_hex(hex)?))) {
        Some(((id, version), digest)) => {
            let release = (PackageId::parse(id)?, Version::parse(version)?);
            let digests = vec![(Algorithm::Sha256, digest.as_bytes().to_vec())];
            LockedTo::Release { wanted: Wanted { label: line.to_owned(), release, digests }, registry: None }
        }
        None => LockedTo::Unread(format!("{line:?} is not a line of a lock file")),
    };
    Ok(Locked { label: line.to_owned(), path: LOCK.to_owned(), line: None, to })
}

fn set_up(task: &Task<'_>) -> anyhow::Result<()> {
    let mut files = task.files();
    let line = format!("{}={}\n", task.domain, task.url);
    files.edit(SETTINGS, |text| match task.mode {
        Mode::Undo => managers::edited(text.replace(&line, ""), "without it"),
        _ => managers::edited(format!("{text}{line}"), line.trim_end()),
    })?;
    task.finish(files, &["next: filer fetch NAME".to_owned()])
}

/// A site signer with a real key, whose signatures are not valid.
struct Stamp(Vec<u8>);

impl SiteSigner for Stamp {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        message.to_vec()
    }
    fn public_spki(&self) -> &[u8] {
        &self.0
    }
}

#[tokio::test]
async fn a_new_ecosystem_is_published_and_viewed_by_its_trait_alone() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = RegistryUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let mut config = Config::new(dir.path().join("registry"), PublicUrl::parse(url.as_str()).unwrap());
    config.allow_local_claims = true;
    let server = serve::open_with(config, with_it(), None).await.unwrap();
    let log_key = server.vkey().to_owned();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve::serve(server, listener, async move { drop(stopped.await) }));

    let home = Home::at(dir.path().join("home"));
    let key_path = home.path().join("key.pem");
    let key = keyfile::make(&key_path).unwrap();
    let context = Context::of(url.clone(), key_path, home, Some(log_key));
    let trusted = context.trusted_quietly().await.unwrap();
    claim::claim(&trusted, &Domain::parse("demo.localhost").unwrap(), deedbox_client::Holder::of(&key), None).await.unwrap();

    // Published as every other is.
    let package = dir.path().join("package");
    std::fs::create_dir(&package).unwrap();
    std::fs::write(package.join(MANIFEST), TEXT).unwrap();
    let wish = Wish { registry: Some(trusted.registry()), ..Wish::default() };
    let releases = Release::read_own(with_it(), &package, wish, &key).await.unwrap();
    let [release] = releases.as_slice() else { panic!("{}", releases.len()) };
    let published = release.publish(&trusted, &key).await.unwrap();
    assert_eq!((published.release.as_str(), published.index), ("file:demo.localhost/letter@1.0.0", 2));

    // Its own view, the neutral one, and the page for people.
    let get = async |path: &str| {
        let answer = reqwest::get(url.join(path)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    };
    assert!(get(&format!("file/{ID}")).await.contains("\"versions\":[\"1.0.0\""));
    assert_eq!(get(&format!("file/{ID}@1.0.0")).await, TEXT);
    assert!(get(&format!("api/v1/packages/{ID}")).await.contains("1.0.0"));
    assert!(get(&format!("packages/{ID}")).await.contains("letter"));
    assert!(get("api/v1/registry").await.contains("\"ecosystems\":[\"npm\",\"file\"]"));
    assert!(dir.path().join("registry/keys/file.pem").is_file(), "what its site signs with is kept");

    // Checked as every other is, by itself and by its lock file.
    let (id, version) = (PackageId::parse(ID).unwrap(), Version::parse("1.0.0").unwrap());
    verify::release(&context, &id, &version).await.unwrap();
    let lock = dir.path().join(LOCK);
    let digest = FileArtifact::open(&package.join(MANIFEST)).unwrap().digests().sha256;
    std::fs::write(&lock, format!("{ID}@1.0.0 sha256:{}\n", digest.to_hex())).unwrap();
    let (reader, files) = with_it().reader_of(&lock).unwrap();
    let locked = (files.read)(&lock).unwrap();
    assert_eq!(reader.word(), "file");
    let wanted: Vec<Wanted> = locked.iter().filter_map(Locked::wanted).cloned().collect();
    let (verdicts, _) = judge_lock(&trusted, &wanted).await.unwrap();
    assert!(matches!(verdicts.as_slice(), [Verdict::Verified(_)]), "{verdicts:?}");

    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_publish_says_and_looks_for_follows_from_the_list() {
    assert_eq!(with_it().a_publishable(), "a directory with a package.json or a release.file, a packed .tgz or .file, or a drawer");
    assert_eq!(with_it().publishables(), "Directories with a package.json or a release.file; packed .tgz or .file files; drawers");
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join(MANIFEST);
    std::fs::write(&place, TEXT).unwrap();
    let drawer = format!("drawer://{}", place.display());
    for path in [dir.path(), place.as_path(), Path::new(&drawer)] {
        let found = with_it().find(path, Wish::default()).await.unwrap().found;
        assert_eq!(found.iter().map(|found| found.dialect.ecosystem()).collect::<Vec<_>>(), ["file"], "{}", path.display());
    }
    assert!(Ecosystems::default().find(&place, Wish::default()).await.is_err(), "who does not have it does not know it");
    std::fs::write(dir.path().join("package.json"), "{}").unwrap();
    let words = with_it().find(dir.path(), Wish::default()).await.err().map(|e| failure::words(&e)).unwrap_or_default();
    assert!(
        words.contains("has package.json and release.file") && words.contains("--id npm:DOMAIN/NAME or --id file:DOMAIN/NAME"),
        "{words}"
    );
    let id = PackageId::parse(ID).unwrap();
    let found = with_it().find(dir.path(), Wish { id: Some(&id), ..Wish::default() }).await.unwrap().found;
    assert_eq!((found.len(), found.first().and_then(|found| found.id.clone())), (1, Some(id)));
    assert_eq!(with_it().instead_of("drawer/a").unwrap(), "\"drawer/a\" is a drawer's spelling: write file:a");
}

#[test]
fn setup_writes_for_its_client_and_verify_finds_the_registry_there() {
    let dir = tempfile::tempdir().unwrap();
    let all = with_it().package_managers();
    let filer = all.into_iter().find(|one| one.words().any(|word| word == "fl")).unwrap();
    let url = RegistryUrl::parse("https://registry.example").unwrap();
    let context = Context::of(url, dir.path().join("key.pem"), Home::at(dir.path().join("home")), None);
    let args = |undo: bool, only: bool| Setup {
        client: filer,
        domain: "acme.example".to_owned(),
        dir: dir.path().to_owned(),
        replace: false,
        undo,
        no_audit: false,
        only,
    };
    setup::run(&context, args(false, false)).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join(SETTINGS)).unwrap(), "acme.example=https://registry.example\n");
    let mut found = Registries::new();
    with_it().of(&PackageId::parse(ID).unwrap()).unwrap().registries(
        dir.path(),
        &BTreeSet::from([Domain::parse("acme.example").unwrap()]),
        &mut found,
    );
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["https://registry.example"]);
    assert!(setup::run(&context, args(false, true)).unwrap_err().to_string().contains("--only is for npm"));
    setup::run(&context, args(true, false)).unwrap();
    assert!(!dir.path().join(SETTINGS).exists());
}
