//! A page as an answer: its headers, and what the catalog's answers look like when they are read back.

use crate::shown::Shown;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::{Defect, Sha256Digest};
use deedbox_view::{Body, Cache, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The style of every page, in the page: one question to the server, and nothing that could be of another version.
pub(crate) const STYLE: &str = include_str!("../templates/style.css");

/// Nothing runs, nothing is loaded, nothing is embedded; the one style is named by its digest, the one picture is in the page.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256Digest::of(STYLE.as_bytes()).0);
    format!("default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
});

/// A page with this status.
pub(crate) fn page(status: u16, template: &impl Template, varies_by_accept: bool) -> Result<Response, Defect> {
    let html = template.render().map_err(|e| Defect::Unencodable(e.to_string()))?;
    Ok(Response {
        status,
        media_type: Cow::Borrowed("text/html; charset=utf-8"),
        cache: if status == 200 { Cache::Revalidate } else { Cache::Never },
        varies_by_accept,
        headers: vec![("content-security-policy", POLICY.clone()), ("referrer-policy", "no-referrer".to_owned())],
        ..Response::json(html.into_bytes())
    })
}

/// What the catalog answered: what was asked for, or why not.
pub(crate) fn read<T: DeserializeOwned>(answer: &Response) -> Result<Result<T, Said>, Defect> {
    let Body::Bytes(bytes) = &answer.body else { return Err(Defect::Unencodable("the catalog gave no JSON".to_owned())) };
    let bad = |e: serde_json::Error| Defect::Unencodable(e.to_string());
    if answer.status == 200 {
        return serde_json::from_slice(bytes).map(Ok).map_err(bad);
    }
    let refused: Refused = serde_json::from_slice(bytes).map_err(bad)?;
    Ok(Err(refused.error))
}

/// The catalog's refusal.
#[derive(Deserialize)]
struct Refused {
    error: Said,
}

/// Why something is not shown.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    /// What was refused, and why.
    pub(crate) message: Shown,
    /// What to do.
    pub(crate) help: Shown,
}

/// A moment as a page shows it: the day; the rest is in the attribute.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct At(String);

impl At {
    pub(crate) fn whole(&self) -> &str {
        &self.0
    }
    pub(crate) fn day(&self) -> &str {
        self.0.split('T').next().unwrap_or_default()
    }
}

/// How an ecosystem's clients have a package, with the words that a page needs beside it.
pub(crate) struct Guide {
    /// The command that writes the settings.
    pub(crate) setup: Option<String>,
    /// All else.
    pub(crate) how: deedbox_view::HowTo,
}

impl Guide {
    pub(crate) fn of(dialect: &dyn deedbox_view::Dialect, wanted: &deedbox_view::Wanted<'_>) -> Option<Self> {
        let how = dialect.how_to(wanted)?;
        let setup = how.setup.map(|word| format!("deedbox setup {word} --domain {} --registry {}", wanted.id.domain(), wanted.base_url));
        Some(Guide { setup, how })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The colours of a colour scheme: the first block of variables is the light one, the second the dark.
    fn colours(scheme: usize) -> BTreeMap<&'static str, f64> {
        let block = STYLE.split(":root{").nth(scheme + 1).unwrap().split('}').next().unwrap();
        let pairs = block.split(';').filter_map(|pair| pair.strip_prefix("--")?.split_once(":#"));
        pairs.map(|(name, hex)| (name, luminance(hex))).collect()
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(hex: &str) -> f64 {
        let wide = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
        let part = |at: usize| f64::from(u8::from_str_radix(&wide[at..at + 2], 16).unwrap()) / 255.0;
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(part(0)) + 0.7152 * linear(part(2)) + 0.0722 * linear(part(4))
    }

    #[test]
    fn what_is_written_can_be_read_in_both_colour_schemes() {
        for scheme in [0, 1] {
            let colours = colours(scheme);
            assert_eq!(colours.len(), 9, "{colours:?}");
            for on in ["bg", "card", "code"] {
                for text in ["fg", "dim", "link", "mark", "bad"] {
                    let (a, b) = (colours[on], colours[text]);
                    let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(ratio >= 4.5, "{text} on {on}: {ratio:.2}");
                }
            }
        }
    }
}
