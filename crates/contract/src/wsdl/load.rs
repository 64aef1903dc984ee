//! The WSDL files of a contract: the first, and those that it imports. Schemas are gathered, not read.

use super::WSDL;
use super::tree::{Tree, XSD};
use lgsp_schema::Problem;
use lgsp_schema::bundle::{Bundle, BundleError};
use lgsp_schema::xsd::{Inline, SchemaSource};
use std::collections::HashSet;

/// WSDL files of one contract: generators write one or two, hand-made ones one a version.
pub const FILES_MAX: usize = 100;

/// What was found.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The WSDL files, the first one first.
    pub(super) trees: Vec<Tree>,
    /// The schemas that messages are made of.
    pub(super) schemas: Vec<SchemaSource>,
    pub(super) warnings: Vec<Problem>,
}

/// Reads the first file and follows its imports. A file is read once, so loops end.
pub(super) fn load(bundle: &Bundle, main: &str) -> Result<Loaded, Vec<Problem>> {
    let mut loaded = Loaded { trees: Vec::new(), schemas: Vec::new(), warnings: Vec::new() };
    let mut seen = HashSet::from([main.to_owned()]);
    let mut waiting = vec![main.to_owned()];
    let mut problems = Vec::new();
    while let Some(name) = waiting.pop() {
        let missing = || Problem {
            place: None,
            construct: "wsdl:import".into(),
            message: BundleError::Missing(name.clone()).to_string(),
        };
        let bytes = bundle.get(&name).ok_or_else(|| vec![missing()])?;
        let tree = Tree::read(&name, bytes).map_err(|p| vec![p])?;
        check_root(&tree).map_err(|p| vec![p])?;
        loaded.take_schemas(&tree);
        for import in tree.children(0, WSDL, "import").collect::<Vec<_>>() {
            match loaded.import(bundle, &tree, import) {
                Ok(Some(file)) if seen.insert(file.clone()) => waiting.push(file),
                Ok(_) => {}
                Err(problem) => problems.push(problem),
            }
        }
        loaded.trees.push(tree);
        if loaded.trees.len() + waiting.len() > FILES_MAX {
            let message = format!("more than {FILES_MAX} WSDL files");
            return Err(vec![Problem { place: None, construct: "wsdl:import".into(), message }]);
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

fn check_root(tree: &Tree) -> Result<(), Problem> {
    if tree.is_empty() {
        let message = "this is an XML Schema, not a WSDL; name the WSDL file first".into();
        return Err(Problem { place: Some(tree.place(0)), construct: "xs:schema".into(), message });
    }
    let root = tree.node(0);
    match (&*root.namespace, root.local.as_str()) {
        (WSDL, "definitions") => Ok(()),
        ("http://www.w3.org/ns/wsdl", _) => {
            Err(tree.problem(0, "wsdl20:description", "WSDL 2.0 is not read; ask for the WSDL 1.1 document"))
        }
        _ => Err(tree.problem(
            0,
            "wsdl:definitions",
            format!("the root element is {:?} and not definitions of WSDL 1.1", lgsp_clip(&root.local)),
        )),
    }
}

fn lgsp_clip(text: &str) -> String {
    text.chars().take(60).collect()
}

impl Loaded {
    fn take_schemas(&mut self, tree: &Tree) {
        for schema in &tree.schemas {
            let namespaces =
                schema.namespaces.iter().map(|(p, n)| (p.clone(), n.to_string())).collect::<Vec<_>>();
            let inline = Some(Inline { range: schema.range.clone(), namespaces });
            self.schemas.push(SchemaSource { file: tree.file.clone(), inline });
        }
    }

    /// The WSDL file that an import means; none where it means a schema, which some generators import this way.
    fn import(&mut self, bundle: &Bundle, tree: &Tree, id: usize) -> Result<Option<String>, Problem> {
        let wrong = |message: String| tree.problem(id, "wsdl:import", message);
        let Some(location) = tree.attribute(id, "location").filter(|l| !l.is_empty()) else {
            return Err(wrong("it has no location; name the file".into()));
        };
        let (file, bytes) = bundle.follow(&tree.file, location).map_err(|e| wrong(e.to_string()))?;
        if is_schema(bytes) {
            self.warnings.push(wrong(format!(
                "{file} is an XML Schema; it belongs into an xs:import inside wsdl:types, and is taken as if it stood there"
            )));
            self.schemas.push(SchemaSource::file(file));
            return Ok(None);
        }
        Ok(Some(file.to_owned()))
    }
}

/// Whether a file's root element is `xs:schema`. Whether it is XML at all is found out by whoever reads it.
fn is_schema(bytes: &[u8]) -> bool {
    let mut reader = quick_xml::NsReader::from_reader(bytes);
    loop {
        match reader.read_resolved_event() {
            Ok((ns, quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e))) => {
                let ours = matches!(ns, quick_xml::name::ResolveResult::Bound(n) if n.0 == XSD.as_bytes());
                return ours && e.local_name().as_ref() == b"schema";
            }
            Ok((_, quick_xml::events::Event::Eof)) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}
