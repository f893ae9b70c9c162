//! The ecosystems that this program has: one list, and one trait for all that its commands ask of an ecosystem. A command asks the list;
//! what an ecosystem answers is in its own file and folder here, and nothing outside compares an ecosystem's name (`cargo xtask tidy` looks).
//! docs/guides/new-ecosystem.md says how one more comes in. What is inside artifacts is the dialects' to read.

mod finding;
mod gem;
mod maven;
pub(crate) mod npm;
mod oci;
#[cfg(test)]
mod pretended;
mod words;

use crate::demo::client::Tried;
use crate::demo::registry::DemoRegistry;
use crate::demo::story::Story;
use crate::failure::wrong;
use crate::locked::{LockFiles, Registries};
use crate::managers::PackageManager;
use crate::packages::{Packages, Publishable, Reach, Wish};
use async_trait::async_trait;
use deedbox_model::{Domain, PackageId};
use deedbox_server::MakeSigner;
use deedbox_view::{Dialect, Projection, View};
use std::collections::BTreeSet;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

/// What installs in the demo, side by side with what installs for the others.
pub(crate) type Installs<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;

/// An ecosystem, as the commands of this program know it. What has a body here is a thing that an ecosystem may be without.
#[async_trait(?Send)]
pub(crate) trait Ecosystem: Send + Sync {
    /// What reads its artifacts. Its word for the ecosystem is the one in ids.
    fn dialect(&self) -> Arc<dyn Dialect>;

    /// What folds its rows: each generation that this program has.
    fn projections(&self) -> Vec<Arc<dyn Projection>>;

    /// What answers its clients: for each of these generations one.
    fn views(&self) -> Vec<Arc<dyn View>>;

    /// What makes the signer of a site from 32 secret bytes, where its clients check signatures of the site. The secret is kept under the
    /// ecosystem's word.
    fn signer(&self) -> Option<MakeSigner> {
        None
    }

    /// What `publish` takes of it, in words for `--help` and for a refusal.
    fn publishable(&self) -> Publishable;

    /// The name of its native manifest, if this directory has one: a package of it is there.
    fn manifest(&self, folder: &Path) -> anyhow::Result<Option<String>>;

    /// How far it looks for a package where there is no manifest: who looks farther is asked later.
    fn reach(&self) -> Reach {
        Reach::Names
    }

    /// The packages at a path of this machine; none if they are not its own.
    async fn find(&self, path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>>;

    /// The packages that a word names in another registry, as `docker://HOST/NAME:TAG` does; none if it does not name any.
    async fn find_elsewhere(&self, word: &str, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
        let _ = (word, wish);
        Ok(None)
    }

    /// What to write instead of a package's name in its own spelling, in words; none if the text is not in that spelling.
    fn instead_of(&self, text: &str) -> Option<String> {
        let _ = text;
        None
    }

    /// The clients that `setup` knows.
    fn package_managers(&self) -> &'static [PackageManager];

    /// Whether a statement names every artifact of a release, so that `verify` needs no release manifest.
    fn statement_names_all(&self) -> bool {
        false
    }

    /// The lock files that `verify` reads.
    fn lock_files(&self) -> Option<LockFiles> {
        None
    }

    /// Which registries its clients' settings name for these domains, in a folder and of the user.
    fn registries(&self, folder: &Path, domains: &BTreeSet<Domain>, found: &mut Registries) {
        let _ = (folder, domains, found);
    }

    /// How the variables begin by which its clients are told where to look and what to do, in lower case: the demo's clients get none of
    /// them.
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its part of the demo: publishes what it has to show, and gives what installs that with each client that is here.
    async fn demo<'a>(&self, registry: &'a DemoRegistry<'a>, tried: &'a Tried, story: &mut Story) -> anyhow::Result<Installs<'a>> {
        let _ = (registry, tried, story);
        Ok(Box::pin(async { Ok(()) }))
    }

    /// Its word in ids.
    fn word(&self) -> &'static str {
        self.dialect().ecosystem()
    }
}

/// Ecosystems, in the order in which they came to this program: a registry names them in it.
#[derive(Clone, Copy)]
pub(crate) struct Ecosystems(&'static [&'static dyn Ecosystem]);

impl Default for Ecosystems {
    /// All that this program has.
    fn default() -> Self {
        Ecosystems(&[&npm::OfNpm, &maven::OfMaven, &oci::OfOci, &gem::OfGem])
    }
}

impl std::fmt::Debug for Ecosystems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(Ecosystem::word)).finish()
    }
}

impl Ecosystems {
    /// Those that tests of what is said of several are about, however many more there are: npm, Maven, OCI and gem.
    #[cfg(test)]
    pub(crate) fn first_four() -> Self {
        Ecosystems(&Self::default().0[..4])
    }

    /// Each of them.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'static dyn Ecosystem> {
        self.0.iter().copied()
    }

    /// The one that an id is of.
    pub(crate) fn of(self, id: &PackageId) -> Option<&'static dyn Ecosystem> {
        self.iter().find(|ecosystem| ecosystem.word() == id.ecosystem().as_str())
    }

    /// In the order in which people are told of them: the first, which every example is of, and then by their words.
    pub(crate) fn as_told(self) -> Vec<&'static dyn Ecosystem> {
        let mut all: Vec<_> = self.iter().collect();
        if let Some((_, rest)) = all.split_first_mut() {
            rest.sort_by_key(|ecosystem| ecosystem.word());
        }
        all
    }

    /// What reads artifacts.
    pub(crate) fn dialects(self) -> Vec<Arc<dyn Dialect>> {
        self.iter().map(Ecosystem::dialect).collect()
    }

    /// What folds rows.
    pub(crate) fn projections(self) -> Vec<Arc<dyn Projection>> {
        self.iter().flat_map(Ecosystem::projections).collect()
    }

    /// What answers from them.
    pub(crate) fn views(self) -> Vec<Arc<dyn View>> {
        self.iter().flat_map(Ecosystem::views).collect()
    }

    /// What a site signs with, by ecosystem.
    pub(crate) fn signers(self) -> Vec<(&'static str, MakeSigner)> {
        self.iter().filter_map(|ecosystem| Some((ecosystem.word(), ecosystem.signer()?))).collect()
    }

    /// The clients that `setup` knows.
    pub(crate) fn package_managers(self) -> Vec<&'static PackageManager> {
        self.as_told().into_iter().flat_map(Ecosystem::package_managers).collect()
    }

    /// The names of the lock files that `verify` reads.
    pub(crate) fn lock_file_names(self) -> Vec<&'static str> {
        self.iter().filter_map(Ecosystem::lock_files).flat_map(|files| files.names).copied().collect()
    }

    /// Who reads a lock file, by its name. One that has no name of theirs is the first one's, which knows other tools' files too.
    pub(crate) fn reader_of(self, lock_file: &Path) -> anyhow::Result<(&'static dyn Ecosystem, LockFiles)> {
        let name = lock_file.file_name().unwrap_or_default();
        let readers = || self.iter().filter_map(|ecosystem| Some((ecosystem, ecosystem.lock_files()?)));
        let by_name = readers().find(|(_, files)| files.names.iter().any(|known| name == *known));
        by_name.or_else(|| readers().next()).ok_or_else(|| wrong("no lock file is read here"))
    }

    /// What to write instead of a name in an ecosystem's own spelling, in words.
    pub(crate) fn instead_of(self, text: &str) -> Option<String> {
        self.iter().find_map(|ecosystem| ecosystem.instead_of(text))
    }
}

/// Every ecosystem that this program speaks, for putting a registry together.
pub fn dialects() -> Vec<Arc<dyn Dialect>> {
    Ecosystems::default().dialects()
}

/// What folds the rows of these, for the same.
pub fn projections() -> Vec<Arc<dyn Projection>> {
    Ecosystems::default().projections()
}

/// What answers from them, for the same.
pub fn views() -> Vec<Arc<dyn View>> {
    Ecosystems::default().views()
}

/// What a site of this program signs with, by ecosystem.
pub fn signers() -> Vec<(&'static str, MakeSigner)> {
    Ecosystems::default().signers()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_view::Wanted;

    #[test]
    fn the_order_of_the_ecosystems_is_what_registries_and_people_were_told() {
        let words = |all: Vec<&'static dyn Ecosystem>| all.into_iter().map(|ecosystem| ecosystem.word()).collect::<Vec<_>>();
        let four = Ecosystems::first_four();
        assert_eq!(words(four.iter().collect()), ["npm", "maven", "oci", "gem"], "a new one comes last");
        assert_eq!(words(four.as_told()), ["npm", "gem", "maven", "oci"]);
        let names: Vec<&str> = four.package_managers().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["npm", "pnpm", "yarn", "bun", "deno", "gem", "bundler", "maven", "gradle", "podman", "docker"]);
        assert_eq!(four.lock_file_names(), ["package-lock.json", "npm-shrinkwrap.json"]);
        assert_eq!(four.signers().iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["npm"]);
    }

    #[test]
    fn an_id_leads_to_its_ecosystem_and_a_lock_file_to_its_reader() {
        let of = |id: &str| Ecosystems::default().of(&PackageId::parse(id).unwrap()).map(Ecosystem::word);
        assert_eq!([of("gem:a.example/b"), of("oci:a.example/b"), of("nowhere:a.example/b")], [Some("gem"), Some("oci"), None]);
        for name in ["package-lock.json", "x/npm-shrinkwrap.json", "other.json"] {
            assert_eq!(Ecosystems::default().reader_of(Path::new(name)).unwrap().0.word(), "npm", "{name}");
        }
    }

    #[test]
    fn words_mean_one_thing_and_pages_tell_only_words_that_setup_knows() {
        let all = Ecosystems::default();
        let mut words: Vec<&str> = all.package_managers().into_iter().flat_map(PackageManager::words).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count, "no word means two clients");
        for dialect in all.dialects() {
            let id = PackageId::parse(&format!("{}:acme.example/widget", dialect.ecosystem())).unwrap();
            let how = dialect.how_to(&Wanted { id: &id, version: "1.0.0", base_url: "https://registry.example" });
            assert!(how.and_then(|how| how.setup).is_none_or(|word| words.contains(&word)), "{}", dialect.ecosystem());
        }
    }
}
