//! `.yarnrc.yml` of Yarn 2 and later: `npmScopes`, and its leave to speak plain HTTP to a host. Only YAML in block style is
//! edited; what is written otherwise is refused.

use crate::managers::file::Edited;
use crate::managers::{Mode, edited, is_same};
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;

/// The settings of a new project.
pub(super) fn settings(domain: &Domain, url: &RegistryUrl) -> Result<String, String> {
    edit("", domain, url, Mode::Set, false).map(|edited| edited.text)
}

/// Sets the domain's scope, and with `only` the default too.
pub(super) fn edit(text: &str, domain: &Domain, url: &RegistryUrl, mode: Mode, only: bool) -> Result<Edited, String> {
    let address = format!("{url}/npm/");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.iter().any(|line| line.trim_start_matches(' ').starts_with('\t')) {
        return Err("it has a tab where YAML wants spaces".to_owned());
    }
    scope(&mut lines, domain, &address, mode)?;
    let mut said = format!("npmScopes \"{domain}\" from {address}");
    if only {
        default_server(&mut lines, &address, mode)?;
        said.push_str(", and npmRegistryServer");
    }
    if url.as_str().starts_with("http:") {
        let authority = url.authority();
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
        plain_http(&mut lines, host, mode)?;
        said.push_str(&format!(", and unsafeHttpWhitelist \"{host}\", since it is not https"));
    }
    let mut new = lines.join("\n");
    if !new.is_empty() {
        new.push('\n');
    }
    if mode == Mode::Undo {
        said = format!("without {said}");
    }
    edited(if new.trim_end() == text.trim_end() { text } else { &new }, said)
}

fn scope(lines: &mut Vec<String>, domain: &Domain, address: &str, mode: Mode) -> Result<(), String> {
    let own = [format!("  \"{domain}\":"), format!("    npmRegistryServer: \"{address}\"")];
    let Some(block) = block(lines, "npmScopes")? else {
        if mode != Mode::Undo {
            lines.push("npmScopes:".to_owned());
            lines.extend(own);
        }
        return Ok(());
    };
    let children = children(lines, block.0 + 1, block.1)?;
    let Some((_, start, end)) = children.iter().find(|(key, ..)| key == domain.as_str()).cloned() else {
        if mode != Mode::Undo {
            let at = block.0 + 1;
            let indent = children.first().and_then(|(_, start, _)| lines.get(*start)).map_or(2, |line| indent(line));
            let more = " ".repeat(indent);
            lines.splice(at..at, [format!("{more}\"{domain}\":"), format!("{more}{more}npmRegistryServer: \"{address}\"")]);
        }
        return Ok(());
    };
    let inside = self::children(lines, start + 1, end)?;
    let server = inside.iter().find(|(key, ..)| key == "npmRegistryServer").map(|(_, at, _)| *at);
    let there = server.and_then(|at| lines.get(at)).and_then(|line| line.split_once(':')).map(|(_, value)| bare(value).to_owned());
    match (server, there) {
        (Some(at), Some(there)) => {
            if is_same(&there, address) {
                if mode == Mode::Undo {
                    let whole = inside.len() == 1;
                    let range = match (whole, children.len() == 1) {
                        (true, true) => block.0..end,
                        (true, false) => start..end,
                        (false, _) => at..at + 1,
                    };
                    lines.drain(range);
                }
                return Ok(());
            }
            if let Some(why) = mode.objection(&format!("npmRegistryServer of {domain}"), &there, address) {
                return Err(why);
            }
            if let Some(line) = lines.get_mut(at) {
                *line = format!("{}npmRegistryServer: \"{address}\"", " ".repeat(indent(line)));
            }
        }
        _ if mode == Mode::Undo => {}
        _ => {
            let deeper = inside.first().and_then(|(_, at, _)| lines.get(*at)).map_or(4, |line| indent(line));
            lines.insert(start + 1, format!("{}npmRegistryServer: \"{address}\"", " ".repeat(deeper)));
        }
    }
    Ok(())
}

/// The server of all packages that no scope is for.
fn default_server(lines: &mut Vec<String>, address: &str, mode: Mode) -> Result<(), String> {
    let at = lines.iter().position(|line| line.starts_with("npmRegistryServer:"));
    let there = at.and_then(|at| lines.get(at)).and_then(|line| line.split_once(':')).map(|(_, value)| bare(value).to_owned());
    match (at, there) {
        (Some(at), Some(there)) => {
            if !is_same(&there, address)
                && let Some(why) = mode.objection("npmRegistryServer", &there, address)
            {
                return Err(why);
            }
            if mode == Mode::Undo {
                lines.remove(at);
            } else if let Some(line) = lines.get_mut(at) {
                *line = format!("npmRegistryServer: \"{address}\"");
            }
        }
        _ if mode == Mode::Undo => {}
        _ => lines.insert(0, format!("npmRegistryServer: \"{address}\"")),
    }
    Ok(())
}

/// Leave to speak plain HTTP to a host; taken away when nothing else in the file is at that host.
fn plain_http(lines: &mut Vec<String>, host: &str, mode: Mode) -> Result<(), String> {
    let leave = format!("  - \"{host}\"");
    let list = block(lines, "unsafeHttpWhitelist")?;
    let range = list.unwrap_or((lines.len(), lines.len()));
    let is_host = |line: &String| line.trim_start().strip_prefix('-').is_some_and(|value| bare(value) == host);
    let at = lines.iter().enumerate().skip(range.0).take(range.1 - range.0).find(|(_, line)| is_host(line)).map(|(at, _)| at);
    match (mode, at, list) {
        (Mode::Undo, Some(at), _) => {
            let others = lines.iter().enumerate().filter(|(n, line)| *n != at && line.contains(host)).count();
            if others == 0 {
                let alone = range.1 - range.0 == 2;
                lines.drain(if alone { range.0..range.1 } else { at..at + 1 });
            }
        }
        (Mode::Undo, None, _) | (_, Some(_), _) => {}
        (_, None, Some(_)) => lines.insert(range.0 + 1, leave),
        (_, None, None) => lines.extend(["unsafeHttpWhitelist:".to_owned(), leave]),
    }
    Ok(())
}

/// The lines of a top-level block: from its key to behind its last line.
fn block(lines: &[String], key: &str) -> Result<Option<(usize, usize)>, String> {
    let head = format!("{key}:");
    let mut found = lines.iter().enumerate().filter(|(_, line)| line.starts_with(&head));
    let Some((at, line)) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(format!("{key} is there twice"));
    }
    let rest = line.get(head.len()..).unwrap_or_default().trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(format!("{key} is written on one line; write it as a block, one entry a line"));
    }
    let is_own = |line: &&String| line.starts_with([' ', '-', '#']) || line.trim().is_empty();
    let mut end = at + 1 + lines.iter().skip(at + 1).take_while(is_own).count();
    // What stands behind the last entry belongs to what follows.
    while end > at + 1 && lines.get(end - 1).is_some_and(|line| line.trim().is_empty() || line.starts_with('#')) {
        end -= 1;
    }
    Ok(Some((at, end)))
}

/// The keys of a block's lines at its own indentation, each with its lines.
fn children(lines: &[String], start: usize, end: usize) -> Result<Vec<(String, usize, usize)>, String> {
    let inside: Vec<(usize, &String)> = lines.iter().enumerate().skip(start).take(end.saturating_sub(start)).collect();
    let is_said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let Some(depth) = inside.iter().find(|(_, line)| is_said(line)).map(|(_, line)| indent(line)) else { return Ok(Vec::new()) };
    let mut found: Vec<(String, usize, usize)> = Vec::new();
    for (at, line) in inside {
        if is_said(line) && indent(line) == depth {
            let (key, _) = line.split_once(':').ok_or_else(|| format!("line {} is not a key with a value", at + 1))?;
            if key.trim_start().starts_with(['?', '{', '&', '*', '!', '<']) {
                return Err(format!("line {} is written in a form that this program does not edit", at + 1));
            }
            found.push((bare(key).to_owned(), at, at + 1));
        } else if is_said(line)
            && let Some(last) = found.last_mut()
        {
            last.2 = at + 1;
        }
    }
    Ok(found)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A plain or quoted scalar.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let text = text.split(" #").next().unwrap_or(text).trim();
    text.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "http://old.example/npm/";

    fn run(text: &str, mode: Mode, only: bool) -> Result<String, String> {
        let (domain, url) = (Domain::parse("acme.example").unwrap(), RegistryUrl::parse("http://127.0.0.1:8417").unwrap());
        edit(text, &domain, &url, mode, only).map(|edited| edited.text)
    }

    #[test]
    fn scopes_are_added_to_and_other_scopes_stay() {
        let scope = "  \"acme.example\":\n    npmRegistryServer: \"http://127.0.0.1:8417/npm/\"\n";
        let leave = "unsafeHttpWhitelist:\n  - \"127.0.0.1\"\n";
        let other = "nodeLinker: pnp\n\n# scopes\nnpmScopes:\n  other:\n    npmAlwaysAuth: true\n";
        for (old, new) in [
            ("", format!("npmScopes:\n{scope}{leave}")),
            (other, format!("nodeLinker: pnp\n\n# scopes\nnpmScopes:\n{scope}  other:\n    npmAlwaysAuth: true\n{leave}")),
        ] {
            let once = run(old, Mode::Set, false).unwrap();
            assert_eq!(once, new);
            assert_eq!(run(&once, Mode::Set, false).unwrap(), once, "twice changes nothing");
            assert_eq!(run(&once, Mode::Undo, false).unwrap(), old);
        }
    }

    #[test]
    fn a_scope_moves_only_where_that_is_meant() {
        let old = format!("npmScopes:\n  acme.example: # ours\n    npmAlwaysAuth: true\n    npmRegistryServer: '{OLD}'\n");
        assert!(run(&old, Mode::Set, false).unwrap_err().contains("--replace"));
        let moved = run(&old, Mode::Replace, false).unwrap();
        assert!(moved.starts_with(&old.replace(&format!("'{OLD}'"), "\"http://127.0.0.1:8417/npm/\"")), "{moved}");
        assert!(run(&old, Mode::Undo, false).unwrap_err().contains(OLD));
        assert_eq!(run(&moved, Mode::Undo, false).unwrap(), "npmScopes:\n  acme.example: # ours\n    npmAlwaysAuth: true\n");
        let only = run("", Mode::Set, true).unwrap();
        assert!(only.starts_with("npmRegistryServer: \"http://127.0.0.1:8417/npm/\"\n"), "{only}");
        assert_eq!(run(&only, Mode::Undo, true).unwrap(), "");
        assert!(run(&format!("npmRegistryServer: {OLD}\n"), Mode::Set, true).unwrap_err().contains(OLD));
    }

    #[test]
    fn what_is_not_written_as_a_block_stays_as_it_is() {
        for bad in ["npmScopes: {}\n", "npmScopes:\n\tx:\n", "npmScopes:\n  ? x\n  : y\n", "npmScopes:\n  a: 1\nnpmScopes:\n  b: 2\n"] {
            assert!(run(bad, Mode::Set, false).is_err(), "{bad}");
        }
    }
}
