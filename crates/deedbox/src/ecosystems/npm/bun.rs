//! `bunfig.toml`: Bun takes its scopes before those of `.npmrc`, so a scope that stands here decides.

use crate::managers::file::Edited;
use crate::managers::{Mode, edited, is_same};
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;
use toml::Value;

/// Lets a scope that is there alone if it names this registry. Nothing is added here: `.npmrc` is read where this is silent,
/// and then no words are given.
pub(super) fn edit(text: &str, domain: &Domain, url: &RegistryUrl, mode: Mode) -> Result<Edited, String> {
    let address = format!("{url}/npm/");
    let Some((key, there)) = scope(text, domain)? else { return edited(text, "") };
    let what = format!("the scope {key:?} of install.scopes");
    if is_same(&there, &address) {
        return match mode {
            Mode::Undo => Err(format!("{what} is there, and was not written by this program: take it out by hand")),
            _ => edited(text, format!("{what} is {there} there, which Bun takes before .npmrc")),
        };
    }
    if let Some(why) = mode.objection(&what, &there, &address) {
        return Err(format!("{why}; Bun takes it before .npmrc"));
    }
    let quoted = |text: &str| [format!("\"{text}\""), format!("'{text}'")];
    // On the line of the scope, or alone in the file: what comes out is read again, so a wrong guess changes nothing.
    let candidates = text.split_inclusive('\n').filter(|line| line.contains(&key)).chain([text]);
    for line in candidates {
        for old in quoted(&there) {
            let new = text.replacen(line, &line.replacen(&old, &format!("\"{address}\""), 1), 1);
            if scope(&new, domain)?.is_some_and(|(_, now)| now == address) {
                return edited(new, format!("{what} from {address}"));
            }
        }
    }
    Err(format!("{what} is {there} there, in a form that cannot be edited: change it by hand to {address}"))
}

/// The scope's key and address.
fn scope(text: &str, domain: &Domain) -> Result<Option<(String, String)>, String> {
    let table: toml::Table = text.parse().map_err(|_| "it is not TOML".to_owned())?;
    let scopes = table.get("install").and_then(|install| install.get("scopes")).and_then(Value::as_table);
    let found = scopes.into_iter().flatten().find(|(key, _)| key.trim_start_matches('@') == domain.as_str());
    Ok(found.map(|(key, value)| {
        let address = value.as_str().or_else(|| value.get("url").and_then(Value::as_str)).unwrap_or("of another form");
        (key.clone(), address.to_owned())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_that_bun_has_already_is_respected() {
        let (domain, url) = (Domain::parse("acme.example").unwrap(), RegistryUrl::parse("https://registry.example").unwrap());
        let run = |text: &str, mode| edit(text, &domain, &url, mode);
        assert_eq!(run("[install]\nexact = true\n", Mode::Set).unwrap().said, "");
        let ours = "[install.scopes]\n\"@acme.example\" = \"https://registry.example/npm\"\n";
        assert_eq!(run(ours, Mode::Set).unwrap().text, ours);
        for other in [
            "[install.scopes]\n\"acme.example\" = \"https://old.example/\" # mine\nb = \"https://old.example/\"\n",
            "[install.scopes]\n\"@acme.example\" = { url = 'https://old.example/', token = \"t\" }\n",
        ] {
            assert!(run(other, Mode::Set).unwrap_err().contains("https://old.example/"));
            let moved = run(other, Mode::Replace).unwrap().text;
            assert_eq!(moved.matches("https://registry.example/npm/").count(), 1, "{moved}");
            assert!(moved.contains("# mine") || moved.contains("token = \"t\""), "{moved}");
        }
        assert!(run("[install", Mode::Set).is_err());
    }
}
