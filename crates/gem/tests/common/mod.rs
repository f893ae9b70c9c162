//! A small world for the tests of this crate: gems as `gem build` lays them out, a signed log in memory, rows in a map.

#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

use deedbox_gem::Gem;
pub(crate) use deedbox_testkit::folding::text;
use deedbox_testkit::folding::{self, Bytes};
pub(crate) use deedbox_testkit::{
    archives::{gzip, link, member, tar_of},
    packages::{gem as gem_of, gem_checksums as checksums, gem_requirements as requirement},
};
use deedbox_view::*;
use std::io::Write as _;

pub(crate) type Log = folding::Log<Gem>;
pub(crate) type Store = folding::Store<Gem>;

pub(crate) const WIDGET: &str = "gem:acme.example/widget";

/// What a gem is to be.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) platform: &'static str,
    /// Whose it says it is.
    pub(crate) id: Option<String>,
    /// Lines of YAML below `dependencies:`.
    pub(crate) dependencies: String,
    pub(crate) ruby: &'static str,
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
}

impl Source {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Source {
            name: name.to_owned(),
            version: version.to_owned(),
            platform: "ruby",
            id: Some(format!("gem:acme.example/{name}")),
            dependencies: String::new(),
            ruby: "0",
            files: vec![("lib/x.rb", b"X = 1\n".to_vec())],
        }
    }

    pub(crate) fn on(self, platform: &'static str) -> Self {
        Source { platform, ..self }
    }

    pub(crate) fn needs(mut self, name: &str, wants: &[(&str, &str)], kind: &str) -> Self {
        let list = |indent: &str| requirement(indent, wants);
        self.dependencies += &format!(
            "- !ruby/object:Gem::Dependency\n  name: {name}\n  requirement: !ruby/object:Gem::Requirement\n    requirements:\n{}  type: :{kind}\n  prerelease: false\n  version_requirements: !ruby/object:Gem::Requirement\n    requirements:\n{}",
            list("    "),
            list("    ")
        );
        self
    }

    pub(crate) fn file_name(&self) -> String {
        match self.platform {
            "ruby" => format!("{}-{}.gem", self.name, self.version),
            platform => format!("{}-{}-{platform}.gem", self.name, self.version),
        }
    }

    pub(crate) fn yaml(&self) -> String {
        let dependencies = if self.dependencies.is_empty() { " []\n".to_owned() } else { format!("\n{}", self.dependencies) };
        let id = self
            .id
            .as_ref()
            .map_or(" {}\n".to_owned(), |id| format!("\n  deedbox_id: {id}\n  source_code_uri: https://acme.example/src\n"));
        format!(
            "--- !ruby/object:Gem::Specification\nname: {}\nversion: !ruby/object:Gem::Version\n  version: {}\nplatform: {}\nauthors:\n- Ann Author\n- Bob\nautorequire:\nbindir: bin\ncert_chain: []\ndate: 2020-01-02 00:00:00.000000000 Z\ndependencies:{dependencies}description: |\n  All of it:\n  a widget.\nemail: ann@acme.example\nexecutables: []\nextensions: []\nextra_rdoc_files: []\nfiles:\n- lib/x.rb\nhomepage: https://acme.example\nlicenses:\n- MIT\nmetadata:{id}post_install_message:\nrdoc_options: []\nrequire_paths:\n- lib\nrequired_ruby_version: !ruby/object:Gem::Requirement\n  requirements:\n{}required_rubygems_version: !ruby/object:Gem::Requirement\n  requirements:\n{}requirements: []\nrubygems_version: 3.3.15\nsigning_key:\nspecification_version: 4\nsummary: A w\u{ef}dget\ntest_files: []\n",
            self.name,
            quoted(&self.version),
            self.platform,
            requirement("  ", &[(">=", self.ruby)]),
            requirement("  ", &[(">=", "0")]),
        )
    }

    pub(crate) fn gem(&self) -> Vec<u8> {
        gem_of(&self.yaml(), &data(&self.files))
    }

    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::new(&self.file_name(), self.gem())
    }
}

fn quoted(version: &str) -> String {
    format!("'{version}'")
}

pub(crate) fn data(files: &[(&'static str, Vec<u8>)]) -> Vec<u8> {
    gzip(&tar_of(&files.iter().map(|(path, bytes)| member(path, b'0', bytes)).collect::<Vec<_>>()))
}

pub(crate) fn inspect(artifacts: &[Bytes]) -> Result<Inspection, InspectRefusal> {
    let artifacts: Vec<&dyn ArtifactSource> = artifacts.iter().map(|bytes| bytes as &dyn ArtifactSource).collect();
    Gem::new().inspect(&Said::default(), &artifacts)
}

/// A release of these in a log.
pub(crate) fn publish(log: &mut Log, sources: &[Source]) {
    let inspection = inspect(&sources.iter().map(Source::bytes).collect::<Vec<_>>()).unwrap();
    log.publish_inspected(&inspection);
}

pub(crate) fn get(path: &str) -> Request {
    Request::get("/gem/", path)
}

/// Runs Ruby with bytes on its standard input.
pub(crate) fn ruby(script: &str, input: &[u8]) -> String {
    let mut child = std::process::Command::new("ruby")
        .args(["-rrubygems", "-rzlib", "-e", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("ruby is not on this machine: apt-get install ruby");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ruby failed");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn bytes_of(response: &Response) -> Vec<u8> {
    match &response.body {
        Body::Bytes(bytes) => bytes.clone(),
        other => panic!("{other:?}"),
    }
}
