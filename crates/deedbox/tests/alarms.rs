//! A registry that lies, seen through the binary: made by hand with the log's own key, served by a few lines over TCP.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;
#[path = "../../client/tests/common/mod.rs"]
mod made;

use common::Place;
use deedbox_model::event::{Event, RegistryRulesChanged, Rules};
use deedbox_model::{EventId, Speaker, Subject};
use deedbox_tlog::TileId;
use made::HandMade;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is shown at the moment.
#[derive(Clone)]
struct Shown {
    log: HandMade,
    /// Size of the published checkpoint.
    size: usize,
    /// Size of the tree whose tiles are served.
    tiles: usize,
    /// Tiles that are changed before they are served.
    damaged: bool,
    /// The entries that are proven, where not all are.
    proven: Option<Vec<u64>>,
    /// The packages whose chains it says are left out, if it says.
    unchained: Option<Vec<String>>,
}

impl Shown {
    fn whole(log: &HandMade) -> Self {
        let size = log.entries.len();
        Shown { log: log.clone(), size, tiles: size, damaged: false, proven: None, unchained: Some(Vec::new()) }
    }

    fn answer(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "/log/log.vkey" => Some(format!("{}\n", self.log.vkey()).into_bytes()),
            "/log/checkpoint" => Some(self.log.checkpoint(self.size).into_bytes()),
            // Every entry, whatever was asked for: more than enough is proven as well.
            "/api/v1/proofs" => {
                let indices = self.proven.clone().unwrap_or_else(|| (0..self.size as u64).collect());
                Some(self.log.proof(self.size, &indices).encode_answer(self.unchained.as_deref()).unwrap())
            }
            _ => {
                let id = TileId::parse(path.strip_prefix("/log/")?).ok()?;
                let mut bytes = self.log.tiles(self.tiles).get(&id)?.to_bytes();
                if self.damaged {
                    bytes[0] ^= 1;
                }
                Some(bytes)
            }
        }
    }
}

/// Serves it until the test ends.
fn serve(shown: &Arc<Mutex<Shown>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shown = Arc::clone(shown);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shown = shown.lock().unwrap().clone();
            std::thread::spawn(move || one(stream, &shown));
        }
    });
    url
}

fn one(mut stream: TcpStream, shown: &Shown) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        if let Some((_, n)) = header.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = n.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, body) = match shown.answer(&path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

const WIDGET: &str = "npm:acme.example/widget@1.0.0";
const VERIFY: [&str; 3] = ["verify", "--no-download", WIDGET];

/// A log of `n` entries; two with another `variant` part after the first three.
fn log(n: usize, variant: &str) -> HandMade {
    let mut log = HandMade::new();
    log.publish("npm:acme.example/widget", "1.0.0", b"the tarball");
    while log.entries.len() < n {
        let version = format!("1.0.{}", log.entries.len());
        log.publish(&format!("npm:acme.example/{variant}"), &version, variant.as_bytes());
    }
    log
}

struct Case {
    place: Place,
    shown: Arc<Mutex<Shown>>,
    url: String,
}

impl Case {
    fn new(log: &HandMade) -> Self {
        let shown = Arc::new(Mutex::new(Shown::whole(log)));
        let url = serve(&shown);
        Case { place: Place::new(), shown, url }
    }
    fn verify(&self) -> common::Said {
        self.place.at(&self.url, &VERIFY)
    }
    fn now(&self, shown: Shown) {
        *self.shown.lock().unwrap() = shown;
    }
}

#[test]
fn the_first_use_pins_the_log_and_says_so() {
    let case = Case::new(&log(5, "a"));
    let first = case.verify().done();
    assert!(first.err.contains("pinned the log registry.example (as seen now, on first use): registry.example+"), "{first:?}");
    let second = case.verify().done();
    assert!(second.err.is_empty(), "{second:?}");
    second.says("checkpoint  5 entries of registry.example").says("allowed by  entry 1, the claim of acme.example (the operator vouches)");
}

#[test]
fn a_log_that_grows_is_followed_by_tiles_alone() {
    // Sizes around a tile's edge, and powers of two, whose root is not in the proof.
    for (old, new) in [(3, 4), (4, 7), (8, 300), (255, 257), (256, 300), (257, 600)] {
        let whole = log(new, "a");
        let case = Case::new(&whole);
        case.now(Shown { size: old, tiles: old, ..Shown::whole(&whole) });
        case.verify().done().says(&format!("{old} entries"));
        case.now(Shown::whole(&whole));
        case.verify().done().says(&format!("{new} entries"));
    }
}

#[test]
fn two_histories_are_an_alarm_that_stays_until_its_evidence_is_taken_away() {
    for (seen, found) in [(4, 9), (5, 9), (8, 9), (6, 6)] {
        let case = Case::new(&log(seen, "a"));
        case.verify().done();
        case.now(Shown::whole(&log(found, "b")));
        let alarm = case.verify().ends(1, "FORK: the log registry.example");
        assert!(alarm.err.contains(&format!("A checkpoint of {found} entries does not continue the one of {seen} entries")), "{alarm:?}");
        let evidence = alarm.err.split("kept in ").nth(1).unwrap().split(".json").next().unwrap().to_owned() + ".json";
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&evidence).unwrap()).unwrap();
        assert_eq!(json["seen"], log(seen, "a").checkpoint(seen));
        assert_eq!(json["found"], log(found, "b").checkpoint(found));
        assert_eq!(json["proof"].is_object(), seen != found, "{json}");

        // It stays an alarm when the registry shows the first history again, and for saved proofs too.
        case.now(Shown::whole(&log(seen, "a")));
        case.verify().ends(1, "has shown two histories before");
        case.place.at(&case.url, &["verify", "--offline", WIDGET]).ends(1, "until you remove");
        std::fs::remove_file(evidence).unwrap();
        case.verify().done();
    }
}

#[test]
fn a_proof_of_another_history_is_an_alarm_where_a_registry_is_asked() {
    // What somebody else kept, of a log of five entries.
    let theirs = Case::new(&log(5, "a"));
    theirs.verify().done();
    let proof = only_file(&theirs.place.path("home"), "deedbox-proof");
    let verify = ["verify", "--proof", proof.to_str().unwrap()];
    for (shown, said) in [(log(5, "b"), "FORK"), (log(9, "b"), "FORK"), (log(4, "a"), "stale: the log")] {
        let case = Case::new(&shown);
        case.place.at(&case.url, &verify).ends(1, said);
    }
    for continued in [log(5, "a"), log(9, "a")] {
        let case = Case::new(&continued);
        case.place.at(&case.url, &verify).done();
    }
}

/// The only file with this ending in a folder or the folders in it.
fn only_file(folder: &std::path::Path, ending: &str) -> std::path::PathBuf {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == ending => found.push(path),
                _ => {}
            }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn one_log_at_two_addresses_has_one_memory() {
    let case = Case::new(&log(6, "a"));
    case.verify().done();
    let other = Arc::new(Mutex::new(Shown::whole(&log(6, "b"))));
    let elsewhere = serve(&other);
    let alarm = case.place.at(&elsewhere, &VERIFY).ends(1, "FORK: the log registry.example");
    assert!(alarm.err.contains("A checkpoint of 6 entries does not continue the one of 6 entries"), "{alarm:?}");
    // It is an alarm at the first address too.
    case.verify().ends(1, "has shown two histories before");
    // Somewhere else nobody has seen the other history.
    Place::new().at(&elsewhere, &VERIFY).done();
}

#[test]
fn one_log_at_two_addresses_goes_on_from_the_last_checkpoint_of_either() {
    let whole = log(9, "a");
    let case = Case::new(&whole);
    case.verify().done();
    let older = Arc::new(Mutex::new(Shown { size: 5, ..Shown::whole(&whole) }));
    case.place.at(&serve(&older), &VERIFY).ends(1, "stale: the log registry.example");
}

#[test]
fn a_second_release_of_a_version_is_found_by_the_packages_chain() {
    let mut log = HandMade::new();
    log.publish("npm:acme.example/widget", "1.0.0", b"the tarball");
    log.publish("npm:acme.example/other", "1.0.0", b"other");
    log.publish("npm:acme.example/widget", "1.0.0", b"other bytes under the same version");
    let case = Case::new(&log);
    case.now(Shown { proven: Some(vec![0, 1, 2]), ..Shown::whole(&log) });
    case.verify().done().says("chain       the first event of its package").says("first release of its version");
    // The void one, with the chain that it is not the first of.
    case.now(Shown { proven: Some(vec![0, 1, 2, 4]), ..Shown::whole(&log) });
    case.verify().ends(1, "npm:acme.example/widget@1.0.0 exists already");
    // A registry that hides the first one shows a chain without its beginning.
    case.now(Shown { proven: Some(vec![0, 1, 4]), ..Shown::whole(&log) });
    case.verify().ends(1, "is not on the chain of its package");
    // One that says nothing of chains, or that it left this one out, is believed no further than it goes.
    let widget = "npm:acme.example/widget".to_owned();
    for (unchained, why) in
        [(None, "the registry does not hand out"), (Some(vec![widget]), "the package's chain is longer than this program follows")]
    {
        case.now(Shown { proven: Some(vec![0, 1, 4]), unchained, ..Shown::whole(&log) });
        let said = case.verify().done().says(&format!("chain       not followed: {why}"));
        let said = said.says("not shown: that it is the first release of its version");
        assert!(!said.out.contains("first release of its version on its package's chain\nnot"), "{said:?}");
    }
}

#[test]
fn an_older_checkpoint_of_the_same_history_is_stale_and_no_fork() {
    let whole = log(9, "a");
    let case = Case::new(&whole);
    case.verify().done();
    // The tiles are still those of the larger tree.
    case.now(Shown { size: 5, ..Shown::whole(&whole) });
    let stale = case.verify().ends(1, "stale: the log registry.example");
    assert!(
        stale.err.contains("shows 5 entries, but this machine has seen 9. The older tree is a beginning of the newer one"),
        "{stale:?}"
    );
    // They are gone too: a backup was restored.
    case.now(Shown { size: 5, tiles: 5, ..Shown::whole(&whole) });
    case.verify().ends(1, "not shown to be a beginning of the newer one");
    // An older tree that is not a beginning is a fork, if there are tiles to show it.
    let other = log(5, "b");
    let mut mixed = Shown::whole(&whole);
    mixed.size = 5;
    mixed.log.entries[3..5].clone_from_slice(&other.entries[3..5]);
    let liar = Liar { signed: mixed, tiles: whole.clone() };
    let url = liar.serve();
    let home = Place::new();
    home.at(&url.0, &VERIFY).done();
    url.1.lock().unwrap().1 = true;
    home.at(&url.0, &VERIFY).ends(1, "FORK");
    case.now(Shown::whole(&whole));
    case.verify().done();
}

/// Signs one tree and serves the tiles of another.
struct Liar {
    signed: Shown,
    tiles: HandMade,
}

impl Liar {
    /// First the honest tree; once the flag is set, the other checkpoint.
    fn serve(self) -> (String, Arc<Mutex<(Liar, bool)>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new((self, false)));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.lock().unwrap();
                let honest = Shown::whole(&state.0.tiles);
                let mut signed = state.0.signed.clone();
                let lies = state.1;
                drop(state);
                let mut peeked = [0; 64];
                let n = stream.peek(&mut peeked).unwrap();
                let tile = String::from_utf8_lossy(&peeked[..n]).contains("/log/tile/");
                signed.tiles = signed.size;
                one(stream, if lies && !tile { &signed } else { &honest });
            }
        });
        (url, state)
    }
}

#[test]
fn tiles_that_lead_nowhere_are_refused_and_prove_no_fork() {
    let whole = log(9, "a");
    let case = Case::new(&whole);
    case.now(Shown { size: 5, tiles: 5, ..Shown::whole(&whole) });
    case.verify().done();
    case.now(Shown { damaged: true, ..Shown::whole(&whole) });
    let refused = case.verify().ends(1, "they do not lead to the checkpoint's root");
    assert!(!refused.err.contains("FORK"), "{refused:?}");
    case.now(Shown { tiles: 5, ..Shown::whole(&whole) });
    case.verify().ends(1, "a tile of the published tree is missing");
    case.now(Shown::whole(&whole));
    case.verify().done().says("9 entries");
}

#[test]
fn another_key_is_not_believed_later_or_against_what_was_given() {
    let good = log(5, "a");
    let mut other_key = good.clone();
    other_key.log = deedbox_model::SecretKey::from_seed(&[9; 32]);
    let case = Case::new(&good);
    case.verify().done();
    case.now(Shown::whole(&other_key));
    case.verify().ends(1, "the checkpoint does not verify");

    let elsewhere = Place::new();
    let given = good.vkey().to_string();
    elsewhere.at(&case.url, &["--log-key", &given, "verify", "--no-download", WIDGET]).ends(1, "the checkpoint does not verify");
    case.now(Shown::whole(&good));
    let first = elsewhere.at(&case.url, &["--log-key", &given, "verify", "--no-download", WIDGET]).done();
    assert!(first.err.contains("(as given)"), "{first:?}");
    let wrong = other_key.vkey().to_string();
    elsewhere.at(&case.url, &["--log-key", &wrong, "verify", "--no-download", WIDGET]).ends(1, "was pinned for this registry before");
    // A key whose registry does not name it is pinned by nobody.
    let third = Place::new();
    case.now(Shown::whole(&other_key));
    third.at(&case.url, &VERIFY).ends(1, "it does not name the key that signs the checkpoints");
    assert!(!third.path("home/registries").exists());
}

#[test]
fn what_came_after_rules_that_nobody_here_knows_is_not_judged() {
    let mut log = log(3, "other");
    let created = EventId::of(&log.entries[0]);
    for (ms, protocol, prev) in [(3, 2, Some(created)), (4, 3, None)] {
        let event = Event::from(RegistryRulesChanged { rules: Rules { parameters: Vec::new(), protocol } });
        let prev = prev.or_else(|| log.entries.last().map(|entry| EventId::of(entry)));
        let operator = log.operator.clone();
        log.say(&operator, &Speaker::Registry, &Subject::Registry, prev, ms, &event);
    }
    log.publish("npm:acme.example/widget", "1.1.0", b"a newer tarball");
    let case = Case::new(&log);
    let newer = ["verify", "--no-download", "npm:acme.example/widget@1.1.0"];
    let before = Shown { proven: Some(vec![0, 1, 2]), ..Shown::whole(&log) };
    let after = Shown { proven: Some(vec![0, 1, 2, 3, 4, 5]), ..Shown::whole(&log) };
    case.now(before);
    case.verify().done().says("verifies");
    case.now(after.clone());
    case.place.at(&case.url, &newer).ends(1, "protocol 2 is in force after entry 3");
    // Who hides it is not found out here: the output says so, and whose business it is.
    case.now(Shown { proven: Some(vec![0, 1, 2, 5]), ..after });
    case.place.at(&case.url, &newer).done().says("that the registry withholds nothing newer (a yank, a change of its own rules)");
}
