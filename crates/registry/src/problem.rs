//! What is wrong with a declaration: where it stands, which field, and what to write instead. Collecting and locating
//! problems lives here; finding them is `manifest`'s and `validate`'s work.

use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// The most problems reported of one run. Past it a count says how many more there are: nobody mends more at a time.
pub const PROBLEMS_MAX: usize = 100;

/// One thing that is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The file, as it was named to the reader; none for what came over the administration API or stands in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The field, such as `grants[3].consumer`; empty where the whole file is meant.
    pub field: String,
    /// What is wrong and, where it is known, what to write instead. Never holds a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = self.file.clone().unwrap_or_default();
        if let Some(line) = self.line {
            head.push_str(&format!(":{line}"));
            if let Some(column) = self.column {
                head.push_str(&format!(":{column}"));
            }
        }
        let parts: Vec<&str> =
            [head.as_str(), self.field.as_str()].into_iter().filter(|p| !p.is_empty()).collect();
        if !parts.is_empty() {
            write!(f, "{}: ", parts.join(" "))?;
        }
        f.write_str(&self.message)
    }
}

/// Sorts problems as a reader goes through the files and cuts the list at [`PROBLEMS_MAX`].
pub(crate) fn tidy(mut problems: Vec<Problem>) -> Vec<Problem> {
    // What stands in no file comes last: it follows from what does.
    let place = |p: &Problem| (p.file.is_none(), p.file.clone(), p.line, p.column);
    problems.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.field.cmp(&b.field)));
    problems.dedup();
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    if more > 0 {
        problems.truncate(PROBLEMS_MAX);
        problems.push(Problem {
            file: None,
            line: None,
            column: None,
            field: String::new(),
            message: format!("and {more} more problems; the first {PROBLEMS_MAX} are shown"),
        });
    }
    problems
}

/// `; did you mean "x"?` for the nearest known name, or nothing where none is near.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(wrong, known) {
        Some(name) => format!("; did you mean {name:?}?"),
        None => String::new(),
    }
}

/// The known name that differs least, if it differs by at most a third of its length (by at least one, so that a case
/// mistake is always found).
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).clamp(1, 4);
    let lower: Vec<char> = wrong.to_lowercase().chars().take(80).collect();
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        if name.len().abs_diff(wrong.len()) > limit * 2 {
            continue;
        }
        let other: Vec<char> = name.to_lowercase().chars().take(80).collect();
        let d = distance(&lower, &other);
        if d <= limit && best.is_none_or(|(b, n)| (d, name) < (b, n)) {
            best = Some((d, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Edit distance with swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j - 1] + change).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row[j] = best;
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{Problem, nearest, tidy};

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let known = ["motcua", "dkdn", "dan-cu"];
        assert_eq!(nearest("motcau", known.into_iter()), Some("motcua"), "neighbours swapped");
        assert_eq!(nearest("DAN-CU", known.into_iter()), Some("dan-cu"), "case");
        assert_eq!(nearest("thue", known.into_iter()), None);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let one = |n: u32| Problem {
            file: Some("a.yaml".into()),
            line: Some(n),
            column: Some(1),
            field: "grants[0]".into(),
            message: "x".into(),
        };
        let list = tidy((1..=150).map(one).collect());
        assert_eq!(list.len(), 101);
        assert_eq!(list[0].to_string(), "a.yaml:1:1 grants[0]: x");
        assert_eq!(list[100].to_string(), "and 50 more problems; the first 100 are shown");
    }
}
