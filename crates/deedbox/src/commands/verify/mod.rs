//! `deedbox verify`: a release, a file, or every package of a lock file, against the log. Says what it shows and what it
//! does not.

use crate::args::Verify;
use crate::context::{self, Context};
use crate::failure::{refused, wrong};
use crate::terminal;
use deedbox_client::trust::{no_standing_alarm, pinned_key, read_pin};
use deedbox_client::{
    ClientError, Proven, Query, RegistryUrl, SavedProof, Standing, Trusted, Verdict, VerifiedRelease, VerifyError, Wanted, judge_lock,
    rules_change, saved, verify,
};
use deedbox_model::event::Evidence;
use deedbox_model::{Algorithm, Hasher, Manifest, PackageId, Sha256Digest, Version};
use deedbox_tlog::VerifierKey;
use serde::Serialize;
use std::path::{Path, PathBuf};

use crate::packages::file::FileArtifact;

/// Package and version.
type Release = (PackageId, Version);

/// What follows from a verified release, and what does not.
const SHOWS: &str =
    "shown: the statement is in the log; a key of the domain signed it; the domain's claim is in the log and allows that key";
const SHOWS_NOT: &str = "not shown: that the registry withholds nothing newer (a yank, a change of its own rules), or that other claims on the domain came first; that takes an audit of the whole log";

pub(crate) async fn run(context: &Context, args: Verify) -> anyhow::Result<()> {
    if let Some(path) = &args.lockfile {
        if !args.targets.is_empty() {
            return Err(wrong("--lockfile checks the lock file's own packages: leave out the others"));
        }
        return lockfile(context, path, args.require_all).await;
    }
    let (release, file) = targets(&args.targets)?;
    let file = file.map(|path| FileArtifact::open(&path)).transpose()?;
    let checked = match (&args.proof, args.offline) {
        (Some(path), offline) => by_proof(context, path, offline, release.as_ref(), file.as_ref()).await?,
        (None, true) => by_kept_proof(context, release.as_ref(), file.as_ref())?,
        (None, false) => online(context, &args, release.as_ref(), file.as_ref()).await?,
    };
    checked.tell(context)
}

/// At most one release and one file. A text with a colon and an at-sign that is not a file is a release.
fn targets(targets: &[String]) -> anyhow::Result<(Option<Release>, Option<PathBuf>)> {
    let (mut release, mut file) = (None, None);
    for target in targets {
        let path = PathBuf::from(target);
        let slot_taken = if path.is_file() {
            file.replace(path).is_some()
        } else if target.contains('@') && target.contains(':') || target.starts_with('@') {
            release.replace(context::release(target)?).is_some()
        } else {
            return Err(wrong(format!("{target} is neither a file nor a release like npm:acme.example/widget@1.0.0")));
        };
        if slot_taken {
            return Err(wrong("one release and one file at a time; for many packages use --lockfile"));
        }
    }
    Ok((release, file))
}

/// A verified release with what was compared.
struct Checked {
    release: VerifiedRelease,
    log_key: String,
    /// Names, sizes and digests of what was compared.
    compared: Vec<Compared>,
    /// Why nothing was compared, if nothing was.
    not_compared: Option<&'static str>,
    offline: bool,
    proof: Option<PathBuf>,
}

#[derive(Serialize)]
struct Compared {
    what: String,
    artifact: String,
    size: u64,
    sha256: String,
}

/// Verifies a release with what the registry hands out for it now; says nothing.
pub(crate) async fn release(context: &Context, id: &PackageId, version: &Version) -> anyhow::Result<()> {
    let trusted = context.trusted_quietly().await?;
    let release = proven(context, id, version).await?;
    let mut checked = Checked { release, log_key: String::new(), compared: Vec::new(), not_compared: None, offline: false, proof: None };
    checked.compare_downloads(&trusted).await
}

/// The release as the log has it.
pub(crate) async fn proven(context: &Context, id: &PackageId, version: &Version) -> anyhow::Result<VerifiedRelease> {
    let trusted = context.trusted_quietly().await?;
    let (_, proven) = trusted.prove(&Query::release(id, version)).await?;
    judged(&trusted, &proven, id, version).await
}

/// Judges what was proven, if it is this program's to judge.
async fn judged(trusted: &Trusted, proven: &Proven, id: &PackageId, version: &Version) -> anyhow::Result<VerifiedRelease> {
    let release = verify::judge(proven, &trusted.pin().origin, trusted.key())?.release(id, version)?;
    if let Some(change) = rules_change(trusted).await? {
        change.decides(release.index())?;
    }
    Ok(release)
}

async fn online(context: &Context, args: &Verify, release: Option<&Release>, file: Option<&FileArtifact>) -> anyhow::Result<Checked> {
    let trusted = context.trusted().await?;
    let (id, version) = match (release, file) {
        (Some(release), _) => release.clone(),
        (None, Some(file)) => release_of(&trusted, file)?,
        (None, None) => return Err(wrong("what is to be verified? Give a release like npm:acme.example/widget@1.0.0, or a file")),
    };
    let (unproven, proven) = trusted.prove(&Query::release(&id, &version)).await?;
    let release = judged(&trusted, &proven, &id, &version).await?;
    let mut checked =
        Checked { release, log_key: trusted.pin().log_key.clone(), compared: Vec::new(), not_compared: None, offline: false, proof: None };
    if let Some(file) = file {
        checked.compare_file(file)?;
    } else if args.no_download {
        checked.not_compared = Some("nothing was downloaded (--no-download)");
    } else {
        checked.compare_downloads(&trusted).await?;
    }
    let saved = SavedProof::new(trusted.registry().url().as_str(), &id, &version, unproven);
    saved.keep(trusted.place())?;
    if let Some(path) = &args.save {
        saved.write(path)?;
        checked.proof = Some(path.clone());
    }
    Ok(checked)
}

/// Which release a file is of, by the proofs that are kept.
fn release_of(trusted: &Trusted, file: &FileArtifact) -> anyhow::Result<Release> {
    match saved::find(trusted.place(), &file.digests().sha256)? {
        Some((_, proof)) => context::release(&proof.name()),
        None => Err(no_proof_of(file)),
    }
}

fn no_proof_of(file: &FileArtifact) -> anyhow::Error {
    let digest = &file.digests().sha256;
    refused(format!(
        "no proof that is kept here names a file with {}: say which release it should be (deedbox verify npm:acme.example/widget@1.0.0 FILE)",
        digest.to_address()
    ))
}

async fn by_proof(
    context: &Context,
    path: &Path,
    offline: bool,
    release: Option<&Release>,
    file: Option<&FileArtifact>,
) -> anyhow::Result<Checked> {
    let proof = SavedProof::read(path)?;
    if let Some((id, version)) = release.filter(|(id, version)| proof.name() != format!("{id}@{version}")) {
        return Err(refused(format!("{} is a proof of {}, not of {id}@{version}", path.display(), proof.name())));
    }
    // Where a registry is reachable its newest checkpoint must continue what the proof was made in; a proof needs none.
    let key = if offline { believed_key(context, &proof)? } else { reached_or_believed_key(context, &proof).await? };
    let mut checked = verified_by(&proof, &key, path)?;
    compare_kept(&mut checked, file)?;
    Ok(checked)
}

fn by_kept_proof(context: &Context, release: Option<&Release>, file: Option<&FileArtifact>) -> anyhow::Result<Checked> {
    let place = context.home.registry(context.url()?);
    let found = match (release, file) {
        (Some((id, version)), _) => {
            let path = SavedProof::path(&place, id, version);
            path.is_file().then(|| SavedProof::read(&path).map(|proof| (path.clone(), proof))).transpose()?
        }
        (None, Some(file)) => saved::find(&place, &file.digests().sha256)?,
        (None, None) => return Err(wrong("what is to be verified? Give a release like npm:acme.example/widget@1.0.0, or a file")),
    };
    let Some((path, proof)) = found else {
        return Err(match (release, file) {
            (Some((id, version)), _) => {
                refused(format!("no proof of {id}@{version} is kept in {}: verify it once with the network", place.proofs().display()))
            }
            (_, Some(file)) => no_proof_of(file),
            (None, None) => wrong("what is to be verified?"),
        });
    };
    let key = believed_key(context, &proof)?;
    let mut checked = verified_by(&proof, &key, &path)?;
    compare_kept(&mut checked, file)?;
    Ok(checked)
}

fn verified_by(proof: &SavedProof, key: &VerifierKey, path: &Path) -> anyhow::Result<Checked> {
    let release = proof.verify(key)?;
    Ok(Checked { release, log_key: key.to_string(), compared: Vec::new(), not_compared: None, offline: true, proof: Some(path.to_owned()) })
}

fn compare_kept(checked: &mut Checked, file: Option<&FileArtifact>) -> anyhow::Result<()> {
    match file {
        Some(file) => checked.compare_file(file),
        None => {
            checked.not_compared = Some("no file was given to compare");
            Ok(())
        }
    }
}

/// The key that this machine believes for the registry that a proof says it is of: by pin, or as given.
fn believed_key(context: &Context, proof: &SavedProof) -> anyhow::Result<VerifierKey> {
    let url = match context.url_if_given() {
        Some(url) => url.clone(),
        None => RegistryUrl::parse(proof.registry())?,
    };
    let place = context.home.registry(&url);
    match (read_pin(&place)?, &context.log_key) {
        (Some(pin), given) => {
            no_standing_alarm(&place, url.as_str())?;
            Ok(pinned_key(&place, &pin, given.as_deref())?)
        }
        (None, Some(given)) => VerifierKey::parse(given).map_err(|e| wrong(format!("--log-key: {e}"))),
        (None, None) => Err(refused(format!(
            "no log key is pinned for {url}: a proof says nothing without a key that you believe. Give it with --log-key, or verify once with the network"
        ))),
    }
}

async fn reached_or_believed_key(context: &Context, proof: &SavedProof) -> anyhow::Result<VerifierKey> {
    if context.url_if_given().is_some() {
        let trusted = context.trusted().await?;
        trusted.checkpoint().await?;
        return Ok(trusted.key().clone());
    }
    believed_key(context, proof)
}

impl Checked {
    fn compare_file(&mut self, file: &FileArtifact) -> anyhow::Result<()> {
        let what = deedbox_view::ArtifactSource::name(file).to_owned();
        let artifact = self.release.compare(&what, file.size(), file.digests())?.to_owned();
        self.compared.push(Compared { what, artifact, size: file.size(), sha256: file.digests().sha256.to_hex() });
        Ok(())
    }

    /// What the registry hands out as the release's artifacts now.
    async fn compare_downloads(&mut self, trusted: &Trusted) -> anyhow::Result<()> {
        let principal = self.release.principal().to_vec();
        let bar = terminal::bytes_bar(principal.iter().map(|artifact| artifact.size).sum(), "downloading");
        for artifact in &principal {
            let digest = artifact.digests.get(&Algorithm::Sha256).and_then(|digest| Sha256Digest::from_slice(digest));
            let Some(digest) = digest else { continue };
            let mut hasher = Hasher::new();
            let path = format!("objects/sha256/{}", digest.to_hex());
            let there = trusted.registry().download(&path, artifact.size, |piece| {
                hasher.update(piece);
                bar.inc(piece.len() as u64);
                Ok(())
            });
            let what = format!("{} from {}", artifact.name, trusted.registry().url());
            let differs = |why: String| VerifyError::OtherBytes { what: what.clone(), release: self.release.name(), why };
            match there.await {
                Ok(true) => {}
                Ok(false) => return Err(differs("the registry does not have it any more".to_owned()).into()),
                // An answer that is too long is the registry's bytes being others, not the network's fault.
                Err(error @ ClientError::Answer { .. }) => return Err(differs(error.to_string()).into()),
                Err(error) => return Err(error.into()),
            }
            let (size, digests) = hasher.finish();
            let name = self.release.compare(&what, size, &digests)?.to_owned();
            self.compared.push(Compared { what: "downloaded".to_owned(), artifact: name, size, sha256: digests.sha256.to_hex() });
        }
        bar.finish_and_clear();
        self.compare_others(trusted).await
    }

    /// The artifacts that the statement does not name itself: its release manifest does, and the statement names that.
    async fn compare_others(&mut self, trusted: &Trusted) -> anyhow::Result<()> {
        // A statement of this ecosystem names all there is.
        if self.release.id().ecosystem().as_str() == "npm" {
            return Ok(());
        }
        let Some(object) = self.release.manifest() else { return Ok(()) };
        let name = self.release.name();
        let differs = |what: &str, why: String| VerifyError::OtherBytes {
            what: format!("{what} from {}", trusted.registry().url()),
            release: name.clone(),
            why,
        };
        let mut bytes = Vec::new();
        let path = format!("objects/sha256/{}", object.sha256.to_hex());
        let read = download(trusted, &path, object.size, |piece| bytes.extend_from_slice(piece)).await?;
        let manifest = match Manifest::decode(&bytes) {
            Ok(manifest) if read.is_none() && object.matches(&bytes) => manifest,
            Ok(_) => return Err(differs("its release manifest", read.unwrap_or_else(|| "it has another digest".to_owned())).into()),
            Err(e) => return Err(differs("its release manifest", e.to_string()).into()),
        };
        let mut others: Vec<_> = manifest.artifacts.iter().collect();
        others.retain(|artifact| !self.compared.iter().any(|compared| compared.sha256 == artifact.digests.sha256.to_hex()));
        let bar = terminal::bytes_bar(others.iter().map(|artifact| artifact.size).sum(), "downloading");
        for artifact in others {
            let mut hasher = Hasher::new();
            let path = format!("objects/sha256/{}", artifact.digests.sha256.to_hex());
            let read = download(trusted, &path, artifact.size, |piece| {
                hasher.update(piece);
                bar.inc(piece.len() as u64);
            });
            if let Some(why) = read.await? {
                return Err(differs(&artifact.name, why).into());
            }
            let (size, digests) = hasher.finish();
            if size != artifact.size || digests != artifact.digests {
                let why = format!(
                    "it has {size} bytes and {}; in the log {} bytes and {}",
                    digests.sha256.to_address(),
                    artifact.size,
                    artifact.digests.sha256.to_address()
                );
                return Err(differs(&artifact.name, why).into());
            }
            let sha256 = digests.sha256.to_hex();
            self.compared.push(Compared { what: "downloaded".to_owned(), artifact: artifact.name.clone(), size, sha256 });
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn tell(&self, context: &Context) -> anyhow::Result<()> {
        let release = &self.release;
        let facts = Facts::of(release);
        if context.json {
            #[derive(Serialize)]
            struct Answer<'a> {
                verified: bool,
                #[serde(flatten)]
                facts: Facts,
                log_key: &'a str,
                compared: &'a [Compared],
                offline: bool,
                shown: &'static str,
                not_shown: &'static str,
            }
            let (compared, offline) = (&self.compared, self.offline);
            let log_key = &self.log_key;
            return terminal::say_json(&Answer { verified: true, facts, log_key, compared, offline, shown: SHOWS, not_shown: SHOWS_NOT });
        }
        terminal::say(&format!("✓ {} verifies", release.name()));
        terminal::say(&format!("  checkpoint  {} entries of {}, signed by {}", facts.tree_size, facts.origin, self.log_key));
        terminal::say(&format!("  in the log  entry {}, event {}, {}", facts.index, facts.event, facts.time));
        terminal::say(&format!("  signed by   key {} of {}", facts.kid, facts.owner));
        terminal::say(&format!(
            "  allowed by  entry {}, the claim of {} ({})",
            facts.claim_index,
            facts.owner,
            evidence(release.evidence())
        ));
        for compared in &self.compared {
            let what = if compared.what == compared.artifact { String::new() } else { format!(" ({})", compared.what) };
            terminal::say(&format!(
                "  bytes       {}{what}: {}, sha256:{}",
                compared.artifact,
                terminal::bytes(compared.size),
                compared.sha256
            ));
        }
        if let Some(why) = self.not_compared {
            terminal::say(&format!("  bytes       not compared: {why}"));
        }
        terminal::say(&format!("  standing    {}", standing(release.standing())));
        if let Some(path) = &self.proof {
            terminal::say(&format!("  proof       {}{}", path.display(), if self.offline { " (no network was used for it)" } else { "" }));
        }
        terminal::say(&format!("{SHOWS}\n{SHOWS_NOT}"));
        Ok(())
    }
}

/// Streams an object; says why where the registry does not have these bytes.
async fn download(trusted: &Trusted, path: &str, size: u64, mut take: impl FnMut(&[u8])) -> Result<Option<String>, ClientError> {
    let there = trusted.registry().download(path, size, |piece| {
        take(piece);
        Ok(())
    });
    match there.await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some("the registry does not have it any more".to_owned())),
        // An answer that is too long is the registry's bytes being others, not the network's fault.
        Err(error @ ClientError::Answer { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// What was shown, for programs.
#[derive(Serialize)]
struct Facts {
    release: String,
    index: u64,
    event: String,
    time: String,
    owner: String,
    kid: String,
    claim_index: u64,
    evidence: &'static str,
    origin: String,
    tree_size: u64,
    yanked: Option<String>,
    deprecated: Option<String>,
}

impl Facts {
    fn of(release: &VerifiedRelease) -> Self {
        Facts {
            release: release.name(),
            index: release.index(),
            event: release.event().to_hex(),
            time: release.time().to_rfc3339(),
            owner: release.owner().to_string(),
            kid: release.kid().to_hex(),
            claim_index: release.claim_index(),
            evidence: evidence(release.evidence()),
            origin: release.origin().to_string(),
            tree_size: release.tree_size(),
            yanked: release.standing().yanked.map(|(reason, _)| reason.to_string()),
            deprecated: release.standing().notice.as_ref().map(|(notice, _)| notice.reason.to_string()),
        }
    }
}

fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Localhost => "below localhost, no evidence needed",
        Evidence::Operator => "the operator vouches",
    }
}

fn standing(standing: &Standing) -> String {
    let yanked = standing.yanked.map(|(reason, index)| format!("YANKED ({reason}, entry {index})"));
    let notice = standing.notice.as_ref().map(|(notice, index)| format!("DEPRECATED ({}, entry {index})", notice.reason));
    let all: Vec<String> = [yanked, notice].into_iter().flatten().collect();
    if all.is_empty() { "neither yanked nor deprecated by any event that was shown".to_owned() } else { all.join(", ") }
}

/// One line of the answer about a lock file, for programs.
#[derive(Serialize)]
struct LockLine {
    package: String,
    verdict: &'static str,
    why: Option<String>,
    index: Option<u64>,
    yanked: Option<String>,
    deprecated: Option<String>,
}

async fn lockfile(context: &Context, path: &Path, require_all: bool) -> anyhow::Result<()> {
    let bytes = context::read_file(path, deedbox_npm::limits::LOCKFILE_BYTES as u64)?;
    let wanted = wanted(&bytes).map_err(|e| refused(format!("{}: {e}", path.display())))?;
    let trusted = context.trusted().await?;
    let (verdicts, facts) = judge_lock(&trusted, &wanted).await?;
    let mut lines = Vec::with_capacity(wanted.len());
    let (mut verified, mut refused_count, mut unchecked) = (0_u64, 0_u64, 0_u64);
    for (want, verdict) in wanted.iter().zip(verdicts) {
        let mut line =
            LockLine { package: want.label.clone(), verdict: "not checked", why: None, index: None, yanked: None, deprecated: None };
        match verdict {
            Verdict::Verified(release) => {
                verified += 1;
                line.verdict = "verified";
                line.index = Some(release.index());
                line.yanked = release.standing().yanked.map(|(reason, _)| reason.to_string());
                line.deprecated = release.standing().notice.as_ref().map(|(notice, _)| notice.reason.to_string());
            }
            Verdict::Refused(error) => {
                refused_count += 1;
                line.verdict = "does not verify";
                line.why = Some(error.to_string());
            }
            Verdict::NotChecked => {
                unchecked += 1;
                line.why = Some("its name is not a domain's, so it is of another registry".to_owned());
            }
        }
        lines.push(line);
    }
    let failed = refused_count > 0 || (require_all && unchecked > 0);
    if context.json {
        #[derive(Serialize)]
        struct Answer<'a> {
            verified: bool,
            origin: String,
            tree_size: u64,
            entries_proven: usize,
            proof_bytes: usize,
            counts: [(&'static str, u64); 3],
            packages: &'a [LockLine],
            not_shown: &'static str,
        }
        terminal::say_json(&Answer {
            verified: !failed,
            origin: trusted.pin().origin.to_string(),
            tree_size: facts.tree_size,
            entries_proven: facts.entries,
            proof_bytes: facts.proof_bytes,
            counts: [("verified", verified), ("refused", refused_count), ("not_checked", unchecked)],
            packages: &lines,
            not_shown: SHOWS_NOT,
        })?;
    } else {
        for line in &lines {
            let mark = match line.verdict {
                "verified" => "✓",
                "not checked" => "-",
                _ => "✗",
            };
            let standing: String = [("yanked", &line.yanked), ("deprecated", &line.deprecated)]
                .into_iter()
                .filter_map(|(word, reason)| reason.as_ref().map(|reason| format!("  {}: {reason}", word.to_uppercase())))
                .collect();
            let index = line.index.map(|index| format!("  entry {index}")).unwrap_or_default();
            let why = line.why.as_ref().map(|why| format!("  {why}")).unwrap_or_default();
            terminal::say(&format!("{mark} {}{index}{standing}{why}", line.package));
        }
        terminal::say(&format!(
            "{verified} verified, {refused_count} do not verify, {unchecked} of other registries not checked; one proof of {} for {} entries in a tree of {}",
            terminal::bytes(facts.proof_bytes as u64),
            facts.entries,
            facts.tree_size
        ));
        if !failed {
            terminal::say(SHOWS_NOT);
        }
    }
    if refused_count > 0 {
        return Err(refused(format!("{} does not verify: {refused_count} of its packages are not what the log says", path.display())));
    }
    if failed {
        return Err(refused(format!("{}: {unchecked} packages are of other registries, and --require-all was given", path.display())));
    }
    Ok(())
}

/// What a lock file names, as the client asks for it.
pub(crate) fn wanted(bytes: &[u8]) -> Result<Vec<Wanted>, deedbox_npm::lockfile::BadLockfile> {
    let locked = deedbox_npm::lockfile::read(bytes)?;
    Ok(locked
        .into_iter()
        .map(|locked| {
            let version = locked.version.as_deref().and_then(|version| Version::parse(version).ok());
            let label = match &locked.version {
                Some(version) => format!("{}@{version}", locked.name),
                None => locked.name.clone(),
            };
            let digests = locked.integrity.iter().map(|digest| (Algorithm::Sha512, digest.as_bytes().to_vec())).collect();
            Wanted { label, release: locked.id.zip(version), digests }
        })
        .collect())
}
