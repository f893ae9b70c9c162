//! Rows, as a table for people and as JSON for programs.

use crate::machine::{Machine, Quiet};
use serde_json::{Value, json};
use std::fmt;

/// What a row is held to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    Below(f64),
    /// Printed to be read beside others.
    None,
}

/// One measured figure.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    group: &'static str,
    what: String,
    measured: f64,
    unit: &'static str,
    goal: Goal,
    cpu_us: Option<f64>,
    quiet: Option<Quiet>,
    note: String,
}

impl Row {
    pub(crate) fn new(group: &'static str, what: impl Into<String>, measured: f64, unit: &'static str) -> Self {
        Row { group, what: what.into(), measured, unit, goal: Goal::None, cpu_us: None, quiet: None, note: String::new() }
    }
    pub(crate) fn at_least(self, goal: f64) -> Self {
        Row { goal: Goal::AtLeast(goal), ..self }
    }
    pub(crate) fn below(self, goal: f64) -> Self {
        Row { goal: Goal::Below(goal), ..self }
    }
    /// Microseconds of CPU for each of what is counted, of the process that is measured.
    pub(crate) fn cpu_us(self, cpu_us: f64) -> Self {
        Row { cpu_us: Some(cpu_us), ..self }
    }
    pub(crate) fn quiet(self, quiet: Quiet) -> Self {
        Row { quiet: Some(quiet), ..self }
    }
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Row { note: note.into(), ..self }
    }

    fn met(&self) -> Option<bool> {
        match self.goal {
            Goal::AtLeast(goal) => Some(self.measured >= goal),
            Goal::Below(goal) => Some(self.measured < goal),
            Goal::None => None,
        }
    }

    fn json(&self) -> Value {
        let (is, goal) = match self.goal {
            Goal::AtLeast(goal) => (Some("at least"), Some(goal)),
            Goal::Below(goal) => (Some("below"), Some(goal)),
            Goal::None => (None, None),
        };
        json!({
            "group": self.group, "what": self.what, "measured": self.measured, "unit": self.unit, "goal_is": is, "goal": goal,
            "met": self.met(), "cpu_us_each": self.cpu_us, "others_cpu": self.quiet.map(|quiet| quiet.others),
            "quiet": self.quiet.map(|quiet| quiet.is_quiet()), "note": self.note,
        })
    }
}

/// All of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Option<Machine>,
    rows: Vec<Row>,
    quick: bool,
}

impl Report {
    pub(crate) fn new(quick: bool) -> Self {
        Report { machine: None, rows: Vec::new(), quick }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({ "quick": self.quick, "machine": self.machine.as_ref().map(Machine::json), "rows": rows })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(machine) = &self.machine {
            writeln!(f, "{machine}")?;
        }
        if self.quick {
            writeln!(f, "--quick: short runs and a small log, rough figures\n")?;
        }
        let mut group = "";
        for row in &self.rows {
            if row.group != group {
                group = row.group;
                writeln!(f, "{:<58} {:>13} {:<8} {:>10}  {:<22}", group, "measured", "", "CPU each", "goal")?;
            }
            let goal = match (row.goal, row.met()) {
                (Goal::AtLeast(goal), Some(met)) => format!("≥ {} {}", figure(goal), if met { "met" } else { "NOT MET" }),
                (Goal::Below(goal), Some(met)) => format!("< {} {}", figure(goal), if met { "met" } else { "NOT MET" }),
                _ => String::new(),
            };
            let cpu = row.cpu_us.map(|us| format!("{} µs", figure(us))).unwrap_or_default();
            let noise = match row.quiet {
                Some(quiet) if !quiet.is_quiet() => format!("not quiet ({:.0} %)  ", quiet.others * 100.0),
                _ => String::new(),
            };
            let line = format!("  {:<56} {:>13} {:<8} {cpu:>10}  {goal:<22} {noise}{}", row.what, figure(row.measured), row.unit, row.note);
            writeln!(f, "{}", line.trim_end())?;
        }
        let missed = self.rows.iter().filter(|row| row.met() == Some(false)).count();
        let goals = self.rows.iter().filter(|row| row.met().is_some()).count();
        write!(f, "\n{} of {goals} goals met", goals - missed)
    }
}

/// Three digits that matter, thousands apart.
pub(crate) fn figure(value: f64) -> String {
    let rounded = match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        big if big >= 10.0 => format!("{value:.1}"),
        big if big >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    let (whole, rest) = rounded.split_once('.').map_or((rounded.as_str(), String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && digit.is_ascii_digit() && (whole.len() - place) % 3 == 0 && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits_and_thousands_apart() {
        for (value, text) in
            [(0.0, "0.000"), (0.1234, "0.123"), (9.876, "9.88"), (58.64, "58.6"), (999.6, "1,000"), (1234567.0, "1,234,567")]
        {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn a_goal_is_met_on_the_right_side_of_it() {
        let row = |measured| Row::new("group", "what", measured, "unit");
        assert_eq!(row(10.0).at_least(10.0).met(), Some(true));
        assert_eq!(row(9.9).at_least(10.0).met(), Some(false));
        assert_eq!(row(9.9).below(10.0).met(), Some(true));
        assert_eq!(row(10.0).below(10.0).met(), Some(false));
        assert_eq!(row(10.0).met(), None);
    }
}
