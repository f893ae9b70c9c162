//! A publish that is cut off in the middle of its uploads, by whatever end of it, and run again: what the registry has is not sent twice, to the
//! byte (spec/objects.md §4, spec/api.md §5). And what a publisher asks once it is done.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::proxy::{Asked, Fate, Proxy};
use common::{Place, Running, claimed};
use deedbox_model::Sha256Digest;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const LAYERS: usize = 8;
/// Larger than what a socket takes at once, so that a layer that is held is really in the middle.
const LAYER_BYTES: usize = 3_000_000;
/// Layers that the registry takes before nothing goes on.
const STORED: usize = 3;
const AT_ONCE: usize = deedbox_client::limits::UPLOADS_AT_ONCE;

/// An image of eight layers, as an OCI layout. Gives the addresses of all that it consists of.
fn image(place: &Place) -> (PathBuf, BTreeSet<String>) {
    image_of(place, LAYERS, LAYER_BYTES)
}

fn image_of(place: &Place, count: usize, bytes: usize) -> (PathBuf, BTreeSet<String>) {
    let mut all = BTreeSet::new();
    let mut keep = |media_type: &str, bytes: &[u8]| -> Value {
        let hex = Sha256Digest::of(bytes).to_hex();
        place.write(&format!("image/blobs/sha256/{hex}"), bytes);
        all.insert(hex.clone());
        json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() })
    };
    let layers: Vec<Value> = (0..count)
        .map(|n| {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes as u64);
            header.set_mode(0o644);
            let content: Vec<u8> = (0..bytes).map(|at| (at % (251 - n)) as u8).collect();
            tar.append_data(&mut header, format!("part-{n}"), content.as_slice()).unwrap();
            keep("application/vnd.oci.image.layer.v1.tar", &tar.into_inner().unwrap())
        })
        .collect();
    let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = keep("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
    let root = keep(media_type, manifest.to_string().as_bytes());
    place.write("image/index.json", json!({ "schemaVersion": 2, "manifests": [root] }).to_string());
    place.write("image/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    (place.path("image"), all)
}

/// The addresses of the files in a registry's folder for objects, or for uploads on their way.
fn files(registry: &Running, folder: &str) -> BTreeSet<String> {
    fn below(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else {
                found.insert(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    below(&registry.data.join(folder), &mut found);
    found
}

/// The parts of uploads that a registry keeps, or is about to.
fn parts_of(registry: &Running) -> BTreeSet<String> {
    files(registry, "parts").into_iter().filter(|name| !name.ends_with(".here")).collect()
}

/// How many parts have at least so many bytes on the disk. Of what was received, at most two pieces of 128 KiB are not written yet.
fn parts_on_disk(registry: &Running, bytes: usize) -> usize {
    let parts = std::fs::read_dir(registry.data.join("parts/demo.localhost")).into_iter().flatten();
    parts.filter(|part| part.as_ref().unwrap().metadata().is_ok_and(|stat| stat.len() >= bytes as u64)).count()
}

/// Bytes of large objects that were sent and taken.
fn bytes_taken(asked: &[Asked]) -> usize {
    asked.iter().filter(|asked| is_upload(asked) && asked.status == 201 && asked.length > 1_000_000 / 4).map(|asked| asked.length).sum()
}

fn is_upload(asked: &Asked) -> bool {
    matches!(asked.method.as_str(), "PUT" | "PATCH")
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The addresses that were uploaded, and the registry took.
fn taken(asked: &[Asked]) -> Vec<String> {
    let mut taken: Vec<String> = asked
        .iter()
        .filter(|asked| is_upload(asked) && asked.status == 201)
        .map(|asked| asked.path.strip_prefix("/objects/sha256/").unwrap().to_owned())
        .collect();
    taken.sort();
    taken
}

#[test]
fn a_publish_that_was_killed_sends_only_what_is_missing_when_it_is_run_again() {
    let place = Place::new();
    let registry = claimed(&place);
    let (layout, parts) = image(&place);
    let args = ["publish", layout.to_str().unwrap(), "--id", "oci:demo.localhost/large", "--version", "1.0"];
    let before = files(&registry, "objects");

    let (held, is_held) = mpsc::channel();
    let mut puts = 0;
    let mut is_open = false;
    let (open, opened) = mpsc::channel::<()>();
    let proxy = Proxy::start(&registry.url, move |asked| {
        is_open = is_open || opened.try_recv().is_ok();
        if is_open || asked.method != "PUT" || asked.length < LAYER_BYTES {
            return Fate::Pass;
        }
        puts += 1;
        if puts <= STORED {
            return Fate::Pass;
        }
        held.send(()).unwrap();
        Fate::Hold
    });
    let mut publisher = place.deedbox().args(["--registry", &proxy.url]).args(args).spawn().unwrap();
    for _ in 0..AT_ONCE {
        is_held.recv_timeout(Duration::from_secs(60)).expect("too few uploads were held");
    }
    // The others are stored, and all that go on at once are in the middle: what a part has on the disk is kept when its sender is gone, and a
    // part whose first bytes the registry has not read yet is not.
    let began = Instant::now();
    while taken(&proxy.asked()).len() < STORED || parts_on_disk(&registry, LAYER_BYTES / 3) < AT_ONCE {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", proxy.asked());
        std::thread::sleep(Duration::from_millis(20));
    }
    publisher.kill().unwrap();
    publisher.wait().unwrap();

    // What was cut off stays as a part that nobody reads, and so does what no statement names.
    assert!(files(&registry, "incoming").is_empty());
    assert_eq!(parts_of(&registry).len(), AT_ONCE);
    let stored: BTreeSet<String> = taken(&proxy.asked()).into_iter().collect();
    assert!(stored.len() >= STORED && stored.len() < parts.len(), "{stored:?}");
    assert_eq!(files(&registry, "objects").difference(&before).cloned().collect::<BTreeSet<_>>(), stored);
    place.at(&registry.url, &["verify", "oci:demo.localhost/large@1.0"]).ends(1, "is not in the log");

    proxy.forget();
    open.send(()).unwrap();
    place.at(&proxy.url, &args).done().says("oci:demo.localhost/large@1.0 published as entry 2");
    let rests: Vec<usize> =
        proxy.asked().iter().filter(|asked| asked.method == "PATCH" && asked.status == 201).map(|asked| asked.length).collect();
    assert_eq!(rests.len(), AT_ONCE, "each part is gone on with");
    assert!(rests.iter().all(|rest| *rest < LAYER_BYTES * 2 / 3), "{rests:?}");
    assert!(parts_of(&registry).is_empty());
    let sent = taken(&proxy.asked());
    let mut missing: Vec<String> = parts.difference(&stored).cloned().collect();
    // The release's own manifest besides: it is not a file of the image.
    let own: Vec<&String> = sent.iter().filter(|hex| !parts.contains(*hex)).collect();
    assert!(own.len() == 1 && !stored.contains(own[0]), "{own:?}");
    missing.push(own[0].clone());
    missing.sort();
    assert_eq!(sent, missing, "each that was missing once, and no other");
    let heads = proxy.asked().iter().filter(|asked| asked.method == "HEAD" && asked.path.starts_with("/objects/")).count();
    assert!(heads > parts.len(), "each is asked for first");

    // The same release as where nothing broke off: the manifest's digest is that of every part, and all of it is there.
    place.at(&registry.url, &["verify", "oci:demo.localhost/large@1.0"]).done().says("(downloaded)");
    let elsewhere = Place::new();
    let whole = claimed(&elsewhere);
    let (layout, _) = image(&elsewhere);
    elsewhere.at(&whole.url, &["publish", layout.to_str().unwrap(), "--id", "oci:demo.localhost/large", "--version", "1.0"]).done();
    let of_parts = |registry: &Running| {
        let mut all = files(registry, "objects");
        all.retain(|hex| parts.contains(hex) || hex == own[0]);
        all
    };
    assert_eq!(of_parts(&registry), of_parts(&whole));
    assert_eq!(of_parts(&whole).len(), parts.len() + 1);
    proxy.forget();
    place.at(&proxy.url, &args).done().says("was published before, with the same bytes, as entry 2");
    assert!(taken(&proxy.asked()).is_empty());
    let data = registry.kill();
    place.run(&["fsck", "--data", data.to_str().unwrap()]).done();
}

/// Where a test cuts: another place each time.
fn anywhere(from: usize, to: usize) -> usize {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    from + now.subsec_nanos() as usize % (to - from)
}

const ONE_LAYER: usize = 12_000_000;

/// A registry, an image of one large layer, and a proxy that does this with the first large upload.
struct CutOnce {
    place: Place,
    registry: Option<Running>,
    proxy: Proxy,
    layout: String,
    reached: mpsc::Receiver<()>,
}

impl CutOnce {
    fn new(fate: impl Fn() -> Fate + Send + 'static) -> Self {
        let place = Place::new();
        let registry = claimed(&place);
        let (layout, _) = image_of(&place, 1, ONE_LAYER);
        let (reach, reached) = mpsc::channel();
        let mut is_first = true;
        let proxy = Proxy::start(&registry.url, move |asked| {
            if is_first && is_upload(asked) && asked.length > ONE_LAYER / 2 {
                is_first = false;
                reach.send(()).unwrap();
                return fate();
            }
            Fate::Pass
        });
        let layout = layout.to_str().unwrap().to_owned();
        CutOnce { place, registry: Some(registry), proxy, layout, reached }
    }
    fn registry(&self) -> &Running {
        self.registry.as_ref().unwrap()
    }
    fn args(&self) -> [&str; 6] {
        ["publish", &self.layout, "--id", "oci:demo.localhost/large", "--version", "1.0"]
    }
    fn publisher(&self) -> std::process::Child {
        let mut command = self.place.deedbox();
        command.args(["--registry", &self.proxy.url]).args(self.args()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    }
    /// Waits until the registry has so many bytes of the layer.
    fn has(&self, bytes: usize) {
        self.is_reached();
        self.has_written(bytes);
    }
    fn is_reached(&self) {
        self.reached.recv_timeout(Duration::from_secs(60)).expect("no large upload came");
    }
    fn has_written(&self, bytes: usize) {
        // What is gathered and not written yet is half a megabyte at most.
        let written = || -> u64 {
            let parts = self.registry().data.join("parts/demo.localhost");
            let files = std::fs::read_dir(parts).into_iter().flatten().filter_map(|file| file.unwrap().metadata().ok());
            files.map(|file| file.len()).sum()
        };
        wait_until("the part", || written() + 1_200_000 > bytes as u64);
    }
    /// Publishes, and gives the large bytes that were sent for it.
    fn again(&self) -> usize {
        self.proxy.forget();
        self.place.at(&self.proxy.url, &self.args()).done().says("oci:demo.localhost/large@1.0 published as entry 2");
        self.place.at(&self.registry().url, &["verify", "oci:demo.localhost/large@1.0"]).done().says("(downloaded)");
        bytes_taken(&self.proxy.asked())
    }
}

#[test]
fn a_registry_that_is_killed_in_the_middle_goes_on_from_there_when_it_is_back_and_the_job_is_run_again() {
    let at = anywhere(3_000_000, 9_000_000);
    let mut cut = CutOnce::new(move || Fate::HoldAt(at));
    let mut publisher = cut.publisher();
    cut.has(at);
    // Both ends die at once, as where a machine goes down.
    cut.registry.take().unwrap().kill();
    publisher.kill().unwrap();
    publisher.wait().unwrap();
    cut.registry = Some(Running::start(&cut.place, &["--allow-local-claims"]));
    cut.proxy.point_at(&cut.registry().url);
    assert_eq!(parts_of(cut.registry()).len(), 1, "a kill leaves the part");
    let sent = cut.again();
    assert!(sent <= ONE_LAYER - at + 1_200_000 && sent > 1_000, "{sent} bytes were sent again of {ONE_LAYER}, cut at {at}");
}

#[test]
fn a_line_that_is_cut_in_the_middle_of_an_upload_is_nothing_that_a_publisher_sees() {
    let at = anywhere(3_000_000, 9_000_000);
    let cut = CutOnce::new(move || Fate::CutAt(at));
    cut.place.at(&cut.proxy.url, &cut.args()).done().says("oci:demo.localhost/large@1.0 published as entry 2");
    let asked = cut.proxy.asked();
    let rests: Vec<&Asked> = asked.iter().filter(|asked| asked.method == "PATCH").collect();
    assert!(!rests.is_empty() && rests.iter().all(|rest| rest.length >= ONE_LAYER - at), "{asked:?}");
    assert_eq!(asked.iter().filter(|asked| asked.method == "PUT" && asked.length > ONE_LAYER / 2).count(), 1, "it is begun once");
    assert!(bytes_taken(&asked) < ONE_LAYER - at + 1_000_000, "{asked:?}");
}

#[test]
fn a_registry_that_is_restarted_meanwhile_is_gone_on_with_by_the_same_run() {
    let at = anywhere(3_000_000, 9_000_000);
    let mut cut = CutOnce::new(move || Fate::CutAt(at));
    let publisher = cut.publisher();
    // Requests from now on find nobody, until the registry is back.
    cut.is_reached();
    cut.proxy.point_at("http://127.0.0.1:9");
    cut.has_written(at);
    cut.registry.take().unwrap().kill();
    cut.registry = Some(Running::start(&cut.place, &["--allow-local-claims"]));
    cut.proxy.point_at(&cut.registry().url);
    let output = publisher.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let sent = bytes_taken(&cut.proxy.asked());
    assert!(sent <= ONE_LAYER - at + 1_200_000, "{sent} bytes were sent again of {ONE_LAYER}, cut at {at}");
    cut.place.at(&cut.registry().url, &["verify", "oci:demo.localhost/large@1.0"]).done().says("(downloaded)");
}

#[cfg(unix)]
#[test]
fn a_user_who_interrupts_a_publish_is_told_what_is_kept_and_how_to_go_on() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let at = anywhere(3_000_000, 9_000_000);
        let cut = CutOnce::new(move || Fate::HoldAt(at));
        let publisher = cut.publisher();
        cut.has(at);
        let sent = std::process::Command::new("kill").args([format!("-{signal}"), publisher.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let output = publisher.wait_with_output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words}");
        let last = words.lines().last().unwrap();
        assert!(
            last.starts_with("deedbox: interrupted; ") && last.contains(&cut.proxy.url) && last.contains("continues from there"),
            "{words}"
        );
        // Its advice, followed: the same command.
        let sent = cut.again();
        assert!(sent <= ONE_LAYER - at + 1_000_000, "{sent} bytes were sent again of {ONE_LAYER}, cut at {at}");
    }
}

#[test]
fn a_view_is_seen_without_downloading_it_however_large_it_is() {
    let place = Place::new();
    let registry = claimed(&place);
    // As gem's view of a package with ten thousand versions, and more.
    let proxy = Proxy::start(&registry.url, |asked| {
        if asked.path.starts_with("/npm/") { Fate::Answer(200, vec![b' '; 5 * 1024 * 1024]) } else { Fate::Pass }
    });
    let greet = place.package("greet", "1.0.0", "");
    place.at(&proxy.url, &["publish", greet.to_str().unwrap()]).done().says("published as entry 2");
    let views: Vec<String> = proxy.asked().into_iter().filter(|asked| asked.path.starts_with("/npm/")).map(|asked| asked.method).collect();
    assert_eq!(views, ["HEAD"]);
}

/// An upload that takes longer than a permit is valid, with a clock that tells it so.
#[tokio::test]
async fn a_permit_that_is_about_to_run_out_is_replaced_on_the_way() {
    use deedbox_client::{Home, Payload, Registry, RegistryUrl, Trusted, claim_local, upload};
    use deedbox_model::{Domain, ObjectRef, SecretKey, TimeMs};

    let place = Place::new();
    let registry = Running::start(&place, &["--allow-local-claims"]);
    let to_be_trusted = Registry::new(RegistryUrl::parse(&registry.url).unwrap()).unwrap();
    let clock = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        TimeMs::new(u64::try_from(since.as_millis()).unwrap()).unwrap()
    };
    let trusted = Trusted::open(to_be_trusted, &Home::at(place.path("other")), None, clock()).await.unwrap();
    let (key, domain) = (SecretKey::from_seed(&[7; 32]), Domain::parse("slow.localhost").unwrap());
    claim_local(&trusted, &domain, deedbox_client::Holder::of(&key), clock()).await.unwrap();

    let bytes = b"what takes long".to_vec();
    let begun = clock().as_ms() - deedbox_client::limits::PERMIT_MS + 2_000;
    let asked = AtomicUsize::new(0);
    let now = || {
        if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            return TimeMs::new(begun).unwrap();
        }
        // The first permit runs out while others are being sent.
        std::thread::sleep(Duration::from_millis(2_500));
        clock()
    };
    let objects = vec![(ObjectRef::of(&bytes), Payload::Bytes(bytes.clone()))];
    assert_eq!(upload(&trusted, &key, &domain, objects.clone(), &now, &|_| ()).await.unwrap(), 1);
    assert_eq!(upload(&trusted, &key, &domain, objects, &clock, &|_| ()).await.unwrap(), 0, "it is there");
    assert!(files(&registry, "objects").contains(&ObjectRef::of(&bytes).sha256.to_hex()));
}
