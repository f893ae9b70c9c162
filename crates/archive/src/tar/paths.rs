//! Places: every path of an archive, folded, so that no two members end at one place on any file system.

use super::{ArchiveLimits, Manner, refuse, shown};
use crate::place::{Fault, place};
use deedbox_view::InspectRefusal;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// All paths seen, folded, so that no two members end at one place on any file system.
pub(super) struct Paths<'a> {
    manner: &'a Manner,
    limits: &'a ArchiveLimits,
    top: Option<String>,
    seen: BTreeMap<String, Place>,
    bytes: usize,
}

struct Place {
    is_file: bool,
    /// As it was spelled first; empty for a folder that only follows from a longer path.
    spelled: String,
}

impl<'a> Paths<'a> {
    pub(super) fn new(manner: &'a Manner, limits: &'a ArchiveLimits) -> Self {
        Paths { manner, limits, top: None, seen: BTreeMap::new(), bytes: 0 }
    }

    pub(super) fn add_file<'p>(&mut self, path: &'p str) -> Result<Cow<'p, str>, InspectRefusal> {
        let words = &self.manner.words;
        let folder = self.manner.top_folder;
        let no_top = || {
            refuse(
                "archive_no_top_folder",
                format!(
                    "{} is not inside a folder; {} strips the first folder of every path, so put all files under {}/",
                    shown(path),
                    words.unpacker,
                    folder.unwrap_or_default()
                ),
            )
        };
        if folder.is_some() && !path.contains('/') && path != ".." {
            return Err(no_top());
        }
        let below = self.below_top(path)?.ok_or_else(no_top)?;
        let folded = place(&below);
        if let Some(manifest) = self.manner.manifest
            && folded == manifest
            && let Some(first) = self.seen.get(&folded)
            && first.is_file
        {
            return Err(refuse(
                "archive_two_manifests",
                format!(
                    "{} has a second {manifest} ({}), and programs differ about which one counts; keep one",
                    words.archive,
                    shown(path)
                ),
            ));
        }
        if let Some(first) = self.seen.get(&folded) {
            return Err(if first.is_file && first.spelled == *below {
                refuse(
                    "archive_duplicate_member",
                    format!("{} is there twice, and programs differ about which one counts; keep one", shown(path)),
                )
            } else {
                collision(path, &first.spelled)
            });
        }
        self.add_parents(&folded, path)?;
        self.insert(folded, Place { is_file: true, spelled: below.clone().into_owned() })?;
        Ok(below)
    }

    pub(super) fn add_folder(&mut self, path: &str) -> Result<(), InspectRefusal> {
        let Some(below) = self.below_top(path.strip_suffix('/').unwrap_or(path))? else { return Ok(()) };
        let folded = place(&below);
        match self.seen.get_mut(&folded) {
            Some(first) if first.is_file => return Err(collision(path, &first.spelled)),
            Some(first) if first.spelled.is_empty() => {}
            Some(first) if first.spelled == *below => {
                return Err(refuse("archive_duplicate_member", format!("the folder {} is there twice; keep one", shown(path))));
            }
            Some(first) => return Err(collision(path, &first.spelled)),
            None => {
                self.add_parents(&folded, path)?;
            }
        }
        self.insert(folded, Place { is_file: false, spelled: below.into_owned() })
    }

    /// The path below the one top folder, without the `.` that every program passes over; none for that folder itself.
    fn below_top<'p>(&mut self, path: &'p str) -> Result<Option<Cow<'p, str>>, InspectRefusal> {
        let words = &self.manner.words;
        if path.len() > self.limits.path_bytes {
            return Err(refuse(
                "archive_path_too_long",
                format!("{}… has {} bytes, more than {}; shorten it", shown(path), path.len(), self.limits.path_bytes),
            ));
        }
        if path.starts_with('/') || path.split('/').any(|segment| segment == "..") {
            return Err(refuse("archive_path_escapes", format!("{} leads out of the package; {}", shown(path), words.pack_again)));
        }
        if path.split('/').count() > self.limits.path_segments {
            return Err(refuse(
                "archive_path_too_long",
                format!("{} has more than {} folders; flatten it", shown(path), self.limits.path_segments),
            ));
        }
        self.check(path)?;
        if self.manner.top_folder.is_none() {
            return Ok(Some(without_dots(path)));
        }
        let (top, below) = match path.split_once('/') {
            Some((top, below)) => (top, Some(without_dots(below)).filter(|below| !below.is_empty())),
            None => (path, None),
        };
        match &self.top {
            None => self.top = Some(top.to_owned()),
            Some(first) if first == top => {}
            Some(first) => {
                return Err(refuse(
                    "archive_two_top_folders",
                    format!(
                        "{} is not under {}: {} strips the first folder of every path, so files of two folders would fall into one; keep one",
                        shown(path),
                        shown(first),
                        words.unpacker
                    ),
                ));
            }
        }
        Ok(below)
    }

    /// Every segment is one name on every file system.
    fn check(&self, path: &str) -> Result<(), InspectRefusal> {
        if path.split('/').any(str::is_empty) || path.split('/').next() == Some(".") {
            return Err(refuse(
                "archive_path_unsafe",
                format!(
                    "{} has an empty segment or begins with \".\", which programs read in different ways; {}",
                    shown(path),
                    self.manner.words.pack_again
                ),
            ));
        }
        match path.split('/').filter(|segment| *segment != ".").find_map(Fault::of) {
            None => Ok(()),
            Some(fault @ Fault::Long) => Err(refuse(
                "archive_path_too_long",
                format!("{}… is not one file on every system: {}; shorten it", shown(path), fault.words()),
            )),
            Some(fault) => {
                Err(refuse("archive_path_unsafe", format!("{} is not one file on every system: {}; rename it", shown(path), fault.words())))
            }
        }
    }

    fn add_parents(&mut self, folded: &str, path: &str) -> Result<(), InspectRefusal> {
        for (at, _) in folded.match_indices('/') {
            let Some(parent) = folded.get(..at) else { continue };
            match self.seen.get(parent) {
                Some(first) if first.is_file => return Err(collision(path, &first.spelled)),
                Some(_) => {}
                None => self.insert(parent.to_owned(), Place { is_file: false, spelled: String::new() })?,
            }
        }
        Ok(())
    }

    fn insert(&mut self, folded: String, place: Place) -> Result<(), InspectRefusal> {
        // What an entry of the map costs beside its texts.
        self.bytes = self.bytes.saturating_add(folded.len() + place.spelled.len() + 64);
        if self.bytes > self.limits.index_bytes {
            return Err(refuse(
                "archive_too_many_members",
                format!("the names in {} are too many and too long; {}", self.manner.words.archive, self.manner.words.fewer_files),
            ));
        }
        self.seen.insert(folded, place);
        Ok(())
    }
}

/// `a/./b` is `a/b` to every program; pnpm 7 packs such paths.
fn without_dots(path: &str) -> Cow<'_, str> {
    if path.split('/').all(|segment| segment != ".") {
        return Cow::Borrowed(path);
    }
    Cow::Owned(path.split('/').filter(|segment| *segment != ".").collect::<Vec<_>>().join("/"))
}

fn collision(path: &str, other: &str) -> InspectRefusal {
    refuse(
        "archive_members_collide",
        format!(
            "{} and {} are one place on a file system that does not tell capitals or forms of composition apart, or a file and a folder of one name; rename one",
            shown(path),
            shown(other)
        ),
    )
}
