//! Symbolic links that stay inside: read as texts, never followed on any disk.

use super::{refuse, shown};
use crate::place::{Fault, place as folded};
use deedbox_view::InspectRefusal;
use std::collections::BTreeMap;

/// All links of an archive by their folded paths: path and target.
#[derive(Default)]
pub(super) struct Links {
    seen: BTreeMap<String, (String, String)>,
}

impl Links {
    /// Takes one more. Its target is relative and never leads above the root, segment by segment.
    pub(super) fn add(&mut self, path: &str, target: &[u8]) -> Result<(), InspectRefusal> {
        let target = std::str::from_utf8(target)
            .map_err(|_| refuse("archive_link", format!("the link {} has a target that is not UTF-8; rename it", shown(path))))?;
        let escapes = || {
            refuse(
                "archive_link",
                format!("the link {} points to {}, out of the package; put the file itself there", shown(path), shown(target)),
            )
        };
        let faulty = |segment: &str| !matches!(segment, "." | "..") && Fault::of(segment).is_some();
        if target.is_empty() || target.split('/').any(faulty) {
            return Err(refuse(
                "archive_link",
                format!(
                    "the link {} has an empty target, or one that systems read in different ways ({}); put the file itself there",
                    shown(path),
                    shown(target)
                ),
            ));
        }
        if target.starts_with('/') {
            return Err(escapes());
        }
        follow(path, target, &mut |_| true).ok_or_else(escapes)?;
        self.seen.insert(folded(path), (path.to_owned(), target.to_owned()));
        Ok(())
    }

    /// A way that passes another link goes where that one leads, and `..` after it goes up from there: such ways are
    /// refused, so that what the text says is where the link leads.
    pub(super) fn check(&self) -> Result<(), InspectRefusal> {
        let through =
            self.seen.values().find(|(path, target)| follow(path, target, &mut |place| !self.seen.contains_key(&folded(place))).is_none());
        match through {
            None => Ok(()),
            Some((path, _)) => {
                Err(refuse("archive_link", format!("the link {} leads through another link; let it point to the file itself", shown(path))))
            }
        }
    }
}

/// Goes the way of a target, segment by segment; none where it leads above the root, or passes a place that `may_pass`
/// does not let it. The last place is not passed.
fn follow(path: &str, target: &str, may_pass: &mut dyn FnMut(&str) -> bool) -> Option<()> {
    let mut place: Vec<&str> = path.split('/').collect();
    place.pop();
    let mut segments = target.split('/').filter(|s| !s.is_empty() && *s != ".").peekable();
    while let Some(segment) = segments.next() {
        if segment == ".." {
            place.pop()?;
        } else {
            place.push(segment);
            if segments.peek().is_some() && !may_pass(&place.join("/")) {
                return None;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(links: &[(&str, &str)]) -> Result<(), &'static str> {
        let mut all = Links::default();
        links.iter().try_for_each(|(path, target)| all.add(path, target.as_bytes())).and_then(|()| all.check()).map_err(|e| e.code)
    }

    #[test]
    fn a_link_stays_inside_and_passes_no_other_link() {
        for good in [
            &[("lib/a.so", "a.so.1")][..],
            &[("a", "lib/../b"), ("c", "a")],
            &[("deep/er/a", "../../b")],
            &[("deep/er/a", "..")],
            &[("a", "./lib//b")],
        ] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
        for bad in [
            &[("a", "/etc/passwd")][..],
            &[("a", "../x")],
            &[("lib/a", "../../x")],
            &[("lib/a", "b/../../../x")],
            &[("a", "")],
            &[("a", "c:x")],
            &[("a", "b\\c")],
            &[("a", "b\nc")],
            &[("d/l", ".."), ("x", "d/l/../etc")],
            &[("x", "d/L/y"), ("d/l", "e")],
        ] {
            assert_eq!(check(bad), Err("archive_link"), "{bad:?}");
        }
    }
}
