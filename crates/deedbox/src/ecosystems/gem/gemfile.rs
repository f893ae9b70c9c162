//! A `Gemfile`: Bundler's sources. A source with a block is for the gems in it; one without is asked for all others, and
//! Bundler warns where a Gemfile has none of these.

use crate::managers::file::Edited;
use crate::managers::{Mode, edited, is_same};
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;

/// The source of a domain.
pub(super) fn source(domain: &Domain, url: &RegistryUrl) -> String {
    format!("{url}/gem/{domain}")
}

const EXAMPLE: &str = "# gem \"NAME\"\n";

/// Sets the domain's source: as the Gemfile's own where it has neither that nor gems, else with a block.
pub(super) fn edit(text: &str, domain: &Domain, url: &RegistryUrl, mode: Mode) -> Result<Edited, String> {
    let ours = source(domain, url);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let sources: Vec<(usize, Source<'_>)> = lines.iter().enumerate().filter_map(|(at, line)| Some((at, Source::of(line)?))).collect();
    let of_domain = |source: &Source<'_>| source.url.trim_end_matches('/').ends_with(&format!("/gem/{domain}"));
    let found = sources.iter().find(|(_, source)| is_same(source.url, &ours)).or_else(|| sources.iter().find(|(_, s)| of_domain(s)));
    let what = format!("the source of {domain}");
    if let Some((at, source)) = found {
        if !is_same(source.url, &ours)
            && let Some(why) = mode.objection(&what, source.url, &ours)
        {
            return Err(why);
        }
        return match mode {
            Mode::Undo => undo(&lines, *at, source, &ours),
            _ if is_same(source.url, &ours) => edited(text, format!("source \"{ours}\"")),
            _ => {
                let moved: String = lines
                    .iter()
                    .enumerate()
                    .map(|(n, line)| if n == *at { line.replacen(source.url, &ours, 1) } else { (*line).to_owned() })
                    .collect();
                edited(moved, format!("source \"{ours}\""))
            }
        };
    }
    if mode == Mode::Undo {
        return edited(text, format!("it has no source of {domain}"));
    }
    let gap = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let has_own = sources.iter().any(|(_, source)| !source.is_block);
    let has_gems = lines.iter().any(|line| ["gem ", "gem(", "gemspec"].iter().any(|word| line.trim_start().starts_with(word)));
    if has_own || has_gems {
        return edited(format!("{text}{gap}source \"{ours}\" do\n  {EXAMPLE}end\n"), format!("source \"{ours}\" do … end"));
    }
    edited(
        format!("{text}{gap}source \"{ours}\"\n\n{EXAMPLE}"),
        format!("source \"{ours}\", the only one: gems of others want a source of their own"),
    )
}

/// Without the line, or the block if nothing but comments is in it.
fn undo(lines: &[&str], at: usize, source: &Source<'_>, ours: &str) -> Result<Edited, String> {
    let mut end = at + 1;
    if source.is_block {
        loop {
            match lines.get(end).map(|line| line.trim()) {
                Some("end") => break,
                Some(line) if line.is_empty() || line.starts_with('#') => end += 1,
                Some(_) => return Err(format!("the block of {ours} holds gems: take them out first")),
                None => return Err(format!("the block of {ours} has no end")),
            }
        }
        end += 1;
    }
    let mut rest: Vec<&str> = lines.iter().enumerate().filter(|(n, _)| !(at..end).contains(n)).map(|(_, line)| *line).collect();
    // What this program wrote beside it goes too.
    if !source.is_block
        && let [before @ .., "\n", EXAMPLE] = rest.as_slice()
        && before.len() == at
    {
        rest.truncate(at);
    }
    if at > 0 && rest.len() == at && rest.last().is_some_and(|line| line.trim().is_empty()) {
        rest.pop();
    }
    edited(rest.concat(), format!("without source \"{ours}\""))
}

/// A line `source "URL"`.
struct Source<'a> {
    url: &'a str,
    is_block: bool,
}

impl<'a> Source<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let rest = line.trim_start().strip_prefix("source")?.trim_start_matches([' ', '(']);
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (url, after) = rest.get(1..)?.split_once(quote)?;
        let is_block = after.split('#').next().unwrap_or_default().split([' ', ')', '\n', '\r']).any(|word| word == "do");
        Some(Source { url, is_block })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://registry.example/gem/acme.example";

    fn run(text: &str, mode: Mode) -> Result<String, String> {
        let (domain, url) = (Domain::parse("acme.example").unwrap(), RegistryUrl::parse("https://registry.example").unwrap());
        edit(text, &domain, &url, mode).map(|edited| edited.text)
    }

    #[test]
    fn a_gemfile_gets_a_source_that_bundler_warns_of_nothing_with() {
        let alone = format!("source \"{OURS}\"\n\n# gem \"NAME\"\n");
        let block = format!("source \"{OURS}\" do\n  # gem \"NAME\"\nend\n");
        for (old, new) in [
            ("", alone.clone()),
            ("# frozen_string_literal: true\n", format!("# frozen_string_literal: true\n\n{alone}")),
            ("gem \"a\"", format!("gem \"a\"\n\n{block}")),
            ("source 'https://other.example'\ngem \"a\"\n", format!("source 'https://other.example'\ngem \"a\"\n\n{block}")),
        ] {
            let once = run(old, Mode::Set).unwrap();
            assert_eq!(once, new);
            assert_eq!(run(&once, Mode::Set).unwrap(), once, "twice changes nothing");
            let undone = run(&once, Mode::Undo).unwrap();
            assert_eq!(undone.trim_end(), old.trim_end());
        }
    }

    #[test]
    fn a_source_moves_only_where_that_is_meant() {
        let old = "source('https://old.example/gem/acme.example/') do # ours\n  gem \"b\"\nend\n";
        assert!(run(old, Mode::Set).unwrap_err().contains("--replace"));
        assert_eq!(run(old, Mode::Replace).unwrap(), format!("source('{OURS}') do # ours\n  gem \"b\"\nend\n"));
        assert!(run(&run(old, Mode::Replace).unwrap(), Mode::Undo).unwrap_err().contains("holds gems"));
        assert!(run(old, Mode::Undo).unwrap_err().contains("https://old.example/"));
    }
}
