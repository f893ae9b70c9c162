//! What `gem` and people read as JSON (spec/projections/gem.md §6). Downloads are not counted, so no number says so.

use crate::index;
use crate::limits::{SEARCH_PAGE, SEARCH_TEXT_CHARS};
use crate::name::GemName;
use crate::rows::{Content, File, Found, Release};
use crate::spec::{Constraint, Spec};
use crate::version::GemVersion;
use deedbox_model::Defect;
use deedbox_view::{Request, Site};
use serde_json::{Value, json};

/// Every version that is not yanked and every platform, the highest version first.
pub(crate) fn versions(releases: &[Release]) -> Result<Vec<u8>, Defect> {
    let all = listed(releases).into_iter().flat_map(|(release, _, files)| files.iter().map(move |file| version(release, file)));
    bytes(&Value::Array(all.collect()))
}

/// The highest version; none if there is none.
pub(crate) fn gem(name: &GemName, releases: &[Release], site: &Site) -> Result<Option<Vec<u8>>, Defect> {
    let listed = listed(releases);
    let highest = listed.iter().max_by(|(_, a, _), (_, b, _)| a.shown_order(b));
    let Some((release, _, [file, ..])) = highest.map(|(release, version, files)| (release, version, *files)) else { return Ok(None) };
    let spec = &file.spec;
    let of = |development: bool| {
        let wanted = spec.dependencies.iter().filter(|dependency| dependency.development == development);
        wanted.map(|dependency| json!({ "name": dependency.name, "requirements": requirements(&dependency.wants) })).collect::<Vec<_>>()
    };
    bytes(&json!({
        "name": spec.name,
        "version": spec.version,
        "version_created_at": release.published.to_rfc3339_seconds(),
        "platform": spec.platform.as_deref().unwrap_or("ruby"),
        "authors": spec.authors.join(", "),
        "info": spec.description.as_ref().or(spec.summary.as_ref()),
        "licenses": spec.licenses,
        "metadata": spec.metadata,
        "yanked": false,
        "sha": file.object.sha256.to_hex(),
        "gem_uri": format!("{}/gem/{}/gems/{}.gem", site.base_url, name.domain(), spec.full_name()),
        "homepage_uri": spec.homepage,
        "source_code_uri": spec.metadata.get("source_code_uri"),
        "dependencies": { "development": of(true), "runtime": of(false) },
    }))
    .map(Some)
}

/// What is looked for, and which page of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    text: String,
    page: usize,
}

impl Wanted {
    /// By this request.
    pub(crate) fn of(request: &Request) -> Self {
        let text: String = request.query("query").unwrap_or_default().chars().take(SEARCH_TEXT_CHARS).collect();
        let page = request.query("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        Wanted { text: text.to_lowercase(), page }
    }
}

/// Gems whose name or summary has every word of the query; a name counts first.
pub(crate) fn search(wanted: &Wanted, found: &[(GemName, Found)], site: &Site) -> Result<Vec<u8>, Defect> {
    let Wanted { text, page } = wanted;
    let mut hits: Vec<_> = found
        .iter()
        .filter(|(_, found)| !found.yanked)
        .filter_map(|(name, found)| {
            let (lower, summary) = (name.name().to_lowercase(), found.summary.as_deref().unwrap_or_default().to_lowercase());
            let all = text.split_whitespace().all(|word| lower.contains(word) || summary.contains(word));
            all.then_some((lower != text.trim(), !text.split_whitespace().all(|word| lower.contains(word)), name, found))
        })
        .collect();
    hits.sort_by_key(|(not_it, not_named, name, _)| (*not_it, *not_named, *name));
    let hits = hits.into_iter().skip((page - 1).saturating_mul(SEARCH_PAGE)).take(SEARCH_PAGE).map(|(_, _, name, found)| {
        json!({
            "name": name.name(),
            "version": found.version.as_str(),
            "info": found.summary,
            "authors": found.authors.join(", "),
            "licenses": found.licenses,
            "homepage_uri": found.homepage,
            "project_uri": format!("{}/gem/{}/api/v1/gems/{}.json", site.base_url, name.domain(), name.name()),
        })
    });
    bytes(&Value::Array(hits.collect()))
}

/// What is listed, the highest version first.
fn listed(releases: &[Release]) -> Vec<(&Release, GemVersion, &[File])> {
    let mut all: Vec<_> = releases
        .iter()
        .filter_map(|release| match &release.content {
            Content::Present(files) if release.yanked.is_none() && release.listed => {
                Some((release, GemVersion::parse(release.version.as_str()).ok()?, files.as_slice()))
            }
            _ => None,
        })
        .collect();
    all.sort_by(|(_, a, _), (_, b, _)| b.precedence(a));
    all
}

fn version(release: &Release, file: &File) -> Value {
    let spec: &Spec = &file.spec;
    json!({
        "number": spec.version,
        "platform": spec.platform.as_deref().unwrap_or("ruby"),
        "full_number": index::number(spec),
        "created_at": release.published.to_rfc3339_seconds(),
        "authors": spec.authors.join(", "),
        "summary": spec.summary,
        "description": spec.description,
        "licenses": spec.licenses,
        "metadata": spec.metadata,
        "prerelease": GemVersion::parse(&spec.version).is_ok_and(|version| version.is_prerelease()),
        "ruby_version": requirements(&spec.ruby),
        "rubygems_version": requirements(&spec.rubygems),
        "sha": file.object.sha256.to_hex(),
    })
}

/// `>= 1.0, < 2`.
fn requirements(wants: &[Constraint]) -> String {
    wants.iter().map(Constraint::text).collect::<Vec<_>>().join(", ")
}

fn bytes(json: &Value) -> Result<Vec<u8>, Defect> {
    serde_json::to_vec(json).map_err(|e| Defect::Unencodable(e.to_string()))
}
