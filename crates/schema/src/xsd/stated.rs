//! Values that schemas state (defaults, fixed values, enumerations), held against their types once all types are read. Bounds are checked
//! where they are read (`facets`).

use super::load::At;
use super::read::Reader;
use crate::model::{Content, SimpleId, TypeId};
use crate::value::Values;
use std::sync::Arc;

/// A value that must be one of a type's.
pub(super) struct Stated {
    pub at: At,
    /// What states it, in words for a problem.
    pub construct: &'static str,
    pub ty: TypeId,
    pub text: Arc<str>,
}

impl Reader {
    /// Keeps a value to be checked at the end; none: nothing is stated.
    pub fn state(&mut self, at: At, construct: &'static str, ty: TypeId, text: Option<&Arc<str>>) {
        if let Some(text) = text {
            self.stated.push(Stated { at, construct, ty, text: text.clone() });
        }
    }

    /// Tells which of the values kept are none of their types.
    pub fn check_stated(&mut self) {
        let stated = std::mem::take(&mut self.stated);
        if stated.is_empty() {
            return;
        }
        let Some(values) = Values::compile_known(&self.out.model) else { return };
        for Stated { at, construct, ty, text } in stated {
            let Some(simple) = self.text_type(ty) else { continue };
            if let Err(why) = values.check(simple, &text) {
                self.problem(self.docs.refuse(
                    at,
                    construct,
                    format!("{text:?} is no value of its type: {why}"),
                ));
            }
        }
    }

    /// The type of an element's or attribute's text. None of mixed content, which any text is.
    fn text_type(&self, ty: TypeId) -> Option<SimpleId> {
        match ty {
            TypeId::Simple(id) => Some(id),
            TypeId::Complex(id) => match self.out.model.complex(id).content {
                Content::Simple(id) => Some(id),
                Content::Empty | Content::Group(_) => None,
            },
        }
    }
}
