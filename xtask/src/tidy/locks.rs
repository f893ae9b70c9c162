//! npm lock files name packages by name, version and digest, never by the address of the registry that they once came from.

use super::{Finding, tree::Tree};

const THEN: &str =
    "An address in a lock file ties everyone to one registry. Write the file again with `npm install --omit-lockfile-registry-resolved`.";

const LOCK_FILES: [&str; 5] = ["package-lock.json", "npm-shrinkwrap.json", ".package-lock.json", "yarn.lock", "pnpm-lock.yaml"];

/// Looks at every lock file of an npm client.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let locks = tree.files.iter().filter(|file| file.path.rsplit('/').next().is_some_and(|name| LOCK_FILES.contains(&name)));
    let mut findings = Vec::new();
    for file in locks {
        for (n, line) in file.lines() {
            let Some((_, address)) = line.split_once("resolved").and_then(|(_, rest)| rest.split_once("://")) else { continue };
            let authority = address.split(['/', '"', '#']).next().unwrap_or_default();
            if !is_loopback(authority) {
                findings.push(Finding::new(&file.path, n, "an address that a package was fetched from", THEN));
            }
        }
    }
    findings
}

/// Whether `host:port` is on this machine, whichever machine that is.
fn is_loopback(authority: &str) -> bool {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.ends_with(".localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(file, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn an_address_in_a_lock_file_is_found() {
        for address in [
            "https://registry.example/a.tgz",
            "http://127.0.0.1.example/a",
            "http://localhost@registry.example/a",
            "git+ssh://git@forge.example/a",
        ] {
            assert_eq!(lines("x/package-lock.json", &format!("{{\n \"resolved\": \"{address}\",\n}}")), [2], "{address}");
        }
        assert_eq!(lines("yarn.lock", "a@1:\n  resolved \"https://registry.example/a.tgz#00\"\n"), [2]);
    }

    #[test]
    fn loopback_addresses_and_other_files_are_left_alone() {
        for address in ["http://127.0.0.1:4000/a.tgz", "http://localhost/a", "http://demo.localhost:80/a", "http://[::1]:9/a"] {
            assert_eq!(lines("package-lock.json", &format!("\"resolved\": \"{address}\"")), [0; 0], "{address}");
        }
        assert_eq!(lines("package.json", "\"resolved\": \"https://registry.example/\""), [0; 0]);
        assert_eq!(lines("package-lock.json", "\"url\": \"https://sponsor.example/\""), [0; 0]);
    }
}
