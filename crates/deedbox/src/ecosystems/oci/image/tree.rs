//! The files of an image on this machine: a folder as it is, or an archive unpacked into scratch files. Hostile: a member's
//! path is only a name to look it up by, and a link leads to another member or nowhere.

use crate::failure::{refused, wrong};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::{Component, Path, PathBuf};

/// Members of an archive: an image of the most layers that a release takes has five for each.
const MEMBERS: usize = 50_000;
/// Bytes of all members: more than any release in use, and a full disk ends it sooner.
const UNPACKED_BYTES: u64 = 256 * 1024 * 1024 * 1024;
/// Links that lead to links.
const HOPS: usize = 8;

/// Where the files are.
pub(super) enum Tree {
    /// In a folder.
    Folder(PathBuf),
    /// In scratch files, by their names in the archive.
    Unpacked {
        /// Files.
        members: BTreeMap<String, PathBuf>,
        /// Links, with the names that they lead to.
        links: BTreeMap<String, String>,
    },
}

impl Tree {
    /// What is at a path, if it may be an image: a folder, or an archive, in gzip or not.
    pub(super) fn open(path: &Path, scratch: &Path) -> anyhow::Result<Option<Self>> {
        let unreadable = |e: std::io::Error| wrong(format!("{}: {e}", path.display()));
        if path.is_dir() {
            return Ok(Some(Tree::Folder(path.to_owned())));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut start = Vec::new();
        (&mut file).take(262).read_to_end(&mut start).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        if start.starts_with(&[0x1f, 0x8b]) {
            return unpack(flate2::read::MultiGzDecoder::new(std::io::BufReader::new(file)), scratch).map(Some);
        }
        match start.get(257..262) {
            Some(b"ustar") => unpack(std::io::BufReader::new(file), scratch).map(Some),
            _ => Ok(None),
        }
    }

    /// The file of this name.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        let name = normal(Path::new(name))?;
        match self {
            Tree::Folder(folder) => Some(folder.join(name)).filter(|path| path.is_file()),
            Tree::Unpacked { members, links } => {
                let mut name = name;
                for _ in 0..HOPS {
                    if let Some(path) = members.get(&name) {
                        return Some(path.clone());
                    }
                    name = links.get(&name)?.clone();
                }
                None
            }
        }
    }
}

/// A relative path without `.` and `..`, as one spelling; none if it leads elsewhere.
fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn unpack(archive: impl Read, scratch: &Path) -> anyhow::Result<Tree> {
    let damaged = |e: std::io::Error| refused(format!("the archive is damaged: {e}"));
    let (mut members, mut links) = (BTreeMap::new(), BTreeMap::new());
    let mut left = UNPACKED_BYTES;
    for (count, entry) in tar::Archive::new(archive).entries().map_err(damaged)?.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        if count >= MEMBERS {
            return Err(refused(format!("the archive has more than {MEMBERS} members, so it is not an image")));
        }
        let path = entry.path().map_err(damaged)?.into_owned();
        let Some(name) = normal(&path) else { continue };
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name().map_err(damaged)?.map(|target| target.into_owned()).unwrap_or_default();
            let target = match path.parent() {
                Some(parent) if kind.is_symlink() => parent.join(target),
                _ => target,
            };
            if let Some(target) = normal(&target) {
                links.insert(name, target);
            }
            continue;
        }
        if !kind.is_file() {
            continue;
        }
        left = left
            .checked_sub(entry.size())
            .ok_or_else(|| refused(format!("the archive unpacks to more than {UNPACKED_BYTES} bytes, so it is not an image")))?;
        let to = scratch.join(format!("member-{count}"));
        let mut file = File::create_new(&to).map_err(|e| refused(format!("{}: {e}", to.display())))?;
        std::io::copy(&mut entry, &mut file).map_err(damaged)?;
        if members.insert(name.clone(), to).is_some() {
            return Err(refused(format!("the archive has {name:?} twice: which one is meant cannot be told")));
        }
    }
    Ok(Tree::Unpacked { members, links })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut out = tar::Builder::new(Vec::new());
        for (name, kind, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            // Names as they stand, hostile ones too.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            if kind.is_file() {
                header.set_size(content.len() as u64);
                header.set_cksum();
                out.append(&header, content.as_bytes()).unwrap();
            } else {
                header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
                header.set_size(0);
                header.set_cksum();
                out.append(&header, std::io::empty()).unwrap();
            }
        }
        out.into_inner().unwrap()
    }

    #[test]
    fn a_link_leads_to_another_member_and_never_out_of_the_archive() {
        use tar::EntryType::{Link, Regular, Symlink};
        let bytes = archive(&[
            ("a/layer.tar", Regular, "layer"),
            ("b/layer.tar", Symlink, "../a/layer.tar"),
            ("c/layer.tar", Link, "a/layer.tar"),
            ("d", Symlink, "/etc/passwd"),
            ("e", Symlink, "../../etc/passwd"),
            ("f", Symlink, "g"),
            ("g", Symlink, "f"),
            ("../h", Regular, "out"),
            ("/i", Regular, "root"),
        ]);
        let scratch = tempfile::tempdir().unwrap();
        let tree = unpack(bytes.as_slice(), scratch.path()).unwrap();
        for name in ["a/layer.tar", "./b/layer.tar", "c/layer.tar"] {
            assert_eq!(std::fs::read_to_string(tree.file(name).unwrap()).unwrap(), "layer", "{name}");
        }
        for name in ["d", "e", "f", "g", "../h", "h", "/i", "i", "", ".", "/etc/passwd"] {
            assert!(tree.file(name).is_none(), "{name}");
        }
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1, "only members are written, under names of our own");
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused() {
        let bytes = archive(&[("a", tar::EntryType::Regular, "1"), ("./a", tar::EntryType::Regular, "2")]);
        let scratch = tempfile::tempdir().unwrap();
        assert!(unpack(bytes.as_slice(), scratch.path()).is_err());
    }

    #[test]
    fn a_file_that_is_no_archive_is_none_of_ours() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("x");
        std::fs::write(&file, "text").unwrap();
        assert!(Tree::open(&file, scratch.path()).unwrap().is_none());
    }
}
