//! Claims of domains from end to end: the program as registry and as claimant, real name servers with signed and unsigned zones under a root of
//! the test, and a real web server. Nobody outside is asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use deedbox_tests::{
    nameservers::{Nameservers, Signing, Zone},
    registry::{Running, Said, program},
    web::{Authority, Reply, WebServer},
};
use serde_json::Value;
use tempfile::TempDir;

/// Names below which anybody can have a domain, in these tests.
const SUFFIXES: &str = "// rules of the tests\ntest\nhost.test\n*.wild.test\n";

struct World {
    servers: Nameservers,
    registry: Running,
    _files: TempDir,
}

impl World {
    fn start(zones: &[Zone], more: &[&str]) -> World {
        let servers = Nameservers::start(&[&[Zone::new("test", Signing::Nsec, "")], zones].concat()).unwrap();
        let files = tempfile::tempdir().unwrap();
        let anchors = servers.anchors().iter().map(|anchor| {
            format!(". IN DS {} {} {} {}\n", anchor.key_tag, anchor.algorithm, anchor.digest_type, hex::encode(&anchor.digest))
        });
        let (anchor_file, suffix_file) = (files.path().join("anchors"), files.path().join("suffixes"));
        fs::write(&anchor_file, anchors.collect::<String>()).unwrap();
        fs::write(&suffix_file, SUFFIXES).unwrap();
        let resolver = servers.resolver().to_string();
        let (anchors, suffixes) = (anchor_file.to_str().unwrap(), suffix_file.to_str().unwrap());
        let args = [&["--resolver", &resolver, "--dns-anchors", anchors, "--public-suffixes", suffixes], more].concat();
        World { registry: Running::start_with(&args).unwrap(), servers, _files: files }
    }

    fn claim(&self, domain: &str, wait: &str) -> Said {
        self.registry.deedbox(["claim", domain, "--wait", wait]).unwrap()
    }

    /// What the registry says of a domain.
    fn domain(&self, domain: &str) -> Value {
        let text = self.get(&format!("api/v1/domains/{domain}"));
        serde_json::from_str(&text).unwrap()
    }

    fn get(&self, path: &str) -> String {
        let url = format!("{}/{path}", self.registry.url);
        tokio::runtime::Runtime::new().unwrap().block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() })
    }

    /// Puts this value where the domain's record is, in place of any other.
    fn put(&self, domain: &str, value: &str) {
        let lines = [format!("delete _deedbox.{domain}. TXT"), format!("add _deedbox.{domain}. 1 TXT \"{value}\"")];
        self.servers.update(domain, &lines).unwrap();
    }

    /// Sends the claimant's half with this record once more, as any client may; gives the answer.
    fn send_kept(&self, domain: &str, route: &str, value: &str) -> (u16, Value) {
        let registries = fs::read_dir(self.registry.folder().join("home/registries")).unwrap();
        let claims = fs::read_dir(registries.map(|entry| entry.unwrap().path()).next().unwrap().join("claims")).unwrap();
        let mut kept = claims.map(|entry| entry.unwrap().path());
        let is_it = |path: &std::path::PathBuf| {
            path.file_name().unwrap().to_str().unwrap().starts_with(domain)
                && value.ends_with(&deedbox_model::Sha256Digest::of(&fs::read(path).unwrap()).to_hex())
        };
        let kept = kept.find(is_it).unwrap();
        let post = reqwest::Client::new().post(format!("{}/api/v1/{route}", self.registry.url)).header("content-type", "application/cose");
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let answer = post.body(fs::read(kept).unwrap()).send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        })
    }

    fn entries(&self) -> u64 {
        serde_json::from_str::<Value>(&self.get("api/v1/registry")).unwrap()["tree_size"].as_u64().unwrap()
    }
}

/// The value that a claimant is told to put.
fn record(said: &Said) -> String {
    let line = said.err.lines().find(|line| line.contains("with the value")).unwrap_or_else(|| panic!("{}", said.all()));
    line.split_whitespace().last().unwrap().to_owned()
}

#[test]
fn a_claim_is_filed_when_its_record_is_seen_and_not_before() {
    let zones = [
        Zone::new("signed.test", Signing::Nsec3, ""),
        Zone::new("plain.test", Signing::Unsigned, ""),
        Zone::new("taken.test", Signing::Nsec, "_deedbox TXT \"deedbox-claim=sha256:00\"\n"),
    ];
    let world = World::start(&zones, &[]);
    for (domain, evidence) in [("signed.test", "dnssec"), ("plain.test", "dns")] {
        let before = world.entries();
        let told = world.claim(domain, "0");
        assert!(!told.ok, "{}", told.all());
        assert!(told.err.contains(&format!("a TXT record at   _deedbox.{domain}")), "{}", told.err);
        assert!(told.err.contains(&format!("there is no TXT record at _deedbox.{domain}")), "what was seen: {}", told.err);
        let (status, answer) = world.send_kept(domain, "claims", &record(&told));
        assert_eq!((status, answer["error"]["code"].as_str()), (422, Some("not_shown_yet")), "{answer}");
        assert_eq!(world.entries(), before, "nothing was filed");
        let value = record(&told);
        assert_eq!(record(&world.claim(domain, "0")), value, "what is put stays the same from one run to the next");

        world.servers.update(domain, &[format!("add _deedbox.{domain}. 60 TXT \"{value}\"")]).unwrap();
        let filed = world.claim(domain, "1");
        assert!(filed.ok, "{}", filed.all());
        assert!(filed.out.contains(&format!("claimed {domain} as entry")), "{}", filed.out);
        let said = world.domain(domain);
        assert_eq!((said["domain"].as_str().unwrap(), said["evidence"].as_str().unwrap()), (domain, evidence));
        let again = world.claim(domain, "0");
        assert!(again.ok && again.out.contains("was claimed before"), "{}", again.all());
    }
    // Somebody else's record is told, and does not count for this claim.
    let others = world.claim("taken.test", "0");
    assert!(!others.ok && others.err.contains("says \"deedbox-claim=sha256:00\""), "{}", others.all());
    // What nobody can have is told before anything has to be put anywhere.
    for (domain, why) in [("host.test", "public_suffix"), ("a.wild.test", "public_suffix")] {
        let refused = world.claim(domain, "1");
        assert!(!refused.ok && refused.err.contains(why) && !refused.err.contains("TXT record"), "{}", refused.all());
    }
}

#[test]
fn a_recovery_of_a_domain_that_was_shown_is_opened_when_its_record_is_seen_and_waits() {
    let world = World::start(&[Zone::new("signed.test", Signing::Nsec3, ""), Zone::new("plain.test", Signing::Unsigned, "")], &[]);
    let operator = world.registry.folder().join("registry/keys/operator.pem");
    for (domain, evidence) in [("signed.test", "dnssec"), ("plain.test", "dns")] {
        world.put(domain, &record(&world.claim(domain, "0")));
        let claimed = world.claim(domain, "1");
        assert!(claimed.ok, "{}", claimed.all());
        // Somebody who has the domain, and none of its keys.
        let key = world.registry.folder().join(format!("{domain}.pem"));
        let key = key.to_str().unwrap();
        assert!(world.registry.deedbox(["keygen", "--out", key]).unwrap().ok);
        let recover = |more: &[&str]| world.registry.deedbox([&["--key", key, "recover", domain], more].concat()).unwrap();
        let own = world.registry.deedbox(["recover", domain]).unwrap();
        assert!(!own.ok && own.err.contains("nothing has to be recovered for it"), "{}", own.all());
        // The operator's word alone does not take what was shown.
        let word = recover(&["--operator-key", operator.to_str().unwrap()]);
        assert!(!word.ok && word.err.contains("weaker_evidence"), "{}", word.all());
        let before = world.entries();
        let told = recover(&["--wait", "0"]);
        assert!(!told.ok && told.err.contains("and not the value that was given"), "{}", told.all());
        assert_eq!(world.entries(), before, "nothing was filed");
        let value = record(&told);
        world.put(domain, &value);
        // A resolver remembers the one before for a moment.
        let opened = recover(&["--wait", "1"]);
        assert!(opened.ok && opened.out.contains(&format!("opened a recovery of {domain}")), "{}", opened.all());
        let said = world.domain(domain);
        let recovery = &said["recovery"];
        assert_eq!((recovery["evidence"].as_str(), said["through"].as_str()), (Some(evidence), Some("claim")), "{said}");
        assert_eq!(recovery["record"], value.as_str());
        let wait = recovery["waits_until_ms"].as_u64().unwrap() - recovery["at_ms"].as_u64().unwrap();
        assert_eq!(wait, 14 * 86_400_000);
        // The day is said without a word to the registry, and by the registry itself.
        let date = &recovery["waits_until"].as_str().unwrap()[..10];
        let early = recover(&["--wait", "0"]);
        assert!(!early.ok && early.err.contains("[too_soon]") && early.err.contains(date), "{}", early.all());
        let (status, answer) = world.send_kept(domain, "recoveries", &value);
        assert_eq!((status, answer["error"]["code"].as_str()), (422, Some("too_soon")), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(date), "{answer}");
        // The holder says no: from then on it is the operator's to decide.
        let contested = world.registry.deedbox(["contest", domain]).unwrap();
        assert!(contested.ok && contested.out.contains("contested the recovery"), "{}", contested.all());
        let (status, answer) = world.send_kept(domain, "recoveries", &value);
        assert_eq!((status, answer["error"]["code"].as_str()), (422, Some("contested")), "{answer}");
    }
}

#[test]
fn an_operator_who_looks_opens_a_recovery_by_what_they_see_and_not_by_their_word() {
    let world = World::start(&[Zone::new("signed.test", Signing::Nsec3, "")], &[]);
    let folder = world.registry.folder();
    let (operator, key, file) = (folder.join("registry/keys/operator.pem"), folder.join("fresh.pem"), folder.join("accepted.json"));
    let (operator, key, file) = (operator.to_str().unwrap(), key.to_str().unwrap(), file.to_str().unwrap());
    world.put("signed.test", &record(&world.claim("signed.test", "0")));
    assert!(world.claim("signed.test", "1").ok);
    assert!(world.registry.deedbox(["keygen", "--out", key]).unwrap().ok);
    assert!(world.registry.deedbox(["--key", key, "accept", "signed.test", "--out", file]).unwrap().ok);
    let resolver = world.servers.resolver().to_string();
    let look = || {
        let args = ["recover", "--countersign", file, "--operator-key", operator, "--look", "--resolver", &resolver];
        world.registry.deedbox(args).unwrap()
    };
    let told = look();
    assert!(!told.ok && told.err.contains("[not_shown_yet]"), "{}", told.all());
    let value = told.err.split_whitespace().find(|word| word.starts_with("deedbox-claim=") && !word.contains('"')).unwrap().to_owned();
    world.put("signed.test", &value);
    let opened = (0..20).find_map(|_| {
        let said = look();
        (said.ok || !said.err.contains("[not_shown_yet]")).then_some(said).or_else(|| {
            // A resolver remembers the record before for a moment.
            std::thread::sleep(Duration::from_secs(1));
            None
        })
    });
    let opened = opened.unwrap();
    assert!(opened.ok && opened.out.contains("opened a recovery of signed.test"), "{}", opened.all());
    assert_eq!(world.domain("signed.test")["recovery"]["evidence"], "dnssec");
    let early = look();
    assert!(!early.ok && early.err.contains("[too_soon]"), "{}", early.all());
}

#[test]
fn who_waits_is_told_what_is_seen_and_has_the_domain_when_the_record_is_there() {
    let world = World::start(&[Zone::new("late.test", Signing::Nsec, "")], &[]);
    let first = record(&world.claim("late.test", "0"));
    let waiting = Command::new(program().unwrap())
        .args(["--registry", &world.registry.url, "claim", "late.test", "--wait", "3"])
        .env("DEEDBOX_HOME", world.registry.folder().join("home"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    std::thread::sleep(Duration::from_secs(2));
    world.servers.update("late.test", &[format!("add _deedbox.late.test. 60 TXT \"{first}\"")]).unwrap();
    let said = Said::from(waiting.wait_with_output().unwrap());
    assert!(said.ok && said.out.contains("claimed late.test as entry"), "{}", said.all());
    assert!(begun.elapsed() < Duration::from_secs(60), "the second or third look sees it");
    assert_eq!(world.domain("late.test")["evidence"], "dnssec");
}

#[test]
fn a_file_at_its_address_shows_a_domain_whose_dns_is_not_signed_and_no_other() {
    let at = |last: u8| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    let here = |last: u8| format!("@ A {}\n", at(last));
    let zones = [
        Zone::new("web.test", Signing::Unsigned, &here(1)),
        Zone::new("safe.test", Signing::Nsec, &here(2)),
        Zone::new("others.test", Signing::Unsigned, &here(3)),
    ];
    let authority = Authority::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let files = tempfile::tempdir().unwrap();
    let roots = files.path().join("roots.pem");
    fs::write(&roots, authority.pem()).unwrap();
    let serve = |name: &str, address: IpAddr, port: u16, claim: &str| {
        let body = format!("{{\"claims\":[\"sha256:{}\",\"{claim}\"]}}", "0".repeat(64));
        let (config, reply) = (authority.server(name, false).unwrap(), Reply::http("200 OK", &[], body.as_bytes()));
        runtime.block_on(WebServer::start((address, port).into(), config, reply)).unwrap()
    };
    // Its port is the one at which the registry asks for all.
    let others = serve("others.test", at(3), 0, &format!("sha256:{}", "1".repeat(64)));
    let port = others.address().port();
    let number = port.to_string();
    let more = ["--claim-roots", roots.to_str().unwrap(), "--allow-private-addresses", "--claim-port", &number];
    let world = World::start(&zones, &more);
    let refused = world.claim("others.test", "0");
    assert!(!refused.ok && refused.err.contains("names other claims"), "{}", refused.all());

    let told = world.claim("web.test", "0");
    assert!(!told.ok && told.err.contains("cannot be reached"), "{}", told.all());
    let address = |said: &Said| record(said).strip_prefix("deedbox-claim=").unwrap().to_owned();
    assert!(told.err.contains(&format!("{{\"claims\":[\"{}\"]}}", address(&told))), "{}", told.err);
    let _web = serve("web.test", at(1), port, &address(&told));
    let filed = world.claim("web.test", "0");
    assert!(filed.ok, "{}", filed.all());
    assert_eq!(world.domain("web.test")["evidence"], "https");

    // The same file for a domain whose DNS is signed proves nothing: who holds the network between could show it.
    let told = world.claim("safe.test", "0");
    let _safe = serve("safe.test", at(2), port, &address(&told));
    let refused = world.claim("safe.test", "0");
    assert!(!refused.ok && refused.err.contains("is in the signed zone safe.test"), "{}", refused.all());
}

#[test]
fn without_a_suffix_list_or_somebody_who_looks_the_operator_vouches() {
    let servers = Nameservers::start(&[Zone::new("test", Signing::Nsec, "")]).unwrap();
    let registry = Running::start_with(&["--resolver", &servers.resolver().to_string()]).unwrap();
    let refused = registry.deedbox(["claim", "acme.test", "--wait", "0"]).unwrap();
    assert!(!refused.ok && refused.err.contains("no_ground") && refused.err.contains("--public-suffixes"), "{}", refused.all());
    let key = registry.folder().join("registry/keys/operator.pem");
    let filed = registry.deedbox(["claim", "acme.test", "--operator-key", key.to_str().unwrap()]).unwrap();
    assert!(filed.ok, "{}", filed.all());
}
