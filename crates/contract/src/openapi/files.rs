//! The files that a contract consists of, read once, and what a `$ref` in one of them means. References lead only inside the bundle.

use super::doc::{self, Node};
use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;
use std::collections::{BTreeMap, HashSet};

/// References in a row, from one that is only a reference to the next.
const HOPS_MAX: usize = 16;

/// The documents, by their names in the bundle.
#[derive(Debug)]
pub struct Files<'b> {
    bundle: &'b Bundle,
    documents: BTreeMap<String, Node>,
}

/// A node, and where it is.
#[derive(Debug, Clone, Copy)]
pub struct At<'f> {
    /// Its file.
    pub file: &'f str,
    /// The node.
    pub node: &'f Node,
}

impl At<'_> {
    /// A problem that stands here.
    pub fn problem(&self, construct: &str, message: impl Into<String>) -> Problem {
        Problem { place: self.node.place(self.file), construct: construct.into(), message: message.into() }
    }
}

impl<'b> Files<'b> {
    /// Reads the main file and all that its references lead to.
    pub fn load(bundle: &'b Bundle, main: &str) -> Result<Self, Vec<Problem>> {
        let mut files = Self { bundle, documents: BTreeMap::new() };
        let mut problems = Vec::new();
        let mut waiting = vec![main.to_owned()];
        while let Some(file) = waiting.pop() {
            if files.documents.contains_key(&file) {
                continue;
            }
            let Some(bytes) = bundle.get(&file) else {
                let message = format!("{file:?} is not among the files of the contract");
                return Err(vec![Problem { place: None, construct: String::new(), message }]);
            };
            match doc::parse(&file, bytes) {
                Ok(node) => {
                    files.references(At { file: &file, node: &node }, false, &mut waiting, &mut problems);
                    files.documents.insert(file, node);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(problems) }
    }

    /// Collects the files that a node's references name. `named`: members are names of things, not fields.
    fn references(&self, at: At<'_>, named: bool, waiting: &mut Vec<String>, problems: &mut Vec<Problem>) {
        for item in at.node.items() {
            self.references(At { node: item, ..at }, false, waiting, problems);
        }
        for (name, value) in at.node.members() {
            let inside = At { node: value, ..at };
            if named {
                self.references(inside, false, waiting, problems);
                continue;
            }
            match name.as_str() {
                "$ref" => {
                    let Some(reference) = value.as_str() else { continue };
                    let (file, _) = split(reference);
                    if file.is_empty() {
                        continue;
                    }
                    match self.bundle.follow(at.file, file) {
                        Ok((file, _)) => waiting.push(file.to_owned()),
                        Err(e) => problems.push(inside.problem("$ref", e.to_string())),
                    }
                }
                "example" | "examples" | "default" | "enum" | "const" => {}
                "properties" | "patternProperties" | "schemas" | "parameters" | "responses" | "$defs" => {
                    self.references(inside, true, waiting, problems);
                }
                name if name.starts_with("x-") => {}
                _ => self.references(inside, false, waiting, problems),
            }
        }
    }

    /// The root of a file.
    pub fn root<'f>(&'f self, file: &str) -> Option<At<'f>> {
        let (file, node) = self.documents.get_key_value(file)?;
        Some(At { file, node })
    }

    /// What a reference means: the node, and its pointer in its file.
    pub fn target<'f>(&'f self, from: At<'f>, reference: &str) -> Result<(At<'f>, String), Problem> {
        let (file, fragment) = split(reference);
        let file = if file.is_empty() {
            from.file
        } else {
            self.bundle.follow(from.file, file).map_err(|e| from.problem("$ref", e.to_string()))?.0
        };
        let pointer = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy().into_owned();
        let missing = || from.problem("$ref", format!("{reference:?} leads nowhere: there is no such place"));
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(from.problem(
                "$anchor",
                format!("{reference:?}: anchors are not taken; refer by a JSON pointer such as #/components/schemas/Name"),
            ));
        }
        let root = self.root(file).ok_or_else(missing)?;
        match root.node.find(&pointer) {
            (node, true) => Ok((At { node, file: root.file }, pointer)),
            _ => Err(missing()),
        }
    }

    /// Follows a Reference Object to what it means; any other node is itself.
    pub fn resolve<'f>(&'f self, at: At<'f>) -> Result<At<'f>, Problem> {
        let mut here = at;
        let mut seen = HashSet::new();
        while let Some(reference) = here.node.str_of("$ref") {
            if seen.len() == HOPS_MAX || !seen.insert((here.file, std::ptr::from_ref(here.node))) {
                return Err(at.problem("$ref", "this reference leads in a circle or through too many others"));
            }
            here = self.target(here, reference)?.0;
        }
        Ok(here)
    }
}

fn split(reference: &str) -> (&str, &str) {
    reference.split_once('#').unwrap_or((reference, ""))
}
