//! Gems of the real `gem build`: what it makes of a gemspec, and of every gem that this machine has installed, is read as
//! RubyGems itself reads it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, its helpers too"
)]

mod common;

use deedbox_gem::{Gem, GemVersion, identify};
use deedbox_model::PackageId;
use deedbox_testkit::folding::{Bytes, Log};
use deedbox_view::{Dialect as _, Said};

/// Builds every installed gem again, from the files that are there, and prints what RubyGems reads in the result.
const REBUILD: &str = r#"
require "rubygems/package"
Dir.chdir(ARGV[0])
Gem::Specification.to_a.uniq(&:full_name).each do |spec|
  home = spec.full_gem_path
  spec = spec.dup
  here = File.directory?(home) ? Dir.chdir(home) { spec.files.select { |f| File.file?(f) && !f.start_with?("/") } } : []
  spec.files = here
  spec.test_files = []
  spec.extra_rdoc_files = []
  spec.executables = []
  spec.extensions = []
  spec.signing_key = nil
  spec.cert_chain = []
  out = File.join(ARGV[0], spec.file_name)
  built = Dir.chdir(File.directory?(home) ? home : ARGV[0]) { Gem::Package.build(spec, true, false, out) }
  back = Gem::Package.new(out).spec
  puts [spec.file_name, back.name, back.version, back.platform, back.runtime_dependencies.size].join(" ")
end
"#;

#[test]
fn every_gem_of_this_machine_is_read_as_rubygems_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new("ruby").args(["-W0", "-e", REBUILD]).arg(folder.path()).output();
    let output = output.expect("ruby is not on this machine: apt-get install ruby");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Vec<&str>> = said.lines().filter(|line| line.contains(".gem ")).map(|line| line.split(' ').collect()).collect();
    assert!(lines.len() > 20, "only {} gems are installed", lines.len());
    let mut log = Log::<Gem>::default();
    for line in lines {
        let [file, name, version, platform, runtime] = line[..] else { panic!("{line:?}") };
        let bytes = Bytes::new(file, std::fs::read(folder.path().join(file)).unwrap());
        let identity = identify(&bytes).unwrap_or_else(|e| panic!("{file}: {e} [{}]", e.code));
        assert_eq!((identity.name.as_str(), identity.version.as_str(), identity.file_name.as_str()), (name, version, file));
        let id = PackageId::parse(&format!("gem:acme.example/{name}")).unwrap();
        let said = Said { id: Some(&id), version: None };
        let inspection = Gem::new().inspect(&said, &[&bytes]).unwrap_or_else(|e| panic!("{file}: {e} [{}]", e.code));
        assert_eq!(platform, "ruby");
        assert!(GemVersion::parse(version).is_ok());
        log.publish_inspected(&inspection);
        let quick = common::get(&format!("acme.example/quick/Marshal.4.8/{}.gemspec.rz", file.trim_end_matches(".gem")));
        let response = log.rows().answer(&quick);
        let counted = common::ruby(
            "puts Marshal.load(Zlib::Inflate.inflate(STDIN.binmode.read)).runtime_dependencies.size",
            &common::bytes_of(&response),
        );
        assert_eq!(counted.trim(), runtime, "{file}");
    }
}
