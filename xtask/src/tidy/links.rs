//! Relative links in Markdown lead to a tracked file or folder, and to a heading that is there. Links elsewhere are not followed.

use super::{Finding, tree::Tree};

const THEN: &str = "The link leads nowhere. Correct the path (it is relative to this file), or add the file.";
const HEADING: &str =
    "The file is there, but the heading is not. Correct the part after `#`: lower case, hyphens for blanks, no punctuation.";

/// Looks at every link of every `.md` file, outside of code.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending(".md") {
        for (n, line) in prose(&file.text) {
            for target in targets(&line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, heading) = target.split_once('#').map_or((target.as_str(), None), |(path, heading)| (path, Some(heading)));
                let path = path.split('?').next().unwrap_or_default();
                let full = if path.is_empty() { Some(file.path.clone()) } else { join(file.folder(), path) };
                let Some(full) = full.filter(|full| tree.has(full)) else {
                    findings.push(Finding::new(&file.path, n, format!("`{target}` leads nowhere"), THEN));
                    continue;
                };
                let there = tree.get(&full).filter(|there| there.path.ends_with(".md"));
                if let (Some(there), Some(heading)) = (there, heading)
                    && !headings(&there.text).iter().any(|known| known == heading)
                {
                    findings.push(Finding::new(&file.path, n, format!("`{target}` names a heading that is not there"), HEADING));
                }
            }
        }
    }
    findings
}

/// Lines outside of fenced blocks, with what is between backticks blanked.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let opening = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, opening) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                let parts: Vec<&str> = line.split('`').collect();
                // Even parts are text, odd ones code; an unclosed backtick is a backtick.
                let closed = parts.len() % 2 == 1;
                let text = parts.iter().enumerate().map(|(i, part)| if closed && i % 2 == 1 { "code" } else { part });
                lines.push((n + 1, text.collect::<String>()));
            }
            _ => {}
        }
    }
    lines
}

/// `[text](target)`, `[text](<target> "title")` and `[label]: target`.
fn targets(line: &str) -> Vec<String> {
    let inline = line.split("](").skip(1).map(|rest| match rest.strip_prefix('<') {
        Some(rest) => rest.split('>').next().unwrap_or_default(),
        None => rest.split([')', ' ']).next().unwrap_or_default(),
    });
    let label = line.trim_start().strip_prefix('[').filter(|rest| !rest.starts_with('^')).and_then(|rest| rest.split_once("]: "));
    let label = label.map(|(_, rest)| rest.trim().trim_start_matches('<').split(['>', ' ']).next().unwrap_or_default());
    inline.chain(label).filter(|target| !target.is_empty()).map(str::to_owned).collect()
}

/// A relative path from a folder, or nothing when it leaves the workspace.
fn join(folder: &str, path: &str) -> Option<String> {
    let (mut parts, path): (Vec<&str>, &str) = match path.strip_prefix('/') {
        Some(path) => (Vec::new(), path),
        None => (folder.split('/').filter(|part| !part.is_empty()).collect(), path),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/").replace("%20", " "))
}

/// The names that headings get in a rendered page; a repeated one gets `-1`, `-2`, …
fn headings(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let name: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let taken = |names: &[String], name: &str| names.iter().any(|known| known == name);
        let number = std::iter::once(name.clone()).chain((1_u32..).map(|n| format!("{name}-{n}")));
        let free = number.into_iter().find(|name| !taken(&names, name));
        names.extend(free);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("README.md", "# Deedbox\n"),
            ("docs/a.md", text),
            ("docs/sub/b.md", "# One thing\n## Keys & roles\n## One thing\n"),
        ]);
        check(&tree).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_left_alone() {
        for text in [
            "[x](sub/b.md) [y](../README.md#deedbox) [z](sub/) [w](https://registry.example/none)",
            "[x](sub/b.md#keys--roles) and [again](<sub/b.md#one-thing-1> \"title\")",
            "# Here\n[x](#here)\n\n[ref]: sub/b.md",
            "`[x](none.md)` and a [root](/README.md)",
            "```\n[x](none.md)\n```",
            "[^1]: none.md is a footnote",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for (text, target) in [
            ("[x](none.md)", "none.md"),
            ("![x](./img.png \"t\")", "./img.png"),
            ("[x](../../up.md)", "../../up.md"),
            ("[ref]: none.md", "none.md"),
            ("a ` b [x](none.md)", "none.md"),
            ("[x](sub/b)", "sub/b"),
        ] {
            assert_eq!(found(text), [format!("`{target}` leads nowhere")], "{text}");
        }
        assert_eq!(found("[x](sub/b.md#two)"), ["`sub/b.md#two` names a heading that is not there"]);
    }
}
