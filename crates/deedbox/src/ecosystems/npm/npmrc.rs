//! `.npmrc`: lines of `key=value` (npm's ini). What stands below a section's head is that section's and not looked at.

use crate::managers::file::Edited;
use crate::managers::{Mode, edited, is_same};
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;

/// The setting by which packages of a domain come from a registry.
pub(super) fn scope(domain: &Domain, url: &RegistryUrl) -> (String, String) {
    (format!("@{domain}:registry"), format!("{url}/npm/"))
}

/// The same as a line.
pub(super) fn scope_line(domain: &Domain, url: &RegistryUrl) -> String {
    let (key, value) = scope(domain, url);
    format!("{key}={value}")
}

/// Sets each of these, or takes it out.
pub(super) fn edit(text: &str, settings: &[(String, String)], mode: Mode) -> Result<Edited, String> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let own = lines.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(lines.len());
    let below = lines.split_off(own);
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    for (key, value) in settings {
        set(&mut lines, key, value, mode)?;
    }
    if let Some(last) = lines.last_mut()
        && !below.is_empty()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    let said: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let said = said.join(" and ");
    edited(lines.concat() + &below.concat(), if mode == Mode::Undo { format!("without {said}") } else { said })
}

fn set(lines: &mut Vec<String>, key: &str, value: &str, mode: Mode) -> Result<(), String> {
    let there: Vec<usize> = (0..lines.len()).filter(|at| lines.get(*at).is_some_and(|line| key_of(line) == Some(key))).collect();
    let other = there.iter().filter_map(|at| lines.get(*at)).map(|line| value_of(line)).find(|there| !is_same(there, value));
    if let Some(why) = other.and_then(|other| mode.objection(key, other, value)) {
        return Err(why);
    }
    if mode == Mode::Undo {
        let mut at = 0;
        lines.retain(|_| {
            at += 1;
            !there.contains(&(at - 1))
        });
        return Ok(());
    }
    let line = format!("{key}={value}");
    match there.split_first() {
        // What is there says the same.
        Some(_) if other.is_none() => {}
        Some((first, rest)) => {
            if let Some(old) = lines.get_mut(*first) {
                let end = if old.ends_with('\n') { "\n" } else { "" };
                *old = line + end;
            }
            for at in rest.iter().rev() {
                lines.remove(*at);
            }
        }
        None => {
            if let Some(last) = lines.last_mut()
                && !last.ends_with('\n')
            {
                last.push('\n');
            }
            lines.push(line + "\n");
        }
    }
    Ok(())
}

fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    (!key.starts_with([';', '#'])).then(|| key.trim_matches(['"', '\'']))
}

fn value_of(line: &str) -> &str {
    line.split_once('=').map_or("", |(_, value)| value.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "@acme.example:registry";
    const URL: &str = "https://registry.example/npm/";

    fn run(text: &str, mode: Mode) -> Result<String, String> {
        edit(text, &[(KEY.to_owned(), URL.to_owned())], mode).map(|edited| edited.text)
    }

    #[test]
    fn one_setting_is_added_and_every_other_line_stays() {
        let line = format!("{KEY}={URL}");
        for (old, new) in [
            ("", format!("{line}\n")),
            ("save-exact=true", format!("save-exact=true\n{line}\n")),
            ("@b.acme.example:registry=x\n", format!("@b.acme.example:registry=x\n{line}\n")),
            (&format!("; {line}\n"), format!("; {line}\n{line}\n")),
            (&format!("{line}\n"), format!("{line}\n")),
            (&format!("{KEY} = \"https://registry.example/npm\"\n"), format!("{KEY} = \"https://registry.example/npm\"\n")),
            ("a=1\n[section]\nb=2\n", format!("a=1\n{line}\n[section]\nb=2\n")),
        ] {
            assert_eq!(run(old, Mode::Set).unwrap(), new);
        }
    }

    #[test]
    fn a_registry_moves_only_where_that_is_meant_and_goes_without_a_trace() {
        let old = format!("a=1\n{KEY} = http://old.example/\nb=2\n{KEY}=http://older.example/\n");
        assert!(run(&old, Mode::Set).unwrap_err().contains("--replace"));
        assert_eq!(run(&old, Mode::Replace).unwrap(), format!("a=1\n{KEY}={URL}\nb=2\n"));
        assert!(run(&old, Mode::Undo).unwrap_err().contains("http://old.example/"));
        assert_eq!(run(&format!("a=1\n{KEY}={URL}\nb=2"), Mode::Undo).unwrap(), "a=1\nb=2");
        assert_eq!(run("a=1\n", Mode::Undo).unwrap(), "a=1\n");
    }
}
