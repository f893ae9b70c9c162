//! Seeds: one good input of each kind for every target, and a few that are almost good. `cargo xtask fuzz --keep` adds
//! them to what fuzzing found, and commits the best of both to fuzz/corpus.

use crate::authority::STEP;
use crate::model::ORIGIN;
use crate::npm::raw_member;
use crate::npm::world::{package_json, tarball};
use crate::tlog::{SIZES, honest};
use deedbox_model::envelope::{Envelope, Kind};
use deedbox_model::event::{Acceptance, AcceptanceTerms, DomainEvent, DomainKey, Event, Role};
use deedbox_model::permit::{Permit, PermitTerms};
use deedbox_model::{Domain, EventId, Origin, Speaker, Statement, Verified};
use deedbox_testkit::{Registry, archives, manifest, secret, time};
use deedbox_tlog::{LogProof, attach_receipts, prove_inclusion};
use std::collections::BTreeMap;
use std::path::Path;

type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// Writes them, one folder for each target.
pub fn write(folder: &Path) {
    let mut seeds = Seeds::new();
    model(&mut seeds);
    tlog(&mut seeds);
    npm(&mut seeds);
    requests(&mut seeds);
    native_requests(&mut seeds);
    authority(&mut seeds);
    for room in
        [crate::archive::seeds, crate::versions::seeds, crate::maven::seeds, crate::gem::seeds, crate::oci::seeds, crate::dnssec::seeds]
    {
        room(&mut |target, input| add(&mut seeds, target, input));
    }
    for (target, inputs) in seeds {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (n, input) in inputs.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{n:02}")), input).unwrap();
        }
    }
}

fn add(seeds: &mut Seeds, target: &'static str, input: impl Into<Vec<u8>>) {
    seeds.entry(target).or_default().push(input.into());
}

fn statements() -> Vec<Verified<Statement>> {
    const ID: &str = "npm:acme.example/widget";
    let registry = Registry::default();
    let created = registry.created(time(0));
    let rules = registry.rules_changed(created.id(), 2, time(1));
    let (claim, owner) = registry.claim("acme.example", &secret(10), time(1));
    let (local, _) = registry.claim("demo.localhost", &secret(20), time(1));
    let (publish, _) = owner.publish(ID, "1.0.0", None, time(2), &["latest"]);
    let (team, _) = owner.publish("npm:team.acme.example/tool", "1.0.0-rc.1", Some(EventId([1; 32])), time(2), &[]);
    let yank = owner.yank(ID, "1.0.0", publish.id(), time(3));
    let unyank = owner.unyank(ID, "1.0.0", yank.id(), time(4));
    let notice = owner.deprecate(ID, "1.0.0", Some("use gadget"), unyank.id(), time(5));
    let lifted = owner.deprecate(ID, "1.0.0", None, notice.id(), time(6));
    let set = owner.set_channel(ID, "next", "1.0.0", lifted.id(), time(7));
    let removed = owner.remove_channel(ID, "next", set.id(), time(8));
    vec![created, rules, claim, local, publish, team, yank, unyank, notice, lifted, set, removed]
}

fn model(seeds: &mut Seeds) {
    for statement in statements() {
        let bytes = statement.bytes().to_vec();
        let envelope = Envelope::decode(Kind::Statement, &bytes).unwrap();
        let who = match (statement.speaker(), envelope.claims.subject) {
            (Speaker::Registry, "registry") => 0,
            (Speaker::Registry, "domain:acme.example") => 1,
            (Speaker::Registry, _) => 2,
            (_, "npm:acme.example/widget") => 3,
            _ => 4,
        };
        add(seeds, "payload", [&[who], envelope.payload].concat());
        for target in ["canonical", "value"] {
            add(seeds, target, envelope.payload);
        }
        if let Event::Domain(DomainEvent::Claimed(claimed)) = statement.event() {
            add(seeds, "acceptance", claimed.acceptance.bytes());
        }
        add(seeds, "transparent", attach_receipts(&bytes, &[honest().receipt(0), honest().receipt(299)]).unwrap());
        add(seeds, "statement", bytes);
    }
    let (domain, origin) = (Domain::parse("acme.example").unwrap(), Origin::parse(ORIGIN).unwrap());
    let mut keys: Vec<DomainKey> = (9..13)
        .map(|n| DomainKey {
            key: secret(n).public(),
            from: (n > 10).then(|| time(0)),
            role: if n == 12 { Role::Publish } else { Role::Admin },
            until: (n > 11).then(|| time(9)),
        })
        .collect();
    keys.sort_by_key(|key| key.key);
    for prev in [None, Some(EventId([1; 32]))] {
        let terms = AcceptanceTerms { prev, ..AcceptanceTerms::first(keys.clone(), time(0)) };
        add(seeds, "acceptance", Acceptance::sign(&secret(10), &domain, &origin, &terms).unwrap().bytes());
        add(seeds, "acceptance", [&[10], deedbox_model::encode(&terms).unwrap().as_slice()].concat());
    }
    let terms = PermitTerms { by: None, time: time(0), under: EventId([1; 32]), until: time(900_000) };
    add(seeds, "permit", Permit::sign(&secret(10), &domain, &origin, &terms).unwrap());
    add(seeds, "permit", [&[10], deedbox_model::encode(&terms).unwrap().as_slice()].concat());

    add(seeds, "manifest", manifest("npm:acme.example/widget", "1.0.0", b"x").encode().unwrap());
    let tgz = tarball(&[("package.json", PACKAGE_JSON.as_bytes()), ("README.md", b"# Widget\n")]);
    let inspected = crate::npm::world::inspect(&tgz).unwrap().manifest.encode().unwrap();
    for target in ["manifest", "canonical", "value"] {
        add(seeds, target, inspected.clone());
    }
    for hex in [
        &b"\x9f\x00\xff"[..],
        b"\xf9\x7e\x00",
        b"\xc0\x00",
        b"\xf7",
        b"\x18\x17",
        b"\xa2\x61b\x00\x61a\x00",
        b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff",
        &[[0x81; 32].as_slice(), &[0]].concat(),
        &[[0x81; 33].as_slice(), &[0]].concat(),
    ] {
        add(seeds, "canonical", hex);
        add(seeds, "value", hex);
    }
    for text in [
        "npm:acme.example/widget",
        "oci:a.b-c.xn--bcher-kva.example/x/Y_z.1",
        "domain:acme.example",
        "domain:acme.example/widget",
        "registry",
        "registry.example/log",
        "127.0.0.1",
        "demo.localhost",
        "1.0.0-rc.1+build.7",
        "v1_~!",
        "latest",
        "_next",
        "@acme.example/widget",
        "unmaintained",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "9007199254740991.0.0",
    ] {
        add(seeds, "texts", text);
    }
}

fn tlog(seeds: &mut Seeds) {
    let world = honest();
    for size in SIZES {
        let signed = &world.signed[&size];
        add(seeds, "note", signed.to_string());
        for index in [0, size / 2, size.saturating_sub(1)].into_iter().filter(|index| *index < size) {
            let proof = prove_inclusion(index, size, &world.tiles).unwrap();
            let extra = if index == 0 { Vec::new() } else { b"extra".to_vec() };
            add(seeds, "log_proof", LogProof::new(extra, proof, signed.clone()).unwrap().to_string());
        }
    }
    add(seeds, "note", "a note\n\n\u{2014} other.example AAAAAAA=\n");
    add(seeds, "vkey", world.log.verifier().to_string());
    add(seeds, "vkey", world.witness.verifier().to_string());
    for path in
        ["tile/0/000", "tile/1/x001/x234/067.p/5", "tile/7/000.p/127", "tile/entries/000.p/2", "tile/entries/x001/000", "tile/63/000"]
    {
        add(seeds, "tile", path);
    }
    add(seeds, "tile", b"tile/entries/000.p/2\n\0\x01a\0\0");
    for (width, more) in [(1, 0), (2, 1), (255, 1), (255, 3), (3, 253)] {
        let entries: Vec<[u8; 1]> = (0..width).map(|n| [n]).collect();
        add(seeds, "bundle", [&[width, more], deedbox_tlog::bundle::encode_entries(&entries).unwrap().as_slice()].concat());
    }
    for index in [0, 255, 299] {
        add(seeds, "receipt", world.receipt(index).as_bytes());
    }
    // Sizes are a product of two bytes; then leaves, order, size and what is spoilt.
    add(seeds, "multiproof", b"\x64\x03\x03\x01\x05\x02\x01\x07\x02\x64\x02\x02\0\0\0");
    add(seeds, "multiproof", b"\x07\x01\x02\x01\x00\x02\x01\x06\x02\0\0\x01\0\x03\0\xff");
    add(seeds, "multiproof", b"\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\xff\x7f\xff\xff\xff\xff\xff\xff\xfe\x02\0\0\0");
    add(seeds, "proof", b"\x01\x05\x64\x03\x64\x03\0\x05\0");
    add(seeds, "proof", b"\x01\x07\x01\x0b\x01\x0c\x02\0\x03\0\x01\x01\x04\x02\x07\0\0");
    add(seeds, "proof", b"\xff\x3f\xff\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x64\x03\0\0\0");

    let commit = |number: u8, old: u64, new: u64| {
        let cbor = |n: u64| deedbox_model::encode(&n).unwrap();
        let digest = |n: u8| [&[0x58, 0x20][..], &[n; 32]].concat();
        let fields = [
            ("root", digest(1)),
            ("nonce", [&[0x50][..], &[2; 16]].concat()),
            ("bundle", digest(3)),
            ("number", cbor(number.into())),
            ("new_size", cbor(new)),
            ("old_size", cbor(old)),
            ("previous", if number == 0 { vec![0xf6] } else { digest(4) }),
        ];
        let fields = fields.map(|(name, value)| [deedbox_model::encode(&name.to_owned()).unwrap(), value].concat());
        [&[number, 0xa7][..], &fields.concat()].concat()
    };
    add(seeds, "commit", commit(0, 0, 2));
    add(seeds, "commit", commit(1, 2, 300));
    add(seeds, "commit", b"\0\x01a\0\0\0\x02bc");
}

const PACKAGE_JSON: &str = r#"{"name":"@acme.example/widget","version":"1.2.3-rc.1+b","description":"A widget","keywords":["small","blue"],"license":"MIT",
"author":"A <a@registry.example>","contributors":[{"name":"B"}],"homepage":"https://registry.example/w","repository":{"type":"git","url":"git+https://registry.example/w.git"},
"bugs":"https://registry.example/bugs","funding":"https://registry.example/f","main":"index.js","bin":{"w":"./bin/run.js"},"man":"w.1","type":"module",
"dependencies":{"@acme.example/gear":"^1.0.0"},"devDependencies":{},"optionalDependencies":{"a":"*"},"peerDependencies":{"b":">=1"},"peerDependenciesMeta":{"b":{"optional":true}},
"bundleDependencies":true,"engines":{"node":">=20"},"os":["linux"],"cpu":"x64","libc":["glibc"],"scripts":{"postinstall":"node x"},"directories":{"bin":"bin"},
"publishConfig":{"tag":"beta"},"gypfile":false,"browser":{"x":false},"n":1.5,"big":1e99}"#;

fn npm(seeds: &mut Seeds) {
    let plain = package_json("1.0.0", "");
    for json in [
        plain.as_str(),
        PACKAGE_JSON,
        r#"{"name":"@acme.example/widget","version":"1.0.0","bin":"run.js","license":{"type":"MIT"},"keywords":"a, b","dependencies":false}"#,
        r#"{"name":"@acme.example/widget","version":"1.0.0","directories":{"bin":"./bin/"},"licenses":[{"type":"MIT"}],"bundledDependencies":["x"]}"#,
        r#"{"name":"@acme.example/widget","version":"1.0.0","private":true}"#,
        r#"{"name":"@acme.example/widget","version":"1.0.0","bin":{"../x":"../../y","a/b":"c:\\d","":"e"}}"#,
    ] {
        add(seeds, "package_json", json);
    }
    let end = vec![0; 1024];
    let good = || raw_member(b"package/package.json", b'0', plain.as_bytes());
    let file = || raw_member(b"package/lib/a.js", b'0', b"x");
    let long = "package/".to_owned() + &"long/".repeat(8) + "file.js";
    let record = |key: &str, value: &str| {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|n| format!("{n}{rest}").len() == *n).unwrap_or_default();
        format!("{length}{rest}")
    };
    let pax = |kind: u8, data: String| raw_member(b"PaxHeader/x", kind, data.as_bytes());
    let tars = [
        archives::tar(&[
            ("package/package.json", plain.as_bytes()),
            ("package/README.md", b"# Widget\n"),
            ("package/binding.gyp", b"{}"),
            ("package/npm-shrinkwrap.json", b"{}"),
        ]),
        [good(), end.clone()].concat(),
        [raw_member(b"package/", b'5', b""), good(), raw_member(b"package/lib/", b'5', b""), file(), end.clone()].concat(),
        [good(), pax(b'x', record("path", &long) + &record("size", "1")), file(), end.clone()].concat(),
        [good(), pax(b'x', record("mtime", "1.5")), file(), end.clone()].concat(),
        [pax(b'g', record("comment", "0123")), good(), end.clone()].concat(),
        [good(), raw_member(b"././@LongLink", b'L', &[long.as_bytes(), &[0]].concat()), file(), end.clone()].concat(),
        [good(), raw_member(b"package/../up", b'0', b"x"), end.clone()].concat(),
        [good(), raw_member(b"package/l", b'2', b""), end.clone()].concat(),
        [good(), raw_member(b"package/Package.json", b'0', b"x"), end.clone()].concat(),
        [good(), end.clone(), good()].concat(),
    ];
    for tar in tars {
        add(seeds, "tgz", crate::npm::world::gzip(&tar));
        add(seeds, "tar", tar);
    }
    let sri = |byte: char| format!("sha512-{}==", byte.to_string().repeat(86));
    for lock in [
        format!(
            r#"{{"name":"app","lockfileVersion":3,"requires":true,"packages":{{"":{{"name":"app","dependencies":{{"@acme.example/widget":"1"}}}},"node_modules/@acme.example/widget":{{"version":"1.0.0","resolved":"https://registry.example/npm/@acme.example/widget/-/widget-1.0.0.tgz","integrity":"{}"}},"node_modules/a/node_modules/alias":{{"name":"@acme.example/gear","version":"2.0.0","integrity":"sha1-x {}?x"}},"node_modules/own":{{"resolved":"packages/own","link":true}},"node_modules/in":{{"inBundle":true}}}}}}"#,
            sri('A'),
            sri('A')
        ),
        r#"{"lockfileVersion":2,"packages":{"node_modules/left":{"version":"1.3.0","integrity":"sha1-AAAA"}},"dependencies":{}}"#
            .to_owned(),
        r#"{"lockfileVersion":1,"dependencies":{}}"#.to_owned(),
    ] {
        add(seeds, "package_lock", lock);
    }
}

fn requests(seeds: &mut Seeds) {
    for path in [
        "",
        "@acme.example/widget",
        "@acme.example/widget/1.0.0",
        "@acme.example/widget/latest",
        "@acme.example/widget/old",
        "@acme.example/widget/1.1.0",
        "@acme.example/gear/latest",
        "@acme.example/gear/3.0.0",
        "@acme.example/gear/-/gear-3.0.1.tgz",
        "@acme.example/widget/-/widget-2.0.0.tgz",
        "@team.acme.example/only-rc",
        "-/package/@acme.example/widget/dist-tags",
        "-/v1/search?text=widget%20keywords:blue&size=2&from=1",
        "-/v1/search?text=@acme.example author:x",
        "-/ping",
        "-/whoami",
        "-/npm/v1/keys",
        "-/npm/v1/attestations/@acme.example/widget@1.0.0",
        "left-pad",
    ] {
        for how in [0x00, 0xd2] {
            add(seeds, "npm_request", [&[how], path.as_bytes()].concat());
        }
    }
    add(seeds, "npm_request", b"\x06-/npm/v1/security/advisories/bulk\n{}");
    add(seeds, "npm_request", b"\x07@acme.example%2fwidget");
    for (mount, url) in [
        (0, ""),
        (0, "?prefix=gem:&after=gem:lab3.acme.example/tool-3&limit=5"),
        (0, "npm:acme.example/widget"),
        (0, "npm:acme.example/widget@1.0.0"),
        (0, "npm:acme.example/widget@9.9.9"),
        (0, "npm:acme.example/widget?view=versions&limit=2&after=1"),
        (0, "npm:acme.example/widget?view=channels&after=a"),
        (0, "npm:acme.example/widget?view=history&after=3&limit=2"),
        (0, "npm:demo.localhost/gone@1.0.0"),
        (0, "npm:demo.localhost/broken@1.0.0"),
        (1, ""),
        (1, "acme.example"),
        (1, "?after=acme.example&limit=1"),
        (2, "?q=tool"),
        (2, "?q=blue small widget&limit=3&ecosystem=npm"),
        (2, "?q=tool&after=0:gem:lab3.acme.example/tool-3"),
        (7, "npm:acme.example/widget"),
    ] {
        add(seeds, "catalog_request", [&[mount], url.as_bytes()].concat());
    }
}

/// The first byte says the ecosystem in its bits 3 and 4, the size of scans in its highest two.
fn native_requests(seeds: &mut Seeds) {
    let short = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let maven = [
        "",
        ".meta/prefixes.txt",
        "example/acme/widget/maven-metadata.xml.sha1",
        "example/acme/widget/1.0/widget-1.0.pom",
        "example/acme/widget/1.1-SNAPSHOT/maven-metadata.xml",
        "example/acme/widget/1.1-SNAPSHOT/widget-1.1-SNAPSHOT-sources.jar",
        "example/acme/widget/1.1-SNAPSHOT/widget-1.1-20261121.070000-1.jar.sha512",
        "example/acme/widget/4.0/widget-4.0.jar",
        "example/acme/widget/4.1/widget-4.1.jar",
    ]
    .map(str::to_owned);
    let oci = [
        "",
        "_catalog?n=1&last=a",
        "token?scope=x",
        "acme.example/app/tags/list?n=1&last=1.0",
        "acme.example/app/manifests/1.0?ns=x",
        "acme.example/app/manifests/latest",
        "acme.example/app/manifests/4.0",
    ]
    .map(str::to_owned);
    let oci = oci
        .into_iter()
        .chain([format!("acme.example/app/blobs/{short}"), format!("acme.example/app/referrers/{short}?artifactType=x&last={short}")]);
    let gem = [
        "acme.example/",
        "acme.example/versions",
        "acme.example/names",
        "acme.example/info/widget",
        "acme.example/specs.4.8.gz",
        "acme.example/prerelease_specs.4.8.gz",
        "acme.example/latest_specs.4.8.gz",
        "acme.example/quick/Marshal.4.8/widget-1.2.0-x86_64-linux.gemspec.rz",
        "acme.example/gems/foo-1-2.0.gem",
        "acme.example/gems/widget-4.0.gem",
        "acme.example/api/v1/versions/widget.json",
        "acme.example/api/v1/gems/widget.json",
        "acme.example/api/v1/search.json?query=wid&page=2",
        "acme.example/api/v1/dependencies",
    ]
    .map(str::to_owned);
    let all = maven.into_iter().map(|url| (0u8, url)).chain(oci.map(|url| (8, url))).chain(gem.into_iter().map(|url| (16, url)));
    for (n, (ecosystem, url)) in all.enumerate() {
        let how = ecosystem | if n % 2 == 0 { 0xc0 } else { 0x00 };
        add(seeds, "native_request", [&[how], url.as_bytes()].concat());
    }
    for ecosystem in [0, 8, 16] {
        add(seeds, "native_request", [&[ecosystem | 7], &b"acme.example/app/manifests/1.0"[..]].concat());
    }
}

/// Steps: kind, who (domain, and id from bit 3), what (version, channel from bit 2), prev, when, how.
fn authority(seeds: &mut Seeds) {
    const CREATED: [u8; STEP] = [0, 0, 0, 7, 0, 0];
    const ACME: [u8; STEP] = [2, 0, 0, 7, 1, 0];
    const LOCAL: [u8; STEP] = [2, 4, 1, 7, 1, 0];
    const PUBLISH: [u8; STEP] = [4, 0, 0x40, 0, 1, 0];
    const SECOND: [u8; STEP] = [4, 0, 0x22, 0, 1, 0];
    let logs: [&[[u8; STEP]]; 8] = [
        &[CREATED, ACME, PUBLISH, SECOND, [8, 0, 0, 0, 1, 0], [9, 0, 0, 0, 1, 0], [10, 0, 0, 0, 1, 0], [10, 0, 16, 0, 1, 0]],
        &[CREATED, ACME, PUBLISH, SECOND, [12, 0, 2, 0, 1, 0], [14, 0, 0, 0, 1, 0], [14, 0, 8, 0, 1, 0], [11, 0, 2, 0, 1, 0]],
        &[CREATED, ACME, [2, 1, 0, 7, 1, 0], [4, 0x19, 0, 0, 1, 0], [4, 0x18, 0, 0, 1, 0], [4, 0x20, 0, 0, 1, 0], [2, 2, 0, 7, 1, 0]],
        &[CREATED, ACME, [1, 0, 2, 0, 1, 0], PUBLISH],
        &[CREATED, LOCAL, [4, 0x34, 0, 0, 1, 0], [2, 4, 1, 7, 1, 0x80]],
        &[CREATED, ACME, PUBLISH, [15, 0, 2, 0, 0, 0], [4, 8, 0, 0, 1, 0], [4, 0, 1, 0, 1, 0], [4, 0, 0x12, 0, 1, 0]],
        &[CREATED, ACME, [4, 0, 0, 0, 240, 0], [4, 0, 2, 0, 239, 0], [4, 0, 2, 0, 205, 0], [4, 0, 3, 0, 1, 26]],
        &[ACME, CREATED, PUBLISH],
    ];
    for log in logs {
        add(seeds, "authority", log.concat());
    }
    let spoilt = [27u8, 28, 29, 30, 31, 0x60].map(|how| [[4, 0, 0, 0, 1, how]].concat()).concat();
    add(seeds, "authority", [CREATED.to_vec(), ACME.to_vec(), spoilt].concat());
}
