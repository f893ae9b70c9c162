//! What Rust sources name, read as tokens: a word in a comment or a string is not a name, one behind `use std::{…}` is. It knows no types: it
//! sees what is written, not what it means.

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

use super::{Finding, tree::File};

const UNREADABLE: &str = "This file cannot be read as Rust tokens: see what `cargo check` says of it.";

/// Where a module declared in this file lives, without `.rs`.
pub(super) fn beside(file: &File, module: &str) -> String {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    match name.strip_suffix(".rs") {
        Some("lib" | "main" | "mod") | None => format!("{folder}/{module}"),
        Some(name) => format!("{folder}/{name}/{module}"),
    }
}

/// What a file names, each with its line. Paths and texts leave out what only tests see.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) paths: Vec<(Vec<String>, usize)>,
    /// What stands between quotation marks.
    pub(super) texts: Vec<Text>,
    pub(super) macros: Vec<(String, usize)>,
    pub(super) attributes: Vec<(String, usize)>,
    pub(super) test_modules: Vec<String>,
}

/// A literal text.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) line: usize,
    /// Whether something is compared with it: it is a pattern of a `match`, or stands beside `==` or `!=`.
    pub(super) is_compared: bool,
}

/// Reads a file; one that cannot be read is a finding.
pub(super) fn read(file: &File, findings: &mut Vec<Finding>) -> Option<Seen> {
    match file.text.parse::<TokenStream>() {
        Ok(tokens) => {
            let mut seen = Seen::default();
            seen.walk(tokens, false);
            Some(seen)
        }
        Err(error) => {
            findings.push(Finding::new(&file.path, error.span().start().line, "cannot be read", UNREADABLE));
            None
        }
    }
}

impl Seen {
    /// One level of tokens; `tested` when only tests see it.
    fn walk(&mut self, tokens: TokenStream, mut tested: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        // From `#[cfg(test)]` to the end of the item after it.
        let mut test_item = false;
        while let [first, after @ ..] = rest {
            rest = after;
            match first {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    let (inner, attribute, after) = match after {
                        [TokenTree::Punct(bang), TokenTree::Group(group), after @ ..] if bang.as_char() == '!' => (true, group, after),
                        [TokenTree::Group(group), after @ ..] => (false, group, after),
                        _ => continue,
                    };
                    if attribute.delimiter() != Delimiter::Bracket {
                        continue;
                    }
                    rest = after;
                    if self.attribute(attribute) {
                        if inner { tested = true } else { test_item = true }
                    }
                }
                TokenTree::Ident(word) => {
                    if let ("mod", true, [TokenTree::Ident(name), TokenTree::Punct(end), ..]) =
                        (word.to_string().as_str(), test_item, after)
                        && end.as_char() == ';'
                    {
                        self.test_modules.push(name.to_string());
                    }
                    let line = word.span().start().line;
                    if let [TokenTree::Punct(bang), TokenTree::Group(_), ..] = after
                        && bang.as_char() == '!'
                    {
                        self.macros.push((word.to_string(), line));
                    }
                    rest = self.path(vec![word.to_string()], line, after, tested || test_item);
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), tested || test_item);
                    if group.delimiter() == Delimiter::Brace {
                        test_item = false;
                    }
                }
                TokenTree::Punct(end) if end.as_char() == ';' => test_item = false,
                TokenTree::Literal(literal) if !(tested || test_item) => {
                    let before = tokens.get(..tokens.len() - rest.len() - 1).unwrap_or_default();
                    self.text(literal, before, rest);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Takes a literal in, if it is a text.
    fn text(&mut self, literal: &Literal, before: &[TokenTree], after: &[TokenTree]) {
        let written = literal.to_string();
        let Some(text) = written.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return };
        let is =
            |token: Option<&TokenTree>, marks: &[char]| matches!(token, Some(TokenTree::Punct(mark)) if marks.contains(&mark.as_char()));
        let (last, one_before) = (before.last(), before.len().checked_sub(2).and_then(|at| before.get(at)));
        let is_behind = is(last, &['|']) || (is(last, &['=']) && is(one_before, &['=', '!']));
        let is_in_front = is(after.first(), &['|']) || (is(after.first(), &['=', '!']) && is(after.get(1), &['=', '>']));
        let line = literal.span().start().line;
        self.texts.push(Text { text: text.to_owned(), line, is_compared: is_behind || is_in_front });
    }

    /// Follows `::` from a first name; returns what comes after the path.
    fn path<'a>(&mut self, mut path: Vec<String>, line: usize, mut rest: &'a [TokenTree], tested: bool) -> &'a [TokenTree] {
        while let [TokenTree::Punct(a), TokenTree::Punct(b), next, after @ ..] = rest {
            if a.as_char() != ':' || b.as_char() != ':' {
                break;
            }
            match next {
                TokenTree::Ident(word) => {
                    if let [TokenTree::Punct(bang), TokenTree::Group(_), ..] = after
                        && bang.as_char() == '!'
                    {
                        self.macros.push((word.to_string(), word.span().start().line));
                    }
                    path.push(word.to_string());
                    rest = after;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.branches(&path, group, tested);
                    return after;
                }
                _ => break,
            }
        }
        if !tested {
            self.paths.push((path, line));
        }
        rest
    }

    /// `{a, b::c, d::{e}}` after a path.
    fn branches(&mut self, path: &[String], group: &Group, tested: bool) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let mut rest = tokens.as_slice();
        while let [first, after @ ..] = rest {
            rest = after;
            if let TokenTree::Ident(word) = first {
                let path = path.iter().cloned().chain([word.to_string()]).collect();
                rest = self.path(path, word.span().start().line, after, tested);
                // `as name` gives another name; the path has been seen.
                while let [TokenTree::Ident(_), after @ ..] = rest {
                    rest = after;
                }
            }
        }
    }

    /// Takes an attribute in; `true` when it leaves what follows to tests alone.
    fn attribute(&mut self, attribute: &Group) -> bool {
        let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
        let [TokenTree::Ident(name), rest @ ..] = tokens.as_slice() else { return false };
        self.attributes.push((name.to_string(), name.span().start().line));
        let [TokenTree::Group(condition)] = rest else { return false };
        if name == "cfg_attr" {
            let words = condition.stream().into_iter().filter_map(|token| match token {
                TokenTree::Ident(word) => Some((word.to_string(), word.span().start().line)),
                _ => None,
            });
            self.attributes.extend(words);
        }
        name == "cfg" && only_in_tests(condition.stream())
    }
}

/// `test`, or `all(…)` with `test` among its conditions; `any(…)` and `not(…)` also hold elsewhere.
fn only_in_tests(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(all), TokenTree::Group(group)] if all == "all" => {
            let conditions: Vec<TokenTree> = group.stream().into_iter().collect();
            conditions
                .split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
                .any(|part| only_in_tests(part.iter().cloned().collect()))
        }
        _ => false,
    }
}
