//! How npm packs (spec/projections/npm.md §4): gzip around tar, one top folder, no links. The reader is `archive`'s.

use deedbox_archive::tar::{self, Manner, Words, Wrapping};
use deedbox_view::InspectRefusal;
use std::io::Read;

pub use deedbox_archive::tar::ArchiveLimits;
pub(crate) use deedbox_archive::tar::{Member, Totals};

const MANNER: Manner = Manner {
    wrapping: Wrapping::Gzip,
    top_folder: Some("package"),
    symlinks: false,
    extensions: true,
    manifest: Some("package.json"),
    words: Words {
        archive: "the tarball",
        unpacker: "npm",
        pack: "pack it with npm pack",
        pack_again: "pack it again with npm pack",
        fewer_files: "publish fewer files (see \"files\" in package.json)",
        link: "npm leaves links out, so put the file itself there",
    },
};

/// Reads a tarball to its end and shows each regular file once, in the order of the archive.
pub(crate) fn read(
    compressed: &mut dyn Read,
    limits: &ArchiveLimits,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), InspectRefusal>,
) -> Result<Totals, InspectRefusal> {
    tar::read(compressed, &MANNER, limits, visit)
}
