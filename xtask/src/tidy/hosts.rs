//! No public package registry's host is named in any file: this is a registry that stands alone, examples say `registry.example`, and
//! what the build fetches comes through clients as the machine has them set up. So that this file obeys its own rule it keeps SHA-256
//! digests of the names; `cargo xtask tidy --digest HOST` prints one. A name covers its subdomains.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{Finding, tree::Tree};

const THEN: &str =
    "Nothing here may depend on or point at one public registry: examples say `registry.example`; tools use the machine's own settings.";

/// Digests of the hosts of registries, their mirrors and their content networks, sorted.
const NAMED_NOWHERE: &[&str] = &[
    "00a7dc5a0cc388586b8665846e7d8ae94a6dd096f2aa1aa3b4aab4ac484f998a",
    "048e76c14ef34200a2fd1bff13c584ea0770b46ab008f537a9cb62637655eb2b",
    "0e10f3b8bb2a1ef311aba90fc1dd1e92b64513ea594607a17d1cd5f79c425792",
    "0fd460f0568e29c129d5164443c22dc23e1fa5ade91d6cc915a0c74ce08fba57",
    "1ba4e37997a2e986efa6cd844e43fd25b9e816359d31612baa9c18b71e3b5294",
    "24f81de5fc499525ff2e90a10274202c9ec16c9bd5bfc68662d9de0f48205971",
    "271dacc9f4d0caf8ff708d7751532df465f1b6bf192cc169e6afc639faed6894",
    "2c77714df232b07f0e8ff768526d166e1a94e606d989d4608c3f1713a0712ae5",
    "30e1d30b5b7da286b558a21aa6095c58057e1933d133e69869fbc013f8fc33ca",
    "317d2d52829b78129d2c9e43d001899f0c8d30968bae00b848a47154df56b0ca",
    "3556226c4fafbd580e5ca7893f499ab2641afa49810afaa6e69ac6d766ad8bf8",
    "386c042daaf7f1eb6ebb565150082bfb4531a77ec75b31abacfe3857a29a211c",
    "394bc662b64ea8fc3b2d1ac7a664e82f77520cf08c7ab54b2baff3991ee14042",
    "3ca29e55be4befa48f875d24c27f9bed32fe06588819ed6264084b6670a1ebb0",
    "3e5e3daccbe99b1e1109803feef14f730867730c8aac806ad0ad1ce35e61763b",
    "4445b86dcaaff09821fb693807f61fb7236e90447fe5343d830d0d0a1bf3c02e",
    "4db460c55b85212e50a70cadcb10c5fc3c32382ed9896a3730423469d2e05619",
    "51c6b9f69c48a75b146d2785c3d70d336d5fdce24868f2e22db377d736f2ef24",
    "51d88047516dce0edd2a91f80416c2085a36f2b67d5cda7ae1fee45ca36aeecb",
    "5e9dacd3577946a29e209210ba0c1bd2c9e299e33083865577af5ad129e4e20e",
    "5fe51bce33481833180339fd7a1cdb3d3bfb3a1e18a639b3f251a0c7f795c2d7",
    "6fb140a43aa8090b1acdad82feaabd6cec43a90ff0f8543e95b8ab7a52859b18",
    "70cca582c4895337b234bb640fa2c13c72816d8ea4f6d8f679607a2e9c414ccb",
    "71741fe2460a615058687c4585f665af5e825968e51a512ffb14c6f2684a397d",
    "75c5f478b8eabe836a42731499e5af5c552257b837fa62765881c7d915db06df",
    "789e46d79514e28093cabe2bb4a0798266f584b0e508ef269ebabb6e57859290",
    "826cd146d6478a2993ef6a8809057d384a80ae1c8cf5849abd8c077b911814aa",
    "8400b8bd0d6e064d0266dbb2b407bb6c6c3d697b7ac2aef47207c5528b2f491a",
    "8454fabc8b6309019c8b0d10a414a7c0f0bcdf3222f5285e7d8da9eb6c9e0c93",
    "8743857e3ea00fd1c64bbc68b8af241954ad2c285e7a60340eec7ea5dcb200db",
    "87d14f070cb9686970d008f9f94e668075fd37620381409858bf040ae1271d51",
    "87ddbe58121176f910f6c3f133fee37099bb4ae1dbfdb4cd31fd6a6b1c8104a4",
    "8b5bb5eb9d758455b8635855cf8aaf05b68775e3f83f0291e800ef338fb9783c",
    "9c6b05022d03bb0559d856fbea303f3b278bd3a993531bd7a46fe71804243830",
    "9da5f32d964125123cc368f231b473bea59307f811c7b9b2e731601e586b82b5",
    "a0f007d863a0ed19c5bd996ef6eaab194af2f1ac685c0f71a75270a0366f8983",
    "a242216bc91a612b0d08da08f58fe2ff86ab1341b1a2ea8fa1974378093e3786",
    "a2af24d8929473aa8edd697e024163fb1efa10e12b3a792411f290aee6dd3105",
    "a4aa2ac280bb8d1a0ce7a1be5a7bfb10292b49fe9435ad5cff19f421f3c70e41",
    "a5901d8d10f560b5a4f06a26ed14dd49f0625ea04e264129c9cfabb02b28b152",
    "aa924a6f6c848636266515fc0609fb2cb280908305487ce95a6c106de826386c",
    "ad3e035d0215a4f364b86b066b1ce6b13875254342757a5507d384df344e8e25",
    "b65cba6182c81ab1d094919b2d635fc7198a3a122e9362e658bf50f151c92969",
    "b8dcf6bbdcdf9b142892c4fa4675337bd5870d170ced89f8d96749b8fa069d06",
    "ba1e8c503762fce32ce9d9ed6c0e7c0603aee749880af66ad9ffd7d8174fe9d7",
    "bc721a33042efc3e103cca00a32ea4e59eb45995961a0c3f23ddea431678b72c",
    "bd048f6f965d0e9ccdcdb603d0c8c2ae3d2f3e25e5e7a2349a1532bcc73aaf6f",
    "be2f919014d7cedb3ec15ed4921a9e90a9d6f5c0e1b182a270bd22fcec970ae8",
    "be57af6b78a7facae64f87c4f9230a273a036b2a192a16104abb469385e28f46",
    "c2b35955576ffa710bfb7c4e5de8141335829cb1333377cbaf7daaeff9647b35",
    "c3db8466ffcd858989be3a43536c07568731e95124fb23850abac30074fac4f3",
    "c899567ee906851741bf7f3bde17a33777859ff9f53ff54d6f0ea54cf31ad636",
    "c93529137cf4e6058a029bd49ebbfea3c41d4c2bd38f74e07a5ea335ceb41d06",
    "d6d7019ca9fcbf07c769e445342515ef0c92e4f18a96adbb3bf6460f5b0ba17f",
    "dcb6cc3991f9799eecfd71952439eb200a2b09fee01d033df9954a197ef8c574",
    "e047eac5861f847facc4861f8e89fbbcbcb91fa1832972014cd735e26b625a83",
    "e2dd3580aeebec6412c05eea976bbe4ceaf03cac38d78d6f77ee0cc0807c1101",
    "e2e5bd321e2762c4b89889ac21e9c78cb419b4b45e501e56ddb49579eba572fb",
    "e680c440a2e92079ab1bf7a927e8d3920f1bcd173c0487e28e020110b2e59efc",
    "e7fbfb5eb8b891d51d67f690d0ae486f670e82b9ced96c91b5091bc532e812ab",
    "e83cc4bcd94e4ed54ac0180a4accddaca7dfd0e8668b2e758274eecf9f83743a",
    "ea0d3d5c3c27a0ba3ec9042d12006492b7a92f31857695c3680da6dfa0fc6e21",
    "edd83f6692f960c74ef91ce095e0dec3887663e61ba253f585d4b6258ca2e3a6",
    "f483c1237e51a1fae39e9aab3bda3727ac5af2744594ddc28875711f30d43f9d",
    "f65219c547f9c032a914ee1f7c955347b58b47d17eb867c6fe148595947e5a5a",
    "f6f372f868cf5e20e9fc67d9bc42c09f1955d7f55eddd3d71250831769d64c42",
    "fad691c6d9ae77c43a007ead29eea7edae34413791f7e8e2c975f2278c6a939f",
    "fdb9f95c4fcfccafdaf08517c8ed7302f348938c6f60bb741a3fa2630c5fa472",
];

/// The line to keep for a host.
pub fn digest(host: &str) -> String {
    hex::encode(Sha256::digest(host.to_ascii_lowercase().as_bytes()))
}

/// Looks at every word that has the shape of a host.
pub fn check(tree: &Tree) -> Vec<Finding> {
    check_against(tree, &NAMED_NOWHERE.iter().copied().collect())
}

fn check_against(tree: &Tree, digests: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (n, line) in file.lines() {
            if hosts(line).any(|host| suffixes(host).any(|name| digests.contains(digest(name).as_str()))) {
                // The word itself is not repeated: a log is a place to be read too.
                findings.push(Finding::new(&file.path, n, "names a public registry's host", THEN));
            }
        }
        if hosts(&file.path).any(|host| suffixes(host).any(|name| digests.contains(digest(name).as_str()))) {
            findings.push(Finding::new(&file.path, 1, "is called by a public registry's host", THEN));
        }
    }
    findings
}

/// Words of letters, digits, hyphens and dots that have a dot within.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| word.contains('.'))
}

/// `a.b.example` → `a.b.example`, `b.example`.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    let starts = std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1));
    starts.filter_map(|at| host.get(at..)).filter(|name| name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let digest = digest("forbidden.example");
        check_against(&Tree::of(&[("a", text)]), &BTreeSet::from([digest.as_str()])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_host_is_found_in_every_dress() {
        for text in [
            "forbidden.example",
            "see https://forbidden.example/x",
            "\"//Forbidden.Example:443/\"",
            "www.cdn.forbidden.example.",
            "user@forbidden.example",
            "(forbidden.example)",
            "sparse+https://index.forbidden.example/",
            "[forbidden.example][1]",
        ] {
            assert_eq!(lines(text), [1], "{text}");
        }
        assert_eq!(lines("a\nb forbidden.example and forbidden.example\n"), [2]);
    }

    #[test]
    fn a_name_that_only_looks_like_it_is_left_alone() {
        for text in ["forbidden.example-index", "unforbidden.example", "forbidden.example.org", "forbidden", "registry.example", "example"]
        {
            assert_eq!(lines(text), [0; 0], "{text}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_holds_digests_only() {
        assert!(NAMED_NOWHERE.is_sorted());
        assert!(NAMED_NOWHERE.iter().all(|line| hex::decode(line).is_ok_and(|bytes| bytes.len() == 32)));
        // Two that everybody knows, put together here from parts.
        for parts in [["npmjs", "org"], ["crates", "io"]] {
            assert!(NAMED_NOWHERE.contains(&digest(&parts.join(".")).as_str()));
        }
    }
}
