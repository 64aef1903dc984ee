//! Reads `lgsp.toml` and the environment into a [`Config`], remembering where each value came from, and explains
//! everything that is wrong at once. What values mean together is `check`'s concern.

use super::schema::Config;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// Environment variables that start so override the file: `LGSP__LISTEN__HTTP`.
pub const ENV_PREFIX: &str = "LGSP__";
/// Larger files are refused: no configuration is that long.
pub const FILE_MAX: u64 = 1 << 20;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file, at this line and column (from 1).
    File {
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// This environment variable.
    Env(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line, .. } => write!(f, "file, line {line}"),
            Self::Env(name) => write!(f, "environment {name}"),
        }
    }
}

/// Something wrong, where it is and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `lgsp.toml:3:1`, `environment LGSP__X`, or the file alone.
    pub at: String,
    /// `section.key`; empty for syntax errors.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Worth knowing, but the node starts.
    pub warning: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, if self.warning { "warning: " } else { "" })?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n    {help}"),
            None => Ok(()),
        }
    }
}

/// A configuration that was read, with where each value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Where the value of `section.key` came from.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
    /// A problem with the value of a key, placed where that value was set.
    pub fn problem(&self, key: &str, message: impl Into<String>, help: Option<String>) -> Problem {
        let file =
            self.file.as_deref().map_or_else(|| "configuration".to_owned(), |f| f.display().to_string());
        let at = match self.origin(key) {
            Origin::Default => format!("{file} (default)"),
            Origin::File { line, column } => format!("{file}:{line}:{column}"),
            Origin::Env(name) => format!("environment {name}"),
        };
        Problem { at, key: key.to_owned(), message: message.into(), help, warning: false }
    }
    /// The values as a table of sections.
    pub fn table(&self) -> Table {
        as_table(&self.config)
    }
}

fn as_table(config: &Config) -> Table {
    Table::try_from(config).expect("the configuration's types are all TOML's")
}

/// Reads the file (none: defaults alone) and the environment's overrides.
pub fn load(
    file: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Vec<Problem>> {
    let text = match file {
        Some(path) => read_bounded(path).map_err(|p| vec![p])?,
        None => String::new(),
    };
    let mut reading = Reading::new(file.map(|f| f.display().to_string()).unwrap_or_default());
    reading.file(&text);
    for (name, value) in env {
        reading.env(&name, &value);
    }
    reading.finish(file)
}

/// The environment of this process, as far as it is text and ours.
pub fn process_env() -> Vec<(String, String)> {
    let ours = |name: &String| name.starts_with(ENV_PREFIX);
    let mut found: Vec<_> = std::env::vars_os()
        .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)))
        .filter(|(n, _)| ours(n))
        .collect();
    found.sort();
    found
}

fn read_bounded(path: &Path) -> Result<String, Problem> {
    let problem = |message: String, help: &str| Problem {
        at: path.display().to_string(),
        key: String::new(),
        message,
        help: Some(help.to_owned()),
        warning: false,
    };
    let size = std::fs::metadata(path).map(|m| m.len());
    if size.is_ok_and(|s| s > FILE_MAX) {
        return Err(problem(
            format!("the file is larger than {FILE_MAX} bytes"),
            "name lgsp's own configuration with -c",
        ));
    }
    std::fs::read_to_string(path).map_err(|e| {
        problem(format!("cannot be read: {e}"), "`lgsp init` writes an annotated file; name another with -c")
    })
}

/// The state of one reading: defaults, overwritten key by key, each attempt checked by itself.
struct Reading {
    name: String,
    known: Table,
    merged: Table,
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
}

impl Reading {
    fn new(name: String) -> Self {
        let known = as_table(&Config::default());
        Self { name, merged: known.clone(), known, origins: BTreeMap::new(), problems: Vec::new() }
    }

    fn fault(&mut self, at: String, key: &str, message: String, help: Option<String>) {
        self.problems.push(Problem { at, key: key.to_owned(), message, help, warning: false });
    }

    fn file(&mut self, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let (line, column) = place(text, error.span().map_or(0, |s| s.start));
            let at = format!("{}:{line}:{column}", self.name);
            self.fault(at, "", format!("not TOML: {}", error.message()), None);
        }
        if !self.problems.is_empty() {
            return;
        }
        for (section, content) in table.get_ref() {
            self.section(text, section, content);
        }
    }

    fn section(
        &mut self,
        text: &str,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        content: &Spanned<DeValue<'_>>,
    ) {
        let at = self.at(text, &name.span());
        let section: &str = name.get_ref();
        let Some(known) = self.known.get(section).and_then(Value::as_table).cloned() else {
            let help = self.nearest_for(section);
            let what = if content.get_ref().is_table() {
                "unknown section"
            } else {
                "unknown key outside any section"
            };
            return self.fault(at, section, what.into(), help);
        };
        let DeValue::Table(keys) = content.get_ref() else {
            return self.fault(
                at,
                section,
                format!("is a section: write [{section}] and its keys below it"),
                None,
            );
        };
        for (key, value) in keys {
            let path = format!("{section}.{}", key.get_ref());
            if !known.contains_key(key.get_ref().as_ref()) {
                let at = self.at(text, &key.span());
                let help =
                    nearest(key.get_ref(), known.keys()).map(|n| format!("did you mean {section}.{n}?"));
                let help = help.or_else(|| self.nearest_for(key.get_ref()));
                self.fault(at, &path, "unknown key".into(), help);
                continue;
            }
            let (line, column) = place(text, value.span().start);
            let at = format!("{}:{line}:{column}", self.name);
            match plain(value.get_ref()) {
                Ok(plain) => self.set(section, key.get_ref(), plain, at, Origin::File { line, column }),
                Err(message) => self.fault(at, &path, message, None),
            }
        }
    }

    /// One `LGSP__SECTION__KEY`.
    fn env(&mut self, name: &str, text: &str) {
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else { return };
        let at = format!("environment {name}");
        let path = rest.to_ascii_lowercase().replace("__", ".");
        let default = path.split_once('.').and_then(|(s, k)| self.known.get(s)?.get(k)).cloned();
        let (Some((section, key)), Some(default)) = (path.split_once('.'), default) else {
            let known = all_keys(&self.known);
            let help = nearest(&path, known.iter())
                .map(|n| format!("did you mean {ENV_PREFIX}{}?", n.replace('.', "__").to_ascii_uppercase()));
            return self.fault(at, &path, "unknown key".into(), help);
        };
        match from_env(&default, text) {
            Ok(value) => self.set(section, key, value, at, Origin::Env(name.to_owned())),
            Err(message) => self.fault(at, &path, message, None),
        }
    }

    /// Sets a key if the value fits it.
    fn set(&mut self, section: &str, key: &str, value: Value, at: String, origin: Origin) {
        let mut trial = self.known.clone();
        put(&mut trial, section, key, value.clone());
        match Config::deserialize(trial) {
            Ok(_) => {
                put(&mut self.merged, section, key, value);
                self.origins.insert(format!("{section}.{key}"), origin);
            }
            Err(error) => {
                let message = error.message().trim().replace('\n', " ");
                self.fault(at, &format!("{section}.{key}"), message, None);
            }
        }
    }

    fn finish(self, file: Option<&Path>) -> Result<Loaded, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        match Config::deserialize(self.merged) {
            Ok(config) => Ok(Loaded { config, file: file.map(Path::to_path_buf), origins: self.origins }),
            Err(e) => Err(vec![Problem {
                at: self.name,
                key: String::new(),
                message: e.message().to_owned(),
                help: None,
                warning: false,
            }]),
        }
    }

    fn at(&self, text: &str, span: &Range<usize>) -> String {
        let (line, column) = place(text, span.start);
        format!("{}:{line}:{column}", self.name)
    }

    /// A known section or key that an unknown word may have meant.
    fn nearest_for(&self, word: &str) -> Option<String> {
        if let Some(section) = nearest(word, self.known.keys()) {
            return Some(format!("did you mean [{section}]?"));
        }
        let keys = all_keys(&self.known);
        let last = |k: &String| k.rsplit('.').next().unwrap_or_default().to_owned();
        let hit = nearest(word, keys.iter().map(last).collect::<Vec<_>>().iter())?;
        keys.iter().find(|k| last(k) == hit).map(|k| format!("did you mean {k}?"))
    }
}

fn put(table: &mut Table, section: &str, key: &str, value: Value) {
    if let Some(Value::Table(keys)) = table.get_mut(section) {
        keys.insert(key.to_owned(), value);
    }
}

/// Every `section.key` of a table of sections.
pub fn all_keys(table: &Table) -> Vec<String> {
    let inner = |(s, v): (&String, &Value)| {
        v.as_table().into_iter().flat_map(|t| t.keys()).map(|k| format!("{s}.{k}")).collect::<Vec<_>>()
    };
    table.iter().flat_map(inner).collect()
}

/// Line and column, from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// A parsed value without its places.
fn plain(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(s) => Value::String(s.clone().into_owned()),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
            .map(Value::Integer)
            .map_err(|_| format!("{} is not a whole number that fits", i.as_str()))?,
        DeValue::Float(f) => {
            f.as_str().parse().map(Value::Float).map_err(|_| format!("{} is not a number", f.as_str()))?
        }
        DeValue::Boolean(b) => Value::Boolean(*b),
        DeValue::Datetime(d) => Value::Datetime(*d),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|i| plain(i.get_ref())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(_) => return Err("is a value, not a section".into()),
    })
}

/// A value from the environment, in the type its key has.
fn from_env(default: &Value, text: &str) -> Result<Value, String> {
    let as_toml = |t: &str| toml::from_str::<Table>(&format!("v = {t}")).ok().and_then(|mut t| t.remove("v"));
    match default {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Array(_) if !text.trim_start().starts_with('[') => {
            let items = text.split(',').map(str::trim).filter(|i| !i.is_empty());
            Ok(Value::Array(items.map(|i| Value::String(i.to_owned())).collect()))
        }
        other => as_toml(text).ok_or_else(|| format!("{text:?} is not a {}", other.type_str())),
    }
}

/// The candidate nearest to a word, where one is near enough to be a slip of the hand.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a String>) -> Option<String> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .map(|c| (distance(word, c), c))
        .filter(|(d, c)| {
            *d <= allowed || (word.len() >= 4 && (c.starts_with(word) || word.starts_with(c.as_str())))
        })
        .min()
        .map(|(_, c)| c.clone())
}

/// Edits (insert, delete, replace) from one word to another.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}
