//! Real artifacts, not toys: packages, gems and images that people use, published with `deedbox publish` and read back through each
//! ecosystem's own addresses and clients. Every byte that comes out is the byte that went in, and what is refused is in a list with its
//! reason. The real jars are in `maven_clients/real.rs`.
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
    process::Command,
};

use deedbox_tests::{
    clients,
    images::{Bench, at},
    real_gems,
    real_images::{self, Pieces, VERSION},
    real_npm,
    registry::{DOMAIN, Running, Said},
};
use serde_json::{Value, json};

/// Publishes what is at these paths with one command, which must be so many releases; when that is refused, file by file. Gives what was
/// refused, with the words.
fn publish(registry: &Running, paths: &[PathBuf], releases: usize, files: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let publish =
        |paths: &[PathBuf]| registry.deedbox([OsStr::new("publish")].into_iter().chain(paths.iter().map(|path| path.as_os_str()))).unwrap();
    let all = publish(paths);
    if all.ok {
        assert_eq!(all.out.matches(" published as entry ").count(), releases, "{}", all.out);
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

/// What was done, for people who read the test's output.
fn report(what: &str, published: usize, bytes_in: usize, bytes_out: usize, refused: &[(PathBuf, String)]) {
    println!("{what}: {published} artifacts published, {bytes_in} bytes in, {bytes_out} bytes out, refused: {refused:?}");
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
    let refused = publish(&registry, &files, files.len(), &files);

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

    // Every entry of its lock file is in the log, with the same digests.
    let lockfile = npms.join("package-lock.json");
    let verified = registry.deedbox(["verify".as_ref(), "--lockfile".as_ref(), lockfile.as_os_str(), "--require-all".as_ref()]);
    let said = verified.unwrap().done().unwrap().out;
    let sum = said.lines().find(|line| line.contains(" verified, ")).unwrap();
    assert!(sum.contains(", 0 do not verify, 0 of other registries"), "{said}");
    let verified: usize = sum.split(' ').next().unwrap().parse().unwrap();
    assert!(verified >= installed(&npms).len(), "{said}");

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

/// What Ruby reads in a specification that the registry made, and what it reads in the gem.
const SPECIFICATIONS: &str = r##"
require 'rubygems/package'
ARGV.each do |file|
  gem = Gem::Package.new(file).spec
  made = Marshal.load(Gem::Util.inflate(File.binread("#{file}.rz")))
  said = ->(spec) do
    [spec.name, spec.version, spec.platform, spec.summary, spec.description, spec.homepage, spec.authors, spec.runtime_dependencies,
     spec.required_ruby_version, spec.required_rubygems_version]
  end
  abort "#{file}:\n#{said[gem].inspect}\n#{said[made].inspect}" unless said[gem] == said[made]
end
puts ARGV.size
"##;

/// What the installed gems do together, with nothing of the system's own copies loaded.
const AT_WORK: &str = r##"
gem 'racc' # Ruby brings another, which would be taken
require 'sinatra/base'
require 'rack/mock'
require 'nokogiri'
require 'active_support'
require 'active_support/core_ext'
require 'kramdown'
require 'addressable/uri'
class App < Sinatra::Base
  get('/:name') { Kramdown::Document.new("# Hello *#{params[:name]}*").to_html }
end
page = Rack::MockRequest.new(App).get(Addressable::URI.parse('http://registry.example/ann').path).body
puts Nokogiri::HTML(page).at('h1').text.parameterize
system = $LOADED_FEATURES.grep(%r{/vendor_ruby/}).grep_v(%r{/vendor_ruby/(rubygems|bundler)})
abort system.join("\n") unless system.empty?
"##;

/// Gems of Ruby and of Debian's Ruby packages, and at the end a page that three dozen of them make together.
#[tokio::test(flavor = "multi_thread")]
async fn gems_by_the_dozen_come_back_byte_for_byte_and_work_together() {
    let scratch = tempfile::tempdir().unwrap();
    let packed = scratch.path().join("packed");
    let gems = real_gems::built(&packed).unwrap();
    let names: BTreeSet<&str> = gems.iter().map(|gem| gem.name.as_str()).collect();
    assert!(names.len() >= 20, "{names:?}");
    assert!(gems.iter().any(|gem| gem.platform != "ruby"), "{gems:?}");

    let registry = Running::start().unwrap();
    let files: Vec<PathBuf> = gems.iter().map(|gem| gem.file.clone()).collect();
    let refused = publish(&registry, &[packed], names.len(), &files);

    let source = format!("{}/gem/{DOMAIN}", registry.url);
    let http = reqwest::Client::new();
    let (mut bytes_in, mut bytes_out) = (0, 0);
    for gem in &gems {
        let file_name = gem.file.file_name().unwrap().to_str().unwrap();
        let packed = fs::read(&gem.file).unwrap();
        let served = get(&http, &format!("{source}/gems/{file_name}")).await;
        assert!(served == packed, "{file_name}: other bytes");
        bytes_in += packed.len();
        bytes_out += served.len();
        let release = format!("gem:{DOMAIN}/{}@{}", gem.name, gem.version);
        registry.deedbox(["verify".as_ref(), release.as_ref(), gem.file.as_os_str()]).unwrap().done().unwrap();
        let stem = file_name.strip_suffix(".gem").unwrap();
        let made = get(&http, &format!("{source}/quick/Marshal.4.8/{stem}.gemspec.rz")).await;
        fs::write(gem.file.with_file_name(format!("{file_name}.rz")), made).unwrap();
    }
    report("gems", gems.len() - refused.len(), bytes_in, bytes_out, &refused);
    assert!(refused.is_empty(), "{refused:#?}");

    let home = scratch.path().join("gems");
    let command = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(scratch.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
        command
            .env("HOME", scratch.path())
            .env("GEM_HOME", &home)
            .env("GEM_PATH", &home)
            .env("GEM_SPEC_CACHE", scratch.path().join("specs"));
        command
    };
    let read = Said::of(command("ruby").args(["-e", SPECIFICATIONS]).args(&files)).unwrap().done().unwrap();
    assert_eq!(read.out.trim(), gems.len().to_string());

    let wanted = ["racc", "sinatra", "nokogiri", "activesupport", "kramdown", "addressable", "haml", "mime-types", "test-unit"];
    let from = ["--no-document", "--clear-sources", "--source", &format!("{source}/")];
    Said::of(command("gem").arg("install").args(wanted).args(from)).unwrap().done().unwrap();
    let mut installed = 0;
    for entry in fs::read_dir(home.join("cache")).unwrap().map(Result::unwrap) {
        let gem = gems.iter().find(|gem| gem.file.ends_with(entry.file_name())).unwrap();
        assert!(fs::read(entry.path()).unwrap() == fs::read(&gem.file).unwrap(), "{:?}: gem keeps other bytes", entry.file_name());
        installed += 1;
    }
    assert!(installed >= 20, "{installed} gems installed");
    let said = Said::of(command("ruby").args(["-e", AT_WORK])).unwrap().done().unwrap();
    assert_eq!(said.out, "hello-ann\n");
    println!("gems: {installed} installed with what they need");
}

/// Five images of two to five layers, and at the end Perl out of one of them, which runs.
#[tokio::test(flavor = "multi_thread")]
async fn images_of_several_layers_come_back_byte_for_byte_and_what_is_in_them_runs() {
    let bench = Bench::new(&real_images::TOOLS);
    let images = real_images::made(&bench).unwrap();
    assert!(images.len() >= 5);
    for image in &images {
        assert!(image.pieces.blobs.len() >= 4, "{}: a configuration and {} layers", image.name, image.pieces.blobs.len() - 1);
    }

    let registry = Running::start().unwrap();
    let mut refused = Vec::new();
    for image in &images {
        let (path, id) = (image.path.to_str().unwrap(), format!("oci:{DOMAIN}/{}", image.name));
        let said = registry.deedbox(["publish", path, "--id", &id, "--version", VERSION]).unwrap();
        if !said.ok {
            refused.push((image.path.clone(), said.err));
        }
    }

    let http = reqwest::Client::new();
    let (mut bytes_in, mut bytes_out) = (0, 0);
    for image in &images {
        let repository = format!("{}/v2/{DOMAIN}/{}", registry.url, image.name);
        for (kind, pieces) in [("manifests", &image.pieces.manifests), ("blobs", &image.pieces.blobs)] {
            for (digest, bytes) in pieces {
                let served = get(&http, &format!("{repository}/{kind}/{digest}")).await;
                assert!(served == *bytes, "{}: {digest} has other bytes", image.name);
                bytes_out += served.len();
            }
        }
        registry.deedbox(["verify", &format!("oci:{DOMAIN}/{}@{VERSION}", image.name)]).unwrap().done().unwrap();
        bytes_in += image.pieces.size();
    }
    report("images", images.len() - refused.len(), bytes_in, bytes_out, &refused);
    assert!(refused.is_empty(), "{refused:#?}");

    // The same through a client: what it writes has the same pieces, each with the same bytes, and no other.
    for image in &images {
        let from = format!("docker://{}:{VERSION}", at(&registry, &image.name));
        let copy = |to: &str| bench.skopeo(&["copy", "--quiet", "--all", "--src-tls-verify=false", &from, to]).done().unwrap();
        if image.pieces.manifests.is_empty() {
            copy(&format!("docker-archive:back-{}:demo/perl:{VERSION}", image.name));
            let back = Pieces::of_archive(&bench.folder().join(format!("back-{}", image.name))).unwrap();
            assert!(back == image.pieces, "{} came back as something else", image.name);
        } else {
            copy(&format!("oci:back-{}:{VERSION}", image.name));
            let back = Pieces::of_layout(&bench.folder().join(format!("back-{}", image.name))).unwrap();
            assert!(back == image.pieces, "{} came back as something else", image.name);
        }
    }
    let media_types =
        String::from_utf8(images.iter().flat_map(|image| image.pieces.manifests.values().flatten().copied()).collect()).unwrap();
    for part in ["layer.v1.tar+gzip", "layer.v1.tar+zstd", "image.index.v1+json", "\"arm64\""] {
        assert!(media_types.contains(part), "{part} is nowhere");
    }

    bench.run("umoci", &["unpack", "--rootless", "--image", &format!("back-perl:{VERSION}"), "perl-bundle"]).done().unwrap();
    let root = bench.path("perl-bundle/rootfs");
    let say = bench.run(&format!("{root}/bin/busybox"), &["echo", "from the registry"]).done().unwrap();
    assert_eq!(say.out, "from the registry\n");
    let libraries = format!("{root}/lib/x86_64-linux-gnu:{root}/usr/lib/x86_64-linux-gnu");
    let perl = ["--library-path", &libraries, &format!("{root}/usr/bin/perl"), "-e", "print 6 * 7"];
    let say = bench.run(&format!("{root}/lib64/ld-linux-x86-64.so.2"), &perl).done().unwrap();
    assert_eq!(say.out, "42");
}
