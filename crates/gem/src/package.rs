//! The `.gem` file (spec/projections/gem.md §4): a plain tar of metadata.gz, data.tar.gz and checksums.yaml.gz. All three
//! are read within bounds; nothing is written to any disk.

use crate::limits::{GEM_MEMBERS, METADATA_BYTES, METADATA_PACKED_BYTES, README_BYTES};
use crate::spec::Spec;
use crate::yaml::{self, Kind};
use deedbox_archive::tar::{self, ArchiveLimits, Manner, Member, Words, Wrapping};
use deedbox_view::InspectRefusal;
use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};

const OUTER: Manner = Manner {
    wrapping: Wrapping::Plain,
    top_folder: None,
    symlinks: false,
    extensions: false,
    manifest: Some("metadata.gz"),
    words: Words {
        archive: "the gem",
        unpacker: "RubyGems",
        pack: "build it with gem build",
        pack_again: "build it again with gem build",
        fewer_files: "build it again with gem build",
        link: "a gem itself holds no links; build it again with gem build",
    },
};

const DATA: Manner = Manner {
    wrapping: Wrapping::Gzip,
    symlinks: true,
    manifest: None,
    words: Words {
        archive: "the gem's data.tar.gz",
        fewer_files: "publish fewer files (see files in the gemspec)",
        link: "RubyGems unpacks no hard links, so put the file itself there",
        ..OUTER.words
    },
    ..OUTER
};

/// What is in a gem.
pub(crate) struct Package {
    pub(crate) spec: Spec,
    /// The readme of its top folder.
    pub(crate) readme: Option<Vec<u8>>,
}

fn refuse(code: &'static str, message: impl Into<String>) -> InspectRefusal {
    InspectRefusal::new(code, message)
}

/// Reads a gem to its end.
pub(crate) fn read(bytes: &mut dyn Read, limits: &ArchiveLimits) -> Result<Package, InspectRefusal> {
    let mut contents = Contents::default();
    // Nothing is packed around the gem itself, so the size of the file bounds it.
    let outer = ArchiveLimits { members: GEM_MEMBERS.min(limits.members), unpacked_bytes: u64::MAX, ..*limits };
    tar::read(bytes, &OUTER, &outer, &mut |member| contents.take(member, limits))?;
    contents.finish()
}

#[derive(Default)]
struct Contents {
    metadata: Option<Vec<u8>>,
    checksums: Option<Vec<u8>>,
    has_data: bool,
    readme: Option<(u8, String, Option<Vec<u8>>)>,
    digests: BTreeMap<String, [String; 2]>,
}

impl Contents {
    fn take(&mut self, member: Member<'_>, limits: &ArchiveLimits) -> Result<(), InspectRefusal> {
        let Member { path, size, bytes } = member;
        match path {
            "metadata.gz" | "checksums.yaml.gz" => {
                if size > METADATA_PACKED_BYTES {
                    return Err(refuse(
                        "gem_metadata_too_large",
                        format!("{path} has {size} bytes, more than {METADATA_PACKED_BYTES}; list fewer files in the gemspec"),
                    ));
                }
                let mut packed = Vec::new();
                bytes.take(size).read_to_end(&mut packed).map_err(|e| damaged(path, &e))?;
                if packed.len() as u64 != size {
                    return Err(refuse("archive_damaged", "the gem ends too early; build it again with gem build"));
                }
                self.digests.insert(path.to_owned(), [hex(&Sha256::digest(&packed)), hex(&Sha512::digest(&packed))]);
                let plain = gunzip(path, &packed)?;
                if path == "metadata.gz" {
                    self.metadata = Some(plain);
                } else {
                    self.checksums = Some(plain);
                }
            }
            "data.tar.gz" => {
                let mut hashed = Hashed { inner: bytes, sha256: Sha256::new(), sha512: Sha512::new() };
                tar::read(&mut hashed, &DATA, limits, &mut |member| self.look_at(member))?;
                self.digests.insert(path.to_owned(), [hex(&hashed.sha256.finalize()), hex(&hashed.sha512.finalize())]);
                self.has_data = true;
            }
            // Signatures of these three are for users who ask RubyGems for a trust policy.
            "metadata.gz.sig" | "data.tar.gz.sig" | "checksums.yaml.gz.sig" => {}
            other => {
                let shown: String = other.escape_debug().take(80).collect();
                return Err(refuse(
                    "gem_member",
                    format!(
                        "there is a file {shown:?} in the gem beside its three parts, which RubyGems may read or not; build it again with gem build"
                    ),
                ));
            }
        }
        Ok(())
    }

    fn look_at(&mut self, member: Member<'_>) -> Result<(), InspectRefusal> {
        let Some(rank) = readme_rank(member.path) else { return Ok(()) };
        let key = (rank, member.path.to_owned());
        if self.readme.as_ref().is_some_and(|(rank, path, _)| (*rank, path.clone()) <= key) {
            return Ok(());
        }
        let bytes = if member.size <= README_BYTES {
            let mut bytes = Vec::new();
            member.bytes.take(member.size).read_to_end(&mut bytes).map_err(|e| damaged("data.tar.gz", &e))?;
            Some(bytes)
        } else {
            None
        };
        self.readme = Some((key.0, key.1, bytes));
        Ok(())
    }

    fn finish(self) -> Result<Package, InspectRefusal> {
        let metadata = self.metadata.as_deref();
        let metadata =
            metadata.ok_or_else(|| refuse("gem_metadata_missing", "there is no metadata.gz in the gem; build it with gem build"))?;
        if !self.has_data {
            return Err(refuse("gem_data_missing", "there is no data.tar.gz in the gem; build it with gem build"));
        }
        if let Some(checksums) = &self.checksums {
            self.check(checksums)?;
        }
        let spec = Spec::read(&yaml::read("the gem's metadata", metadata)?)?;
        Ok(Package { spec, readme: self.readme.and_then(|(_, _, bytes)| bytes) })
    }

    /// What checksums.yaml.gz says must be so, by the digests that say something; RubyGems compares all that it knows.
    fn check(&self, checksums: &[u8]) -> Result<(), InspectRefusal> {
        let root = yaml::read("checksums.yaml.gz", checksums)?;
        let malformed = || refuse("gem_checksums", "checksums.yaml.gz is not what gem build writes; build it again with gem build");
        let Kind::Map(algorithms) = &root.kind else { return Err(malformed()) };
        for (algorithm, files) in algorithms {
            let at = match algorithm.as_str() {
                "SHA256" => 0,
                "SHA512" => 1,
                // Of no use to anyone any more, and RubyGems compares them itself.
                _ => continue,
            };
            let Kind::Map(files) = &files.kind else { return Err(malformed()) };
            for (file, said) in files {
                let found = self.digests.get(file).and_then(|digests| digests.get(at));
                if found.is_none() || said.text() != found.map(String::as_str) {
                    let shown: String = file.escape_debug().take(80).collect();
                    return Err(refuse(
                        "gem_checksums",
                        format!(
                            "checksums.yaml.gz has another {algorithm} for {shown:?} than the file in the gem; build it again with gem build"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Which of several readmes is shown: Markdown first, then the plain one, then others; ties by bytes.
fn readme_rank(path: &str) -> Option<u8> {
    match path.to_ascii_lowercase().strip_prefix("readme")? {
        ".md" | ".markdown" => Some(0),
        "" => Some(1),
        rest if rest.starts_with('.') && !rest.contains('/') => Some(2),
        _ => None,
    }
}

/// One gzip stream and nothing behind it, no longer than metadata may be.
fn gunzip(path: &str, packed: &[u8]) -> Result<Vec<u8>, InspectRefusal> {
    let mut decoder = GzDecoder::new(BufReader::new(packed));
    let mut plain = Vec::new();
    let limit = METADATA_BYTES;
    decoder.by_ref().take(limit + 1).read_to_end(&mut plain).map_err(|e| damaged(path, &e))?;
    if plain.len() as u64 > limit {
        return Err(refuse(
            "gem_metadata_too_large",
            format!("{path} unpacks to more than {limit} bytes; list fewer files in the gemspec"),
        ));
    }
    let mut behind = decoder.into_inner();
    if !behind.fill_buf().map_err(|e| damaged(path, &e))?.is_empty() {
        return Err(refuse(
            "archive_bytes_after_gzip",
            format!(
                "there are bytes after the end of the gzip stream in {path}, which programs read in different ways; build it again with gem build"
            ),
        ));
    }
    Ok(plain)
}

fn damaged(path: &str, error: &std::io::Error) -> InspectRefusal {
    let why: String = error.to_string().escape_debug().take(200).collect();
    refuse("archive_damaged", format!("{path} in the gem is damaged ({why}); build it again with gem build"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes what is read through it.
struct Hashed<'a> {
    inner: &'a mut dyn Read,
    sha256: Sha256,
    sha512: Sha512,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        let read = buf.get(..n).unwrap_or_default();
        self.sha256.update(read);
        self.sha512.update(read);
        Ok(n)
    }
}
