//! No absolute path of one machine is written down: what works only where it was written is not source.

use super::{Finding, tree::Tree};

const THEN: &str = "It is somebody's own folder. Use a relative path, the workspace's folder, or a temporary one.";

/// Folders that are a person's or a workplace's, in parts so that this file does not name them.
const FOLDERS: [&str; 4] = [concat!("/", "root/"), concat!("/", "home/"), concat!("/", "Users/"), concat!("/", "work/")];

/// Looks for them at the beginning of a path.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (n, line) in file.lines() {
            if FOLDERS.iter().any(|folder| begins(line, folder)) {
                findings.push(Finding::new(&file.path, n, "an absolute path of one machine", THEN));
            }
        }
    }
    findings
}

/// Whether a path in this line begins with the folder: what stands before it is not part of a path, and a name follows.
fn begins(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + folder.len()..).and_then(|text| text.chars().next());
        // `file://` opens a path too.
        let opens = line.get(..at).is_some_and(|text| text.ends_with("//"))
            || !before.is_some_and(|c| c.is_alphanumeric() || "_-.~/}>".contains(c));
        opens && after.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> bool {
        !check(&Tree::of(&[("a", text)])).is_empty()
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in FOLDERS {
            for text in [format!("{folder}x"), format!("cd {folder}.cargo"), format!("path=\"{folder}me/a\""), format!("file://{folder}x")]
            {
                assert!(found(&text), "{text}");
            }
        }
    }

    #[test]
    fn a_relative_path_a_url_or_a_folder_of_that_name_is_left_alone() {
        for folder in FOLDERS {
            for text in
                [format!("a{folder}x"), format!(".{folder}x"), format!("~{folder}x"), format!("{{dir}}{folder}x"), folder.to_owned()]
            {
                assert!(!found(&text), "{text}");
            }
        }
    }
}
