//! Gems as Debian's Ruby packages hold them, built again (`real_gems`): Rails with all that it stands on, and what other packages bring.

use std::{collections::BTreeMap, fs, path::Path};

use deedbox_gem::Gem;
use deedbox_testkit::folding::Bytes;
use deedbox_view::ArtifactSource;

use super::{Closure, Release, Standing, refusal};
use crate::{
    real_gems::{self, RealGem},
    registry::DOMAIN,
};

/// What Rails is made of; the gem of that name has no file of its own.
const RAILS: [&str; 20] = [
    "actioncable",
    "actionmailer",
    "actionpack",
    "actionview",
    "activejob",
    "activemodel",
    "activerecord",
    "activestorage",
    "crass",
    "erubi",
    "globalid",
    "loofah",
    "mail",
    "marcel",
    "nio4r",
    "rack-test",
    "rails-dom-testing",
    "rails-html-sanitizer",
    "railties",
    "websocket-driver",
];

pub(super) fn closures(folder: &Path) -> anyhow::Result<Vec<Closure>> {
    let packed = folder.join("packed");
    if packed.exists() {
        fs::remove_dir_all(&packed)?;
    }
    let mut gems = real_gems::built(&packed.join("sinatra"))?;
    gems.extend(real_gems::built_of(&["ruby-rails"], &RAILS, &packed.join("rails"))?);
    // All platforms of one version are one release.
    let mut releases: BTreeMap<String, Vec<RealGem>> = BTreeMap::new();
    for gem in gems {
        releases.entry(format!("{}@{}", gem.name, gem.version)).or_default().push(gem);
    }
    let releases = releases.into_iter().map(|(name, gems)| release(&folder.join("packed/releases"), name, &gems));
    Ok(vec![Closure {
        ecosystem: "gem",
        project: "two sites (Sinatra, Rails)",
        releases: releases.collect::<anyhow::Result<_>>()?,
        _held: None,
    }])
}

fn release(into: &Path, name: String, gems: &[RealGem]) -> anyhow::Result<Release> {
    let folder = into.join(&name);
    fs::create_dir_all(&folder)?;
    let mut files = Vec::new();
    let mut sources = Vec::new();
    for gem in gems {
        let file_name = gem.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = folder.join(&file_name);
        fs::rename(&gem.file, &file)?;
        sources.push(Bytes::new(&file_name, fs::read(&file)?));
        files.push((format!("gem/{DOMAIN}/gems/{file_name}"), file));
    }
    let artifacts: Vec<&dyn ArtifactSource> = sources.iter().map(|source| source as &dyn ArtifactSource).collect();
    let standing = refusal(&Gem::new(), None, None, &artifacts).unwrap_or_else(|| Standing::ToPublish {
        words: vec![folder.into()],
        files,
        domain: DOMAIN.to_owned(),
    });
    Ok(Release { name, standing })
}
