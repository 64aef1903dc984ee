//! The table: rows, the machine they were measured on, and its two forms.

use crate::process::Outcome;
use serde::Serialize;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// One measured figure.
#[derive(Serialize)]
pub struct Row {
    /// Its name, stable.
    pub name: String,
    /// Our figure.
    pub ours: f64,
    /// The peer's, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<f64>,
    /// Ours by the peer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// What it is counted in.
    pub unit: &'static str,
    /// What we hold ourselves to.
    #[serde(skip)]
    pub goal: String,
    /// Whether that is met; none where there is no goal.
    #[serde(skip)]
    pub met: Option<bool>,
}

/// What a figure is held to.
pub enum Goal {
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// Our figure is at least this.
    AtLeast(f64),
    /// Nothing of it is allowed.
    Zero,
    /// Our figure is below this.
    Below(f64),
    /// None: shown because another figure is read with it.
    Shown,
}

/// Rows and the machine.
pub struct Table {
    machine: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table; asks the machine what it is.
    pub fn new(work: &Path) -> Outcome<Self> {
        let first = |program: &str, arguments: &[&str]| {
            Command::new(program).args(arguments).output().ok().map(|o| {
                let text = if o.stdout.is_empty() { o.stderr } else { o.stdout };
                String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
            })
        };
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or("unknown");
        let cores = cpu.lines().filter(|l| l.starts_with("processor")).count();
        let machine = vec![
            format!("{cores} cores, {}", model.trim_start_matches(['\t', ' ', ':'])),
            first("uname", &["-sr"]).unwrap_or_default(),
            first("rustc", &["--version"]).unwrap_or_default(),
            first("nginx", &["-v"]).or_else(|| first("/usr/sbin/nginx", &["-v"])).unwrap_or_default(),
            first("wrk", &["-v"]).unwrap_or_default().chars().take(40).collect(),
            format!("fdatasync of a 4 KiB append: median {:.2} ms", sync_ms(work)?),
        ];
        Ok(Self { machine, rows: Vec::new() })
    }

    /// Adds a figure.
    pub fn add(&mut self, name: &str, ours: f64, peer: Option<f64>, unit: &'static str, goal: &Goal) {
        let ratio = peer.map(|p| ours / p);
        let (text, met) = match *goal {
            Goal::RatioAtLeast(g) => (format!("ratio at least {g}"), Some(ratio.is_some_and(|r| r >= g))),
            Goal::RatioAtMost(g) => (format!("ratio at most {g}"), Some(ratio.is_some_and(|r| r <= g))),
            Goal::AtLeast(g) => (format!("at least {g}"), Some(ours >= g)),
            Goal::Zero => ("none".to_owned(), Some(ours == 0.0)),
            Goal::Below(g) => (format!("below {g}"), Some(ours < g)),
            Goal::Shown => ("-".to_owned(), None),
        };
        eprintln!(
            "xtask: {name}: {ours:.2} {unit}{}",
            ratio.map_or(String::new(), |r| format!(" (ratio {r:.2})"))
        );
        self.rows.push(Row { name: name.into(), ours, peer, ratio, unit, goal: text, met });
    }

    /// One JSON object a line.
    pub fn print_json(&self) {
        for row in &self.rows {
            if let Ok(line) = serde_json::to_string(row) {
                println!("{line}");
            }
        }
    }

    /// For people.
    pub fn print(&self) {
        print!("{}", self.text());
    }

    /// Keeps it.
    pub fn write(&self, path: &Path) -> Outcome<()> {
        std::fs::write(path, format!("# Measured\n\nBy `cargo xtask bench --keep`.\n\n{}", self.text()))
            .map_err(|e| format!("{}: {e}", path.display()))
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.machine {
            out.push_str(&format!("- {line}\n"));
        }
        out.push_str(
            "\n| row | ours | peer (nginx) | ratio | unit | goal | met |\n|---|---:|---:|---:|---|---|---|\n",
        );
        for r in &self.rows {
            let optional = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.2}"));
            out.push_str(&format!(
                "| `{}` | {:.2} | {} | {} | {} | {} | {} |\n",
                r.name,
                r.ours,
                optional(r.peer),
                optional(r.ratio),
                r.unit,
                r.goal,
                r.met.map_or("-", |met| if met { "yes" } else { "**no**" })
            ));
        }
        out
    }
}

/// How long the disk under the log takes to make 4 KiB durable, milliseconds.
fn sync_ms(work: &Path) -> Outcome<f64> {
    let fail = |e: std::io::Error| format!("{}: {e}", work.display());
    let mut file = std::fs::File::create(work.join("sync")).map_err(fail)?;
    let mut times = Vec::new();
    for _ in 0..100 {
        file.write_all(&[7; 4096]).map_err(fail)?;
        let start = Instant::now();
        file.sync_data().map_err(fail)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    file.rewind().map_err(fail)?;
    Ok(super::median(times))
}
