//! The reader of schemas: one state that the parts of it (elements, complex and simple types, groups, attributes) work on. Types are
//! given their ids when they are first named and read later from a list, so that circles of types need no recursion.

use super::load::{At, Documents, Kind};
use super::reading::Reading;
use super::stated::Stated;
use super::{SOAP_ENCODING, XS};
use crate::model::{
    Builtin, ComplexId, ComplexType, Content, Element, Facets, JsonForm, Model, QName, SimpleId, SimpleType,
    TypeId, Variety,
};
use crate::problem::Problem;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Steps of derivation, of groups in groups and of lists and unions in each other: published schemas have fewer than 20.
pub const STEPS_MAX: usize = 100;
/// Particles and attributes of all types together, inherited ones counted in each type: bounds what groups that use groups, and long
/// chains of extensions, can grow to.
pub const PARTS_MAX: usize = 500_000;
/// Problems that are told at once.
pub const PROBLEMS_MAX: usize = 100;

/// How far a type is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Reading,
    Done,
}

/// The state of a reading.
pub(super) struct Reader {
    pub docs: Documents,
    pub out: Reading,
    pub problems: Vec<Problem>,
    pub ids: HashMap<At, TypeId>,
    pub states: HashMap<ComplexId, (At, State)>,
    /// Complex types still to be read.
    pub waiting: Vec<ComplexId>,
    /// Simple types that are being read.
    pub open: HashSet<At>,
    pub builtins: HashMap<&'static str, SimpleId>,
    pub globals: HashMap<QName, Arc<Element>>,
    /// Elements that others may stand for, and an example.
    pub heads: HashMap<QName, QName>,
    /// Types that only others derived from them may stand for.
    pub abstracts: HashMap<TypeId, Problem>,
    /// Values to be held against their types at the end.
    pub stated: Vec<Stated>,
    /// What is left of [`PARTS_MAX`].
    pub parts: usize,
    /// Nothing is left, and it was told.
    pub full: bool,
}

/// Reads all global components of the documents.
pub(super) fn read(mut docs: Documents) -> Result<Reading, Vec<Problem>> {
    let problems = std::mem::take(&mut docs.problems);
    let warnings = std::mem::take(&mut docs.warnings);
    let mut reader = Reader {
        docs,
        out: Reading { warnings, ..Reading::default() },
        problems,
        ids: HashMap::new(),
        states: HashMap::new(),
        waiting: Vec::new(),
        open: HashSet::new(),
        builtins: HashMap::new(),
        globals: HashMap::new(),
        heads: HashMap::new(),
        abstracts: HashMap::new(),
        stated: Vec::new(),
        parts: PARTS_MAX,
        full: false,
    };
    reader.declare_builtins();
    reader.read_all();
    reader.check_stated();
    for (ty, problem) in std::mem::take(&mut reader.abstracts) {
        reader.out.types.entry(ty).or_default().push(problem);
    }
    if reader.problems.is_empty() {
        reader.out.model.elements = reader.globals;
        return Ok(reader.out);
    }
    reader.problems.dedup();
    reader.problems.truncate(PROBLEMS_MAX);
    Err(reader.problems)
}

impl Reader {
    fn read_all(&mut self) {
        let order = std::mem::take(&mut self.docs.order);
        for (kind, name, at) in &order {
            if let (Kind::Element, Some(head)) =
                (kind, self.docs.attribute(*at, "substitutionGroup").cloned())
                && let Some(head) = self.told(|r| r.docs.resolve(*at, &head))
            {
                self.heads.entry(head).or_insert_with(|| name.clone());
            }
        }
        for (kind, name, at) in &order {
            match kind {
                Kind::Type => {
                    if let Some(ty) = self.type_at(*at, Some(name.clone()), 0) {
                        self.out.model.types.insert(name.clone(), ty);
                    }
                }
                Kind::Element => {
                    self.global_element(name, *at);
                }
                // Read where they are used.
                Kind::Attribute | Kind::Group | Kind::AttributeGroup => {}
            }
            self.drain();
            if self.problems.len() >= PROBLEMS_MAX || self.full {
                return;
            }
        }
    }

    /// Reads the types that wait.
    fn drain(&mut self) {
        while let Some(id) = self.waiting.pop() {
            self.complex(id, 0);
        }
    }

    /// What a step gives, its problem told.
    pub fn told<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Option<T> {
        match step(self) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(problem);
                None
            }
        }
    }

    pub fn problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub fn warn(&mut self, problem: Problem) {
        if self.out.warnings.len() < PROBLEMS_MAX {
            self.out.warnings.push(problem);
        }
    }

    /// Takes of [`PARTS_MAX`]; false where nothing is left.
    pub fn take(&mut self, count: usize, at: At) -> bool {
        if let Some(left) = self.parts.checked_sub(count) {
            self.parts = left;
            return true;
        }
        self.parts = 0;
        if !self.full {
            self.full = true;
            let message = format!("the types together have more than {PARTS_MAX} elements and attributes");
            self.problem(self.docs.refuse(at, "", message));
        }
        false
    }

    /// The type that a name means.
    pub fn type_named(&mut self, at: At, text: &str, steps: usize) -> Option<TypeId> {
        let name = self.told(|r| r.docs.resolve(at, text))?;
        if &*name.namespace == XS {
            return Some(self.builtin(at, &name.local));
        }
        if let Ok(found) = self.docs.find(Kind::Type, &name, at) {
            return self.type_at(found, Some(name), steps);
        }
        if &*name.namespace == SOAP_ENCODING {
            let advice = "types of SOAP's encoding are not supported; use document/literal or rpc/literal";
            return Some(self.unsupported(at, &format!("soapenc:{}", name.local), advice));
        }
        self.told(|r| r.docs.find(Kind::Type, &name, at).map(|_| ()));
        None
    }

    /// The type that an element of a schema declares.
    pub fn type_at(&mut self, at: At, name: Option<QName>, steps: usize) -> Option<TypeId> {
        if let Some(id) = self.ids.get(&at) {
            return Some(*id);
        }
        if self.docs.local(at) == "simpleType" {
            return self.simple_at(at, name, steps).map(TypeId::Simple);
        }
        let id = ComplexId(u32::try_from(self.out.model.complex.len()).unwrap_or(u32::MAX));
        let doc = self.docs.tree(at).documentation(at.node);
        let empty = ComplexType { name, attributes: Vec::new(), content: Content::Empty, doc };
        self.out.model.complex.push(empty);
        self.ids.insert(at, TypeId::Complex(id));
        self.states.insert(id, (at, State::Waiting));
        self.waiting.push(id);
        Some(TypeId::Complex(id))
    }

    /// A simple type in the place of one that has no reading.
    pub fn unsupported(&mut self, at: At, construct: &str, message: &str) -> TypeId {
        let problem = self.docs.refuse(at, construct, message);
        let ty = TypeId::Simple(self.push_simple(SimpleType {
            name: None,
            base: Builtin::AnySimpleType,
            variety: Variety::Atomic,
            facets: Facets::default(),
            json: JsonForm::String,
            doc: None,
        }));
        self.out.types.insert(ty, vec![problem]);
        ty
    }

    pub fn push_simple(&mut self, ty: SimpleType) -> SimpleId {
        push_simple(&mut self.out.model, ty)
    }
}

pub(super) fn push_simple(model: &mut Model, ty: SimpleType) -> SimpleId {
    let id = SimpleId(u32::try_from(model.simple.len()).unwrap_or(u32::MAX));
    model.simple.push(ty);
    id
}
