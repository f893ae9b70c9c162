//! The tracked files as text. What git ignores is not looked at; what is new and not yet added is, so that a finding comes before the commit.

use std::{path::Path, process::Command};

use anyhow::Context as _;

/// A file: its path from the workspace's folder, and its bytes read as text (what is not a text becomes replacement characters).
#[derive(Debug)]
pub struct File {
    /// With `/` between folders.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl File {
    /// Its lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(n, line)| (n + 1, line))
    }

    /// The number of the first line that starts with one of `openings` after blanks, or 1.
    pub fn line_that_opens(&self, openings: &[&str]) -> usize {
        self.lines().find(|(_, line)| openings.iter().any(|opening| line.trim_start().starts_with(opening))).map_or(1, |(n, _)| n)
    }

    /// The folder it is in, without a closing `/`.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// All files, sorted by path.
#[derive(Debug)]
pub struct Tree {
    /// Sorted by path.
    pub files: Vec<File>,
}

impl Tree {
    /// Reads what git tracks or would track in `root`.
    ///
    /// # Errors
    /// When git is missing, `root` is not a checkout, or a file cannot be read.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("git cannot be started: install git")?;
        anyhow::ensure!(output.status.success(), "git does not list files: {}", String::from_utf8_lossy(&output.stderr).trim());
        let listing = String::from_utf8_lossy(&output.stdout);
        let mut files = Vec::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            let full = root.join(path);
            // Tracked and deleted, or a link to elsewhere: nothing to read.
            if !full.is_file() {
                continue;
            }
            let bytes = std::fs::read(&full).with_context(|| format!("{path} cannot be read"))?;
            files.push(File { path: path.to_owned(), text: String::from_utf8_lossy(&bytes).into_owned() });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self { files })
    }

    /// The file at exactly this path.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a folder is at this path.
    pub fn has(&self, path: &str) -> bool {
        self.files
            .iter()
            .any(|file| file.path.strip_prefix(path).is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('/')))
    }

    /// Files whose name ends so.
    pub fn ending<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.ends_with(suffix))
    }

    /// Manifests of our own crates, each with the crate's folder name (`crates/store/Cargo.toml` → `store`).
    pub fn manifests(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().filter_map(|file| {
            let name = match file.path.split('/').collect::<Vec<_>>().as_slice() {
                ["crates", name, "Cargo.toml"] | [name @ ("tests" | "xtask"), "Cargo.toml"] => *name,
                _ => return None,
            };
            Some((name, file))
        })
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_not_looked_at_and_what_is_new_is() {
        let folder = tempfile::tempdir().unwrap();
        let git = |words: &[&str]| assert!(Command::new("git").args(words).current_dir(&folder).status().unwrap().success());
        git(&["init", "--quiet"]);
        for (path, text) in [(".gitignore", "/target\n"), ("b.rs", "//! b"), ("a.rs", "//! a"), ("gone.rs", "")] {
            std::fs::write(folder.path().join(path), text).unwrap();
        }
        git(&["add", "a.rs", "gone.rs"]);
        std::fs::remove_file(folder.path().join("gone.rs")).unwrap();
        std::fs::create_dir(folder.path().join("target")).unwrap();
        std::fs::write(folder.path().join("target/c.rs"), "").unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".gitignore", "a.rs", "b.rs"]);
    }

    #[test]
    fn a_folder_is_there_when_a_file_is_in_it() {
        let tree = Tree::of(&[("docs/a.md", "")]);
        assert!(tree.has("docs") && tree.has("docs/a.md") && tree.has(""));
        assert!(!tree.has("doc") && !tree.has("docs/a"));
    }

    #[test]
    fn only_our_own_manifests_are_manifests() {
        let tree =
            Tree::of(&[("Cargo.toml", ""), ("crates/store/Cargo.toml", ""), ("fixtures/x/Cargo.toml", ""), ("tests/Cargo.toml", "")]);
        assert_eq!(tree.manifests().map(|(name, _)| name).collect::<Vec<_>>(), ["store", "tests"]);
    }
}
