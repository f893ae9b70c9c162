//! How a gem is had with `gem` and Bundler, for a page (docs/guides/gem.md). Says nothing that is done here.

use crate::name::GemName;
use deedbox_view::{HowTo, Wanted};

pub(crate) fn how_to(wanted: &Wanted<'_>) -> Option<HowTo> {
    let gem = GemName::from_id(wanted.id).ok()?;
    let (source, name) = (format!("{}/gem/{}", wanted.base_url, gem.domain()), gem.name());
    Some(HowTo {
        clients: "gem, Bundler",
        setup: Some("bundler"),
        settings: Some(("Gemfile", format!("source \"{source}\" do\n  gem \"{name}\"\nend"))),
        install: format!("gem install {name} --clear-sources --source {source}/"),
        note: None,
    })
}
