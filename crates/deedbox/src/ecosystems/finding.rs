//! Which ecosystem a path is of: that of its native manifest, never a guess between two; where there is none, the one that finds what is packed
//! there. What a package is, is each ecosystem's own to say.

use super::{Ecosystem, Ecosystems};
use crate::failure::wrong;
use crate::packages::{Packages, Reach, Wish};
use std::path::Path;

impl Ecosystems {
    /// The releases at a path: one for most ecosystems. What the user said stands where the files say nothing. The ecosystem is
    /// that of `--id`, else the one whose native manifest is at the path itself, and never a guess between two. Only if no
    /// manifest is there, packed files and the folders below are searched.
    pub(crate) async fn find(self, path: &Path, wish: Wish<'_>) -> anyhow::Result<Packages> {
        if let Some(word) = path.to_str() {
            for ecosystem in self.iter() {
                if let Some(packages) = ecosystem.find_elsewhere(word, wish).await? {
                    return Ok(packages);
                }
            }
        }
        std::fs::metadata(path).map_err(|e| wrong(format!("{}: {e}", path.display())))?;
        let mut found = None;
        for ecosystem in self.candidates(path, wish)? {
            found = ecosystem.find(path, wish).await?;
            if found.is_some() {
                break;
            }
        }
        let mut packages = found.ok_or_else(|| {
            wrong(format!(
                "{} is not a package of an ecosystem that is known here{}: name {}",
                path.display(),
                wish.id.map(|id| format!(", or not one of {}", id.ecosystem())).unwrap_or_default(),
                self.a_publishable()
            ))
        })?;
        for release in &mut packages.found {
            release.id = release.id.take().or_else(|| wish.id.cloned());
            release.version = release.version.take().or_else(|| wish.version.cloned());
        }
        Ok(packages)
    }

    /// The ecosystems that a path is tried as, in this order.
    fn candidates(self, path: &Path, wish: Wish<'_>) -> anyhow::Result<Vec<&'static dyn Ecosystem>> {
        if let Some(id) = wish.id {
            return Ok(self.of(id).into_iter().collect());
        }
        let mut all: Vec<_> = self.iter().collect();
        // A layout is asked about behind what has a manifest of its own.
        all.sort_by_key(|ecosystem| ecosystem.reach() == Reach::Archives);
        let mut manifests = Vec::new();
        for ecosystem in &all {
            if let Some(name) = ecosystem.manifest(path)? {
                manifests.push((*ecosystem, name));
            }
        }
        match manifests.as_slice() {
            [(only, _)] => Ok(vec![*only]),
            [] => {
                all.sort_by_key(|ecosystem| ecosystem.reach());
                Ok(all)
            }
            several => {
                let names: Vec<&str> = several.iter().map(|(_, name)| name.as_str()).collect();
                let ids: Vec<String> = several.iter().map(|(ecosystem, _)| format!("--id {}:DOMAIN/NAME", ecosystem.word())).collect();
                Err(wrong(format!(
                    "{} has {}: which of them is to be published? Say it with {}",
                    path.display(),
                    names.join(" and "),
                    ids.join(" or ")
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_model::PackageId;

    #[test]
    fn what_is_in_a_directory_itself_decides_and_the_search_below_it_comes_last() {
        let below = "vendor/org/x/lib/1.0/lib-1.0.pom";
        for (files, expected) in [
            (&["package.json"][..], &["npm"][..]),
            (&["package.json", below, "packed.gem", "manifest.json"], &["npm"][..]),
            (&["g.gemspec", below], &["gem"]),
            (&["g.gemspec", "g-1.0.gem"], &["gem"]),
            (&["pom.xml", "build.gradle"], &["maven"]),
            (&["settings.gradle.kts"], &["maven"]),
            (&["oci-layout", "index.json", below], &["oci"]),
            (&["index.json"], &["npm", "gem", "oci", "maven"]),
            (&[below], &["npm", "gem", "oci", "maven"]),
            (&[], &["npm", "gem", "oci", "maven"]),
        ] {
            let dir = directory(files);
            assert_eq!(tried(&dir, None).unwrap(), expected, "{files:?}");
        }
    }

    #[test]
    fn two_manifests_are_a_question_and_an_id_is_its_answer() {
        let dir = directory(&["package.json", "pom.xml", "g.gemspec"]);
        let words = tried(&dir, None).unwrap_err().to_string();
        assert!(words.contains("has package.json and pom.xml and g.gemspec: which of them"), "{words}");
        assert!(words.contains("--id npm:DOMAIN/NAME or --id maven:DOMAIN/NAME or --id gem:DOMAIN/NAME"), "{words}");
        for (id, expected) in [
            ("npm:a.example/b", &["npm"][..]),
            ("maven:a.example/b", &["maven"]),
            ("gem:a.example/b", &["gem"]),
            ("oci:a.example/b", &["oci"]),
            ("later:a.example/b", &[]),
        ] {
            assert_eq!(tried(&dir, Some(id)).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_layout_is_found_below_a_directory_that_has_nothing_else() {
        let dir = directory(&["docs/readme"]);
        let folder = dir.path().join("org/x/lib/1.0");
        std::fs::create_dir_all(&folder).unwrap();
        let pom = "<project><groupId>example.acme</groupId><artifactId>lib</artifactId><version>1.0</version><packaging>pom</packaging></project>";
        std::fs::write(folder.join("lib-1.0.pom"), pom).unwrap();
        let found = Ecosystems::default().find(dir.path(), Wish::default()).await.unwrap();
        assert_eq!((found.found.len(), found.left_out.len()), (1, 0));
        // A web extension's manifest.json is not an image.
        std::fs::write(dir.path().join("manifest.json"), "{}").unwrap();
        assert_eq!(Ecosystems::default().find(dir.path(), Wish::default()).await.unwrap().found.len(), 1);
        assert!(
            Ecosystems::default()
                .find(directory(&["docs/readme"]).path(), Wish::default())
                .await
                .is_err_and(|e| e.to_string().contains("is not a package"))
        );
    }

    fn tried(dir: &tempfile::TempDir, id: Option<&str>) -> anyhow::Result<Vec<&'static str>> {
        let id = id.map(|id| PackageId::parse(id).unwrap());
        let all = Ecosystems::first_four().candidates(dir.path(), Wish { id: id.as_ref(), ..Wish::default() })?;
        Ok(all.into_iter().map(|ecosystem| ecosystem.word()).collect())
    }

    fn directory(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        dir
    }
}
