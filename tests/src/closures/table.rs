//! The table of what became of each closure, for people and as JSON.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{Closure, Outcome, Standing};

/// Names of releases by the rule's code.
type ByRule = BTreeMap<String, Vec<String>>;

/// What became of all closures.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    ecosystem: &'static str,
    project: &'static str,
    read: usize,
    published: usize,
    same: usize,
    refused: ByRule,
    left_out: ByRule,
    /// Files that came back otherwise.
    other: Vec<String>,
    /// What was said of what is refused.
    words: BTreeMap<String, String>,
}

impl Report {
    pub(super) fn add(&mut self, closures: &[Closure], outcomes: &BTreeMap<String, Outcome>) {
        for closure in closures {
            let mut row = Row {
                ecosystem: closure.ecosystem,
                project: closure.project,
                read: closure.releases.len(),
                published: 0,
                same: 0,
                refused: ByRule::new(),
                left_out: ByRule::new(),
                other: Vec::new(),
                words: BTreeMap::new(),
            };
            for release in &closure.releases {
                let name = &release.name;
                match (&release.standing, outcomes.get(name)) {
                    (Standing::LeftOut(rule), _) => row.left_out.entry((*rule).to_owned()).or_default().push(name.clone()),
                    (Standing::Refused { rule, words }, _) => row.refuse(rule, name, words),
                    (_, Some(Outcome::Refused(rule, words))) => row.refuse(rule, name, words),
                    (_, Some(Outcome::Other(file))) => {
                        row.published += 1;
                        row.other.push(file.clone());
                    }
                    (_, Some(Outcome::Same)) => {
                        row.published += 1;
                        row.same += 1;
                    }
                    (_, None) => row.refuse("not_tried", name, "it was not published"),
                }
            }
            self.rows.push(row);
        }
    }

    /// Whether nothing was refused and every byte came back.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.rows.iter().all(|row| row.read > 0 && row.refused.is_empty() && row.other.is_empty())
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "ecosystem": row.ecosystem, "project": row.project, "read": row.read, "published": row.published, "same_bytes": row.same,
                "refused": row.refused, "left_out": row.left_out, "other_bytes": row.other, "words": row.words,
            })
        });
        json!({ "closures": rows.collect::<Vec<_>>(), "well": self.is_well() })
    }
}

impl Row {
    fn refuse(&mut self, rule: &str, name: &str, words: &str) {
        self.refused.entry(rule.to_owned()).or_default().push(name.to_owned());
        self.words.insert(name.to_owned(), words.trim().to_owned());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:<28} {:>6} {:>10} {:>11}  refused, left out", "ecosystem", "project", "read", "published", "same bytes")?;
        for row in &self.rows {
            let count = |rules: &ByRule| rules.iter().map(|(rule, all)| format!("{} {rule}", all.len())).collect::<Vec<_>>().join(", ");
            let refused = if row.refused.is_empty() { "0".to_owned() } else { count(&row.refused) };
            let left_out = if row.left_out.is_empty() { "0".to_owned() } else { count(&row.left_out) };
            writeln!(
                f,
                "{:<10} {:<28} {:>6} {:>10} {:>11}  {refused}; {left_out}",
                row.ecosystem, row.project, row.read, row.published, row.same
            )?;
        }
        for (name, words) in self.rows.iter().flat_map(|row| &row.words) {
            writeln!(f, "refused: {name}: {words}")?;
        }
        for file in self.rows.iter().flat_map(|row| &row.other) {
            writeln!(f, "other bytes: {file}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Release;
    use super::*;

    #[test]
    fn a_report_counts_each_release_once_and_is_well_only_if_all_came_back() {
        let release = |name: &str, standing| Release { name: name.to_owned(), standing };
        let to_publish = || Standing::ToPublish { words: vec![], files: vec![], domain: String::new() };
        let closure = |releases| vec![Closure { ecosystem: "npm", project: "p", releases, _held: None }];
        let outcomes = BTreeMap::from([
            ("a".to_owned(), Outcome::Same),
            ("b".to_owned(), Outcome::Other("b.tgz".to_owned())),
            ("c".to_owned(), Outcome::Refused("archive_link".to_owned(), "a link".to_owned())),
        ]);
        let mut report = Report::default();
        report.add(&closure(vec![release("a", to_publish()), release("d", Standing::LeftOut("group_without_domain"))]), &outcomes);
        assert!(report.is_well() && report.to_string().contains("0; 1 group_without_domain"), "{report}");
        for name in ["b", "c", "x"] {
            let mut report = Report::default();
            report.add(&closure(vec![release(name, to_publish())]), &outcomes);
            assert!(!report.is_well(), "{name}");
        }
        report.add(&closure(vec![]), &outcomes);
        assert!(!report.is_well(), "a client that brought nothing");
        assert_eq!(report.json()["closures"][0]["same_bytes"], 1);
    }
}
