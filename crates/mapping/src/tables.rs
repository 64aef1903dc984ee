//! Code tables of a mapping: `from,to` rows, looked up in both directions. How they are looked up in a mapping is in `functions`.

use crate::limits::MAX_TABLE_ROWS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tables by their names; each is rows of code and counterpart in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables(pub BTreeMap<String, Vec<(String, String)>>);

impl Tables {
    /// Adds a table from the text of a CSV file: two columns, `from,to`, no header; fields may stand in double quotes (RFC 4180);
    /// empty lines and lines that begin with `#` are passed over.
    pub fn add_csv(&mut self, name: &str, text: &str) -> Result<(), String> {
        let mut rows = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let row = split_row(line).ok_or_else(|| {
                format!("line {} of table \"{name}\" is not two columns, from,to", number + 1)
            })?;
            rows.push(row);
        }
        self.0.insert(name.to_owned(), rows);
        Ok(())
    }

    /// What is wrong with the tables: too many rows, or a code that stands twice.
    pub fn problem(&self) -> Option<String> {
        if self.0.values().map(Vec::len).sum::<usize>() > MAX_TABLE_ROWS {
            return Some(format!("the tables have more than {MAX_TABLE_ROWS} rows"));
        }
        for (name, rows) in &self.0 {
            let mut seen = std::collections::BTreeSet::new();
            if let Some((code, _)) = rows.iter().find(|(from, _)| !seen.insert(from)) {
                return Some(format!("table \"{name}\" has the code \"{code}\" twice"));
            }
        }
        None
    }
}

/// The two fields of a row; none where it has another number or a quote is left open.
fn split_row(line: &str) -> Option<(String, String)> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                fields.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut()?.push(c),
        }
    }
    let [from, to] = <[String; 2]>::try_from(fields).ok()?;
    (!quoted).then(|| (from.trim().to_owned(), to.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::Tables;

    #[test]
    fn a_csv_file_is_read_with_quotes_and_comments() {
        let mut tables = Tables::default();
        let text = "# sex\r\n1,M\r\n\"2\",\"F, \"\"x\"\"\"\r\n\r\n";
        assert_eq!(tables.add_csv("sex", text), Ok(()));
        assert_eq!(tables.0["sex"], [("1".into(), "M".into()), ("2".into(), "F, \"x\"".into())]);
        assert!(tables.add_csv("sex", "1,2,3").is_err_and(|e| e.contains("line 1")));
        assert!(tables.add_csv("sex", "\"1,2").is_err());
    }

    #[test]
    fn a_code_that_stands_twice_is_named() {
        let mut tables = Tables::default();
        assert_eq!(tables.add_csv("sex", "1,M\n1,F"), Ok(()));
        assert_eq!(tables.problem().as_deref(), Some("table \"sex\" has the code \"1\" twice"));
    }
}
