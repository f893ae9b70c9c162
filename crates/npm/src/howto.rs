//! How a package is had with npm and its relatives, for a page (docs/guides/install.md). Says nothing that is done here.

use crate::name::PackageName;
use deedbox_view::{HowTo, Wanted};

pub(crate) fn how_to(wanted: &Wanted<'_>) -> Option<HowTo> {
    let name = PackageName::from_id(wanted.id).ok()?;
    Some(HowTo {
        clients: "npm, pnpm, Yarn, Bun, Deno",
        setup: Some("npm"),
        settings: Some((".npmrc", format!("@{}:registry={}/npm/", name.domain(), wanted.base_url))),
        install: format!("npm install {}", name.native()),
        note: None,
    })
}
