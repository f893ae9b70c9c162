//! The files of a release by their names, `A-V.ext` and `A-V-classifier.ext` (spec/projections/maven.md §2.5): which is
//! what, and what each is served as. Looks into none.

use crate::limits::FILE_NAME_BYTES;

/// A file's place in its release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileName {
    /// What follows `A-V`: `.jar`, `-sources.jar`.
    pub(crate) tail: String,
    /// `sources`.
    pub(crate) classifier: Option<String>,
    /// `jar`, `tar.gz`, `jar.asc`.
    pub(crate) extension: String,
}

/// Endings of files that are rendered for every other one, and so are in no release.
pub(crate) const CHECKSUMS: [&str; 4] = [".md5", ".sha1", ".sha256", ".sha512"];
/// Endings of signatures over the file before them.
const SIGNATURES: [&str; 3] = [".asc", ".sigstore.json", ".sigstore"];

impl FileName {
    /// Reads what follows `A-V` in a file's name; none if it is not of such a file.
    pub(crate) fn of_tail(tail: &str) -> Option<Self> {
        let fits = tail.len() > 1
            && tail.len() <= FILE_NAME_BYTES
            && tail.starts_with(['.', '-'])
            && tail.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'~' | b'!'))
            && !CHECKSUMS.iter().any(|ending| tail.ends_with(ending));
        if !fits {
            return None;
        }
        let signature = SIGNATURES.iter().find(|ending| tail.ends_with(**ending)).copied().unwrap_or_default();
        let signed = tail.strip_suffix(signature)?;
        // Without a classifier the extension is all of it. With one it is what follows the last dot; a packed tar has two.
        let dot = if signed.starts_with('.') { 0 } else { signed.rfind('.')? };
        let dot = signed.get(..dot).and_then(|before| before.strip_suffix(".tar")).map_or(dot, str::len);
        let (classifier, extension) = signed.split_at(dot);
        let extension = extension.strip_prefix('.').filter(|extension| !extension.is_empty())?;
        let classifier = match classifier.strip_prefix('-') {
            Some("") => return None,
            classifier => classifier.map(str::to_owned),
        };
        if signed.contains("..") || extension.ends_with('.') {
            return None;
        }
        Some(FileName { tail: tail.to_owned(), classifier, extension: format!("{extension}{signature}") })
    }

    /// Whether it signs another file.
    pub(crate) fn is_signature(&self) -> bool {
        SIGNATURES.iter().any(|ending| self.tail.ends_with(ending))
    }

    /// Its role in the manifest.
    pub(crate) fn role(&self) -> &str {
        if self.is_signature() {
            return "signature";
        }
        match (self.classifier.as_deref(), self.extension.as_str()) {
            (None, "pom") => "pom",
            (None, "module") => "module",
            (None, "jar") => "jar",
            // `A-V.cdx.json` tells of the release, and `A-V.tar.gz` is it.
            (None, extension) if extension.contains('.') && !extension.starts_with("tar.") => "attached",
            (None, _) => "main",
            (Some("sources"), "jar") => "sources",
            (Some("javadoc"), "jar") => "javadoc",
            (Some(_), _) => "attached",
        }
    }

    /// Its media type.
    pub(crate) fn media_type(&self) -> &'static str {
        if self.is_signature() {
            return if self.tail.ends_with(".asc") { "application/pgp-signature" } else { "application/json" };
        }
        match self.last_extension() {
            "pom" | "xml" => "text/xml",
            "module" | "json" => "application/json",
            "jar" | "war" | "ear" | "rar" | "aar" => "application/java-archive",
            "zip" => "application/zip",
            "gz" if self.extension == "tar.gz" => "application/gzip",
            "tgz" => "application/gzip",
            _ => "application/octet-stream",
        }
    }

    /// Whether it is a zip, by what it is called.
    pub(crate) fn is_zip(&self) -> bool {
        matches!(self.last_extension(), "jar" | "war" | "ear" | "rar" | "aar" | "zip")
    }

    /// What follows the last dot.
    fn last_extension(&self) -> &str {
        self.extension.rsplit('.').next().unwrap_or(&self.extension)
    }

    /// The order in which the files of a release are its principal ones.
    pub(crate) fn rank(&self) -> u8 {
        match self.role() {
            "pom" => 0,
            "jar" | "main" => 1,
            "module" => 2,
            "sources" => 3,
            "javadoc" => 4,
            "attached" => 5,
            _ => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_of_a_release_is_known_by_its_tail() {
        for (tail, classifier, extension, role) in [
            (".pom", None, "pom", "pom"),
            (".jar", None, "jar", "jar"),
            (".war", None, "war", "main"),
            (".module", None, "module", "module"),
            ("-sources.jar", Some("sources"), "jar", "sources"),
            ("-javadoc.jar", Some("javadoc"), "jar", "javadoc"),
            ("-tests.jar", Some("tests"), "jar", "attached"),
            ("-bin.tar.gz", Some("bin"), "tar.gz", "attached"),
            (".tar.gz", None, "tar.gz", "main"),
            ("-linux-x86_64.exe", Some("linux-x86_64"), "exe", "attached"),
            ("-scala-2.13.jar", Some("scala-2.13"), "jar", "attached"),
            ("-build.pom", Some("build"), "pom", "attached"),
            (".jar.asc", None, "jar.asc", "signature"),
            ("-sources.jar.asc", Some("sources"), "jar.asc", "signature"),
            (".pom.sigstore.json", None, "pom.sigstore.json", "signature"),
            (".cdx.json", None, "cdx.json", "attached"),
            (".spdx.rdf.xml", None, "spdx.rdf.xml", "attached"),
            (".cdx.json.asc", None, "cdx.json.asc", "signature"),
            (".jar.original", None, "jar.original", "attached"),
            (".jar.intoto.build.slsa", None, "jar.intoto.build.slsa", "attached"),
            (".tar.bz2", None, "tar.bz2", "main"),
            (".tar.gz.asc", None, "tar.gz.asc", "signature"),
            (".xsd.zip", None, "xsd.zip", "attached"),
            (".buildinfo", None, "buildinfo", "main"),
            (".a-b.c", None, "a-b.c", "attached"),
            ("-linux-x86_64.so.1", Some("linux-x86_64.so"), "1", "attached"),
            ("-pack200.jar.pack.gz", Some("pack200.jar.pack"), "gz", "attached"),
        ] {
            let name = FileName::of_tail(tail).unwrap_or_else(|| panic!("{tail}"));
            assert_eq!((name.classifier.as_deref(), name.extension.as_str(), name.role()), (classifier, extension, role), "{tail}");
        }
    }

    #[test]
    fn what_is_no_file_of_a_release_is_none() {
        for tail in [
            "",
            ".",
            "-",
            "-.jar",
            "-sources",
            "jar",
            ".jar.sha1",
            "-sources.jar.md5",
            ".pom.asc.sha512",
            ".a..b",
            "..a",
            ".a.",
            "-a..b",
            ".cdx.json.sha256",
            ".jar.asc.sha512",
            "-a/b.jar",
            "-a b.jar",
            ".asc",
            ".",
        ] {
            assert_eq!(FileName::of_tail(tail), None, "{tail:?}");
        }
    }
}
