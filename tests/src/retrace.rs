//! Replay, seen from outside: everything that a registry was asked during the tests is asked again, once of the registry as the tests
//! left it, and once of one that has the same log, objects and keys and no rows, at the same address for clients. Status, headers and
//! bytes must be the same (spec/projections/README.md).
//!
//! Both are asked at the end. What was answered in between belonged to a shorter log, and so did the validators that clients sent: so
//! each whole answer of the end is asked for again as `HEAD`, compressed, in part, and with its own validators.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Child,
};

use anyhow::{Context as _, bail, ensure};
use futures::StreamExt as _;

use crate::{
    answer::{Answer, ask},
    asked::Question,
    recorder::UNREAD,
    registry::{ASKED, Served, program, serve},
};

/// What a data directory consists of; everything else can be made from it.
const KEPT: [&str; 6] = ["registry.json", "keys", "commits", "log", "objects", "signer"];
/// Connections at a time.
const AT_A_TIME: usize = 4;
/// Folders of registries that answered otherwise, the latest ones: somebody looks at one, nobody at ten.
const FAILED_KEPT: usize = 3;
/// Differences that the error says itself; all of them are in [`DIFFERENCES`].
const DIFFERENCES_SAID: usize = 20;
/// Where a folder that stays says what was different.
const DIFFERENCES: &str = "differences.txt";

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retraced {
    /// Registries.
    pub registries: usize,
    /// Questions to all of them.
    pub questions: usize,
    /// How many there were of each kind: by method, by status, by coding of the answer.
    pub kinds: BTreeMap<String, usize>,
}

/// Asks each registry all its questions again, with its rows and with rows that were made anew, and removes it. A registry that answers
/// otherwise is moved to `failed`, with what was different; the next ones are asked all the same.
///
/// # Errors
/// With what was different.
pub async fn retrace(served: Vec<Served>, failed: &Path) -> anyhow::Result<Retraced> {
    let mut retraced = Retraced::default();
    let mut problems = Vec::new();
    for served in served {
        match both(&served, &mut retraced).await {
            Ok(()) => fs::remove_dir_all(served.folder())?,
            Err(problem) => problems.push(keep(&served, failed, &problem)?),
        }
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(retraced)
}

/// Both registries' answers to everything, compared.
async fn both(served: &Served, retraced: &mut Retraced) -> anyhow::Result<()> {
    let asked = questions(served)?;
    let as_left = Registry::start(served.folder(), served.site())?;
    let first = as_left.ask(asked.into_iter().collect()).await?;
    let known: BTreeSet<&Question> = first.iter().map(|(question, _)| question).collect();
    let more: BTreeSet<Question> = first.iter().flat_map(|(question, answer)| other_forms(question, answer)).collect();
    let more = more.into_iter().filter(|question| !known.contains(question)).collect();
    let mut expected = as_left.ask(more).await?;
    expected.extend(first);
    drop(as_left);

    let copy = tempfile::tempdir()?;
    fs::create_dir_all(copy.path().join("registry"))?;
    for part in KEPT {
        copy_all(&served.folder().join("registry").join(part), &copy.path().join("registry").join(part))?;
    }
    let anew = Registry::start(copy.path(), served.site())?;
    let found = anew.ask(expected.iter().map(|(question, _)| question.clone()).collect()).await?;
    let different = differences(&expected, &found);
    ensure!(different.is_empty(), "{} of {} answers differ:\n{}", different.len(), expected.len(), different.join("\n"));

    retraced.registries += 1;
    retraced.questions += expected.len();
    for (question, answer) in &expected {
        for kind in
            [Some(question.method.as_str()), Some(&answer.status.to_string()), answer.header("content-encoding")].into_iter().flatten()
        {
            *retraced.kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }
    Ok(())
}

/// Every question that has another answer, or none, in words.
#[must_use]
pub fn differences(expected: &[(Question, Answer)], found: &[(Question, Answer)]) -> Vec<String> {
    let found: BTreeMap<&Question, &Answer> = found.iter().map(|(question, answer)| (question, answer)).collect();
    let different = expected.iter().filter(|(question, answer)| found.get(question) != Some(&answer));
    different
        .map(|(question, answer)| {
            format!(
                "{}\n  as left: {answer}\n  anew:    {}",
                question.to_line(),
                match found.get(question) {
                    Some(answer) => answer.to_string(),
                    None => "not asked".to_owned(),
                }
            )
        })
        .collect()
}

/// The same resource as a client asks for it that has it already, wants a part of it, or reads another coding.
fn other_forms(question: &Question, answer: &Answer) -> Vec<Question> {
    let is_whole = question.method == "GET" && answer.status == 200 && question.header("range").is_none();
    if !is_whole {
        return Vec::new();
    }
    let mut plain = Question::get(&question.target);
    if let Some(accept) = question.header("accept") {
        plain = plain.with("accept", accept);
    }
    let mut forms = vec![plain.clone(), Question { method: "HEAD".to_owned(), ..plain.clone() }];
    if answer.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("accept-encoding")) {
        forms.extend(["gzip", "br"].map(|coding| plain.with("accept-encoding", coding)));
    }
    if let Some(modified) = answer.header("last-modified") {
        forms.push(plain.with("if-modified-since", modified));
    }
    let part = plain.with("range", "bytes=1-9");
    // Of a compressed answer, size and tag are another form's: that one is asked for plainly above.
    if answer.header("content-encoding").is_none() {
        forms.push(plain.with("range", &format!("bytes={}-", answer.size)));
        if let Some(etag) = answer.header("etag") {
            forms.push(part.with("if-range", etag));
        }
    }
    if let Some(etag) = answer.header("etag") {
        forms.push(plain.with("if-none-match", etag));
    }
    forms.push(part);
    forms
}

/// What was asked of a registry, each question once.
fn questions(served: &Served) -> anyhow::Result<BTreeSet<Question>> {
    let path = served.folder().join(ASKED);
    let lines = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut questions = BTreeSet::new();
    for line in lines.lines() {
        if let Some(bytes) = line.strip_prefix(UNREAD) {
            bail!("a client spoke something else than HTTP/1.1, so its questions are not known: {bytes}");
        }
        questions.insert(Question::of_line(line)?);
    }
    ensure!(!questions.is_empty(), "{} holds no question: nothing would be compared", path.display());
    Ok(questions)
}

/// Moves a registry's folder to where somebody may look at it, in place of the oldest there. Gives what to say.
fn keep(served: &Served, failed: &Path, problem: &anyhow::Error) -> anyhow::Result<String> {
    let problem = format!("{problem:#}");
    let name = served.folder().file_name().context("a folder has a name")?;
    let to = failed.join(name);
    fs::create_dir_all(failed)?;
    let mut kept = Vec::new();
    for entry in fs::read_dir(failed)? {
        let entry = entry?;
        kept.push((entry.metadata()?.modified()?, entry.path()));
    }
    kept.sort();
    for (_, oldest) in kept.iter().take((kept.len() + 1).saturating_sub(FAILED_KEPT)) {
        fs::remove_dir_all(oldest)?;
    }
    fs::rename(served.folder(), &to).with_context(|| format!("{} cannot be moved to {}", served.folder().display(), to.display()))?;
    fs::write(to.join(DIFFERENCES), &problem)?;
    let shown: Vec<&str> = problem.lines().take(1 + DIFFERENCES_SAID * 3).collect();
    Ok(format!("{}: {}\n(all of it is in {DIFFERENCES} there)", to.display(), shown.join("\n")))
}

struct Registry {
    child: Child,
    at: std::net::SocketAddr,
    site: String,
}

impl Registry {
    fn start(folder: &Path, site: &str) -> anyhow::Result<Self> {
        let (child, at) = serve(&program()?, folder, Some(site), &[])?;
        Ok(Registry { child, at, site: site.to_owned() })
    }

    /// In the questions' order.
    async fn ask(&self, questions: Vec<Question>) -> anyhow::Result<Vec<(Question, Answer)>> {
        let host = self.site.strip_prefix("http://").context("a registry of these tests listens in the open")?;
        let length = questions.len().div_ceil(AT_A_TIME).max(1);
        let parts = questions.chunks(length).map(|part| ask(self.at, host, part));
        let parts: Vec<anyhow::Result<Vec<Answer>>> = futures::stream::iter(parts).buffered(AT_A_TIME).collect().await;
        let answers: Vec<Answer> = parts.into_iter().collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok(questions.into_iter().zip(answers).collect())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Copies a file or a folder with all that is in it.
///
/// # Errors
/// When something cannot be read or written.
pub fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
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

    fn answer(status: u16, headers: &[(&str, &str)], bytes: &[u8]) -> Answer {
        Answer::new(status, headers.iter().map(|(name, value)| (*name, value.as_bytes())), bytes)
    }

    #[test]
    fn an_answer_with_another_status_header_or_byte_is_a_difference() {
        let same: &[(&str, &str)] = &[("etag", "\"a\""), ("vary", "Accept")];
        let expected = vec![(Question::get("/a"), answer(200, same, b"bytes")), (Question::get("/b"), answer(404, &[], b""))];
        assert_eq!(differences(&expected, &expected), Vec::<String>::new());
        for (what, other) in [
            ("status", answer(206, same, b"bytes")),
            ("a header's value", answer(200, &[("etag", "\"b\""), ("vary", "Accept")], b"bytes")),
            ("a header less", answer(200, &[("etag", "\"a\"")], b"bytes")),
            ("a header more", answer(200, &[("etag", "\"a\""), ("vary", "Accept"), ("age", "0")], b"bytes")),
            ("a header twice", answer(200, &[("etag", "\"a\""), ("vary", "Accept"), ("vary", "Accept")], b"bytes")),
            ("a byte", answer(200, same, b"bytez")),
            ("a byte less", answer(200, same, b"byte")),
            ("an end too early", answer(200, same, b"bytes").cut()),
        ] {
            let found = vec![(Question::get("/a"), other), expected[1].clone()];
            let different = differences(&expected, &found);
            assert_eq!(different.len(), 1, "{what}");
            assert!(different[0].contains("\"/a\""), "{what}: {different:?}");
        }
        assert_eq!(differences(&expected, &expected[..1]).len(), 1, "a question that was not asked");
    }

    #[test]
    fn date_and_request_id_are_no_difference() {
        let at =
            |date: &str, id: &str| vec![(Question::get("/a"), answer(200, &[("date", date), ("x-request-id", id), ("vary", "*")], b""))];
        assert_eq!(differences(&at("today", "1"), &at("tomorrow", "2")), Vec::<String>::new());
    }

    #[test]
    fn a_whole_answer_is_asked_for_in_every_other_form() {
        let asked = Question::get("/a").with("accept", "x").with("user", "y");
        let headers = [("etag", "\"a\""), ("vary", "Accept, Accept-Encoding"), ("last-modified", "then")];
        let plain = Question::get("/a").with("accept", "x");
        let forms = other_forms(&asked, &answer(200, &headers, b"12345"));
        for form in [
            plain.clone(),
            Question { method: "HEAD".to_owned(), ..plain.clone() },
            plain.with("accept-encoding", "gzip"),
            plain.with("accept-encoding", "br"),
            plain.with("if-none-match", "\"a\""),
            plain.with("if-modified-since", "then"),
            plain.with("range", "bytes=1-9"),
            plain.with("range", "bytes=1-9").with("if-range", "\"a\""),
            plain.with("range", "bytes=5-"),
        ] {
            assert!(forms.contains(&form), "{form:?}");
        }
        assert_eq!(other_forms(&asked, &answer(404, &headers, b"")), Vec::new());
        assert_eq!(other_forms(&plain.with("range", "bytes=0-"), &answer(206, &headers, b"")), Vec::new());
    }
}
