//! Replay, seen from outside: every URL that a registry was asked for during the tests is asked again, once of the registry as the
//! tests left it, and once of one that has the same log, objects and keys and no rows. Status, headers and bytes must be the same
//! (spec/projections/README.md).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::registry::{program, serve, served};

/// What a data directory consists of; everything else can be made from it.
const KEPT: [&str; 6] = ["registry.json", "keys", "commits", "log", "objects", "signer"];
/// Headers that differ between two answers to one question.
const OF_THE_MOMENT: [&str; 2] = ["date", "x-request-id"];

/// A question: a path with its query, and what was accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    uri: String,
    accept: Option<String>,
}

/// An answer, with the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    size: usize,
    sha256: String,
}

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retraced {
    /// Registries.
    pub registries: usize,
    /// Questions to all of them.
    pub questions: usize,
}

/// The folders of registries that tests of this target folder have served from and left.
///
/// # Errors
/// When they cannot be listed.
pub fn left() -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(served()?)? {
        folders.push(entry?.path());
    }
    folders.sort();
    Ok(folders)
}

/// Asks each registry all its questions again, with its rows and with rows that were made anew, and removes it.
///
/// # Errors
/// With every question whose answers differ; the folder stays then.
pub async fn retrace(folders: &[PathBuf]) -> anyhow::Result<Retraced> {
    let mut retraced = Retraced::default();
    for folder in folders {
        let log = fs::read_to_string(folder.join("serve.log")).with_context(|| format!("{} has no log of questions", folder.display()))?;
        let questions: BTreeSet<Question> = log.lines().filter_map(question).collect();
        let as_left = Registry::start(folder, None)?;
        let listen = as_left.listen()?;
        let expected = as_left.ask(&questions).await?;
        drop(as_left);

        let copy = tempfile::tempdir()?;
        fs::create_dir_all(copy.path().join("registry"))?;
        for part in KEPT {
            copy_all(&folder.join("registry").join(part), &copy.path().join("registry").join(part))?;
        }
        let anew = Registry::start(copy.path(), Some(&listen))?;
        let found = anew.ask(&questions).await?;
        drop(anew);

        let different: Vec<String> = questions
            .iter()
            .zip(expected.iter().zip(&found))
            .filter(|(_, (expected, found))| expected != found)
            .map(|(question, (expected, found))| format!("{question:?}\n  as left: {expected:?}\n  anew:    {found:?}"))
            .collect();
        ensure!(
            different.is_empty(),
            "{}: {} of {} answers differ:\n{}",
            folder.display(),
            different.len(),
            questions.len(),
            different.join("\n")
        );
        retraced.registries += 1;
        retraced.questions += questions.len();
        fs::remove_dir_all(folder)?;
    }
    Ok(retraced)
}

/// A question in a line of the server's log: `… asked method=GET uri=/npm/… accept=Some("…")`.
fn question(line: &str) -> Option<Question> {
    let rest = line.split_once(" asked method=")?.1;
    let (method, rest) = rest.split_once(" uri=")?;
    let (uri, accept) = rest.rsplit_once(" accept=")?;
    // What the moment decides is no projection of the log.
    let is_of_the_moment = ["/health", "/ready", "/metrics"].contains(&uri);
    if !matches!(method, "GET" | "HEAD") || is_of_the_moment {
        return None;
    }
    let accept = accept.trim().strip_prefix("Some(\"").and_then(|accept| accept.strip_suffix("\")"));
    Some(Question { uri: uri.to_owned(), accept: accept.map(str::to_owned) })
}

struct Registry {
    child: Child,
    url: String,
}

impl Registry {
    /// On the same address as before, or on a free one.
    fn start(folder: &Path, listen: Option<&str>) -> anyhow::Result<Self> {
        let (child, url) = serve(&program()?, folder, listen.unwrap_or("127.0.0.1:0"))?;
        Ok(Registry { child, url })
    }

    fn listen(&self) -> anyhow::Result<String> {
        Ok(self.url.strip_prefix("http://").context("a registry of these tests listens in the open")?.to_owned())
    }

    async fn ask(&self, questions: &BTreeSet<Question>) -> anyhow::Result<Vec<Answer>> {
        let client = reqwest::Client::builder().no_gzip().timeout(Duration::from_secs(60)).build()?;
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let mut request = client.get(format!("{}{}", self.url, question.uri));
            if let Some(accept) = &question.accept {
                request = request.header("accept", accept);
            }
            let response = request.send().await.with_context(|| question.uri.clone())?;
            let status = response.status().as_u16();
            let mut headers = Vec::new();
            for (name, value) in response.headers() {
                if !OF_THE_MOMENT.contains(&name.as_str()) {
                    headers.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
                }
            }
            headers.sort();
            // A damaged object ends an answer early: that is an answer too.
            let bytes = response.bytes().await.unwrap_or_default();
            answers.push(Answer { status, headers, size: bytes.len(), sha256: hex::encode(Sha256::digest(&bytes)) });
        }
        Ok(answers)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_file() {
        fs::copy(from, to)?;
        // A copy of a private key is as private.
        fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        return Ok(());
    }
    if !from.is_dir() {
        bail!("{} is missing", from.display());
    }
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_out_of_a_line() {
        let line = r#"2026-11-21T13:00:00Z TRACE deedbox_server::dispatch: asked method=GET uri=/npm/@d%2fn?x=1 accept=Some("*/*")"#;
        assert_eq!(question(line), Some(Question { uri: "/npm/@d%2fn?x=1".to_owned(), accept: Some("*/*".to_owned()) }));
        let line = "2026-11-21T13:00:00Z TRACE deedbox_server::dispatch: asked method=HEAD uri=/v2/ accept=None";
        assert_eq!(question(line), Some(Question { uri: "/v2/".to_owned(), accept: None }));
        assert_eq!(question("… asked method=POST uri=/api/v1/events accept=None"), None);
        assert_eq!(question("… asked method=GET uri=/ready accept=None"), None);
    }
}
