//! The files that `setup` edits: all are read and edited before the first is written, each is written whole or not at all,
//! and keeps its mode and its line ends. A crash between two files leaves the first one changed and each one whole.

use crate::failure::refused;
use crate::reading::read_file;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// A settings file that is longer than this is not one.
const FILE_BYTES: u64 = 1024 * 1024;

/// A text after an edit, and what was done, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edited {
    pub(crate) text: String,
    pub(crate) said: String,
}

/// Files of one folder, edited and not written yet.
pub(crate) struct Files<'a> {
    dir: &'a Path,
    edits: Vec<Edit>,
}

struct Edit {
    path: PathBuf,
    old: Option<String>,
    edited: Edited,
}

impl<'a> Files<'a> {
    pub(crate) fn new(dir: &'a Path) -> Self {
        Files { dir, edits: Vec::new() }
    }

    /// Whether a file is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.dir.join(name).is_file()
    }

    /// Edits a file; one that is not there begins empty.
    pub(crate) fn edit(&mut self, name: &str, change: impl FnOnce(&str) -> Result<Edited, String>) -> anyhow::Result<()> {
        let path = self.dir.join(name);
        let old = read(&path)?;
        let text = old.as_deref().unwrap_or_default();
        let is_crlf = text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
        let plain = if is_crlf { text.replace("\r\n", "\n") } else { text.to_owned() };
        let mut edited = change(&plain).map_err(|why| refused(format!("{}: {why}; nothing was written", path.display())))?;
        if is_crlf {
            edited.text = edited.text.replace('\n', "\r\n");
        }
        self.edits.push(Edit { path, old, edited });
        Ok(())
    }

    /// The same, unless the file is not there or the edit says nothing.
    pub(crate) fn edit_if_there(&mut self, name: &str, change: impl FnOnce(&str) -> Result<Edited, String>) -> anyhow::Result<()> {
        if self.has(name) {
            self.edit(name, change)?;
            self.edits.retain(|edit| !edit.edited.said.is_empty());
        }
        Ok(())
    }

    /// Writes what changed; gives what was done to each file, in words.
    pub(crate) fn write(self) -> anyhow::Result<Vec<String>> {
        let mut said = Vec::with_capacity(self.edits.len());
        for Edit { path, old, edited } in self.edits {
            let name = path.display();
            if old.as_deref().unwrap_or_default() == edited.text {
                said.push(format!("{name} stays as it is: {}", edited.said));
            } else if edited.text.trim().is_empty() {
                std::fs::remove_file(&path).map_err(|e| refused(format!("{name} cannot be removed: {}", e.kind())))?;
                said.push(format!("removed {name}, which had nothing else: {}", edited.said));
            } else {
                replace(&path, edited.text.as_bytes())?;
                said.push(format!("wrote into {name}: {}", edited.said));
            }
        }
        Ok(said)
    }
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    if let Err(e) = std::fs::symlink_metadata(path)
        && e.kind() == ErrorKind::NotFound
    {
        return Ok(None);
    }
    let bytes = read_file(path, FILE_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| refused(format!("{} is not text in UTF-8; nothing was written", path.display())))?;
    Ok(Some(text))
}

/// Whole or not at all, in place of what a link points at; the file's own permissions are kept, it may hold a token.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = path.parent().unwrap_or(Path::new("."));
    // The error's own words name the temporary file, which nobody asked for.
    let no_place = |e: std::io::Error| refused(format!("no file can be made in {}: {}; nothing was written", dir.display(), e.kind()));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let new_file: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    // What the user's mask leaves of it: others of the project read it too.
    #[cfg(unix)]
    builder.permissions(new_file);
    let mut file = builder.tempfile_in(dir).map_err(no_place)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(no_place)?;
    if let Ok(metadata) = std::fs::metadata(&path) {
        file.as_file().set_permissions(metadata.permissions()).map_err(no_place)?;
    }
    file.persist(&path).map_err(|e| refused(format!("{}: {}; nothing was written", path.display(), e.error.kind())))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, text: &str) -> Vec<String> {
        let mut files = Files::new(dir);
        files.edit(name, |old| Ok(Edited { text: format!("{old}{text}"), said: "added".to_owned() })).unwrap();
        files.write().unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_mode_its_line_ends_and_the_link_to_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::write(&real, "a\r\nb\r\n").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        write(dir.path(), "link", "c\n");
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "a\r\nb\r\nc\r\n");
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        write(dir.path(), "new", "x\n");
        assert_ne!(std::fs::metadata(dir.path().join("new")).unwrap().permissions().mode() & 0o444, 0o400, "others read it too");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
    }

    #[test]
    fn nothing_is_written_where_one_file_of_several_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files::new(dir.path());
        files.edit("a", |_| Ok(Edited { text: "x".to_owned(), said: String::new() })).unwrap();
        assert!(files.edit("b", |_| Err("it is odd".to_owned())).unwrap_err().to_string().contains("it is odd; nothing was written"));
        drop(files);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::fs::write(dir.path().join("c"), b"\xff").unwrap();
        assert!(Files::new(dir.path()).edit("c", |_| unreachable!()).unwrap_err().to_string().contains("not text"));
    }
}
