//! A registry in a project's own files: the repository of a `pom.xml`, and of a Gradle script. Adds what is missing and
//! leaves every other byte as it is.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The POM with a repository of this id and address as the first of its list; unchanged if it has one with that address.
/// Refused, in words, where it has the id with another address, or is no POM that can be edited.
pub fn pom_with_repository(pom: &str, id: &str, url: &str) -> Result<String, String> {
    // The reader does not count a byte order mark.
    let (mark, pom) = if pom.starts_with('\u{feff}') { pom.split_at('\u{feff}'.len_utf8()) } else { ("", pom) };
    let entry = format!("    <repository>\n      <id>{id}</id>\n      <url>{url}</url>\n    </repository>\n");
    let mut reader = Reader::from_str(pom);
    let mut path: Vec<String> = Vec::new();
    let (mut list, mut end) = (None, None);
    let (mut ids, mut urls) = (Vec::new(), Vec::new());
    loop {
        let before = reader.buffer_position();
        match reader.read_event().map_err(|e| format!("it is not well-formed XML ({e})"))? {
            Event::Start(start) => {
                path.push(String::from_utf8_lossy(start.name().into_inner()).into_owned());
                if path == ["project", "repositories"] {
                    list = Some(reader.buffer_position());
                }
            }
            Event::Empty(empty) if path == ["project"] && empty.name().into_inner() == b"repositories" => {
                return Err("its <repositories/> is empty; take it out".to_owned());
            }
            Event::End(_) => {
                if path == ["project"] {
                    end = Some(before);
                }
                path.pop();
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|e| e.to_string())?.trim().to_owned();
                let at: Vec<&str> = path.iter().map(String::as_str).collect();
                match at.as_slice() {
                    ["project", "repositories", "repository", "id"] => ids.push(text),
                    ["project", "repositories", "repository", "url"] => urls.push(text),
                    _ => {}
                }
            }
            Event::DocType(_) => return Err("it has a document type; take it out".to_owned()),
            Event::Eof => break,
            _ => {}
        }
    }
    if urls.iter().any(|known| known == url) {
        return Ok(format!("{mark}{pom}"));
    }
    if ids.iter().any(|known| known == id) {
        return Err(format!("it has a repository {id} already, with another address; change that to {url}"));
    }
    let (at, text) = match (list, end) {
        (Some(list), _) => (list, format!("\n{}", entry.trim_end())),
        (None, Some(end)) => (end, format!("  <repositories>\n{entry}  </repositories>\n")),
        (None, None) => return Err("it has no <project>".to_owned()),
    };
    let (before, after) = pom.split_at_checked(usize::try_from(at).unwrap_or(0)).ok_or("it cannot be edited")?;
    Ok(format!("{mark}{before}{text}{after}"))
}

/// A Gradle script with a repository of this address at its end; unchanged if it names the address anywhere.
pub fn gradle_with_repository(script: &str, url: &str, is_kotlin: bool) -> String {
    if script.contains(&format!("\"{url}\"")) || script.contains(&format!("'{url}'")) {
        return script.to_owned();
    }
    let url = if is_kotlin { format!("url = uri(\"{url}\")") } else { format!("url \"{url}\"") };
    let line_end = if script.is_empty() || script.ends_with('\n') { "" } else { "\n" };
    format!("{script}{line_end}\nrepositories {{\n    maven {{ {url} }}\n}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://registry.example/maven/";

    #[test]
    fn a_repository_is_added_and_every_other_byte_stays() {
        let bare = "<project>\n  <!-- </project> -->\n  <artifactId>a</artifactId>\n</project>\n";
        let with = pom_with_repository(bare, "acme.example", URL).unwrap();
        let list = "  <repositories>\n    <repository>\n      <id>acme.example</id>\n      <url>https://registry.example/maven/</url>\n    </repository>\n  </repositories>\n";
        assert_eq!(with, bare.replace("</artifactId>\n", &format!("</artifactId>\n{list}")));
        assert_eq!(pom_with_repository(&with, "acme.example", URL).unwrap(), with, "twice changes nothing");
        let marked = |text: &str| format!("\u{feff}{text}");
        for once in [bare, &with] {
            assert_eq!(pom_with_repository(&marked(once), "acme.example", URL).unwrap(), marked(&with), "behind a byte order mark");
        }
        let second = pom_with_repository(&with, "b.example", "https://other.example/").unwrap();
        assert!(second.contains("<repositories>\n    <repository>\n      <id>b.example</id>"), "{second}");
        assert!(pom_with_repository(&with, "acme.example", "https://other.example/").is_err());
        // What a profile has is the profile's.
        let profile = "<project><profiles><profile><repositories><repository><id>acme.example</id></repository></repositories></profile></profiles></project>";
        assert!(pom_with_repository(profile, "acme.example", URL).unwrap().ends_with("  </repositories>\n</project>"));
        for bad in ["", "<project><repositories/></project>", "<project>", "<!DOCTYPE x><project></project>"] {
            assert!(pom_with_repository(bad, "acme.example", URL).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_gradle_script_gets_one_block() {
        let once = gradle_with_repository("plugins { id 'java' }", URL, false);
        assert_eq!(once, format!("plugins {{ id 'java' }}\n\nrepositories {{\n    maven {{ url \"{URL}\" }}\n}}\n"));
        assert_eq!(gradle_with_repository(&once, URL, false), once);
        assert!(gradle_with_repository("", URL, true).contains("url = uri(\""));
    }
}
