//! Which version is higher, as Maven's own class says (spec/projections/maven.md §2.4).

use std::process::Command;

use deedbox_maven::ComparableVersion;
use deedbox_tests::{debian::debian, registry::Said};

/// Maven's own program says for each pair which is higher.
#[test]
fn the_order_of_versions_is_that_of_mavens_own_program() {
    debian(&["maven", "default-jdk-headless"]).unwrap();
    let mut versions: Vec<String> =
        ["1", "1.0", "1.0.0", "1-1", "1.1", "1-sp", "1-ga", "1.final", "1.RELEASE", "1x", "1-x", "01", "1..2", "1-", "-1", "1.-1"]
            .map(str::to_owned)
            .into();
    let heads = ["1", "1.0", "2", "1.10", "1.2.3", "20040101", "999999999999999999999", "v1"];
    let tails = [
        "",
        "-SNAPSHOT",
        "-alpha1",
        "a1",
        "-b2",
        ".m3",
        "-rc",
        "rc1",
        "-cr2",
        ".Final",
        "-ga",
        "-sp",
        ".sp1",
        "-foo",
        ".x",
        "-1",
        ".0.0",
        "-0",
        "-20261121.070000-1",
        "+b",
        ".x-1",
        "SNAPSHOT-x.1",
    ];
    versions.extend(heads.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))));
    // Neighbours of the list and of two shuffles of it: some five hundred pairs.
    let count = versions.len();
    let shuffled = |step: usize| (0..count).map(|i| versions[i * step % count].clone()).collect::<Vec<_>>();
    let step = |from: usize| (from..).find(|step| gcd(*step, count) == 1).unwrap();
    let all: Vec<String> = [versions.clone(), shuffled(step(7)), shuffled(step(61))].concat();
    let class = "org.apache.maven.artifact.versioning.ComparableVersion";
    let said =
        Said::of(Command::new("java").args(["-cp", "/usr/share/java/maven3-artifact.jar", class]).args(&all)).unwrap().done().unwrap();
    let mut compared = 0;
    for line in said.out.lines().filter(|line| line.starts_with("   ")) {
        let [a, sign, b] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        let ours = match ComparableVersion::new(a).compare(&ComparableVersion::new(b)) {
            std::cmp::Ordering::Less => "<",
            std::cmp::Ordering::Equal => "==",
            std::cmp::Ordering::Greater => ">",
        };
        assert_eq!(ours, sign, "{a} and {b}");
        compared += 1;
    }
    assert_eq!(compared, all.len() - 1);
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
