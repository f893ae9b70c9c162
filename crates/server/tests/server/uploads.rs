//! Uploads that are cut off, and gone on with (spec/objects.md §4, spec/api.md §5): whose account they are on, what stays of them, and who may
//! go on with that.

use crate::world::{World, artifact, code, header, object_path, permit};
use deedbox_model::ObjectRef;
use deedbox_server::Config;
use deedbox_testkit::Owner;
use reqwest::{Method, Response};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MIB: usize = 1 << 20;

/// Bytes that are not alike at any two places that matter.
fn content(size: usize, seed: u8) -> Vec<u8> {
    (0..size).map(|n| (n.wrapping_mul(31) >> 3) as u8 ^ seed).collect()
}

/// How far an upload is, by the registry's word; none where it knows of none.
async fn offset(world: &World, owner: &Owner, object: ObjectRef) -> Option<usize> {
    let answer = world.request(Method::HEAD, &object_path(&object)).header("authorization", permit(owner)).send().await.unwrap();
    let found = header(&answer, "upload-offset")?.parse().unwrap();
    assert_eq!((answer.status().as_u16(), header(&answer, "upload-complete")), (404, Some("?0")));
    assert_eq!(header(&answer, "upload-length"), Some(object.size.to_string().as_str()));
    Some(found)
}

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends the beginning of an upload, and holds it there.
pub async fn hold(world: &World, owner: &Owner, object: ObjectRef, beginning: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let (path, permit, size) = (object_path(&object), permit(owner), object.size);
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: {permit}\r\ncontent-length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(beginning).await.unwrap();
    until("the upload", async || world_has(world, owner, object, beginning.len()).await.then_some(())).await;
    stream
}

/// Whether these bytes of an upload came in: of one that leaves no part, that its file is there.
async fn world_has(world: &World, owner: &Owner, object: ObjectRef, bytes: usize) -> bool {
    if object.size < MIB as u64 {
        return !files(world, "incoming").is_empty();
    }
    offset(world, owner, object).await.is_some_and(|offset| offset >= bytes)
}

/// Sends the beginning of an upload and hangs up; waits until its part is kept. Gives its bytes.
pub async fn cut(world: &World, owner: &Owner, object: ObjectRef, beginning: &[u8]) -> usize {
    drop(hold(world, owner, object, beginning).await);
    kept(world, owner, object).await
}

/// Waits until nobody sends more of an upload. Gives its bytes.
async fn kept(world: &World, owner: &Owner, object: ObjectRef) -> usize {
    until("the part", async || {
        let answer = world.request(Method::HEAD, &object_path(&object)).header("authorization", permit(owner)).send().await.unwrap();
        if header(&answer, "retry-after").is_some() { None } else { header(&answer, "upload-offset")?.parse().ok() }
    })
    .await
}

async fn patch(world: &World, owner: &Owner, object: ObjectRef, offset: usize, rest: &[u8]) -> Response {
    let request = world.request(Method::PATCH, &object_path(&object)).header("authorization", permit(owner));
    let request = request.header("content-type", "application/partial-upload").header("upload-offset", offset.to_string());
    request.body(rest.to_vec()).send().await.unwrap()
}

/// Everything below a folder of the registry.
pub fn files(world: &World, folder: &str) -> Vec<PathBuf> {
    fn below(folder: PathBuf, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(world.dir.path().join(folder), &mut found);
    found
}

fn budget(bytes: u64) -> impl Fn(&mut Config) {
    move |config| config.pending_bytes_per_domain = bytes
}

/// That so many bytes are free on the account, and not one more. Leaves the account as it was but for an object of one byte less.
async fn is_free(world: &World, owner: &Owner, bytes: usize, seed: u8) {
    let answer = world.put(ObjectRef::of(&content(bytes + 1, seed)), Some(&permit(owner)), content(bytes + 1, seed)).await;
    assert_eq!(code(answer).await, (429, "budget".to_owned()), "at most {bytes} bytes are free");
    let fits = ObjectRef::of(&content(bytes, seed));
    drop(hold(world, owner, fits, &content(bytes, seed)[..1]).await);
    let is_over = async || files(world, "incoming").is_empty() && offset(world, owner, fits).await.is_none();
    until("the end of that upload", async || is_over().await.then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_off_frees_nobodys_bytes_but_its_own() {
    let world = World::with(budget(500_000)).await;
    let owner = world.claim("acme.localhost", 10).await;
    let bytes = content(400_000, 1);
    let object = ObjectRef::of(&bytes);
    let refused = async || {
        let answer = world.put(ObjectRef::of(&content(100_001, 2)), Some(&permit(&owner)), content(100_001, 2)).await;
        assert_eq!(code(answer).await, (429, "budget".to_owned()));
    };
    // On its way: a second one of the same object is cut off.
    let mut first = hold(&world, &owner, object, &bytes[..1_000]).await;
    let second = hold(&world, &owner, object, &bytes[..1_000]).await;
    until("both files", async || (files(&world, "incoming").len() == 2).then_some(())).await;
    drop(second);
    until("the second's end", async || (files(&world, "incoming").len() == 1).then_some(())).await;
    refused().await;
    first.write_all(&bytes[1_000..]).await.unwrap();
    let mut answer = vec![0; 12];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 201");
    drop(first);
    // In place: one more is cut off, one is not what it said.
    drop(hold(&world, &owner, object, &bytes[..1_000]).await);
    until("its end", async || files(&world, "incoming").is_empty().then_some(())).await;
    refused().await;
    assert_eq!(code(world.put(object, Some(&permit(&owner)), content(400_000, 9)).await).await, (422, "digest_mismatch".to_owned()));
    refused().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_finds_every_account_as_it_was() {
    let world = World::with(budget(5_000_000)).await;
    let owner = world.claim("acme.localhost", 10).await;
    let other = world.claim("other.localhost", 11).await;
    world.publish(&owner, "file:acme.localhost/widget", "1.0.0", None).await;
    assert_eq!(world.upload(&owner, content(1_000_000, 1)).await, 201);
    let large = content(3_000_000, 2);
    let kept = cut(&world, &owner, ObjectRef::of(&large), &large[..2_000_000]).await;
    assert_eq!(kept, 2_000_000);
    is_free(&world, &owner, 2_000_000, 3).await;
    let world = World::open(world.stop().await, budget(5_000_000)).await.unwrap();
    is_free(&world, &owner, 2_000_000, 3).await;
    is_free(&world, &other, 5_000_000, 4).await;
    let notes = files(&world, "parts").into_iter().filter(|path| path.extension().is_some_and(|end| end == "here")).count();
    assert_eq!(notes, 1, "what is published is on nobody's account");
    assert_eq!(offset(&world, &owner, ObjectRef::of(&large)).await, Some(2_000_000));
    assert_eq!(offset(&world, &other, ObjectRef::of(&large)).await, None, "another domain's part is nobody's business");
    assert_eq!(patch(&world, &owner, ObjectRef::of(&large), kept, &large[kept..]).await.status(), 201);
    is_free(&world, &owner, 1_000_000, 5).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_on_nobodys_account_whoever_uploaded_it() {
    let world = World::with(budget(100_000)).await;
    let (owner, other) = (world.claim("acme.localhost", 10).await, world.claim("other.localhost", 11).await);
    let rest = vec![b'x'; 50_000];
    let bytes = artifact("file:acme.localhost/widget", "1.0.0", &rest);
    assert_eq!(world.upload(&other, bytes.clone()).await, 201);
    is_free(&world, &other, 100_000 - bytes.len(), 1).await;
    let statement = world.prepare(&owner, "file:acme.localhost/widget", "1.0.0", None, &rest).await;
    world.must_append(&statement).await;
    for owner in [&owner, &other] {
        is_free(&world, owner, 100_000, 2).await;
    }
    until("the notes' end", async || files(&world, "parts").is_empty().then_some(())).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_from_the_byte_where_it_was_cut() {
    let mut world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let whole = content(5 * MIB + 13, 1);
    let object = ObjectRef::of(&whole);
    // Wherever it is cut, in this process or in the next.
    let first = MIB + (SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos() as usize) % MIB;
    let mut at = cut(&world, &owner, object, &whole[..first]).await;
    assert_eq!(at, first);
    assert!(!world.kept().keys().any(|path| path.contains(&object.sha256.to_hex())), "a part is not an object");
    assert_eq!(world.get(&object_path(&object)).await.status(), 404);
    for restart in [false, true] {
        if restart {
            world = World::open(world.stop().await, |_| {}).await.unwrap();
        }
        // A guesser is told where it is.
        for wrong in [at - 1, at + 1] {
            let answer = patch(&world, &owner, object, wrong, &whole[wrong..]).await;
            assert_eq!(header(&answer, "upload-offset"), Some(at.to_string().as_str()));
            assert_eq!(code(answer).await, (409, "upload_offset".to_owned()));
        }
        let more = at + 700_001;
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let head = format!(
            "PATCH {} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-type: application/partial-upload\r\nupload-offset: {at}\r\ncontent-length: {}\r\n\r\n",
            object_path(&object),
            permit(&owner),
            whole.len() - at
        );
        stream.write_all(&[head.as_bytes(), &whole[at..more]].concat()).await.unwrap();
        until("the rest", async || (offset(&world, &owner, object).await == Some(more)).then_some(())).await;
        let answer = patch(&world, &owner, object, more, &whole[more..]).await;
        assert_eq!(code(answer).await, (409, "upload_under_way".to_owned()), "one wins, the other is told");
        drop(stream);
        at = kept(&world, &owner, object).await;
        assert_eq!(at, more);
    }
    assert_eq!(patch(&world, &owner, object, at, &whole[at..]).await.status(), 201);
    let head = world.request(Method::HEAD, &object_path(&object)).header("authorization", permit(&owner)).send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "upload-offset")), (200, None));
    let hex = object.sha256.to_hex();
    let on_disk = world.dir.path().join(format!("objects/sha256/{}/{}/{hex}", &hex[..2], &hex[2..4]));
    assert_eq!(std::fs::read(on_disk).unwrap(), whole);
    assert!(files(&world, "incoming").is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_an_address_poison_nobodys_part() {
    let world = World::new().await;
    let (owner, other) = (world.claim("acme.localhost", 10).await, world.claim("other.localhost", 11).await);
    let whole = content(2 * MIB, 1);
    let object = ObjectRef::of(&whole);
    let at = cut(&world, &owner, object, &whole[..MIB + 5]).await;
    // Another domain sends nonsense under the same address, cut and whole; this one announces another size.
    let nonsense = content(2 * MIB, 77);
    cut(&world, &other, object, &nonsense[..MIB + 9]).await;
    assert_eq!(code(patch(&world, &other, object, MIB + 9, &whole[MIB + 9..]).await).await, (422, "digest_mismatch".to_owned()));
    assert_eq!(offset(&world, &other, object).await, None, "what does not match is gone");
    let longer = ObjectRef { size: object.size + 1, ..object };
    assert_eq!(code(world.put(longer, Some(&permit(&owner)), content(2 * MIB + 1, 3)).await).await, (422, "digest_mismatch".to_owned()));
    assert_eq!(patch(&world, &owner, object, at, &whole[at..]).await.status(), 201);
    // Its own nonsense harms nobody: it is found at the end, and the upload begins again.
    let whole = content(2 * MIB, 4);
    let object = ObjectRef::of(&whole);
    let at = cut(&world, &owner, object, &nonsense[..MIB + 5]).await;
    assert_eq!(code(patch(&world, &owner, object, at, &whole[at..]).await).await, (422, "digest_mismatch".to_owned()));
    assert_eq!(offset(&world, &owner, object).await, None);
    assert_eq!(world.upload(&owner, whole.clone()).await, 201);
    // Begun anew, whatever was kept.
    let whole = content(2 * MIB, 5);
    let object = ObjectRef::of(&whole);
    cut(&world, &owner, object, &nonsense[..MIB + 5]).await;
    assert_eq!(world.upload(&owner, whole.clone()).await, 201);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_come_in_step_wait_for_each_others_memory_and_none_is_turned_away() {
    // A megabyte for bodies: four uploads at a time.
    let world = World::with(|config| config.memory_bytes = 9 << 19).await;
    let owner = world.claim("acme.localhost", 10).await;
    let uploads = (0..24).map(|n| world.upload(&owner, content(600_000, n)));
    for status in futures::future::join_all(uploads).await {
        assert_eq!(status, 201);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_domain_has_uploaded_is_known_to_it_after_a_restart_and_forgotten_when_it_is_gone() {
    let world = World::new().await;
    let (owner, other) = (world.claim("acme.localhost", 10).await, world.claim("other.localhost", 11).await);
    assert_eq!(world.upload(&owner, b"here".to_vec()).await, 201);
    let world = World::open(world.stop().await, |_| {}).await.unwrap();
    let path = object_path(&ObjectRef::of(b"here"));
    for (owner, status) in [(&owner, 200), (&other, 404)] {
        let answer = world.request(Method::HEAD, &path).header("authorization", permit(owner)).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
    assert_eq!(world.upload(&other, b"here".to_vec()).await, 201);
    assert_eq!(world.upload(&owner, b"here".to_vec()).await, 200);
    let set = |config: &mut Config| {
        config.times.sweep_every = Duration::from_millis(100);
        config.times.unreferenced = Duration::from_secs(1);
    };
    let world = World::open(world.stop().await, set).await.unwrap();
    until("the sweep", async || {
        (!files(&world, "objects").iter().any(|path| path.ends_with(ObjectRef::of(b"here").sha256.to_hex()))).then_some(())
    })
    .await;
    assert_eq!(world.upload(&owner, b"here".to_vec()).await, 201);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_kept_for_a_day_and_a_small_upload_leaves_none() {
    let set = |config: &mut Config| {
        config.times.sweep_every = Duration::from_millis(100);
        config.times.unreferenced = Duration::from_secs(3);
    };
    let world = World::with(set).await;
    let owner = world.claim("acme.localhost", 10).await;
    let small = content(MIB - 1, 1);
    drop(hold(&world, &owner, ObjectRef::of(&small), &small[..500_000]).await);
    until("its end", async || files(&world, "incoming").is_empty().then_some(())).await;
    assert!(files(&world, "parts").is_empty());
    let whole = content(MIB, 2);
    cut(&world, &owner, ObjectRef::of(&whole), &whole[..500_000]).await;
    assert_eq!(files(&world, "parts").len(), 1);
    until("the sweep", async || files(&world, "parts").is_empty().then_some(())).await;
    assert_eq!(offset(&world, &owner, ObjectRef::of(&whole)).await, None);
    // One that is too old at a start goes at once.
    cut(&world, &owner, ObjectRef::of(&whole), &whole[..500_000]).await;
    let part = files(&world, "parts").remove(0);
    let dir = world.stop().await;
    let file = std::fs::File::options().write(true).open(&part).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    let world = World::open(dir, set).await.unwrap();
    assert!(!part.exists());
    world.stop().await;
}
