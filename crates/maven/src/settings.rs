//! A registry in a project's own files: the repository of a `pom.xml`, and of a Gradle script. Adds, changes or takes out
//! that one and leaves every other byte as it is. What it cannot read it refuses.

use quick_xml::Reader;
use quick_xml::events::Event;
use std::ops::Range;

/// What is done with the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// It is added where it is not there; one of the same name with another address is refused.
    Set,
    /// It is added, or gets the address.
    Replace,
    /// It is taken out.
    Undo,
}

/// Why a file stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unedited {
    /// The repository is there with this other address.
    Elsewhere(String),
    /// The file cannot be edited, in words.
    Unreadable(String),
}

fn unreadable(why: impl Into<String>) -> Unedited {
    Unedited::Unreadable(why.into())
}

/// A repository in a POM.
#[derive(Default)]
struct Entry {
    /// From the beginning of its line to the end of it.
    span: Range<usize>,
    id: String,
    url: String,
    url_span: Range<usize>,
}

/// What of a POM matters here. Places are bytes.
#[derive(Default)]
struct Pom {
    entries: Vec<Entry>,
    /// Behind `<repositories>`.
    list: Option<usize>,
    /// From `<repositories>` to behind its end.
    list_span: Range<usize>,
    /// Before `</project>`.
    end: Option<usize>,
}

/// The POM with a repository of this id and address as the first of its list, or without it.
pub fn pom_with_repository(pom: &str, id: &str, url: &str, edit: Edit) -> Result<String, Unedited> {
    // The reader does not count a byte order mark.
    let (mark, pom) = if pom.starts_with('\u{feff}') { pom.split_at('\u{feff}'.len_utf8()) } else { ("", pom) };
    let read = read_pom(pom)?;
    let put = |range: Range<usize>, text: &str| {
        let (before, after) = (pom.get(..range.start), pom.get(range.end..));
        match (before, after) {
            (Some(before), Some(after)) => Ok(format!("{mark}{before}{text}{after}")),
            _ => Err(unreadable("it cannot be edited")),
        }
    };
    if let Some(entry) = read.entries.iter().find(|entry| entry.url == url && (entry.id == id || edit != Edit::Undo)) {
        return match edit {
            Edit::Undo if read.entries.len() == 1 => put(whole_lines(pom, read.list_span.clone()), ""),
            Edit::Undo => put(whole_lines(pom, entry.span.clone()), ""),
            _ => Ok(format!("{mark}{pom}")),
        };
    }
    if let Some(entry) = read.entries.iter().find(|entry| entry.id == id) {
        return match edit {
            Edit::Replace => put(entry.url_span.clone(), url),
            _ => Err(Unedited::Elsewhere(entry.url.clone())),
        };
    }
    let entry = format!("    <repository>\n      <id>{id}</id>\n      <url>{url}</url>\n    </repository>\n");
    match (edit, read.list, read.end) {
        (Edit::Undo, ..) => Ok(format!("{mark}{pom}")),
        (_, Some(list), _) => put(list..list, &format!("\n{}", entry.trim_end())),
        (_, None, Some(end)) => put(end..end, &format!("  <repositories>\n{entry}  </repositories>\n")),
        (_, None, None) => Err(unreadable("it has no <project>")),
    }
}

/// The range, with the white space before it on its line and the end of its line, if nothing else is there.
fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let indent = before.len() - before.trim_end_matches([' ', '\t']).len();
    let begins_a_line = before.get(..before.len() - indent).is_some_and(|before| before.is_empty() || before.ends_with('\n'));
    let line_end = if after.starts_with("\r\n") { 2 } else { usize::from(after.starts_with('\n')) };
    if begins_a_line && line_end > 0 { range.start - indent..range.end + line_end } else { range }
}

fn read_pom(pom: &str) -> Result<Pom, Unedited> {
    let mut reader = Reader::from_str(pom);
    let mut path: Vec<String> = Vec::new();
    let mut read = Pom::default();
    loop {
        let before = place(&reader);
        let event = reader.read_event().map_err(|e| unreadable(format!("it is not well-formed XML ({e})")))?;
        match event {
            Event::Start(start) => {
                path.push(String::from_utf8_lossy(start.name().into_inner()).into_owned());
                match at(&path).as_slice() {
                    ["project", "repositories"] => {
                        read.list = Some(place(&reader));
                        read.list_span.start = before;
                    }
                    ["project", "repositories", "repository"] => {
                        read.entries.push(Entry { span: before..before, ..Entry::default() });
                    }
                    _ => {}
                }
            }
            Event::Empty(empty) if at(&path) == ["project"] && empty.name().into_inner() == b"repositories" => {
                return Err(unreadable("its <repositories/> is empty; take it out"));
            }
            Event::End(_) => {
                match at(&path).as_slice() {
                    ["project"] => read.end = Some(before),
                    ["project", "repositories"] => read.list_span.end = place(&reader),
                    ["project", "repositories", "repository"] => {
                        if let Some(entry) = read.entries.last_mut() {
                            entry.span.end = place(&reader);
                        }
                    }
                    _ => {}
                }
                path.pop();
            }
            Event::Text(text) => {
                let said = text.decode().map_err(|e| unreadable(e.to_string()))?.trim().to_owned();
                match (at(&path).as_slice(), read.entries.last_mut()) {
                    (["project", "repositories", "repository", "id"], Some(entry)) => entry.id = said,
                    (["project", "repositories", "repository", "url"], Some(entry)) => {
                        entry.url = said;
                        entry.url_span = before..place(&reader);
                    }
                    _ => {}
                }
            }
            Event::DocType(_) => return Err(unreadable("it has a document type; take it out")),
            Event::Eof => return Ok(read),
            _ => {}
        }
    }
}

fn at(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn place(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// A Gradle script with a repository of this name and address before all others of its list, or without it. The list is the
/// one of the script itself; of a settings file, the one that `dependencyResolutionManagement` has. Gradle asks repositories
/// in the order in which they stand. Unchanged if the list has the address.
pub fn gradle_with_repository(script: &str, name: &str, url: &str, is_kotlin: bool, edit: Edit) -> Result<String, Unedited> {
    let code = Code::of(script)?;
    let list = code.block(0..script.len(), "repositories").or_else(|| {
        let management = code.block(0..script.len(), "dependencyResolutionManagement")?;
        code.block(management, "repositories")
    });
    let entry = |indent: &str| {
        let url = if is_kotlin { format!("uri(\"{url}\")") } else { format!("\"{url}\"") };
        format!("{indent}    maven {{\n{indent}        name = \"{name}\"\n{indent}        url = {url}\n{indent}    }}\n")
    };
    let Some(list) = list else {
        if edit == Edit::Undo {
            return Ok(script.to_owned());
        }
        let gap = if script.is_empty() || script.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{script}{gap}\nrepositories {{\n{}}}\n", entry("")));
    };
    let inside = script.get(list.clone()).unwrap_or_default();
    let quoted = [format!("\"{url}\""), format!("'{url}'")];
    let names = [format!("name = \"{name}\""), format!("name = '{name}'")];
    let says = |range: &Range<usize>| script.get(range.clone()).is_some_and(|text| names.iter().any(|name| text.contains(name)));
    let named = code.blocks(list.clone(), "maven").into_iter().find(says);
    let named_text = named.as_ref().and_then(|range| script.get(range.clone())).unwrap_or_default();
    let has = |text: &str| quoted.iter().any(|url| text.contains(url));
    match edit {
        Edit::Undo => match named {
            Some(range) if has(named_text) => {
                let start = script.get(..range.start).and_then(|before| before.rfind("maven")).unwrap_or(range.start);
                Ok(without(script, whole_lines(script, start..range.end + 1)))
            }
            Some(_) => Err(Unedited::Elsewhere(first_url(named_text))),
            None => Ok(script.to_owned()),
        },
        _ if has(inside) => Ok(script.to_owned()),
        Edit::Replace if named.is_some() => {
            let old = first_url(named_text);
            let new = named_text.replacen(&old, url, 1);
            let range = named.unwrap_or_default();
            Ok(format!("{}{new}{}", script.get(..range.start).unwrap_or_default(), script.get(range.end..).unwrap_or_default()))
        }
        Edit::Set if named.is_some() => Err(Unedited::Elsewhere(first_url(named_text))),
        _ => {
            let line = script.get(..list.start).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
            let indent = line.get(..line.len() - line.trim_start().len()).unwrap_or_default();
            let (before, after) = (script.get(..list.start).unwrap_or_default(), script.get(list.start..).unwrap_or_default());
            // A list on one line is opened.
            let after = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')).unwrap_or(after);
            let closed = if inside.contains('\n') { after.to_owned() } else { format!("{indent}    {}", after.trim_start()) };
            Ok(format!("{before}\n{}{closed}", entry(indent)))
        }
    }
}

fn without(text: &str, range: Range<usize>) -> String {
    format!("{}{}", text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default())
}

/// The first quoted address in a block.
fn first_url(block: &str) -> String {
    block.split(['"', '\'']).find(|part| part.contains("://")).unwrap_or("another address").to_owned()
}

/// A Gradle script whose comments and strings are known, so that braces and words in them count for nothing.
struct Code {
    /// The script, with blanks in place of what stands in comments and strings, byte for byte.
    bare: String,
}

impl Code {
    fn of(script: &str) -> Result<Self, Unedited> {
        let mut bare = String::with_capacity(script.len());
        let (mut rest, mut depth) = (script, 0_usize);
        while let Some(c) = rest.chars().next() {
            let skipped = skipped(rest).ok_or_else(|| unreadable("a comment or a string in it has no end"))?;
            if skipped > 0 {
                let (gone, after) = rest.split_at_checked(skipped).ok_or_else(|| unreadable("it cannot be read"))?;
                bare.extend(gone.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
                rest = after;
                continue;
            }
            match c {
                '{' => depth += 1,
                '}' => depth = depth.checked_sub(1).ok_or_else(|| unreadable("it has a } without its {"))?,
                _ => {}
            }
            bare.push(if c.is_ascii() { c } else { ' ' });
            bare.extend(std::iter::repeat_n(' ', c.len_utf8() - 1));
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        if depth > 0 {
            return Err(unreadable("it has a { without its }"));
        }
        Ok(Code { bare })
    }

    /// What is between the braces of the first block of this name that lies in the range and in no other block of it.
    fn block(&self, range: Range<usize>, name: &str) -> Option<Range<usize>> {
        self.blocks(range, name).into_iter().next()
    }

    fn blocks(&self, range: Range<usize>, name: &str) -> Vec<Range<usize>> {
        let text = self.bare.get(range.clone()).unwrap_or_default();
        let (mut found, mut depth, mut open) = (Vec::new(), 0_usize, None);
        for (at, c) in text.char_indices() {
            match c {
                '{' => {
                    let before = text.get(..at).unwrap_or_default().trim_end_matches([' ', '\t']);
                    let word = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).next();
                    if depth == 0 && word == Some(name) {
                        open = Some(at + 1);
                    }
                    depth += 1;
                }
                '}' => {
                    depth = depth.saturating_sub(1);
                    if let (0, Some(start)) = (depth, open) {
                        found.push(range.start + start..range.start + at);
                        open = None;
                    }
                }
                _ => {}
            }
        }
        found
    }
}

/// Bytes of the comment or the string that the text begins with; none where it begins with neither, no number where it has no
/// end.
fn skipped(text: &str) -> Option<usize> {
    let until = |open: &str, end: &str| text.get(open.len()..).and_then(|rest| rest.find(end)).map(|at| open.len() + at + end.len());
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    for (open, end) in [("/*", "*/"), ("\"\"\"", "\"\"\""), ("'''", "'''")] {
        if text.starts_with(open) {
            return until(open, end);
        }
    }
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else { return Some(0) };
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://registry.example/maven/";
    const OTHER: &str = "https://other.example/maven/";

    fn pom(text: &str, id: &str, url: &str) -> Result<String, Unedited> {
        pom_with_repository(text, id, url, Edit::Set)
    }

    #[test]
    fn a_repository_is_added_and_every_other_byte_stays() {
        let bare = "<project>\n  <!-- </project> -->\n  <artifactId>a</artifactId>\n</project>\n";
        let with = pom(bare, "acme.example", URL).unwrap();
        let list = "  <repositories>\n    <repository>\n      <id>acme.example</id>\n      <url>https://registry.example/maven/</url>\n    </repository>\n  </repositories>\n";
        assert_eq!(with, bare.replace("</artifactId>\n", &format!("</artifactId>\n{list}")));
        assert_eq!(pom(&with, "acme.example", URL).unwrap(), with, "twice changes nothing");
        let marked = |text: &str| format!("\u{feff}{text}");
        for once in [bare, &with] {
            assert_eq!(pom(&marked(once), "acme.example", URL).unwrap(), marked(&with), "behind a byte order mark");
        }
        let second = pom(&with, "b.example", OTHER).unwrap();
        assert!(second.contains("<repositories>\n    <repository>\n      <id>b.example</id>"), "{second}");
        // What a profile has is the profile's.
        let profile = "<project><profiles><profile><repositories><repository><id>acme.example</id></repository></repositories></profile></profiles></project>";
        assert!(pom(profile, "acme.example", URL).unwrap().ends_with("  </repositories>\n</project>"));
        for bad in ["", "<project><repositories/></project>", "<project>", "<!DOCTYPE x><project></project>"] {
            assert!(matches!(pom(bad, "acme.example", URL), Err(Unedited::Unreadable(_))), "{bad}");
        }
    }

    #[test]
    fn a_repository_moves_only_where_that_is_meant_and_is_taken_out_without_a_trace() {
        for bare in [
            "<project>\n  <artifactId>a</artifactId>\n</project>\n",
            "<project>\n  <repositories>\n    <repository><id>x</id><url>https://x.example/</url></repository>\n  </repositories>\n</project>\n",
        ] {
            let with = pom(bare, "acme.example", URL).unwrap();
            assert_eq!(pom(&with, "acme.example", OTHER), Err(Unedited::Elsewhere(URL.to_owned())));
            assert_eq!(pom_with_repository(&with, "acme.example", OTHER, Edit::Replace).unwrap(), with.replace(URL, OTHER));
            assert_eq!(pom_with_repository(&with, "acme.example", URL, Edit::Undo).unwrap(), bare);
            assert_eq!(pom_with_repository(&with, "acme.example", OTHER, Edit::Undo), Err(Unedited::Elsewhere(URL.to_owned())));
            assert_eq!(pom_with_repository(bare, "acme.example", URL, Edit::Undo).unwrap(), bare);
        }
    }

    fn gradle(script: &str, url: &str, edit: Edit) -> Result<String, Unedited> {
        gradle_with_repository(script, "acme.example", url, false, edit)
    }

    #[test]
    fn a_gradle_script_gets_the_repository_before_all_others() {
        let entry = format!("    maven {{\n        name = \"acme.example\"\n        url = \"{URL}\"\n    }}\n");
        for (old, new) in [
            ("plugins { id 'java' }", format!("plugins {{ id 'java' }}\n\nrepositories {{\n{entry}}}\n")),
            ("repositories {\n    mavenCentral()\n}\n", format!("repositories {{\n{entry}    mavenCentral()\n}}\n")),
            ("repositories { mavenCentral() }\n", format!("repositories {{\n{entry}    mavenCentral() }}\n")),
            (
                "buildscript {\n    repositories { x() }\n}\n// repositories {\nrepositories {\n    y('}')\n}\n",
                format!("buildscript {{\n    repositories {{ x() }}\n}}\n// repositories {{\nrepositories {{\n{entry}    y('}}')\n}}\n"),
            ),
            (
                "publishing {\n    repositories { x() }\n}\n",
                format!("publishing {{\n    repositories {{ x() }}\n}}\n\nrepositories {{\n{entry}}}\n"),
            ),
        ] {
            let once = gradle(old, URL, Edit::Set).unwrap();
            assert_eq!(once, new);
            assert_eq!(gradle(&once, URL, Edit::Set).unwrap(), once, "twice changes nothing");
            assert_eq!(gradle(&once, OTHER, Edit::Set), Err(Unedited::Elsewhere(URL.to_owned())));
            assert_eq!(gradle(&once, OTHER, Edit::Replace).unwrap(), once.replace(URL, OTHER));
            assert_eq!(gradle(&once, OTHER, Edit::Undo), Err(Unedited::Elsewhere(URL.to_owned())));
            let undone = gradle(&once, URL, Edit::Undo).unwrap();
            assert!(!undone.contains("maven {") && gradle(&undone, URL, Edit::Undo).unwrap() == undone, "{undone}");
        }
        assert!(gradle_with_repository("", "acme.example", URL, true, Edit::Set).unwrap().contains("url = uri(\""));
        let settings = "dependencyResolutionManagement {\n    repositories {\n        mavenCentral()\n    }\n}\n";
        let with = gradle(settings, URL, Edit::Set).unwrap();
        assert!(with.contains("    repositories {\n        maven {\n            name = \"acme.example\""), "{with}");
    }

    #[test]
    fn the_repository_of_a_domain_is_found_among_others() {
        let others = "repositories {\n    maven { url 'https://x.example/' }\n    maven {\n        name = 'acme.example'\n        url = 'https://old.example/'\n    }\n}\n";
        assert_eq!(gradle(others, URL, Edit::Set), Err(Unedited::Elsewhere("https://old.example/".to_owned())));
        assert_eq!(gradle(others, URL, Edit::Replace).unwrap(), others.replace("https://old.example/", URL));
        let undone = gradle(others, "https://old.example/", Edit::Undo).unwrap();
        assert_eq!(undone, "repositories {\n    maven { url 'https://x.example/' }\n}\n");
    }

    #[test]
    fn a_script_that_cannot_be_read_stays_as_it_is() {
        for bad in ["repositories {", "}", "a = 'x\n", "/* x", "\"\"\" x"] {
            assert!(matches!(gradle(bad, URL, Edit::Set), Err(Unedited::Unreadable(_))), "{bad}");
        }
    }
}
