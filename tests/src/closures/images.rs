//! Images that the machine's own tools make of Debian's packages (`real_images`), since none can be pulled: layouts, archives of
//! `docker save`, layers in gzip, in zstd and not packed, an index of two platforms.

use std::{fs, path::Path};

use super::{Closure, Release, Standing};
use crate::{
    images::Bench,
    real_images::{self, RealImage, VERSION},
    registry::DOMAIN,
};

pub(super) fn closures(folder: &Path) -> anyhow::Result<Vec<Closure>> {
    let bench = Bench::new(&real_images::TOOLS);
    let mut images = real_images::made(&bench)?;
    images.extend(real_images::small(&bench)?);
    let kept = folder.join("images");
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    let releases = images.iter().map(|image| release(image, &kept)).collect::<anyhow::Result<_>>()?;
    Ok(vec![Closure { ecosystem: "oci", project: "images of Debian's packages", releases, _held: Some(bench) }])
}

/// The inspection wants all files as the program finds them in a layout or archive, so it is left to the program.
fn release(image: &RealImage, kept: &Path) -> anyhow::Result<Release> {
    let folder = kept.join(&image.name);
    fs::create_dir_all(&folder)?;
    let mut files = Vec::new();
    for (kind, pieces) in [("manifests", &image.pieces.manifests), ("blobs", &image.pieces.blobs)] {
        for (digest, bytes) in pieces {
            let file = folder.join(digest.replace(':', "-"));
            fs::write(&file, bytes)?;
            files.push((format!("v2/{DOMAIN}/{}/{kind}/{digest}", image.name), file));
        }
    }
    let id = format!("oci:{DOMAIN}/{}", image.name);
    let words = vec![image.path.clone().into(), "--id".into(), id.into(), "--version".into(), VERSION.into()];
    Ok(Release { name: format!("{}:{VERSION}", image.name), standing: Standing::ToPublish { words, files, domain: DOMAIN.to_owned() } })
}
