//! What can be published, in words: for `--help`, and for the refusal of what cannot be. Each ecosystem says its own; here they become
//! one sentence.

use super::Ecosystems;
use crate::packages::words::{Publishable, one_of};

impl Ecosystems {
    /// What a path may name: `a directory with …, a packed … or …`.
    pub(crate) fn a_publishable(self) -> String {
        let mut kinds = Vec::new();
        if let Some(manifests) = one_of(&self.all(|of| of.manifests)) {
            kinds.push(format!("a directory with {manifests}"));
        }
        if let Some(packed) = one_of(&self.all(|of| of.packed)) {
            kinds.push(format!("a packed {packed}"));
        }
        kinds.extend(self.all(|of| of.others).into_iter().map(|(one, _)| one.to_owned()));
        match kinds.split_last() {
            Some((last, kinds)) if !kinds.is_empty() => format!("{}, or {last}", kinds.join(", ")),
            Some((last, _)) => last.clone(),
            None => String::new(),
        }
    }

    /// What paths may name: `Directories with …; packed … files; …`.
    pub(crate) fn publishables(self) -> String {
        let mut kinds = Vec::new();
        if let Some(manifests) = one_of(&self.all(|of| of.manifests)) {
            kinds.push(format!("Directories with {manifests}"));
        }
        if let Some(packed) = one_of(&self.all(|of| of.packed)) {
            kinds.push(format!("packed {packed} files"));
        }
        for ecosystem in self.iter() {
            let many: Vec<&str> = ecosystem.publishable().others.iter().map(|(_, many)| *many).collect();
            if !many.is_empty() {
                kinds.push(many.join(", "));
            }
        }
        kinds.join("; ")
    }

    fn all<T: Copy>(self, what: fn(Publishable) -> &'static [T]) -> Vec<T> {
        self.iter().flat_map(|ecosystem| what(ecosystem.publishable())).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_published_is_one_sentence() {
        assert_eq!(
            Ecosystems::first_four().a_publishable(),
            "a directory with a package.json, a pom.xml or a .gemspec, a packed .tgz or .gem, a folder in Maven's layout, an OCI layout, an archive of \
             docker save, or docker://HOST/NAME:TAG"
        );
        assert_eq!(
            Ecosystems::first_four().publishables(),
            "Directories with a package.json, a pom.xml or a .gemspec; packed .tgz or .gem files; folders in Maven's layout; OCI layouts, archives of \
             docker save, docker://HOST/NAME:TAG"
        );
    }
}
