//! Real artifacts, not toys: packages, gems and images that people use, published with `deedbox publish` and read back through each
//! ecosystem's own addresses and clients. Every byte that comes out is the byte that went in, and what is refused is in a list with its
//! reason. The real jars are in `maven_clients.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use deedbox_tests::{
    clients, real_npm,
    registry::{DOMAIN, Running, Said},
};
use serde_json::{Value, json};

/// Publishes files, all with one command; when that is refused, one by one. Gives what was refused, with the words.
fn publish(registry: &Running, files: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let publish =
        |files: &[PathBuf]| registry.deedbox([OsStr::new("publish")].into_iter().chain(files.iter().map(|file| file.as_os_str()))).unwrap();
    let all = publish(files);
    if all.ok {
        assert_eq!(all.out.matches(" published as entry ").count(), files.len(), "{}", all.out);
        return Vec::new();
    }
    let one_by_one = files.iter().map(|file| (file, publish(std::slice::from_ref(file))));
    one_by_one.filter(|(_, said)| !said.ok).map(|(file, said)| (file.clone(), said.err)).collect()
}

/// What is at an address.
async fn get(http: &reqwest::Client, url: &str) -> Vec<u8> {
    let answer = http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    answer.bytes().await.unwrap().to_vec()
}

/// What was done, for whoever reads the test's output.
fn report(what: &str, published: usize, bytes_in: usize, bytes_out: usize, refused: &[(PathBuf, String)]) {
    println!("{what}: {published} published, {bytes_in} bytes in, {bytes_out} bytes out, refused: {refused:?}");
}

/// The packages that npm 11, npm 12, pnpm 10, yarn 1 and yarn 4 are made of, and at the end npm itself, out of the registry, at work.
#[tokio::test(flavor = "multi_thread")]
async fn npm_packages_by_the_hundred_come_back_byte_for_byte_and_npm_runs_from_them() {
    let made_of = [clients::npm11(), clients::npm12(), clients::pnpm10(), clients::yarn1(), clients::yarn4()].map(Result::unwrap);
    let scratch = tempfile::tempdir().unwrap();
    let packages = real_npm::packed(&made_of, scratch.path()).unwrap();
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    assert!(names.len() >= 100, "{} packages", names.len());

    let registry = Running::start().unwrap();
    let files: Vec<PathBuf> = packages.iter().map(|package| package.tarball.clone()).collect();
    let refused = publish(&registry, &files);

    let http = reqwest::Client::new();
    let (mut bytes_in, mut bytes_out) = (0, 0);
    let mut packuments: BTreeMap<&str, Value> = BTreeMap::new();
    for package in &packages {
        let url = format!("{}@{DOMAIN}%2f{}", registry.npm_url, package.name);
        let packument = match packuments.get(package.name.as_str()) {
            Some(packument) => packument,
            None => {
                let packument = serde_json::from_slice(&get(&http, &url).await).unwrap();
                packuments.entry(&package.name).or_insert(packument)
            }
        };
        let (shown, source) = (&packument["versions"][&package.version], package.package_json().unwrap());
        for kind in ["dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta"] {
            let wanted = source.get(kind).filter(|map| **map != json!({}));
            assert_eq!(shown.get(kind), wanted, "{} {} {kind}", package.original, package.version);
        }
        assert_eq!(shown["name"], package.renamed());
        let packed = fs::read(&package.tarball).unwrap();
        let served = get(&http, shown["dist"]["tarball"].as_str().unwrap()).await;
        assert!(served == packed, "{} {}: other bytes", package.original, package.version);
        bytes_in += packed.len();
        bytes_out += served.len();
    }
    report("npm", packages.len() - refused.len(), bytes_in, bytes_out, &refused);
    assert!(refused.is_empty(), "{refused:#?}");

    // npm's own tree, from the registry alone; npm checks the integrity of every tarball.
    let npm = packages.iter().rfind(|package| package.original == "npm" && package.version.starts_with("11.")).unwrap();
    let client = &made_of[0];
    let project = |name: &str, wants: &str, version: &str| {
        let folder = scratch.path().join(name);
        registry.project(client, &folder, &json!({ "private": true, "dependencies": { wants: version } })).unwrap();
        folder
    };
    let npms = project("npm", &npm.renamed(), &npm.version);
    let run = |args: &[&str]| Said::of(client.command(&scratch.path().join("npm-home"), &npms).args(args)).unwrap().done().unwrap();
    run(&["install", "--no-audit", "--ignore-scripts"]);
    let viewed = run(&["view", "--json", &format!("{}@{}", npm.renamed(), npm.version), "dependencies"]).out;
    assert_eq!(serde_json::from_str::<Value>(&viewed).unwrap(), npm.package_json().unwrap()["dependencies"]);
    let installed = |project: &Path| -> BTreeSet<String> {
        let folder = fs::read_dir(project.join(format!("node_modules/@{DOMAIN}"))).unwrap();
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(installed(&npms).len() >= 100, "{:?}", installed(&npms));
    assert!(installed(&npms).iter().all(|name| names.contains(name.as_str())), "{:?}", installed(&npms));

    // And the npm that came out of the registry installs from the registry: a hundred packages of it run.
    let arborists = project("arborist", &format!("@{DOMAIN}/npmcli-arborist"), "*");
    let program = npms.join("node_modules").join(npm.renamed()).join("bin/npm-cli.js");
    let npm_of_the_registry = |args: &[&str]| {
        let mut node = real_npm::node(&arborists).unwrap();
        node.env("HOME", scratch.path().join("home")).env("npm_config_cache", scratch.path().join("cache")).arg(&program).args(args);
        Said::of(&mut node).unwrap().done().unwrap().out
    };
    assert_eq!(npm_of_the_registry(&["--version"]).trim(), npm.version);
    npm_of_the_registry(&["install", "--no-audit", "--ignore-scripts", "--no-update-notifier"]);
    assert!(installed(&arborists).len() >= 50, "{:?}", installed(&arborists));
    let script = format!("console.log(new (require('@{DOMAIN}/npmcli-arborist'))({{ path: '.' }}).path)");
    let said = Said::of(real_npm::node(&arborists).unwrap().args(["-e", &script])).unwrap().done().unwrap();
    assert_eq!(Path::new(said.out.trim()), fs::canonicalize(&arborists).unwrap());
    println!("npm: {} packages installed by npm, {} by the npm that it installed", installed(&npms).len(), installed(&arborists).len());
}
