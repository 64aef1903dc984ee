//! A model made ready: elements with what is written for them, types with tables of their names and the places where names may stand.

use super::fault::clip;
use crate::Problem;
use crate::model::{
    ComplexId, ComplexType, Content, Element, Model, Particle, QName, SimpleId, Term, TypeId,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Groups within groups: beyond this a schema was made to hurt.
pub(super) const GROUP_DEPTH_MAX: usize = 64;

/// Index of a namespace; 0 is none.
pub(super) type Ns = usize;

#[derive(Debug)]
pub(super) struct PlanElement {
    pub(super) namespace: Arc<str>,
    pub(super) ns: Ns,
    pub(super) local: Arc<str>,
    /// With its prefix.
    pub(super) tag: String,
    pub(super) json: Arc<str>,
    /// `"name":`, escaped.
    pub(super) key: String,
    pub(super) ty: TypeId,
    pub(super) nillable: bool,
    pub(super) default: Option<Arc<str>>,
    pub(super) fixed: Option<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct PlanAttribute {
    pub(super) namespace: Arc<str>,
    pub(super) ns: Ns,
    pub(super) local: Arc<str>,
    pub(super) tag: String,
    pub(super) json: Arc<str>,
    pub(super) key: String,
    pub(super) ty: SimpleId,
    pub(super) required: bool,
    pub(super) default: Option<Arc<str>>,
    pub(super) fixed: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupKind {
    Sequence,
    Choice,
    All,
}

/// A group of particles in the tree of a content model.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) kind: GroupKind,
    /// The group around it and its place there.
    pub(super) parent: Option<(usize, usize)>,
    /// For each child and for the end: the first child from there on that must not be left out.
    pub(super) needed_from: Vec<usize>,
    /// The first leaf under each child.
    pub(super) first_leaf: Vec<usize>,
}

/// An element's place in a content model.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) element: usize,
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    pub(super) parent: (usize, usize),
}

impl Leaf {
    pub(super) fn is_array(&self) -> bool {
        self.max != Some(1)
    }
}

#[derive(Debug, Default)]
pub(super) struct PlanGroup {
    pub(super) groups: Vec<Group>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) nullable: bool,
    /// Leaves by the elements' local names.
    pub(super) by_local: HashMap<Arc<str>, Vec<usize>>,
    /// Leaves by members' names.
    pub(super) by_json: HashMap<Arc<str>, usize>,
    /// Leaves that are `[]` in JSON where there is none of them.
    pub(super) shown_empty: Vec<usize>,
}

#[derive(Debug)]
pub(super) enum PlanContent {
    Empty,
    Simple(SimpleId),
    Group(PlanGroup),
}

#[derive(Debug)]
pub(super) struct PlanType {
    pub(super) attributes: Vec<PlanAttribute>,
    pub(super) content: PlanContent,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) elements: Vec<PlanElement>,
    pub(super) types: Vec<PlanType>,
    pub(super) globals: HashMap<QName, usize>,
    /// Name and prefix; the first is no namespace.
    pub(super) namespaces: Vec<(Arc<str>, String)>,
}

struct Builder<'m> {
    model: &'m Model,
    plan: Plan,
    ns: HashMap<Arc<str>, Ns>,
    problems: Vec<Problem>,
}

pub(super) fn plan(model: &Model) -> Result<Plan, Vec<Problem>> {
    let none: Arc<str> = "".into();
    let plan = Plan {
        elements: Vec::new(),
        types: Vec::with_capacity(model.complex.len()),
        globals: HashMap::new(),
        namespaces: vec![(none.clone(), String::new())],
    };
    let mut b = Builder { model, plan, ns: HashMap::from([(none, 0)]), problems: Vec::new() };
    // In the order of names: the same model gives the same prefixes.
    let mut globals: Vec<_> = model.elements.iter().collect();
    globals.sort_by(|a, b| a.0.cmp(b.0));
    for (key, element) in globals {
        let id = b.element(element);
        b.plan.globals.insert(key.clone(), id);
    }
    for (id, ty) in (0..).map(ComplexId).zip(&model.complex) {
        let planned = b.complex(id, ty);
        b.plan.types.push(planned);
    }
    if b.problems.is_empty() { Ok(b.plan) } else { Err(b.problems) }
}

impl Builder<'_> {
    fn namespace(&mut self, name: &Arc<str>) -> Ns {
        if let Some(ns) = self.ns.get(name) {
            return *ns;
        }
        let base = readable_prefix(name);
        let taken = |p: &str| self.plan.namespaces.iter().any(|n| n.1 == p) || matches!(p, "xsi" | "lgsp");
        let mut prefix = base.clone();
        let mut n = 1;
        while taken(&prefix) {
            n += 1;
            prefix = format!("{base}{n}");
        }
        let ns = self.plan.namespaces.len();
        self.plan.namespaces.push((name.clone(), prefix));
        self.ns.insert(name.clone(), ns);
        ns
    }

    fn tag(&mut self, name: &QName) -> (Ns, String) {
        let ns = self.namespace(&name.namespace);
        let prefix = &self.plan.namespaces[ns].1;
        (ns, if ns == 0 { name.local.to_string() } else { format!("{prefix}:{}", name.local) })
    }

    fn element(&mut self, e: &Element) -> usize {
        let (ns, tag) = self.tag(&e.name);
        let known = match e.ty {
            TypeId::Simple(id) => (id.0 as usize) < self.model.simple.len(),
            TypeId::Complex(ComplexId(id)) => (id as usize) < self.model.complex.len(),
        };
        if !known {
            self.problem("xs:element", &e.name, "its type is not in the model");
        }
        self.plan.elements.push(PlanElement {
            namespace: e.name.namespace.clone(),
            ns,
            local: e.name.local.clone(),
            tag,
            json: e.json.clone(),
            key: json_key(&e.json),
            ty: e.ty,
            nillable: e.nillable,
            default: e.default.clone(),
            fixed: e.fixed.clone(),
        });
        self.plan.elements.len() - 1
    }

    fn complex(&mut self, id: ComplexId, ty: &ComplexType) -> PlanType {
        let attributes = ty.attributes.iter().map(|a| {
            let (ns, tag) = self.tag(&a.name);
            PlanAttribute {
                namespace: a.name.namespace.clone(),
                ns,
                local: a.name.local.clone(),
                tag,
                json: a.json.clone(),
                key: json_key(&a.json),
                ty: a.ty,
                required: a.required,
                default: a.default.clone(),
                fixed: a.fixed.clone(),
            }
        });
        let attributes: Vec<_> = attributes.collect();
        let content = match &ty.content {
            Content::Empty => PlanContent::Empty,
            Content::Simple(id) => PlanContent::Simple(*id),
            Content::Group(particle) => {
                let mut group = PlanGroup::default();
                group.nullable = match &particle.term {
                    // A lone element counts as a sequence of one.
                    Term::Element(_) => {
                        let one =
                            Particle { min: 1, max: Some(1), term: Term::Sequence(vec![particle.clone()]) };
                        self.group(&mut group, &one, None, 0)
                    }
                    _ => self.group(&mut group, particle, None, 0),
                };
                let required = |leaf: &Leaf| {
                    let json = self.plan.elements[leaf.element].json.clone();
                    leaf.is_array() && self.model.required_arrays.contains(&(id, json))
                };
                group.shown_empty = (0..group.leaves.len()).filter(|l| required(&group.leaves[*l])).collect();
                PlanContent::Group(group)
            }
        };
        PlanType { attributes, content }
    }

    /// Adds a group with all below it; whether nothing may stand in its place.
    fn group(
        &mut self,
        g: &mut PlanGroup,
        p: &Particle,
        parent: Option<(usize, usize)>,
        depth: usize,
    ) -> bool {
        let (kind, children) = match &p.term {
            Term::Sequence(c) => (GroupKind::Sequence, c),
            Term::Choice(c) => (GroupKind::Choice, c),
            Term::All(c) => (GroupKind::All, c),
            Term::Element(_) => return true,
        };
        let nowhere = QName::new("", "");
        if p.max != Some(1) {
            self.problem("xs:group", &nowhere, "a repeated group has no reading as JSON members");
        }
        if kind == GroupKind::All && parent.is_some() {
            self.problem("xs:all", &nowhere, "xs:all stands inside another group");
        }
        if depth > GROUP_DEPTH_MAX {
            self.problem("xs:group", &nowhere, "groups are nested too deep");
            return true;
        }
        let me = g.groups.len();
        g.groups.push(Group { kind, parent, needed_from: Vec::new(), first_leaf: Vec::new() });
        let mut nullable = Vec::with_capacity(children.len());
        let mut first_leaf = Vec::with_capacity(children.len());
        // What may not occur at all is not there.
        for child in children.iter().filter(|c| c.max != Some(0)) {
            let here = (me, nullable.len());
            first_leaf.push(g.leaves.len());
            nullable.push(match &child.term {
                Term::Element(e) => self.leaf(g, e, child, here, kind),
                _ => self.group(g, child, Some(here), depth + 1),
            });
        }
        let mut needed_from = vec![nullable.len(); nullable.len() + 1];
        for i in (0..nullable.len()).rev() {
            needed_from[i] = if nullable[i] { needed_from[i + 1] } else { i };
        }
        let inside = match kind {
            GroupKind::Choice => nullable.is_empty() || nullable.contains(&true),
            _ => needed_from[0] == nullable.len(),
        };
        g.groups[me].needed_from = needed_from;
        g.groups[me].first_leaf = first_leaf;
        p.min == 0 || inside
    }

    fn leaf(
        &mut self,
        g: &mut PlanGroup,
        e: &Element,
        p: &Particle,
        parent: (usize, usize),
        kind: GroupKind,
    ) -> bool {
        if kind == GroupKind::All && p.max != Some(1) {
            self.problem("xs:all", &e.name, "an element of xs:all is repeated");
        }
        let element = self.element(e);
        let leaf = g.leaves.len();
        g.leaves.push(Leaf { element, min: p.min, max: p.max, parent });
        g.by_local.entry(e.name.local.clone()).or_default().push(leaf);
        if e.json.starts_with('@') || &*e.json == "$" || g.by_json.insert(e.json.clone(), leaf).is_some() {
            self.problem("xs:element", &e.name, &format!("the member's name {:?} is taken", clip(&e.json)));
        }
        p.min == 0
    }

    fn problem(&mut self, construct: &str, name: &QName, message: &str) {
        let message = if name.local.is_empty() { message.to_owned() } else { format!("{name}: {message}") };
        self.problems.push(Problem { place: None, construct: construct.into(), message });
    }
}

fn json_key(name: &str) -> String {
    let mut key = Vec::new();
    super::text::json_string(&mut key, name);
    key.push(b':');
    String::from_utf8_lossy(&key).into_owned()
}

/// A prefix that reminds of the namespace: the last step of its path that is a word.
fn readable_prefix(namespace: &str) -> String {
    const LONGEST: usize = 12;
    let word = |s: &&str| s.len() <= LONGEST && s.starts_with(|c: char| c.is_ascii_alphabetic());
    let mut steps = namespace.split(|c: char| !c.is_ascii_alphanumeric());
    let fit = |s: &&str| {
        word(s)
            && !s.to_ascii_lowercase().starts_with("xml")
            && !matches!(*s, "http" | "https" | "www" | "urn")
    };
    steps.rfind(fit).map_or("ns".to_owned(), str::to_ascii_lowercase)
}
