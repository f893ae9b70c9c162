//! Long source files are listed, so that somebody asks whether each is still one concept. Length alone breaks nothing.

use super::tree::Tree;

/// Past this many lines a source file is listed.
const LONG: usize = 600;

/// One note for each, the longest first.
pub fn notes(tree: &Tree) -> Vec<String> {
    let mut long: Vec<(usize, &str)> =
        tree.ending(".rs").map(|file| (file.text.lines().count(), file.path.as_str())).filter(|(lines, _)| *lines > LONG).collect();
    long.sort_by(|a, b| b.cmp(a));
    long.into_iter().map(|(lines, path)| format!("{path} has {lines} lines: is it two concepts?")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_sources_are_listed() {
        let (long, short) = ("x\n".repeat(LONG + 1), "x\n".repeat(LONG));
        let tree = Tree::of(&[("a.rs", &long), ("b.rs", &short), ("c.json", &long)]);
        assert_eq!(notes(&tree), ["a.rs has 601 lines: is it two concepts?"]);
    }
}
