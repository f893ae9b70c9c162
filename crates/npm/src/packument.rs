//! Packuments and version documents: what npm, pnpm and yarn read about a package (spec/projections/npm.md §6).
//! The order of members is fixed, so that an answer is a function of rows and site, byte for byte.

use crate::inspect::tarball_name;
use crate::json::Object;
use crate::limits;
use crate::listing::{DONE_BY_TWO, Listed, Listing};
use crate::name::PackageName;
use crate::rows::Document;
use crate::signature::key_id;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_model::threads::both;
use deedbox_view::{Site, SiteSigner};

/// Which of the two forms of a packument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// All that is known.
    Full,
    /// What an installer needs: `application/vnd.npm.install-v1+json`.
    Abbreviated,
}

/// What a site adds to every document of one package.
pub(crate) struct Seal<'a> {
    name: &'a PackageName,
    base_url: &'a str,
    signer: Option<(&'a dyn SiteSigner, String)>,
}

impl<'a> Seal<'a> {
    /// For the documents of this package on this site.
    pub(crate) fn new(name: &'a PackageName, site: &'a Site) -> Self {
        let signer = site.signers.get(crate::PROJECTION.name).map(|signer| (signer.as_ref(), key_id(signer.public_spki())));
        Seal { name, base_url: &site.base_url, signer }
    }

    fn put_dist(&self, out: &mut String, native_version: &str, document: &Document) {
        let mut dist = Object::begin(out);
        dist.splice(&document.dist);
        if let Some((signer, keyid)) = &self.signer {
            let message = format!("{}@{native_version}:{}", self.name, document.integrity);
            let signature = BASE64.encode(signer.sign(message.as_bytes()));
            let out = dist.key("signatures");
            out.push('[');
            let mut object = Object::begin(&mut *out);
            object.text("keyid", keyid);
            object.text("sig", &signature);
            object.end();
            out.push(']');
        }
        let file = tarball_name(self.name.segment(), native_version);
        dist.text("tarball", &format!("{}/npm/{}/-/{file}", self.base_url, self.name));
        dist.end();
    }

    /// One version's document.
    pub(crate) fn put_version(&self, out: &mut String, form: Form, native_version: &str, deprecated: Option<&str>, document: &Document) {
        let mut object = Object::begin(out);
        if form == Form::Full {
            object.text("_id", &format!("{}@{native_version}", self.name));
        }
        object.splice(&document.core);
        if let Some(words) = deprecated {
            object.text("deprecated", words);
        }
        if form == Form::Full {
            object.splice(&document.summary);
            object.splice(&document.extra);
        }
        self.put_dist(object.key("dist"), native_version, document);
        object.end();
    }
}

/// A packument.
pub(crate) fn render(name: &PackageName, listing: &Listing, form: Form, site: &Site) -> Vec<u8> {
    let seal = Seal::new(name, site);
    let mut out = String::with_capacity(room_for(listing.releases(), form) + 1024);
    let mut object = Object::begin(&mut out);
    if form == Form::Full {
        object.text("_id", &name.native());
    }
    object.text("name", &name.native());
    if form == Form::Full
        && let Some(latest) = listing.latest()
    {
        object.splice(&latest.document.summary);
    }
    put_tags(object.key("dist-tags"), listing);
    let mut versions = Object::begin(object.key("versions"));
    put_versions(&mut versions, &seal, form, listing.releases());
    versions.end();
    match form {
        Form::Full => put_times(object.key("time"), listing),
        Form::Abbreviated => object.text("modified", &listing.head.modified.to_rfc3339()),
    }
    if !listing.yanked().is_empty() {
        put_restrictions(object.key("policyRestrictions"), name, listing);
    }
    object.end();
    out.into_bytes()
}

/// Each version's document under its version.
fn put_versions(versions: &mut Object<'_>, seal: &Seal<'_>, form: Form, releases: &[Listed]) {
    let put = |versions: &mut Object<'_>, releases: &[Listed]| {
        for release in releases {
            let out = versions.key(release.version.native());
            seal.put_version(out, form, release.version.native(), release.deprecated.as_deref(), &release.document);
        }
    };
    if releases.len() < DONE_BY_TWO {
        return put(versions, releases);
    }
    let (first, second) = releases.split_at(releases.len() / 2);
    let rest = || {
        let mut out = String::with_capacity(room_for(second, form));
        put(&mut Object::members(&mut out), second);
        out
    };
    let ((), rest) = both(|| put(versions, first), rest);
    versions.splice(&rest);
}

/// `dist-tags`, alone or in a packument.
pub(crate) fn put_tags(out: &mut String, listing: &Listing) {
    let mut tags = Object::begin(out);
    for (channel, version) in listing.tags() {
        tags.text(channel, version);
    }
    tags.end();
}

/// Times of the log, which "minimum release age" may rest on.
fn put_times(out: &mut String, listing: &Listing) {
    let mut time = Object::begin(out);
    time.text("created", &listing.head.created.to_rfc3339());
    time.text("modified", &listing.head.modified.to_rfc3339());
    for Listed { version, published, .. } in listing.releases() {
        time.text(version.native(), &published.to_rfc3339());
    }
    time.end();
}

/// npm prints the message where only a yanked version would do, instead of "no matching version".
fn put_restrictions(out: &mut String, name: &PackageName, listing: &Listing) {
    let mut object = Object::begin(out);
    let mut versions = Object::begin(object.key("versions"));
    for (version, _) in listing.yanked() {
        let mut stub = Object::begin(versions.key(version.native()));
        stub.text("name", &name.native());
        stub.text("version", version.native());
        stub.end();
    }
    versions.end();
    let named = listing.yanked().iter().rev().take(limits::YANKED_NAMED);
    let named: Vec<String> = named.map(|(version, reason)| format!("{} ({reason})", version.native())).collect();
    let more = listing.yanked().len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "Yanked by the owner of {}: {}{more}. A yanked version is not chosen any more; a lock file that names it goes on working.",
        name.domain(),
        named.join(", ")
    );
    object.text("message", &message);
    object.end();
}

/// About the bytes that these take.
fn room_for(releases: &[Listed], form: Form) -> usize {
    let bytes_of = |document: &Document| {
        let in_both = document.core.len() + document.dist.len() + 512;
        match form {
            Form::Full => in_both + document.summary.len() + document.extra.len() + 128,
            Form::Abbreviated => in_both,
        }
    };
    releases.iter().map(|release| bytes_of(&release.document)).sum()
}

/// Which form an `Accept` header asks for: the abbreviated one if it is named and nothing is preferred to it.
pub(crate) fn form_for(accept: &str) -> Form {
    let mut abbreviated = None;
    let mut full: (u8, u16) = (0, 0);
    for range in accept.split(',').take(32) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let q = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q="))).map_or(1000, quality);
        // The most specific range that matches tells the weight of the full form (RFC 9110 §12.5.1).
        let specificity = match media.as_str() {
            "application/vnd.npm.install-v1+json" => {
                abbreviated = Some(q);
                continue;
            }
            "application/json" => 3,
            "application/*" => 2,
            "*/*" => 1,
            _ => continue,
        };
        if specificity > full.0 {
            full = (specificity, q);
        }
    }
    match abbreviated {
        Some(q) if q > 0 && q >= full.1 => Form::Abbreviated,
        _ => Form::Full,
    }
}

/// A weight in thousandths; one that cannot be read is 1.
fn quality(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole == "0" && fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit()) {
        format!("{fraction:0<3}").parse().unwrap_or(1000)
    } else {
        1000
    }
}

/// The JSON of one version, or of a tag's version.
pub(crate) fn version_document(
    name: &PackageName,
    native_version: &str,
    deprecated: Option<&str>,
    document: &Document,
    site: &Site,
) -> Vec<u8> {
    let mut out = String::new();
    Seal::new(name, site).put_version(&mut out, Form::Full, native_version, deprecated, document);
    out.into_bytes()
}

/// `{"error": …}`: what npm, pnpm and yarn print.
pub(crate) fn error_json(words: &str) -> Vec<u8> {
    let mut out = String::new();
    let mut object = Object::begin(&mut out);
    object.text("error", words);
    object.end();
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_chooses_the_form() {
        let npm = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
        for (accept, form) in [
            ("", Form::Full),
            ("*/*", Form::Full),
            ("application/json", Form::Full),
            (npm, Form::Abbreviated),
            ("application/vnd.npm.install-v1+json", Form::Abbreviated),
            ("application/vnd.npm.install-v1+json, */*", Form::Abbreviated),
            ("Application/Vnd.npm.install-v1+json;q=0.5,application/json;q=0.4", Form::Abbreviated),
            ("application/vnd.npm.install-v1+json;q=0.4,application/json;q=0.5", Form::Full),
            ("application/vnd.npm.install-v1+json;q=0.4,*/*;q=0.5", Form::Full),
            ("application/vnd.npm.install-v1+json;q=0.4,*/*;q=1,application/json;q=0.1", Form::Abbreviated),
            ("application/vnd.npm.install-v1+json;q=0", Form::Full),
            ("application/vnd.npm.install-v1+json;q=0.000, text/html", Form::Full),
            ("text/html", Form::Full),
            (";;,,;q=x", Form::Full),
        ] {
            assert_eq!(form_for(accept), form, "{accept}");
        }
    }
}
