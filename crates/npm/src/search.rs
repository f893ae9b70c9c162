//! Search over name, keywords and description (spec/projections/npm.md §6.5). One bounded scan of the search rows;
//! the ranking is a sum of small numbers, the same for everybody.

use crate::json::Object;
use crate::limits;
use crate::name::PackageName;
use crate::rows::{self, Found, SearchHead};
use crate::version::PackageVersion;
use deedbox_model::row::decode_row;
use deedbox_model::{Defect, Rows};
use deedbox_view::Request;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    words: Vec<String>,
    keywords: Vec<String>,
    scope: Option<String>,
    from: usize,
    size: usize,
}

/// The answer to a search, from all search rows.
pub(crate) fn render(query: &Query, rows: &Rows) -> Result<Vec<u8>, Defect> {
    let mut hits: Vec<(u32, PackageName, Found)> = Vec::new();
    for (key, row) in rows.with_prefix(rows::SEARCH_PREFIX) {
        let native = format!("@{}", key.as_str().strip_prefix(rows::SEARCH_PREFIX).unwrap_or_default());
        let damaged = |why: String| Defect::Damaged { key: key.to_string(), why };
        let name = PackageName::from_native(&native).map_err(|e| damaged(e.to_string()))?;
        let found: Found = decode_row(key, &row.bytes)?;
        if let Some(score) = query.score(&name, &found) {
            hits.push((score, name, found));
        }
    }
    hits.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));

    let mut out = String::from("{\"objects\":[");
    for (i, (score, name, found)) in hits.iter().skip(query.from).take(query.size).enumerate() {
        if i > 0 {
            out.push(',');
        }
        put_hit(&mut out, *score, name, found)?;
    }
    out.push_str(&format!("],\"total\":{}", hits.len()));
    if let Some(head) = rows.decoded::<SearchHead>(&rows::search_head_key()?)? {
        Object::members(&mut out).text("time", &head.modified.to_rfc3339());
    }
    out.push('}');
    Ok(out.into_bytes())
}

fn put_hit(out: &mut String, score: u32, name: &PackageName, found: &Found) -> Result<(), Defect> {
    let version = PackageVersion::parse(found.version.as_str());
    let version = version.map_err(|e| Defect::Damaged { key: name.native(), why: e.to_string() })?;
    let mut hit = Object::begin(out);
    let mut package = Object::begin(hit.key("package"));
    package.text("name", &name.native());
    package.text("scope", name.domain().as_str());
    package.text("version", version.native());
    if let Some(description) = &found.words.description {
        package.text("description", description);
    }
    put_texts(package.key("keywords"), &found.words.keywords);
    package.text("date", &found.published.to_rfc3339());
    if let Some(licence) = &found.words.licence {
        package.text("license", licence);
    }
    let mut links = Object::begin(package.key("links"));
    if let Some(homepage) = &found.words.homepage {
        links.text("homepage", homepage);
    }
    if let Some(repository) = &found.words.repository {
        links.text("repository", repository);
    }
    links.end();
    // npm prints who published: here that is always the domain.
    let mut publisher = Object::begin(package.key("publisher"));
    publisher.text("username", name.domain().as_str());
    publisher.end();
    package.key("maintainers").push_str("[]");
    package.end();
    if found.yanked {
        hit.key("flags").push_str("{\"yanked\":true}");
    }
    hit.key("score").push_str(&format!("{{\"final\":{score},\"detail\":{{\"quality\":0,\"popularity\":0,\"maintenance\":0}}}}"));
    hit.key("searchScore").push_str(&score.to_string());
    hit.end();
    Ok(())
}

fn put_texts(out: &mut String, texts: &[String]) {
    out.push('[');
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        crate::json::put_text(out, text);
    }
    out.push(']');
}

impl Query {
    /// By this request.
    pub(crate) fn of(request: &Request) -> Self {
        let number = |name: &str| request.query(name).and_then(|v| v.parse::<usize>().ok());
        let text: String = request.query("text").unwrap_or_default().chars().take(limits::SEARCH_TEXT_BYTES).collect();
        let mut query = Query {
            words: Vec::new(),
            keywords: Vec::new(),
            scope: None,
            from: number("from").unwrap_or(0),
            size: number("size").unwrap_or(20).min(limits::SEARCH_PAGE),
        };
        for word in text.to_lowercase().split_whitespace().take(limits::SEARCH_WORDS) {
            match word.split_once(':') {
                Some(("keywords", list)) => query.keywords.extend(list.split([',', '+']).filter(|k| !k.is_empty()).map(str::to_owned)),
                Some(("scope", scope)) => query.scope = Some(scope.trim_start_matches('@').to_owned()),
                _ => query.words.push(word.to_owned()),
            }
        }
        query
    }

    /// None unless every word is somewhere, every qualifier holds.
    fn score(&self, name: &PackageName, found: &Found) -> Option<u32> {
        if self.scope.as_ref().is_some_and(|scope| scope != name.domain().as_str()) {
            return None;
        }
        let keywords: Vec<String> = found.words.keywords.iter().map(|k| k.to_lowercase()).collect();
        if !self.keywords.is_empty() && !self.keywords.iter().any(|wanted| keywords.contains(wanted)) {
            return None;
        }
        let native = name.native();
        let description = found.words.description.as_deref().unwrap_or_default().to_lowercase();
        let mut total = 0;
        for word in &self.words {
            let mut score = 0;
            if *word == native || word == name.segment() {
                score += 100;
            } else if name.segment().starts_with(word.as_str()) {
                score += 40;
            } else if native.contains(word.as_str()) {
                score += 20;
            }
            if keywords.contains(word) {
                score += 15;
            } else if keywords.iter().any(|k| k.contains(word.as_str())) {
                score += 5;
            }
            if description.contains(word.as_str()) {
                score += 3;
            }
            if score == 0 {
                return None;
            }
            total += score;
        }
        Some(total)
    }
}
