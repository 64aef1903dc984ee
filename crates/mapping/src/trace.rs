//! Where in a mapping an error comes from: jq gives errors no place, so that every member of an object, every assignment and every
//! stage of the main pipeline is wrapped in a `try` that adds its place and lets the error go on.

use crate::source;
use jaq_core::load::Arena;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Term};
use jaq_core::path::{Part, Path};

/// A place that an error may come through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line of the text, from 1; 0 where none is known.
    pub line: u32,
    /// The member whose value is made there; empty for a stage of the pipeline.
    pub field: String,
}

/// Wraps the terms of one mapping.
pub struct Tracer<'a> {
    text: &'a str,
    arena: &'a Arena,
    /// The places, by the numbers that the wrapped terms give to `lgsp_at`.
    pub places: Vec<Place>,
}

impl<'a> Tracer<'a> {
    /// Nothing wrapped yet.
    pub fn new(text: &'a str, arena: &'a Arena) -> Self {
        Self { text, arena, places: Vec::new() }
    }

    /// Wraps the stages of the main pipeline, and what is in them.
    pub fn main(&mut self, term: Term<&'a str>) -> Term<&'a str> {
        match term {
            Term::Def(defs, term) => Term::Def(self.defs(defs), Box::new(self.main(*term))),
            Term::BinOp(left, BinaryOp::Pipe(pattern), right) => {
                let left = self.stage(*left);
                let right = self.main(*right);
                Term::BinOp(Box::new(left), BinaryOp::Pipe(pattern), Box::new(right))
            }
            term => self.stage(term),
        }
    }

    fn stage(&mut self, term: Term<&'a str>) -> Term<&'a str> {
        match first_offset(self.text, &term) {
            Some(offset) => {
                let inner = self.term(term);
                self.wrap(inner, offset, String::new())
            }
            None => self.term(term),
        }
    }

    fn wrap(&mut self, term: Term<&'a str>, offset: usize, field: String) -> Term<&'a str> {
        let (line, _) = source::place(self.text, offset);
        let id = self.arena.alloc(self.places.len().to_string());
        self.places.push(Place { line, field });
        let at = Term::Call("lgsp_at", vec![Term::Num(id.as_str())]);
        Term::TryCatch(Box::new(term), Some(Box::new(at)))
    }

    fn defs(&mut self, defs: Vec<Def<&'a str>>) -> Vec<Def<&'a str>> {
        defs.into_iter().map(|d| Def { body: self.term(d.body), ..d }).collect()
    }

    fn boxed(&mut self, term: Term<&'a str>) -> Box<Term<&'a str>> {
        Box::new(self.term(term))
    }

    fn terms(&mut self, terms: Vec<Term<&'a str>>) -> Vec<Term<&'a str>> {
        terms.into_iter().map(|t| self.term(t)).collect()
    }

    fn term(&mut self, term: Term<&'a str>) -> Term<&'a str> {
        match term {
            Term::Str(format, parts) => Term::Str(format, self.parts(parts)),
            Term::Arr(inner) => Term::Arr(inner.map(|t| self.boxed(*t))),
            Term::Obj(members) => Term::Obj(members.into_iter().map(|m| self.member(m)).collect()),
            Term::Neg(inner) => Term::Neg(self.boxed(*inner)),
            Term::BinOp(left, op, right) => self.operation(*left, op, *right),
            Term::Label(name, inner) => Term::Label(name, self.boxed(*inner)),
            Term::Fold(name, over, pattern, args) => {
                Term::Fold(name, self.boxed(*over), pattern, self.terms(args))
            }
            Term::TryCatch(inner, catch) => {
                let catch = catch.map(|c| {
                    let plain = Box::new(Term::Call("lgsp_plain", Vec::new()));
                    Box::new(Term::BinOp(plain, BinaryOp::Pipe(None), self.boxed(*c)))
                });
                Term::TryCatch(self.boxed(*inner), catch)
            }
            Term::IfThenElse(cases, otherwise) => Term::IfThenElse(
                cases.into_iter().map(|(a, b)| (self.term(a), self.term(b))).collect(),
                otherwise.map(|t| self.boxed(*t)),
            ),
            Term::Def(defs, inner) => Term::Def(self.defs(defs), self.boxed(*inner)),
            Term::Call("require", args) if args.len() == 1 => self.require(args),
            Term::Call(name, args) => Term::Call(name, self.terms(args)),
            Term::Path(inner, Path(parts)) => {
                let inner = self.boxed(*inner);
                Term::Path(inner, Path(parts.into_iter().map(|(p, o)| (self.part(p), o)).collect()))
            }
            term => term,
        }
    }

    /// `require(.a.b)` is told the name of what it requires.
    fn require(&mut self, args: Vec<Term<&'a str>>) -> Term<&'a str> {
        let name = args.first().map(path_name).unwrap_or_default();
        let name = self.arena.alloc(name);
        let mut args = self.terms(args);
        args.push(Term::Str(None, vec![StrPart::Str(name.as_str())]));
        Term::Call("lgsp_require", args)
    }

    fn operation(
        &mut self,
        left: Term<&'a str>,
        op: BinaryOp<&'a str>,
        right: Term<&'a str>,
    ) -> Term<&'a str> {
        use BinaryOp::{Assign, Update, UpdateAlt, UpdateMath};
        let assigned = matches!(op, Assign | Update | UpdateAlt | UpdateMath(_));
        let at = if assigned { first_offset(self.text, &left) } else { None };
        let field = path_name(&left);
        let left = self.boxed(left);
        let mut right = self.term(right);
        if let Some(offset) = at {
            right = self.wrap(right, offset, field);
        }
        Term::BinOp(left, op, Box::new(right))
    }

    fn member(
        &mut self,
        (key, value): (Term<&'a str>, Option<Term<&'a str>>),
    ) -> (Term<&'a str>, Option<Term<&'a str>>) {
        let name = literal(&key).map_or_else(|| "(computed)".to_owned(), str::to_owned);
        let offset = first_offset(self.text, &key);
        let value = value.map(|value| {
            let value = self.term(value);
            match offset {
                Some(offset) => self.wrap(value, offset, name),
                None => value,
            }
        });
        (self.term(key), value)
    }

    fn parts(&mut self, parts: Vec<StrPart<&'a str, Term<&'a str>>>) -> Vec<StrPart<&'a str, Term<&'a str>>> {
        let one = |part| match part {
            StrPart::Term(term) => StrPart::Term(self.term(term)),
            part => part,
        };
        parts.into_iter().map(one).collect()
    }

    fn part(&mut self, part: Part<Term<&'a str>>) -> Part<Term<&'a str>> {
        match part {
            Part::Index(term) => Part::Index(self.term(term)),
            Part::Range(from, to) => Part::Range(from.map(|t| self.term(t)), to.map(|t| self.term(t))),
        }
    }
}

/// The text of a string without interpolation.
pub fn literal<'s>(term: &Term<&'s str>) -> Option<&'s str> {
    match term {
        Term::Str(None, parts) => match parts.as_slice() {
            [StrPart::Str(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A path in words, such as `a.b[]`; empty for what is no path.
fn path_name(term: &Term<&str>) -> String {
    let Term::Path(inner, Path(parts)) = term else { return String::new() };
    let mut name = path_name(inner);
    for (part, _) in parts {
        match part {
            Part::Index(key) => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(literal(key).unwrap_or("?"));
            }
            Part::Range(..) => name.push_str("[]"),
        }
    }
    name
}

/// The offset of the first word of a term that still is a part of the text; none for terms without words, such as `.`.
fn first_offset(text: &str, term: &Term<&str>) -> Option<usize> {
    let here = |part: &str| source::offset_of(text, part);
    let first = |term: &Term<&str>| first_offset(text, term);
    match term {
        Term::Id | Term::Recurse | Term::Arr(None) => None,
        Term::Num(s) | Term::Var(s) | Term::Break(s) | Term::Label(s, _) | Term::Call(s, _) => here(s),
        Term::Fold(s, ..) => here(s),
        Term::Str(format, parts) => format.and_then(here).or_else(|| {
            parts.iter().find_map(|part| match part {
                StrPart::Str(s) => here(s),
                StrPart::Term(t) => first(t),
                StrPart::Char(_) => None,
            })
        }),
        Term::Arr(Some(t)) | Term::Neg(t) | Term::TryCatch(t, _) => first(t),
        Term::Obj(members) => {
            members.iter().find_map(|(k, v)| first(k).or_else(|| v.as_ref().and_then(first)))
        }
        Term::BinOp(l, _, r) => first(l).or_else(|| first(r)),
        Term::IfThenElse(cases, _) => cases.iter().find_map(|(a, b)| first(a).or_else(|| first(b))),
        Term::Def(defs, t) => defs.first().and_then(|d| here(d.name)).or_else(|| first(t)),
        Term::Path(t, Path(parts)) => first(t).or_else(|| {
            parts.iter().find_map(|(part, _)| match part {
                Part::Index(t) => first(t),
                Part::Range(a, b) => a.as_ref().and_then(first).or_else(|| b.as_ref().and_then(first)),
            })
        }),
    }
}
